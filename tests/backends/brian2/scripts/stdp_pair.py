"""Spike-timing-dependent plasticity as a tutorial shows it: recurrent, v_post += w."""

# ruff: noqa: F403, F405
from brian2 import *

seed(7)
taupre = taupost = 20 * ms
wmax, Apre = 0.4, 0.03
Apost = -Apre * taupre / taupost * 1.05
G = NeuronGroup(
    20,
    "dv/dt = (I - v)/(10*ms) : 1\nI : 1",
    threshold="v > 1",
    reset="v = 0",
    refractory=3 * ms,
    method="exact",
)
G.I = "1.0 + 0.3*rand()"
S = Synapses(
    G,
    G,
    """
    w : 1
    dapre/dt = -apre/taupre : 1 (event-driven)
    dapost/dt = -apost/taupost : 1 (event-driven)
    """,
    on_pre="""
    v_post += w
    apre += Apre
    w = clip(w + apost, 0, wmax)
    """,
    on_post="""
    apost += Apost
    w = clip(w + apre, 0, wmax)
    """,
    delay=1 * ms,
)
S.connect(condition="i != j", p=0.4)
S.w = "rand()*wmax"
run(300 * ms)
