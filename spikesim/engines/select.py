"""Which engine runs a network: by name, or the fastest one that can."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

from spikesim.engines.naive.engine import Naive
from spikesim.engines.stepped.engine import Stepped
from spikesim.engines.windowed.engine import Windowed
from spikesim.errors import EngineError, unknown
from spikesim.grid import whole
from spikesim.network import Masters, Network
from spikesim.recording import Recording
from spikesim.spikes import Spikes

log = logging.getLogger("spikesim.engines")


class Runner(Protocol):
    """What plays a network: an engine, a backend, a hardware target."""

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


class Engine(Runner, Protocol):
    """What runs a network.

    Attributes:
        network: the declaration.
        masters: projection -> int32 (n_pre, n_post), the plastic weights; learning changes them.
        squares: projection -> float64 (n_pre, n_post), the running mean squares of normalised steps.
    """

    network: Network
    masters: Masters
    squares: dict[str, npt.NDArray[np.float64]]


ENGINES: dict[str, Callable[..., Engine]] = {"naive": Naive, "stepped": Stepped, "windowed": Windowed}
_told: set[str] = set()  # reasons for the stepped engine that were logged: a training asks more than once


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
        name: "windowed", "stepped" or "naive"; None takes windowed where it runs the network, else stepped;
            of a network that learns after its presentations, with a warning (once a reason) in the log
            `spikesim.engines`.
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
            if network.plastic and str(problem) not in _told:
                _told.add(str(problem))
                log.warning("The stepped engine runs this network, slower than windowed: %s", problem)
            return Stepped(network, masters, squares)
    if name not in ENGINES:
        raise EngineError(unknown("engine", name, ENGINES))
    if name == "windowed":
        return Windowed(network, masters, squares, threads)
    return ENGINES[name](network, masters, squares)


def engine_name(running: Engine) -> str:
    """The name of an engine in ENGINES."""
    return next(name for name, kind in ENGINES.items() if type(running) is kind)
