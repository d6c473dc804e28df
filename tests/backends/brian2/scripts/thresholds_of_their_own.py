"""Thresholds and refractory times neuron by neuron, one statement each for excitation and inhibition."""

# ruff: noqa: F403, F405
from brian2 import *

seed(13)
eqs = """
dv/dt = (v_rest - v + ge)/tau : volt (unless refractory)
dge/dt = -ge/(4*ms) : volt
v_rest = -65*mV : volt
vt : volt (constant)
ref : second (constant)
tau : second (constant)
"""
G = NeuronGroup(
    30,
    eqs,
    threshold="v > vt",
    reset="v = v_rest - 2*mV; ge = 0*mV",
    refractory="ref",
    method="exponential_euler",
)
G.v = -65 * mV
G.vt = "-55*mV + 4*mV*rand()"
G.ref = "1*ms + 3*ms*rand()"
G.tau = "8*ms + 8*ms*rand()"
E = PoissonGroup(40, rates=30 * Hz + arange(40) * Hz)
S = Synapses(
    E, G, "w : volt", on_pre={"fast": "v_post += 0.2*w", "slow": "ge_post += w"}, delay={"slow": 1 * ms}
)
S.connect(p=0.6)
S.w = "1*mV + rand()*3*mV"
run(250 * ms)
