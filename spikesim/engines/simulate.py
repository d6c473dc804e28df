"""`simulate`: one door to every engine, with presentations or without end."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.engines.argument_checks import expect
from spikesim.engines.disk_recorder import DiskRecorder
from spikesim.engines.input_checks import check_recorded
from spikesim.engines.monitors import monitors_of
from spikesim.engines.naive.engine import Naive
from spikesim.engines.select import engine as engine_for
from spikesim.engines.stepped.engine import Stepped
from spikesim.errors import DataError, EngineError
from spikesim.network import Network
from spikesim.network.scheduling import is_source
from spikesim.recording import Recording
from spikesim.recording.monitor import Monitor
from spikesim.recording.state import State
from spikesim.spikes import Spikes


def simulate(
    network: Network,
    inputs: Mapping[str, Any] | None = None,
    labels: npt.NDArray[np.int64] | None = None,
    record: str | Monitor | Iterable[str | Monitor] = (),
    engine: str | None = None,
    *,
    steps: int | None = None,
    state: State | None = None,
    signals: Mapping[str, Any] | None = None,
    learn: bool | None = None,
    to: str | os.PathLike[str] | None = None,
    name: str | None = None,
) -> Recording:
    """Run a network: present spikes to it, or let it go on for some steps.

    A network with presentations learns only where `learn` says so. One that runs without end needs `steps`,
    and learns by its online rules unless `learn` is False; a run split in two equals the run.

    Args:
        network: what to run.
        inputs: source -> Spikes of B presentations (of the first phase's steps where the source replays);
            without end of one presentation of `steps` steps, and CurrentInput -> float64 (steps, n) or (n,).
        labels: int64 (B,), the classes for targets; not needed where the network has none.
        record: what is kept: a population's name stands for its spikes and membranes; a Monitor names a
            variable, neurons and steps.
        engine: "windowed", "stepped" or "naive"; None for the fastest that can run the network. A Monitor,
            or `to`, needs "stepped", and takes it.
        steps: of a run without end.
        state: where it goes on: that of an earlier recording; None begins.
        signals: name -> float64 (steps,), for online rules that listen to one (a reward).
        learn: see above.
        name: deprecated name of `engine`.
        to: a new HDF5 file, to which all of `record` goes while the run goes on, in bounded memory; read it
            with `spikesim.RecordingFile`. Counts and state are in the recording as ever.

    Raises:
        CheckpointError: the file is there already, or cannot be written.
        EngineError, DeclarationError: as in `engine`; a membrane that leaves the exact range.
        DataError: inputs, labels, signals or a state that do not fit.
    """
    expect("simulate", Network, network=network)
    if name is not None:
        warnings.warn("simulate: name= is now called engine=", DeprecationWarning, stacklevel=2)
        engine = name
    given = {} if inputs is None else inputs
    if not isinstance(given, Mapping):
        raise DataError(
            f"simulate: inputs is of type {type(inputs).__name__}; the Spikes of each source by its name are "
            f"needed, as {{'in': spikes}}"
        )
    kept = (record,) if isinstance(record, str | Monitor) else tuple(record)
    if to is not None or any(isinstance(entry, Monitor) for entry in kept):
        engine = engine or "stepped"
        if engine != "stepped":
            raise EngineError(f"simulate: a Monitor, or to=, needs the engine 'stepped', not {engine!r}")
    with ExitStack() as ending:
        more: dict[str, Any] = {}
        if to is not None:
            monitors = _all_watched(network, kept)
            stream = DiskRecorder(to, network, monitors, 0 if state is None else state.t)
            more, kept = {"observers": (ending.enter_context(stream),)}, ()
        if network.window.endless:
            if steps is None or labels is not None:
                raise EngineError("simulate: this network runs without end: give steps=..., and no labels")
            running = Stepped(network) if engine is None else engine_for(network, name=engine)
            if not isinstance(running, Naive | Stepped):
                raise EngineError(f"{engine}: runs no network without end; take 'stepped' or 'naive'")
            acts = learn is None or learn
            return running.advance(steps, given, signals or {}, kept, state, acts, **more)  # type: ignore[arg-type]
        for what, value in (("steps", steps), ("state", state), ("signals", signals)):
            if value is not None:
                raise EngineError(
                    f"simulate: {what} is for networks that run without end, and this one has presentations "
                    f"of {network.window.T} steps; leave it out"
                )
        for source, spikes in given.items():
            expect("simulate", Spikes, **{f"inputs[{source!r}]": spikes})
        return engine_for(network, name=engine).run(given, labels, kept, learn=bool(learn), **more)  # type: ignore[arg-type]


def _all_watched(network: Network, record: Iterable[str | Monitor]) -> list[Monitor]:
    """A name stands for a population's spikes and, where it integrates, its membrane."""
    names, monitors = monitors_of(record)
    check_recorded(names, network.populations)
    found = list(monitors)
    for name in names:
        both = ("spikes",) if is_source(network.populations[name]) else ("spikes", "v")
        found += [Monitor(name, what) for what in both if Monitor(name, what) not in found]
    return found
