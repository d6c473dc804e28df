"""Continuous Hopfield networks of rates: the dynamics and the learning rules of mSTDP and aSTDP."""
