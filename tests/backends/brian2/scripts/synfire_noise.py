"""The same chain with the noise of the original."""

# ruff: noqa: F403, F405
from brian2 import *

Vr, Vt, taum, taupsp = -70 * mV, -55 * mV, 10 * ms, 0.325 * ms
eqs = Equations(
    """
    dV/dt = (-(V - Vr) + x)*(1./taum) : volt
    dx/dt = (-x + y)*(1./taupsp) : volt
    dy/dt = -y*(1./taupsp) + 25.27*mV/ms + (39.24*mV/ms**0.5)*xi : volt
    """
)
P = NeuronGroup(N=100, model=eqs, threshold="V > Vt", reset="V = Vr", refractory=1 * ms, method="euler")
S = Synapses(P, P, on_pre="y += 4.86*mV")
S.connect(p=0.1)
run(20 * ms)
