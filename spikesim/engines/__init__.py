"""Engines run a `Network`; all take the same calls and give the same `Recording`.

naive      loops that read like the equations, for any network; the truth of the tests
stepped    any network, event by event: recurrent, sparse, leaky, with online rules
windowed   layered networks over a window; faster than the matrix products that it stands for
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from spikesim.engines.arguments import expect
from spikesim.engines.checks import check_recorded
from spikesim.engines.naive import Naive
from spikesim.engines.observers import Observer
from spikesim.engines.stepped import Stepped
from spikesim.engines.streaming import Stream
from spikesim.engines.watching import watches
from spikesim.engines.windowed import Windowed
from spikesim.errors import DataError, EngineError, unknown
from spikesim.grid import whole
from spikesim.network import Masters, Network
from spikesim.recording import Recording
from spikesim.spikes import Spikes
from spikesim.state import State
from spikesim.watch import Watch

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


def simulate(
    network: Network,
    inputs: Mapping[str, Any] | None = None,
    labels: npt.NDArray[np.int64] | None = None,
    record: str | Watch | Iterable[str | Watch] = (),
    name: str | None = None,
    *,
    steps: int | None = None,
    state: State | None = None,
    signals: Mapping[str, Any] | None = None,
    learn: bool | None = None,
    to: str | os.PathLike[str] | None = None,
) -> Recording:
    """Run a network: present spikes to it, or let it go on for some steps.

    A network with presentations learns only where `learn` says so. One that runs without end needs `steps`,
    and learns by its online rules unless `learn` is False; a run split in two equals the run.

    Args:
        network: what to run.
        inputs: source -> Spikes of B presentations (of the first phase's steps where the source replays);
            without end of one presentation of `steps` steps, and CurrentInput -> float64 (steps, n) or (n,).
        labels: int64 (B,), the classes for targets; not needed where the network has none.
        record: what is kept: a population's name stands for its spikes and membranes; a Watch names a
            variable, neurons and steps.
        name: of the engine, as in `engine`; a Watch, or `to`, needs "stepped", and takes it.
        steps: of a run without end.
        state: where it goes on: that of an earlier recording; None begins.
        signals: name -> float64 (steps,), for online rules that listen to one (a reward).
        learn: see above.
        to: a new HDF5 file, to which all of `record` goes while the run goes on, in bounded memory; read it
            with `spikesim.RecordingFile`. Counts and state are in the recording as ever.

    Raises:
        CheckpointError: the file is there already, or cannot be written.
        EngineError, DeclarationError: as in `engine`; a membrane that leaves the exact range.
        DataError: inputs, labels, signals or a state that do not fit.
    """
    expect("simulate", Network, network=network)
    given = {} if inputs is None else inputs
    if not isinstance(given, Mapping):
        raise DataError(
            f"simulate: inputs is of type {type(inputs).__name__}; the Spikes of each source by its name are "
            f"needed, as {{'in': spikes}}"
        )
    kept = (record,) if isinstance(record, str | Watch) else tuple(record)
    if to is not None or any(isinstance(entry, Watch) for entry in kept):
        name = name or "stepped"
        if name != "stepped":
            raise EngineError(f"simulate: a Watch, or to=, needs the engine 'stepped', not {name!r}")
    if to is not None:
        first = 0 if state is None else state.t
        with Stream(to, network, _all_watched(network, kept), first) as stream:
            return _simulated(network, given, labels, (), name, steps, state, signals, learn, (stream,))
    return _simulated(network, given, labels, kept, name, steps, state, signals, learn, ())


def _simulated(
    network: Network,
    given: Mapping[str, Any],
    labels: Any,
    record: tuple[str | Watch, ...],
    name: str | None,
    steps: int | None,
    state: State | None,
    signals: Mapping[str, Any] | None,
    learn: bool | None,
    observers: tuple[Observer, ...],
) -> Recording:
    """A run, with presentations or without."""
    more: dict[str, Any] = {"observers": observers} if observers else {}
    if not network.window.endless:
        for what, value in (("steps", steps), ("state", state), ("signals", signals)):
            if value is not None:
                raise EngineError(
                    f"simulate: {what} is for networks that run without end, and this one has presentations "
                    f"of {network.window.T} steps; leave it out"
                )
        for source, spikes in given.items():
            expect("simulate", Spikes, **{f"inputs[{source!r}]": spikes})
        return engine(network, name=name).run(given, labels, record, learn=bool(learn), **more)  # type: ignore[arg-type]
    if steps is None or labels is not None:
        raise EngineError("simulate: this network runs without end: give steps=..., and no labels")
    running = Stepped(network) if name is None else engine(network, name=name)
    if not isinstance(running, Naive | Stepped):
        raise EngineError(f"{name}: runs no network without end; take 'stepped' or 'naive'")
    acts = learn is None or learn
    return running.advance(steps, given, signals or {}, record, state, acts, **more)  # type: ignore[arg-type]


def _all_watched(network: Network, record: Iterable[str | Watch]) -> list[Watch]:
    """A name stands for a population's spikes and, where it integrates, its membrane."""
    names, watched = watches(record)
    check_recorded(names, network.populations)
    found = list(watched)
    for name in names:
        moving = hasattr(network.populations[name], "theta")
        found += [
            Watch(name, what) for what in ("spikes", "v")[: 1 + moving] if Watch(name, what) not in found
        ]
    return found


__all__ = ["ENGINES", "Engine", "Naive", "Stepped", "Windowed", "engine", "engine_name", "simulate"]
