"""Coincidence detection with delay lines: two noisy ears, a row of detectors."""

# ruff: noqa: E501, F403, F405
from brian2 import *

defaultclock.dt = 0.02 * ms
tau_ear, sigma_ear, tau, N = 1 * ms, 0.1, 1 * ms, 30
ears = NeuronGroup(
    2,
    "dx/dt = (sin(2*pi*200*Hz*(t - i*0.2*ms))**2 - x)/tau_ear + sigma_ear*(2/tau_ear)**.5*xi : 1 (unless refractory)",
    threshold="x > 0.6",
    reset="x = 0",
    refractory=2.5 * ms,
    method="euler",
)
neurons = NeuronGroup(N, "dv/dt = -v/tau : 1", threshold="v > 1", reset="v = 0", method="euler")
synapses = Synapses(ears, neurons, on_pre="v += .5")
synapses.connect(p=1)
synapses.delay["i == 0"] = "(1.0*j)/N*1.1*ms"
synapses.delay["i == 1"] = "(1.0*(N - j - 1))/N*1.1*ms"
run(50 * ms)
