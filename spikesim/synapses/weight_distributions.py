"""Random weights and delays: functions (n_synapses, seed) -> array, for `spikesim.connect`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim import grid, rng
from spikesim.errors import DeclarationError
from spikesim.rng import Stream

Numbers = npt.NDArray[Any]
Drawn = Callable[[int, int], Numbers]
CHUNK = 1 << 18
NUMBERS, SYNAPSES, STEPS = 0, 1, 2  # epochs of Stream.CONNECT, so that one seed serves all three


def uniform(low: float, high: float, bits: int | None = None, kind: type[Any] = np.float64) -> Drawn:
    """Weights with a uniform distribution on [low, high), rounded to the grid of 2**-bits if bits is given.

    Args:
        low, high: bounds, in the unit of the threshold; low < high.
        bits: fractional bits of the grid of `post`; None for real numbers.
        kind: np.float64 or np.float32.
    """

    def drawn(n: int, seed: int) -> Numbers:
        return _chunks(n, kind, bits, lambda m, k: low + (high - low) * _evenly(m, seed, NUMBERS, k))

    return drawn


def normal(mean: float, spread: float, bits: int | None = None, kind: type[Any] = np.float64) -> Drawn:
    """Weights with a normal distribution of given mean and standard deviation `spread`; see `rng.normal`.

    Rounding and dtype as in `uniform`.
    """

    def drawn(n: int, seed: int) -> Numbers:
        return _chunks(
            n, kind, bits, lambda m, k: mean + spread * rng.normal(seed, Stream.CONNECT, (m,), index=k)
        )

    return drawn


def steps(low: int, high: int) -> Drawn:
    """Delays with a uniform distribution on the whole numbers of [low, high], in steps.

    Raises:
        DeclarationError: not whole numbers with 0 <= low <= high < 2**16.
    """
    if not (grid.whole(low) and grid.whole(high, int(low)) and high < 2**16):
        raise DeclarationError(f"steps({low!r}, {high!r}): whole numbers 0 <= low <= high < 2**16 are needed")

    def drawn(n: int, seed: int) -> Numbers:
        return _chunks(
            n, np.uint16, None, lambda m, k: np.floor(low + (high - low + 1) * _evenly(m, seed, STEPS, k))
        )

    return drawn


def _evenly(n: int, seed: int, epoch: int, chunk: int) -> npt.NDArray[np.float64]:
    return rng.words(seed, Stream.CONNECT, n, epoch, chunk) * 2.0**-32


def _chunks(n: int, kind: type[Any], bits: int | None, draw: Callable[[int, int], Numbers]) -> Numbers:
    """n numbers, drawn in chunks, to bound the memory."""
    out = np.empty(n, kind)
    for k, first in enumerate(range(0, n, CHUNK)):
        part = draw(min(CHUNK, n - first), k)
        out[first : first + CHUNK] = part if bits is None else grid.rounded(part, bits)
    return out
