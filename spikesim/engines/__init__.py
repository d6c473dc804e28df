"""Engines run a `Network`; all take the same calls and give the same `Recording`.

naive      loops that read like the equations, for any network; the truth of the tests
windowed   layered networks over a window; faster than the matrix products that it stands for
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.engines.naive import Naive
from spikesim.engines.windowed import Windowed
from spikesim.errors import EngineError, unknown
from spikesim.grid import whole
from spikesim.network import Network
from spikesim.recording import Recording
from spikesim.spikes import Spikes

ENGINES: dict[str, Callable[..., Any]] = {"naive": Naive, "windowed": Windowed}


def engine(
    network: Network,
    masters: Mapping[str, npt.NDArray[np.int32]] | None = None,
    squares: Mapping[str, npt.NDArray[np.float64]] | None = None,
    name: str | None = None,
    threads: int = 1,
) -> Any:
    """An engine for a network.

    Args:
        network: what to run.
        masters: plastic weights to start from; the declared ones where None.
        squares: running mean squares of normalised steps to go on from; zeros where None.
        name: "naive" or "windowed"; None takes windowed where it runs the network, else naive.
        threads: workers of the windowed engine; they never change a result.

    Raises:
        EngineError: an unknown engine, a structure that the named engine does not run, or threads < 1.
    """
    if not whole(threads, 1):
        raise EngineError(f"threads = {threads!r}; a whole number >= 1 is needed")
    if name is None:
        try:
            return Windowed(network, masters, squares, threads)
        except EngineError:
            return Naive(network, masters, squares)
    if name not in ENGINES:
        raise EngineError(unknown("engine", name, ENGINES))
    return (
        Naive(network, masters, squares) if name == "naive" else Windowed(network, masters, squares, threads)
    )


def simulate(
    network: Network,
    inputs: Mapping[str, Spikes],
    labels: npt.NDArray[np.int64] | None = None,
    record: Iterable[str] = (),
    name: str | None = None,
) -> Recording:
    """Present spikes to a network, with nothing learnt.

    Args:
        network: what to run.
        inputs: source -> Spikes of B presentations (of the first phase's steps where the source replays).
        labels: int64 (B,), the classes for targets; not needed where the network has none.
        record: populations of which spikes and membranes are kept.
        name: of the engine, as in `engine`.

    Raises:
        EngineError, DeclarationError: as in `engine`, or inputs that do not fit.
    """
    found: Recording = engine(network, name=name).run(inputs, labels, record)
    return found


__all__ = ["ENGINES", "Naive", "Windowed", "engine", "simulate"]
