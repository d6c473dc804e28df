"""Current-based network of excitatory and inhibitory neurons with exponential synapses."""

# ruff: noqa: F403, F405
from brian2 import *

seed(11)
taum, taue, taui = 20 * ms, 5 * ms, 10 * ms
Vt, Vr, El = -50 * mV, -60 * mV, -49 * mV
eqs = """
dv/dt = (ge + gi - (v - El))/taum : volt (unless refractory)
dge/dt = -ge/taue : volt
dgi/dt = -gi/taui : volt
"""
P = NeuronGroup(400, eqs, threshold="v > Vt", reset="v = Vr", refractory=5 * ms, method="exact")
P.v = "Vr + rand()*(Vt - Vr)"
P.ge = 0 * mV
P.gi = 0 * mV
we, wi = 1.62 * mV, -9 * mV
Ce = Synapses(P, P, on_pre="ge += we")
Ci = Synapses(P, P, on_pre="gi += wi")
Ce.connect("i < 320", p=0.1)
Ci.connect("i >= 320", p=0.1)
s_mon = SpikeMonitor(P)
run(150 * ms)
