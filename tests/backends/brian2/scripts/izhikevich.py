"""Izhikevich's quadratic neuron."""

# ruff: noqa: F403, F405
from brian2 import *

eqs = """
dv/dt = (0.04/ms/mV)*v**2 + (5/ms)*v + 140*mV/ms - u + I*mV/ms : volt
du/dt = a*(b*v - u) : volt/second
I : 1
"""
a, b, c, d = 0.02 / ms, 0.2 / ms, -65 * mV, 8 * mV / ms
G = NeuronGroup(5, eqs, threshold="v > 30*mV", reset="v = c; u += d", method="euler")
G.v, G.u, G.I = c, b * c, 10
run(20 * ms)
