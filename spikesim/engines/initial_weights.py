"""Initial plastic weights of an engine: as declared, or from a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from spikesim.errors import DeclarationError
from spikesim.grid import MASTER_BITS
from spikesim.learning.trial import clip_master
from spikesim.network import Masters, Network

Squares = dict[str, npt.NDArray[np.float64]]


def starting_masters(network: Network, given: Mapping[str, npt.NDArray[np.int32]] | None) -> Masters:
    """Initial master weights: the declared ones, or copies of the given ones.

    Raises:
        DeclarationError: weights of another network: missing, unknown, of another shape or dtype, or outside
            the clip range.
    """
    declared = network.masters()
    if given is None:
        return declared
    _check({n: m.shape for n, m in declared.items()}, {n: m.shape for n, m in given.items()}, "weights")
    for p in network.plastic:
        _check_masters(p.name, given[p.name], clip_master(p.plastic.clip))
    return {name: given[name].copy() for name in declared}


def _check_masters(name: str, masters: npt.NDArray[np.int32], clip: tuple[int, int]) -> None:
    """Check given weights: int32 counts of the master grid, inside the clip range."""
    if masters.dtype != np.int32:
        raise DeclarationError(
            f"{name}: weights of dtype {masters.dtype}; int32 counts of the master grid of 2**-{MASTER_BITS} "
            f"are needed, as returned by network.masters()"
        )
    low, high = clip
    outside = (masters < low) | (masters > high)
    if outside.any():
        first = tuple(int(k) for k in np.argwhere(outside)[0])
        raise DeclarationError(
            f"{name}: weight {list(first)} is {masters[first]} counts of 2**-{MASTER_BITS}, outside the clip "
            f"range of {low} .. {high}; clip the weights, or declare a wider range"
        )


def starting_squares(network: Network, given: Mapping[str, npt.NDArray[np.float64]] | None) -> Squares:
    """Running variables of the trial rules that have one: their initial values, or copies of the given ones.

    Raises:
        DeclarationError: squares of another network.
    """
    started = {p.name: p.plastic.memory(p.declared(*network.shape(p)).shape) for p in network.plastic}
    declared = {name: memory for name, memory in started.items() if memory is not None}
    if given is None:
        return declared
    _check(
        {n: r.shape for n, r in declared.items()}, {n: r.shape for n, r in given.items()}, "running squares"
    )
    return {name: np.array(given[name], np.float64) for name in declared}


def _check(needed: dict[str, tuple[int, ...]], given: dict[str, tuple[int, ...]], what: str) -> None:
    if needed != given:
        raise DeclarationError(f"{what} of another network: shapes {given}; this network needs {needed}")
