"""Neuron models, one a file: the equations, the parameters, the step.

A model is a frozen dataclass with the fields of `Neuron` (see `spikesim.neurons.population`) and a pure
method

    step(v, current) -> (v, spikes)

in integer counts of its grid. Add `@register` and the model is known to networks, their files and the naive
engine.
"""

from spikesim.neurons.error import ErrorIF
from spikesim.neurons.integrate_and_fire import IF
from spikesim.neurons.population import MODELS, Neuron, register
from spikesim.neurons.sources import Source, Target

__all__ = ["IF", "MODELS", "ErrorIF", "Neuron", "Source", "Target", "register"]
