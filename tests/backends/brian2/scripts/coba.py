"""The same kind of network with conductances and reversal potentials."""

# ruff: noqa: F403, F405
from brian2 import *

seed(11)
taum, taue, taui = 20 * ms, 5 * ms, 10 * ms
Vt, Vr, El, Ee, Ei = -50 * mV, -60 * mV, -60 * mV, 0 * mV, -80 * mV
eqs = """
dv/dt = (ge*(Ee - v) + gi*(Ei - v) - (v - El) + 11*mV)/taum : volt (unless refractory)
dge/dt = -ge/taue : 1
dgi/dt = -gi/taui : 1
"""
P = NeuronGroup(200, eqs, threshold="v > Vt", reset="v = Vr", refractory=5 * ms, method="exponential_euler")
P.v = "Vr + rand()*(Vt - Vr)"
Ce = Synapses(P, P, on_pre="ge += 0.6")
Ce.connect("i < 160", p=0.05)
Ci = Synapses(P, P, on_pre="gi += 6.7")
Ci.connect("i >= 160", p=0.05)
s_mon = SpikeMonitor(P)
run(50 * ms)
