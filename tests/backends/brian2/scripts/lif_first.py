"""The first neuron of a tutorial: one leaky membrane that charges and fires."""

# ruff: noqa: F403, F405
from brian2 import *

tau = 10 * ms
G = NeuronGroup(3, "dv/dt = (1.2 - v)/tau : 1", threshold="v > 1", reset="v = 0", method="exact")
G.v = [0, 0.2, 0.7]
M = StateMonitor(G, "v", record=0)
run(120 * ms)
