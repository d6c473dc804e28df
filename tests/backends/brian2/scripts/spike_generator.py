"""Given spikes, repeated with a period, drive two neurons without an equation."""

# ruff: noqa: F403, F405
from brian2 import *

indices = array([0, 2, 1, 0, 2])
times = array([1, 2, 3, 4.35, 7]) * ms
inp = SpikeGeneratorGroup(3, indices, times, period=10 * ms)
G = NeuronGroup(2, "v : 1", threshold="v >= 2", reset="v -= 2")
feed = Synapses(inp, G, on_pre="v += 1 + j")
feed.connect()
run(95 * ms)
