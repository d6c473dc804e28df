"""Two pools that inhibit each other through a third: subgroups, conditions, several synapses."""

# ruff: noqa: F403, F405
from brian2 import *

seed(9)
taum, taus = 15 * ms, 4 * ms
G = NeuronGroup(
    70,
    """
    dv/dt = (I + s - v)/taum : 1 (unless refractory)
    ds/dt = -s/taus : 1
    I : 1 (constant)
    """,
    threshold="v > 1",
    reset="v = 0",
    refractory=2 * ms,
    method="exponential_euler",
)
G.v = "rand()"
A, B, inhibition = G[:30], G[30:60], G[60:]
A.I, B.I, inhibition.I = 1.15, 1.1, 0.7
within_a = Synapses(A, A, on_pre="s += 0.08")
within_a.connect(condition="i != j", p=0.5)
within_b = Synapses(B, B, on_pre="s += 0.08")
within_b.connect(condition="i != j", p=0.5)
up = Synapses(G[:60], inhibition, on_pre="s += 0.06", delay=0.5 * ms)
up.connect(p=0.3, n=2)
down = Synapses(inhibition, G[:60], "w : 1", on_pre="s -= w")
down.connect(p=0.5)
down.w = "0.1 + 0.05*rand()"
down.delay = "rand()*2*ms"
run(200 * ms)
