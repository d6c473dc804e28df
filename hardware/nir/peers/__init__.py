"""Scripts that run other NIR libraries, each in the Python that has it; spikesim is not needed there."""
