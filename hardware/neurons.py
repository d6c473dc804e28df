"""The normal form of a population for every hardware target, and the one refusal of models without one.

A target translates `LinearNeuron` (see `spikesim.neurons.description`): integrate-and-fire neurons with a
current and a leak, parameters neuron by neuron. A model offers it as a method `linear()`; what has none is
refused here by name, before a target writes anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim import grid as grids
from spikesim.network import Network
from spikesim.network.scheduling import is_source
from spikesim.neurons.description import LinearNeuron, no_translation
from spikesim.neurons.population import MODELS

WAY = (
    "A model is translated where it has a method linear() -> LinearNeuron (see "
    "spikesim.neurons.description.LinearNeuron)"
)
PARAMETERS = ("theta", "bias", "u_decay", "v_decay", "v_reset", "floor", "refractory", "v_start", "u_start")


def normal_form(where: str, name: str, population: Any) -> LinearNeuron:
    """The normal form of an integrating population.

    Args:
        where: the target, for the message.
        name: of the population.
        population: an integrating one; sources have no normal form.

    Raises:
        EngineError: its model has none; names the models that have, and the way to add one.
    """
    if not has_normal_form(population):
        known = {model: model for model in MODELS.values() if hasattr(model, "linear")}
        raise no_translation(where, name, population, known, WAY)
    found: LinearNeuron = population.linear()
    return found


def has_normal_form(population: Any) -> bool:
    """Whether a population's model offers a normal form."""
    return hasattr(population, "linear")


def normal_forms(where: str, network: Network) -> dict[str, LinearNeuron]:
    """The normal forms of all integrating populations of a network, by name.

    Raises:
        EngineError: a model that has none.
    """
    return {name: normal_form(where, name, p) for name, p in integrating(network).items()}


def integrating(network: Network) -> Mapping[str, Any]:
    """The populations of a network that have membranes."""
    return {name: p for name, p in network.populations.items() if not is_source(p)}


def leaks(population: Any) -> bool:
    """Whether some membrane of a population leaks, or some current lasts; False for sources."""
    return not is_source(population) and normal_form("hardware", "it", population).leaks


def counts(values: npt.NDArray[np.float64], bits: int) -> npt.NDArray[np.int64]:
    """Values as whole counts of a grid of 2**-bits, int64."""
    return np.asarray(grids.snap(values, bits), np.int64)


def shown(values: npt.NDArray[Any]) -> str:
    """Values for a message: one number, or the range of several."""
    low, high = values.min().item(), values.max().item()
    return f"{low}" if low == high else f"{low} .. {high}"
