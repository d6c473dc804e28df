"""Firing rate against input: 60 neurons with inputs of their own, refractory."""

# ruff: noqa: F403, F405
from brian2 import *

N, tau, top = 60, 10 * ms, 3.0
G = NeuronGroup(
    N,
    """
    dv/dt = (v0 - v)/tau : 1 (unless refractory)
    v0 : 1
    """,
    threshold="v > 1",
    reset="v = 0",
    refractory=5 * ms,
    method="exact",
)
G.v0 = "i*top/(N - 1)"
spikes = SpikeMonitor(G)
run(250 * ms)
rates = spikes.count / (250 * ms)
