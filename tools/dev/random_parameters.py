"""Random parameters neuron by neuron, for every model that describes itself."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np

from spikesim.errors import DeclarationError
from spikesim.neurons.decay import DECAY_UNIT
from spikesim.neurons.description import Parameter, each


def heterogeneous(population: Any, rs: np.random.Generator, without: Collection[str] = ()) -> Any:
    """The population with about half of its parameters drawn anew, neuron by neuron, as arrays or lists.

    Args:
        population: of any model, on a grid or not.
        rs: where every choice comes from.
        without: parameters that stay.
    """
    for parameter in population.description.parameters:
        value = getattr(population, parameter.name)
        if not parameter.per_neuron or parameter.name in without or value is None or rs.random() < 0.5:
            continue
        drawn = _drawn(population, parameter, rs)
        given = drawn if rs.random() < 0.5 else drawn.tolist()
        try:
            population = replace(population, **{parameter.name: given})
        except DeclarationError:
            continue  # of error neurons a bias, a reset above the threshold, ...: such a population cannot be
    return population


def _drawn(population: Any, parameter: Parameter, rs: np.random.Generator) -> Any:
    """n values of a parameter around the present ones, on the grid and in its range."""
    n, now = population.n, each(getattr(population, parameter.name), population.n)
    if parameter.whole:
        return rs.integers(0, 4, n)
    if parameter.unit == "1/step":
        return rs.integers(0, DECAY_UNIT + 1, n) / DECAY_UNIT
    size = float(np.abs(each(population.theta, n)).max())  # what a membrane is measured by
    step = 2.0 ** -(population.grid if population.grid is not None else 20)
    values = np.round((now + rs.uniform(-0.5, 0.5, n) * size) / step) * step
    if parameter.positive:
        values = np.maximum(np.abs(values), step)
    return np.clip(values, parameter.low, parameter.high)
