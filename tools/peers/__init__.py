"""Scripts that run other simulators, each in its own Python environment; they do not import spikesim."""
