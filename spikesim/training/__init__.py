"""Training: configuration, the training loop, evaluation, and the run folder that keeps all of it."""
