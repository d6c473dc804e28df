"""Selection of an engine for a network: by name, or the fastest one that runs it."""

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
    """Runs a network on a batch of trials: an engine, a backend or a hardware target."""

    def run(
        self,
        inputs: Mapping[str, Spikes],
        labels: npt.NDArray[np.int64] | None = None,
        record: Iterable[str] = (),
        learn: bool = False,
        batch: int = 1,
        factor: float = 1.0,
    ) -> Recording:
        """Simulate a batch of trials; arguments as for `Naive.run`."""
        ...


class Engine(Runner, Protocol):
    """Simulates a network and holds its plastic weights.

    Attributes:
        network: the declaration.
        masters: projection -> int32 (n_pre, n_post), the plastic weights on the master grid; changed by
            learning.
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
        silent: Mapping[str, npt.NDArray[np.bool_]] | None = None,
        learnt: int = 0,
    ) -> Recording:
        """Simulate a batch of trials; arguments as for `Naive.run`."""
        ...


ENGINES: dict[str, Callable[..., Engine]] = {"naive": Naive, "stepped": Stepped, "windowed": Windowed}
_logged: set[str] = set()  # reasons for the stepped engine already logged: training selects an engine often


def engine(
    network: Network,
    masters: Mapping[str, npt.NDArray[np.int32]] | None = None,
    squares: Mapping[str, npt.NDArray[np.float64]] | None = None,
    name: str | None = None,
    threads: int = 1,
) -> Engine:
    """An engine for a network.

    Args:
        network: the network to simulate.
        masters: initial plastic weights; None for the declared ones.
        squares: initial running mean squares of normalised steps; None for zeros.
        name: "windowed", "stepped" or "naive". None selects windowed if it supports the network, else
            stepped; for a network with trial rules, that is logged as a warning in `spikesim.engines`, once
            per reason.
        threads: threads of the windowed engine; the result does not depend on them.

    Raises:
        EngineError: an unknown engine, a network that the named engine does not support, or threads < 1.

    Examples:
        >>> import numpy as np
        >>> import spikesim as ss
        >>> layers = {"in": ss.Source(2), "out": ss.IF(2, theta=1.0)}
        >>> network = ss.Network(layers, [ss.Dense("in", "out", np.eye(2))], window=ss.Window(T=4))
        >>> type(ss.engine(network)).__name__, type(ss.engine(network, name="naive")).__name__
        ('Windowed', 'Naive')
    """
    if not whole(threads, 1):
        raise EngineError(f"threads = {threads!r}; a whole number >= 1 is needed")
    if name is None:
        try:
            return Windowed(network, masters, squares, threads)
        except EngineError as problem:
            if network.plastic and str(problem) not in _logged:
                _logged.add(str(problem))
                log.warning("Using the stepped engine, which is slower than windowed: %s", problem)
            return Stepped(network, masters, squares)
    if name not in ENGINES:
        raise EngineError(unknown("engine", name, ENGINES))
    if name == "windowed":
        return Windowed(network, masters, squares, threads)
    return ENGINES[name](network, masters, squares)


def engine_name(running: Engine) -> str:
    """The name of an engine in `ENGINES`."""
    return next(name for name, kind in ENGINES.items() if type(running) is kind)
