"""Brunel's sparse network in small: delta synapses, one delay, an external Poisson drive."""

# ruff: noqa: F403, F405
from brian2 import *

seed(21)
C_E, C_I = 320, 80
tau, theta, V_r, tau_rp, D = 20 * ms, 20 * mV, 10 * mV, 2 * ms, 1.5 * ms
J, g = 0.6 * mV, 5
neurons = NeuronGroup(
    C_E + C_I,
    "dv/dt = -v/tau : volt (unless refractory)",
    threshold="v > theta",
    reset="v = V_r",
    refractory=tau_rp,
    method="exact",
)
neurons.v = "rand()*theta"
exc, inh = neurons[:C_E], neurons[C_E:]
exc_syn = Synapses(exc, target=neurons, on_pre="v += J", delay=D)
inh_syn = Synapses(inh, target=neurons, on_pre="v += -g*J", delay=D)
exc_syn.connect(p=0.1)
inh_syn.connect(p=0.1)
external = PoissonInput(target=neurons, target_var="v", N=100, rate=30 * Hz, weight=J)
rate_monitor = PopulationRateMonitor(neurons)
spike_monitor = SpikeMonitor(neurons[:50])
run(150 * ms)
