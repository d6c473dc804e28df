"""Engines run a `Network`; all take the same calls and give the same `Recording`.

naive      loops that read like the equations, for any network; the truth of the tests
windowed   layered networks over a window; faster than the matrix products that it stands for
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

from spikesim.engines.arguments import expect
from spikesim.engines.naive import Naive
from spikesim.engines.windowed import Windowed
from spikesim.errors import DataError, EngineError, unknown
from spikesim.grid import whole
from spikesim.network import Masters, Network
from spikesim.recording import Recording
from spikesim.spikes import Spikes

log = logging.getLogger(__name__)


class Engine(Protocol):
    """What runs a network.

    Attributes:
        network: the declaration.
        masters: projection -> int32 (n_pre, n_post), the plastic weights; learning changes them.
        squares: projection -> float64 (n_pre, n_post), the running mean squares of normalised steps.
    """

    network: Network
    masters: Masters
    squares: dict[str, npt.NDArray[np.float64]]

    def run(
        self,
        inputs: Mapping[str, Spikes],
        labels: npt.NDArray[np.int64] | None = None,
        record: Iterable[str] = (),
        learn: bool = False,
        batch: int = 1,
        factor: float = 1.0,
    ) -> Recording:
        """Present a batch of spikes; arguments as `Naive.run` says them."""
        ...


ENGINES: dict[str, Callable[..., Engine]] = {"naive": Naive, "windowed": Windowed}
_told: set[str] = set()  # reasons for the naive engine that were logged: a training asks more than once


def engine(
    network: Network,
    masters: Mapping[str, npt.NDArray[np.int32]] | None = None,
    squares: Mapping[str, npt.NDArray[np.float64]] | None = None,
    name: str | None = None,
    threads: int = 1,
) -> Engine:
    """An engine for a network.

    Args:
        network: what to run.
        masters: plastic weights to start from; the declared ones where None.
        squares: running mean squares of normalised steps to go on from; zeros where None.
        name: "naive" or "windowed"; None takes windowed where it runs the network, else naive, with a
            warning (once a reason) in the log `spikesim.engines`.
        threads: workers of the windowed engine; they never change a result.

    Raises:
        EngineError: an unknown engine, a structure that the named engine does not run, or threads < 1.
    """
    if not whole(threads, 1):
        raise EngineError(f"threads = {threads!r}; a whole number >= 1 is needed")
    if name is None:
        try:
            return Windowed(network, masters, squares, threads)
        except EngineError as problem:
            running = Naive(network, masters, squares)
            if str(problem) not in _told:
                _told.add(str(problem))
                log.warning("The naive engine runs this network, much slower than windowed: %s", problem)
            return running
    if name not in ENGINES:
        raise EngineError(unknown("engine", name, ENGINES))
    return (
        Naive(network, masters, squares) if name == "naive" else Windowed(network, masters, squares, threads)
    )


def engine_name(running: Engine) -> str:
    """The name of an engine in ENGINES."""
    return next(name for name, kind in ENGINES.items() if type(running) is kind)


def simulate(
    network: Network,
    inputs: Mapping[str, Spikes],
    labels: npt.NDArray[np.int64] | None = None,
    record: str | Iterable[str] = (),
    name: str | None = None,
) -> Recording:
    """Present spikes to a network, with nothing learnt.

    Args:
        network: what to run.
        inputs: source -> Spikes of B presentations (of the first phase's steps where the source replays).
        labels: int64 (B,), the classes for targets; not needed where the network has none.
        record: populations of which spikes and membranes are kept; a string is one of them.
        name: of the engine, as in `engine`.

    Raises:
        EngineError, DeclarationError: as in `engine`.
        DataError: inputs or labels that do not fit.
    """
    expect("simulate", Network, network=network)
    if not isinstance(inputs, Mapping):
        raise DataError(
            f"simulate: inputs is of type {type(inputs).__name__}; the Spikes of each source by its name are "
            f"needed, as {{'in': spikes}}"
        )
    for source, spikes in inputs.items():
        expect("simulate", Spikes, **{f"inputs[{source!r}]": spikes})
    return engine(network, name=name).run(inputs, labels, (record,) if isinstance(record, str) else record)


__all__ = ["ENGINES", "Engine", "Naive", "Windowed", "engine", "engine_name", "simulate"]
