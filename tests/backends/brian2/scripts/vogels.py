"""Inhibitory plasticity that balances excitation."""

# ruff: noqa: F403, F405
from brian2 import *

N = 100
gl, el, er, vt, memc = 10 * nS, -60 * mV, -80 * mV, -50 * mV, 200 * pF
tau_ampa, tau_gaba, tau_stdp, eta, alpha = 5 * ms, 10 * ms, 20 * ms, 1e-2, 0.2
neurons = NeuronGroup(
    N,
    """dv/dt = (-gl*(v - el) - (g_ampa*w0*v + g_gaba*(v - er)*w0) + 200*pA)/memc : volt (unless refractory)
    dg_ampa/dt = -g_ampa/tau_ampa : 1
    dg_gaba/dt = -g_gaba/tau_gaba : 1""",
    threshold="v > vt",
    reset="v = el",
    refractory=5 * ms,
    method="euler",
    namespace={"w0": 3 * nS},
)
neurons.v = el
inh = Synapses(
    neurons,
    neurons,
    """w : 1
    dApre/dt = -Apre/tau_stdp : 1 (event-driven)
    dApost/dt = -Apost/tau_stdp : 1 (event-driven)""",
    on_pre="""Apre += 1
    w = clip(w + (Apost - alpha)*eta, 0, 10)
    g_gaba += w""",
    on_post="""Apost += 1
    w = clip(w + Apre*eta, 0, 10)""",
)
inh.connect(p=0.1)
run(50 * ms)
