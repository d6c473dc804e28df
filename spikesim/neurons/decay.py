"""Decay in one step: a product of real numbers, or Loihi's integer decay on a grid.

On a grid a decay d is a multiple of 1/4096, and (1 - d) x is x (4096 - 4096 d) / 4096, truncated towards zero
(Davies et al., "Loihi", IEEE Micro 2018).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from spikesim._jit import inline
from spikesim.errors import DeclarationError
from spikesim.neurons.description import each
from spikesim.neurons.population import LIMIT, Numbers, Values

DECAY_UNIT = 4096


def unit_of(bits: int | None) -> float:
    """The unit of kept parts: 4096 for integer decays, 1 for real ones."""
    return 1.0 if bits is None else float(DECAY_UNIT)


def limit_of(bits: int | None) -> float:
    """The limit of the exact range of a variable: on a grid, a decay multiplies it by up to 4096."""
    return LIMIT / unit_of(bits)


def kept_part(decay: Values, bits: int | None) -> Numbers:
    """The kept part of a variable, 1 - decay, in 1 / `unit_of(bits)`: float64 () or (n,)."""
    return (1 - np.asarray(decay, np.float64)) * unit_of(bits)


def decayed(x: Numbers, kept: Numbers, bits: int | None) -> Numbers:
    """x after the decay of one step."""
    if bits is None:
        return x * kept
    return np.sign(x) * (np.abs(x) * kept.astype(np.int64) // DECAY_UNIT)


@inline
def decayed_in_kernel(x, kept, unit):  # type: ignore[no-untyped-def]
    """`decayed` for one number in a kernel; `unit` is the result of `unit_of`."""
    y = x * kept
    return np.trunc(y / unit) if unit > 1.0 else y


def check_decay(population: Any, name: str) -> None:
    """Check that decays on a grid are multiples of 1/4096, neuron by neuron.

    Raises:
        DeclarationError: one is not; names the nearest.
    """
    decay = each(getattr(population, name), population.n)
    off = decay * DECAY_UNIT != np.rint(decay * DECAY_UNIT)
    if population.grid is None or not off.any():
        return
    k = int(np.argmax(off))
    raise DeclarationError(
        f"{type(population).__name__}: {name} = {decay[k].item()!r} of neuron {k} is not a multiple of "
        f"1/{DECAY_UNIT}, as the integer decay on a grid needs; the nearest is "
        f"{round(decay[k] * DECAY_UNIT)}/{DECAY_UNIT}. Use it, or grid=None for real numbers"
    )
