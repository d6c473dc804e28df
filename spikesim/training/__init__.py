"""Training: configuration, the training loop, evaluation, and the run folder that stores the results."""
