"""Poisson sources whose rate follows a stimulus."""

# ruff: noqa: F403, F405
from brian2 import *

stimulus = TimedArray(array([50, 200, 10]) * Hz, dt=20 * ms)
P = PoissonGroup(10, rates="stimulus(t)")
G = NeuronGroup(10, "dv/dt = -v/(10*ms) : 1", threshold="v > 1", reset="v = 0", method="exact")
S = Synapses(P, G, on_pre="v += 0.4")
S.connect(j="i")
run(60 * ms)
