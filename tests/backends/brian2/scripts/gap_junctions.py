"""Electrical coupling by a summed variable."""

# ruff: noqa: F403, F405
from brian2 import *

v0, tau = 1.05, 10 * ms
neurons = NeuronGroup(
    10, "dv/dt = (v0 - v + Igap)/tau : 1\nIgap : 1", threshold="v > 1", reset="v = 0", method="exact"
)
neurons.v = "i*1.0/9"
S = Synapses(neurons, neurons, "w : 1\nIgap_post = w*(v_pre - v_post) : 1 (summed)")
S.connect()
S.w = 0.02
run(50 * ms)
