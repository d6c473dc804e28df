"""A rate curve in volts and amperes, with a membrane resistance."""

# ruff: noqa: F403, F405
from brian2 import *

defaultclock.dt = 0.05 * ms
Cm, gl, El, Vt, Vr = 200 * pF, 10 * nS, -70 * mV, -50 * mV, -60 * mV
eqs = """
dv/dt = (gl*(El - v) + current)/Cm : volt (unless refractory)
current : amp (constant)
"""
cells = NeuronGroup(40, eqs, threshold="v > Vt", reset="v = Vr", refractory=2 * ms, method="exact")
cells.v = El
cells.current = linspace(0, 1, 40) * nA
counted = SpikeMonitor(cells)
run(200 * ms)
