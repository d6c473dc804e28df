"""Gupta, "A local learning rule for ANNs from STDP" (2020): networks, tables, figures."""
