"""Integrate-and-fire with an adaptation current: subthreshold coupling and a jump at each spike."""

# ruff: noqa: F403, F405
from brian2 import *

C, gL, EL, VT, Vr = 200 * pF, 10 * nS, -70 * mV, -50 * mV, -58 * mV
tauw, a, b = 100 * ms, 2 * nS, 40 * pA
eqs = """
dv/dt = (gL*(EL - v) + I - w)/C : volt (unless refractory)
dw/dt = (a*(v - EL) - w)/tauw : amp
I : amp
"""
G = NeuronGroup(12, eqs, threshold="v > VT", reset="v = Vr; w += b", refractory=2 * ms, method="exact")
G.v = EL
G.I = "(0.2 + 0.05*i)*nA"
spikes = SpikeMonitor(G)
run(300 * ms)
