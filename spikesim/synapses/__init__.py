"""Projections between populations, one kind per file; `delivery.py` defines their common interface."""

from spikesim.neurons.external_inputs import CurrentInput, PoissonInput
from spikesim.synapses.convolution import Conv2d
from spikesim.synapses.delivery import Projection
from spikesim.synapses.dense import Dense, Transpose
from spikesim.synapses.one_to_one import OneToOne
from spikesim.synapses.sparse import Sparse

__all__ = [
    "Conv2d",
    "CurrentInput",
    "Dense",
    "OneToOne",
    "PoissonInput",
    "Projection",
    "Sparse",
    "Transpose",
]
