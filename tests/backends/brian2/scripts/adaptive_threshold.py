"""A threshold that each spike raises; it falls back by itself."""

# ruff: noqa: F403, F405
from brian2 import *

seed(6)

eqs = """
dv/dt = -v/(10*ms) : volt
dvt/dt = (10*mV - vt)/(15*ms) : volt
"""
reset = """
v = 0*mV
vt += 3*mV
"""
IF = NeuronGroup(8, model=eqs, reset=reset, threshold="v > vt", method="exact")
IF.vt = 10 * mV
PG = PoissonGroup(8, 500 * Hz)
C = Synapses(PG, IF, on_pre="v += 3*mV")
C.connect(j="i")
Mvt = StateMonitor(IF, "vt", record=True)
spikes = SpikeMonitor(IF)
run(400 * ms)
