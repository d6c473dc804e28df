"""`simulate`: run a network on any engine, in trials or continuously."""

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
from spikesim.recording.monitor import Monitor, SpikesOf
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
    """Simulate a network: a batch of trials, or a number of steps of a continuous network.

    A network with trials learns only if `learn` is True. A continuous network needs `steps`, and learns by
    its online rules unless `learn` is False; two consecutive runs connected by `state` equal one long run.

    Args:
        network: the network to simulate.
        inputs: with trials: source -> Spikes of B trials (as long as the first phase if the source replays).
            Continuous: source -> Spikes of one trial of `steps` steps; CurrentInput -> float64 (steps, n), or
            (n,) for all steps, in the unit of the threshold.
        labels: int64 (B,), the classes for targets; not needed without targets.
        record: what to record: "spikes" for the spikes of all populations, without membranes; the name of a
            population for its spikes and membranes; a Monitor for a variable, neurons and steps.
        engine: "windowed", "stepped" or "naive"; None for the fastest that supports the network. A Monitor or
            `to` needs "stepped", which is then the default.
        steps: number of steps of a continuous simulation.
        state: the state of an earlier recording, to continue from; None starts at step 0.
        signals: name -> float64 (steps,), for online rules that read one (a reward).
        learn: see above.
        name: deprecated name of `engine`.
        to: path of a new HDF5 file to which `record` is written during the run, in bounded memory; read it
            with `spikesim.RecordingFile`. The returned recording still has the counts and the state.

    Returns:
        The recording. Membranes in `Recording.v` are in grid integers (see there); `Recording.membrane`
        returns them in the unit of the threshold.

    Raises:
        CheckpointError: the file exists already, or cannot be written.
        EngineError, DeclarationError: as in `engine`; a membrane that leaves the exact range.
        DataError: inputs, labels, signals or a state that do not fit.

    Examples:
        >>> import spikesim as ss
        >>> network = ss.Network({"exc": ss.LIF(3, theta=1.0, v_decay=0.1, bias=0.2)}, [])
        >>> recording = ss.simulate(network, steps=100, record="spikes")
        >>> len(recording.spikes["exc"].times)
        42
    """
    expect("simulate", Network, network=network)
    if name is not None:
        warnings.warn("simulate: name= is now called engine=", DeprecationWarning, stacklevel=2)
        engine = name
    given = {} if inputs is None else inputs
    if not isinstance(given, Mapping):
        raise DataError(
            f"simulate: inputs is of type {type(inputs).__name__}; a mapping from sources to Spikes is "
            f"needed, for example {{'in': spikes}}"
        )
    wanted = _wanted(network, record)
    if to is not None or any(isinstance(entry, Monitor) for entry in wanted):
        engine = engine or "stepped"
        if engine != "stepped":
            raise EngineError(f"simulate: a Monitor, or to=, needs the engine 'stepped', not {engine!r}")
    with ExitStack() as stack:
        more: dict[str, Any] = {}
        if to is not None:
            monitors = _as_monitors(network, wanted)
            recorder = DiskRecorder(to, network, monitors, 0 if state is None else state.t)
            more, wanted = {"observers": (stack.enter_context(recorder),)}, ()
        if network.window.endless:
            if steps is None or labels is not None:
                raise EngineError("simulate: this network is continuous: give steps=..., and no labels")
            running = Stepped(network) if engine is None else engine_for(network, name=engine)
            if not isinstance(running, Naive | Stepped):
                raise EngineError(f"{engine}: does not run continuous networks; use 'stepped' or 'naive'")
            acts = learn is None or learn
            return _named(running.advance(steps, given, signals or {}, wanted, state, acts, **more))  # type: ignore[arg-type]
        for what, value in (("steps", steps), ("state", state), ("signals", signals)):
            if value is not None:
                raise EngineError(
                    f"simulate: {what} is for continuous networks, and this one has trials of "
                    f"{network.window.T} steps; leave it out"
                )
        for source, spikes in given.items():
            expect("simulate", Spikes, **{f"inputs[{source!r}]": spikes})
        trained = engine_for(network, name=engine)
        return _named(trained.run(given, labels, wanted, learn=bool(learn), **more))  # type: ignore[arg-type]


def _named(recording: Recording) -> Recording:
    """The recording with plain names, which may be given to `record` again."""
    recording.spikes = {str(name): spikes for name, spikes in recording.spikes.items()}
    return recording


def _wanted(network: Network, record: str | Monitor | Iterable[str | Monitor]) -> tuple[str | Monitor, ...]:
    """`record` as a tuple; "spikes" stands for all populations, unless one of them has that name.

    Raises:
        DataError: it is none of what can be recorded.
    """
    if isinstance(record, str) and record == "spikes" and record not in network.populations:
        return tuple(SpikesOf(name) for name in network.populations)
    if isinstance(record, str | Monitor):
        return (record,)
    if not isinstance(record, Iterable):
        raise DataError(
            f"simulate: record = {record!r}; 'spikes', a population's name, a Monitor, or a list of these "
            f"two is needed"
        )
    return tuple(record)


def _as_monitors(network: Network, record: Iterable[str | Monitor]) -> list[Monitor]:
    """`record` as monitors: a name becomes the spikes of a population and, if it has one, its membrane."""
    names, monitors = monitors_of(record)
    check_recorded(names, network.populations)
    found = list(monitors)
    for name in names:
        alone = isinstance(name, SpikesOf) or is_source(network.populations[name])
        both = ("spikes",) if alone else ("spikes", "v")
        found += [Monitor(name, what) for what in both if Monitor(name, what) not in found]
    return found
