"""Neurons with a sinusoidal input that is written as a function of t."""

# ruff: noqa: F403, F405
from brian2 import *

tau, n = 20 * ms, 50
b, a, freq = 1.2, 0.05, 10 * Hz
neurons = NeuronGroup(
    n, "dv/dt = (-v + a*sin(2*pi*freq*t) + b)/tau : 1", threshold="v > 1", reset="v = 0", method="euler"
)
neurons.v = "rand()"
run(100 * ms)
