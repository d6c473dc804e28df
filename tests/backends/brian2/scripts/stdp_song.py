"""Competition of Poisson inputs by STDP, onto a conductance-based neuron."""

# ruff: noqa: F403, F405
from brian2 import *

N, F = 200, 15 * Hz
taum, taupre, taupost, taue = 10 * ms, 20 * ms, 20 * ms, 5 * ms
Ee, vt, vr, El = 0 * mV, -54 * mV, -60 * mV, -74 * mV
gmax, dApre = 0.01, 0.01
dApost = -dApre * taupre / taupost * 1.05 * gmax
dApre *= gmax
source = PoissonGroup(N, rates=F)
neuron = NeuronGroup(
    1,
    """dv/dt = (ge*(Ee - v) + El - v)/taum : volt
    dge/dt = -ge/taue : 1""",
    threshold="v > vt",
    reset="v = vr",
    method="euler",
)
S = Synapses(
    source,
    neuron,
    """w : 1
    dApre/dt = -Apre/taupre : 1 (event-driven)
    dApost/dt = -Apost/taupost : 1 (event-driven)""",
    on_pre="""ge += w
    Apre += dApre
    w = clip(w + Apost, 0, gmax)""",
    on_post="""Apost += dApost
    w = clip(w + Apre, 0, gmax)""",
)
S.connect()
S.w = "rand()*gmax"
run(100 * ms)
