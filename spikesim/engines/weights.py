"""The plastic state that an engine starts from: declared, or given by a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from spikesim.errors import DeclarationError
from spikesim.network import Masters, Network

Squares = dict[str, npt.NDArray[np.float64]]


def starting_masters(network: Network, given: Mapping[str, npt.NDArray[np.int32]] | None) -> Masters:
    """The declared weights, or copies of the given ones.

    Raises:
        DeclarationError: weights of another network: missing, unknown, or of another shape.
    """
    declared = network.masters()
    if given is None:
        return declared
    _check({n: m.shape for n, m in declared.items()}, {n: m.shape for n, m in given.items()}, "weights")
    return {name: np.array(given[name], np.int32) for name in declared}


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
