"""One source, ten targets, a delay for each; weights from an expression."""

# ruff: noqa: F403, F405
from brian2 import *

G = NeuronGroup(
    11, "dv/dt = (I - v)/tau : 1\nI : 1\ntau : second", threshold="v > 1", reset="v = 0", method="exact"
)
G.I = "int(i == 0)*2"
G.tau = "int(i == 0)*10*ms + int(i != 0)*100*ms"
S = Synapses(G, G, "w : 1", on_pre="v_post += w")
S.connect(i=0, j=arange(1, 11))
S.w = "j*0.2"
S.delay = "j*2.05*ms"
run(150 * ms)
