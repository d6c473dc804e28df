"""Scripts that run other simulators, each in the Python that has it; spikesim is not needed there."""
