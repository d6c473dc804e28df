"""A rule with a constant term for each presynaptic spike, onto current-based neurons."""

# ruff: noqa: F403, F405
from brian2 import *

tau, alpha, eta = 20 * ms, 0.2, 0.01
P = PoissonGroup(20, 50 * Hz)
G = NeuronGroup(3, "dv/dt = (1.5 - v)/(10*ms) : 1", threshold="v > 1", reset="v = 0", method="exact")
S = Synapses(
    P,
    G,
    """w : 1
    dx/dt = -x/tau : 1 (event-driven)
    dy/dt = -y/tau : 1 (event-driven)""",
    on_pre="""v_post -= w
    x += 1
    w = clip(w + eta*(y - alpha), 0, 1)""",
    on_post="""y += 1
    w = clip(w + eta*x, 0, 1)""",
)
S.connect()
S.w = 0.1
run(50 * ms)
