"""Brette and Gerstner's exponential neuron with adaptation."""

# ruff: noqa: F403, F405
from brian2 import *

C, gL, EL, VT, DeltaT = 281 * pF, 30 * nS, -70.6 * mV, -50.4 * mV, 2 * mV
Vcut, tauw, a, b, Vr = VT + 5 * DeltaT, 144 * ms, 4 * nS, 0.0805 * nA, -70.6 * mV
eqs = """
dvm/dt = (gL*(EL - vm) + gL*DeltaT*exp((vm - VT)/DeltaT) + I - w)/C : volt
dw/dt = (a*(vm - EL) - w)/tauw : amp
I : amp
"""
neuron = NeuronGroup(1, model=eqs, threshold="vm > Vcut", reset="vm = Vr; w += b", method="euler")
neuron.vm = EL
neuron.I = 1 * nA
run(50 * ms)
