"""A group whose input is drawn again every ten milliseconds."""

# ruff: noqa: F403, F405
from brian2 import *

G = NeuronGroup(10, "dv/dt = (I - v)/(10*ms) : 1\nI : 1", threshold="v > 1", reset="v = 0", method="exact")
G.run_regularly("I = 2*rand()", dt=10 * ms)
run(60 * ms)
