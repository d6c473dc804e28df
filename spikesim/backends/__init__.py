"""Other simulators as backends: the same `Network`, `run` and `Recording` as the engines."""
