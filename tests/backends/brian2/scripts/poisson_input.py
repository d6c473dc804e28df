"""Background noise of many Poisson trains that add to the membranes of a group."""

# ruff: noqa: F403, F405
from brian2 import *

seed(3)
tau = 20 * ms
G = NeuronGroup(
    50, "dv/dt = -v/tau : volt", threshold="v > 20*mV", reset="v = 10*mV", refractory=2 * ms, method="exact"
)
noise = PoissonInput(G, "v", N=1000, rate=12 * Hz, weight=0.1 * mV)
S = Synapses(G, G, on_pre="v += -0.3*mV", delay=1.5 * ms)
S.connect(p=0.2)
spikes = SpikeMonitor(G)
run(300 * ms)
