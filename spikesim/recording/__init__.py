"""Recordings: spikes, membranes and counts of a run, in memory or in a file; monitors and saved states."""

from spikesim.recording.recording import Recording, winner, winners

__all__ = ["Recording", "winner", "winners"]
