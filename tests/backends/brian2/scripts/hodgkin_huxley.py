"""Hodgkin and Huxley's membrane, driven by steady currents."""

# ruff: noqa: E501, F403, F405
from brian2 import *

area = 20000 * umetre**2
Cm, gl, El = 1 * ufarad * cm**-2 * area, 5e-5 * siemens * cm**-2 * area, -65 * mV
ENa, EK, VT = 50 * mV, -90 * mV, -63 * mV
gNa, gK = 100 * msiemens * cm**-2 * area, 30 * msiemens * cm**-2 * area
eqs = Equations(
    """
    dv/dt = (gl*(El - v) - gNa*m**3*h*(v - ENa) - gK*n**4*(v - EK) + I)/Cm : volt
    dm/dt = 0.32*(mV**-1)*4*mV/exprel((13*mV - v + VT)/(4*mV))/ms*(1 - m) - 0.28*(mV**-1)*5*mV/exprel((v - VT - 40*mV)/(5*mV))/ms*m : 1
    dn/dt = 0.032*(mV**-1)*5*mV/exprel((15*mV - v + VT)/(5*mV))/ms*(1 - n) - .5*exp((10*mV - v + VT)/(40*mV))/ms*n : 1
    dh/dt = 0.128*exp((17*mV - v + VT)/(18*mV))/ms*(1 - h) - 4./(1 + exp((40*mV - v + VT)/(5*mV)))/ms*h : 1
    I : amp
    """
)
group = NeuronGroup(10, eqs, threshold="v > -40*mV", refractory="v > -40*mV", method="exponential_euler")
group.v = El
group.I = "0.7*nA*i/10"
monitor = SpikeMonitor(group)
run(20 * ms)
