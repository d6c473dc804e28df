"""A current that changes with time, and another for each neuron."""

# ruff: noqa: F403, F405
from brian2 import *

seed(5)
tau = 10 * ms
steps = TimedArray([0, 1.5, 0.4, 2.5, 1.1], dt=25 * ms)
waves = TimedArray(1.5 + sin(outer(arange(300) * 0.08, 1 + arange(6) * 0.2)), dt=0.5 * ms)
one = NeuronGroup(
    4, "dv/dt = (steps(t)*gain - v)/tau : 1\ngain : 1", threshold="v > 1", reset="v = 0", method="exact"
)
one.gain = [0.8, 1.0, 1.3, 2.0]
six = NeuronGroup(
    6,
    "dv/dt = (waves(t, i) - v)/tau : 1 (unless refractory)",
    threshold="v > 1",
    reset="v = 0",
    refractory=3 * ms,
    method="euler",
)
S = Synapses(one, six, on_pre="v += 0.1")
S.connect()
run(150 * ms)
