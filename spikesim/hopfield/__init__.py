"""Continuous Hopfield networks (rates): the dynamics that mSTDP and aSTDP learn with."""
