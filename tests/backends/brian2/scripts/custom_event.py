"""Bursts as an event of their own."""

# ruff: noqa: F403, F405
from brian2 import *

G = NeuronGroup(
    5,
    "dv/dt = (1.5 - v)/(10*ms) : 1\nb : 1",
    threshold="v > 1",
    reset="v = 0; b += 1",
    events={"burst": "b > 5"},
    method="exact",
)
G.run_on_event("burst", "b = 0")
run(60 * ms)
