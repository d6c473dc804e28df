"""Other simulators as references: the same `Network`, the same `run`, the same `Recording`."""
