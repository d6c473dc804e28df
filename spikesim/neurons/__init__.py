"""Neuron models, one per file: description, equations, parameters and step.

A model is a frozen dataclass with a `description` (see `spikesim.neurons.description`), the fields of
`Neuron` (see `spikesim.neurons.population`), and two pure methods

    initial_state() -> state                arrays by name; "v" is the membrane
    step(state, current) -> (state, spikes)

in integer counts of its grid, or in real numbers without a grid. `@register` makes it available to networks,
their files and the engines `naive` and `stepped`; a third, optional method, `compiled`, makes it fast.
"""

from spikesim.neurons.adaptive import AdaptiveLIF
from spikesim.neurons.description import NeuronModel, Parameter, Variable
from spikesim.neurons.error import ErrorIF
from spikesim.neurons.generators import PoissonSource, RegularSource
from spikesim.neurons.integrate_and_fire import IF
from spikesim.neurons.integrator import LeakyIntegrator
from spikesim.neurons.leaky import LIF
from spikesim.neurons.population import MODELS, Neuron, NeuronState, register
from spikesim.neurons.sources import Source, Target
from spikesim.neurons.two_currents import TwoCurrentLIF

__all__ = [
    "IF",
    "LIF",
    "MODELS",
    "AdaptiveLIF",
    "ErrorIF",
    "LeakyIntegrator",
    "Neuron",
    "NeuronModel",
    "NeuronState",
    "Parameter",
    "PoissonSource",
    "RegularSource",
    "Source",
    "Target",
    "TwoCurrentLIF",
    "Variable",
    "register",
]
