"""A chain of groups with alpha-shaped synaptic currents, as in a synfire chain."""

# ruff: noqa: F403, F405
from brian2 import *

seed(2)
groups, size = 4, 25
Vr, Vt, taum, taupsp = -70 * mV, -55 * mV, 10 * ms, 0.325 * ms
eqs = """
dV/dt = (-(V - Vr) + x)/taum : volt
dx/dt = (-x + y)/taupsp : volt
dy/dt = -y/taupsp : volt
"""
P = NeuronGroup(groups * size, eqs, threshold="V > Vt", reset="V = Vr", refractory=1 * ms, method="exact")
P.V = "Vr + rand()*5*mV"
pulse = SpikeGeneratorGroup(size, arange(size), linspace(-0.8, 0.8, size) * ms + 10 * ms)
S = Synapses(P, P, on_pre="y += weight", namespace={"weight": 22 * mV})
S.connect(j="k for k in range((int(i/size) + 1)*size, (int(i/size) + 2)*size) if i < N_pre - size")
start = Synapses(pulse, P[:size], on_pre="y += 30*mV")
start.connect()
run(40 * ms)
