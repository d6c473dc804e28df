"""Synapses that facilitate and depress."""

# ruff: noqa: F403, F405
from brian2 import *

U, taud, tauf = 0.2, 200 * ms, 500 * ms
P = SpikeGeneratorGroup(1, zeros(8, int), arange(8) * 10 * ms)
G = NeuronGroup(1, "dv/dt = -v/(20*ms) : 1", threshold="v > 1", reset="v = 0", method="exact")
S = Synapses(
    P,
    G,
    """du/dt = (U - u)/tauf : 1 (event-driven)
    dx/dt = (1 - x)/taud : 1 (event-driven)""",
    on_pre="""u += U*(1 - u)
    v_post += 0.5*u*x
    x -= u*x""",
)
S.connect()
S.x = 1
run(90 * ms)
