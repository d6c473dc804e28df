"""The plastic state that an engine starts from: declared, or given by a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from spikesim.errors import DeclarationError
from spikesim.grid import MASTER_BITS
from spikesim.learning.online import Layout
from spikesim.network import Masters, Network
from spikesim.synapses import Dense, Sparse

Squares = dict[str, npt.NDArray[np.float64]]


def starting_masters(network: Network, given: Mapping[str, npt.NDArray[np.int32]] | None) -> Masters:
    """The declared weights, or copies of the given ones.

    Raises:
        DeclarationError: weights of another network: missing, unknown, of another shape or type, or outside
            the clip range.
    """
    declared = network.masters()
    if given is None:
        return declared
    _check({n: m.shape for n, m in declared.items()}, {n: m.shape for n, m in given.items()}, "weights")
    for p in network.plastic:
        assert p.plastic is not None
        _check_masters(p.name, given[p.name], p.plastic.clip_master())
    return {name: given[name].copy() for name in declared}


def _check_masters(name: str, masters: npt.NDArray[np.int32], clip: tuple[int, int]) -> None:
    """Check given weights: int32 counts of the master grid, inside the clip range."""
    if masters.dtype != np.int32:
        raise DeclarationError(
            f"{name}: weights of {masters.dtype}; int32 counts of the master grid of 2**-{MASTER_BITS} are "
            f"needed, as network.masters() has them"
        )
    low, high = clip
    outside = (masters < low) | (masters > high)
    if outside.any():
        i, j = (int(k) for k in np.argwhere(outside)[0])
        raise DeclarationError(
            f"{name}: weight [{i}, {j}] is {masters[i, j]} counts of 2**-{MASTER_BITS}, outside the clip "
            f"range of {low} .. {high}; clip the weights, or declare a wider range"
        )


def starting_squares(network: Network, given: Mapping[str, npt.NDArray[np.float64]] | None) -> Squares:
    """The running mean squares of projections with normalised steps: zeros, or copies of the given ones.

    Raises:
        DeclarationError: squares of another network.
    """
    normalised = [p for p in network.plastic if p.plastic is not None and p.plastic.step == "normalised"]
    declared = {p.name: np.zeros(network.shape(p)) for p in normalised}
    if given is None:
        return declared
    _check(
        {n: r.shape for n, r in declared.items()}, {n: r.shape for n, r in given.items()}, "running squares"
    )
    return {name: np.array(given[name], np.float64) for name in declared}


def _check(needed: dict[str, tuple[int, ...]], given: dict[str, tuple[int, ...]], what: str) -> None:
    if needed != given:
        raise DeclarationError(f"{what} of another network: it needs {needed}, and was given {given}")


def layout_of(network: Network, p: Dense | Sparse) -> Layout:
    """Which synapse of a projection joins what; those of a dense one lie row by row."""
    n_pre, n_post = network.shape(p)
    if isinstance(p, Sparse):
        return Layout.of(p.indptr, p.indices, n_post)
    post = np.tile(np.arange(n_post, dtype=np.int32), n_pre)
    return Layout.of(np.arange(n_pre + 1, dtype=np.int64) * n_post, post, n_post)
