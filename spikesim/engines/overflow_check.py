"""Overflow check: membranes and currents stay in the range in which a model is exact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from spikesim.errors import EngineError


def outside(population: Any, state: Mapping[str, Any]) -> int | None:
    """The first neuron whose membrane or current is not finite or outside the model's range, or that is in a
    state that the model forbids; else None.
    """
    for variable in population.description.state:
        bad = ~(np.abs(state.get(variable.name, 0)) < population.limit)
        if bad.any():
            return int(np.argwhere(bad)[0][-1])
    bad = _forbidden(population, state)
    return int(np.argmax(bad)) if bad is not None and bad.any() else None


def _forbidden(population: Any, state: Mapping[str, Any]) -> Any:
    """bool (n,): neurons in a state that the model forbids; None for a model that forbids none."""
    return population.forbidden(state) if hasattr(population, "forbidden") else None


def check_range(name: str, population: Any, state: Mapping[str, Any], t: int) -> None:
    """Check that membranes and currents are finite and in the exact range of their model.

    Raises:
        EngineError: one is not; names population, step and neuron.
    """
    neuron = outside(population, state)
    if neuron is not None:
        raise_range(name, population, state, neuron, t)


def raise_range(name: str, population: Any, state: Mapping[str, Any], neuron: int, t: int) -> None:
    """Raise the error for a membrane that has left its range, or that is in a forbidden state.

    Raises:
        EngineError: always.
    """
    bad = _forbidden(population, state)
    if bad is not None and bad[neuron]:
        raise EngineError(
            f"{name}: step {t}: neuron {neuron} is still at or above its threshold after one was subtracted "
            f"(overshoot = 'refuse'): a model with several spikes a step would send another one. Ways out: "
            f"smaller weights, a higher threshold, or overshoot='keep', with one spike in each step"
        )
    limit = population.limit
    raise EngineError(
        f"{name}: step {t}: the membrane of neuron {neuron} has left the range of +-2**{int(np.log2(limit))} "
        f"(in counts of its grid). Ways out: a floor, a leak (LIF), smaller weights or a smaller bias"
    )
