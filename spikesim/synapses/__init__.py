"""Projections from one population to another, one kind a file."""

from spikesim.synapses.dense import Dense, Transpose
from spikesim.synapses.one_to_one import OneToOne

__all__ = ["Dense", "OneToOne", "Transpose"]
