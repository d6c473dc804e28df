"""STDP of Poisson inputs onto a neuron with an exponential current; delays of their own."""

# ruff: noqa: F403, F405
from brian2 import *

seed(4)
N = 60
taum, taupre, taupost, taue = 10 * ms, 20 * ms, 20 * ms, 5 * ms
gmax, dApre = 4 * mV, 0.05
dApost = -dApre * taupre / taupost * 1.05
source = PoissonGroup(N, rates=25 * Hz)
neuron = NeuronGroup(
    2,
    """dv/dt = (ge - v)/taum : volt
    dge/dt = -ge/taue : volt""",
    threshold="v > 8*mV",
    reset="v = 0*mV",
    method="exact",
)
S = Synapses(
    source,
    neuron,
    """w : volt
    dApre/dt = -Apre/taupre : 1 (event-driven)
    dApost/dt = -Apost/taupost : 1 (event-driven)""",
    on_pre="""ge += w
    Apre += dApre
    w = clip(w + Apost*mV, 0*mV, gmax)""",
    on_post="""Apost += dApost
    w = clip(w + Apre*mV, 0*mV, gmax)""",
)
S.connect()
S.w = "rand()*gmax"
S.delay = "(j + i % 3)*0.5*ms"
run(400 * ms)
