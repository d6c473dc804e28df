"""Python code in every millisecond that changes the input."""

# ruff: noqa: F403, F405
from brian2 import *

G = NeuronGroup(3, "dv/dt = (I - v)/(10*ms) : 1\nI : 1", threshold="v > 1", reset="v = 0", method="euler")


@network_operation(dt=5 * ms)
def change(t):
    G.I = 1.5 if int(t / (20 * ms)) % 2 else 0.5


run(60 * ms)
