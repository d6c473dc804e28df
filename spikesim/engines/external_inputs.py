"""What a run without presentations is given: checked once, then asked for step by step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim import grid
from spikesim.errors import DataError, DeclarationError, EngineError, unknown
from spikesim.files.atomic import sha256_bytes
from spikesim.files.field_versions import shown
from spikesim.network import Network
from spikesim.network.scheduling import is_input, is_source
from spikesim.recording.state import State
from spikesim.spikes import Spikes

Fired = tuple[npt.NDArray[np.int32], npt.NDArray[np.int8]]
Reals = npt.NDArray[np.float64]


class ExternalInputs:
    """The spikes of sources, the currents of drives and the signals of rules over the steps of a run.

    Args:
        network: one that runs without end.
        steps: of the run, at least 1.
        inputs: source -> Spikes of one presentation over `steps` steps; CurrentInput -> float64 (steps, n),
            or (n,) for all steps.
        signals: name -> float64 (steps,), for the rules that listen to it.
        first: the run's first step.

    Raises:
        DataError: what does not fit: names, shapes, values that are not finite, currents beside the grid.
        DeclarationError: no whole number of steps, at least 1.
    """

    def __init__(
        self, network: Network, steps: int, inputs: Mapping[str, Any], signals: Mapping[str, Any], first: int
    ) -> None:
        if not grid.whole(steps, 1):
            raise DeclarationError(f"steps = {steps!r}; a whole number of steps, at least 1, is needed")
        self.network, self.steps, self.first = network, int(steps), first
        self.currents: dict[str, Reals] = {}
        self._spikes: dict[str, Spikes] = {}
        self._slots: dict[str, npt.NDArray[np.int64]] = {}
        known = {*network.sources, *(d.name for d in network.drives if d.given)}
        if set(inputs) != known:
            raise DataError(f"inputs for {sorted(inputs)}; this network is given {sorted(known)}")
        for name in network.sources:
            self._take_spikes(name, inputs[name])
        for drive in network.drives:
            if drive.given:
                self._take_current(drive, inputs[drive.name])
        self.signals = self._signals(signals)

    def _take_spikes(self, name: str, spikes: Any) -> None:
        n = self.network.populations[name].n
        if not isinstance(spikes, Spikes):
            raise DataError(
                f"{name}: {type(spikes).__name__}; Spikes are needed: spikesim.from_events, from_raster"
            )
        if (len(spikes), spikes.T, spikes.n) != (1, self.steps, n) or spikes.signs is not None:
            raise DataError(
                f"{name}: {len(spikes)} presentations of {spikes.T} steps and {spikes.n} neurons; "
                f"spikes of +1 of one presentation of {self.steps} steps and {n} neurons are needed"
            )
        self._spikes[name] = spikes
        self._slots[name] = np.searchsorted(spikes.times, np.arange(self.steps + 1))

    def _take_current(self, drive: Any, values: Any) -> None:
        population = self.network.populations[drive.post]
        current = np.asarray(values, np.float64)
        if current.shape not in ((population.n,), (self.steps, population.n)):
            raise DataError(
                f"{drive.name}: a current of shape {current.shape}; ({self.steps}, {population.n}), or "
                f"({population.n},) for all steps, is needed"
            )
        try:
            grid.on_grid(current, population.grid, drive.name)
        except DeclarationError as problem:
            raise DataError(str(problem)) from problem
        self.currents[drive.name] = current

    def _signals(self, signals: Mapping[str, Any]) -> dict[str, Reals]:
        wanted = {p.plastic.signal for p in self.network.online} - {""}
        for name in signals:
            if name not in wanted:
                raise DataError(f"signals: {unknown('signal', name, wanted)}")
        found = {}
        for name in sorted(wanted):
            values = np.asarray(signals.get(name, ()), np.float64)
            if values.shape != (self.steps,) or not np.isfinite(values).all():
                raise DataError(
                    f"signals: {name!r} has the shape {values.shape}; {self.steps} finite numbers, one "
                    "a step, are needed"
                )
            found[name] = values
        return found

    def fired(self, name: str, t: int) -> Fired:
        """The neurons of a source or generator that fire in step t, ascending, and their signs."""
        population = self.network.populations[name]
        if is_input(population):
            slots, now = self._slots[name], t - self.first
            fired = self._spikes[name].neurons[slots[now] : slots[now + 1]]
        else:
            fired = population.fired(t)
        return fired, np.ones(fired.size, np.int8)

    def add_drives(self, name: str, t: int, current: Reals) -> None:
        """Add to `current`, float64 (n,) or (receptors, n), what drives bring to a population in step t."""
        model = self.network.populations[name].description
        for drive in self.network.drives:
            if drive.post != name:
                continue
            target = current[model.receptor(drive.receptor)] if model.receptors else current
            if drive.name in self.currents:
                values = self.currents[drive.name]
                target += values if values.ndim == 1 else values[t - self.first]
            else:
                drive.add(t, drive.w, target)  # type: ignore[union-attr]

    def signal(self, name: str, t: int) -> float:
        """A signal's value in step t; 0 of none."""
        return float(self.signals[name][t - self.first]) if name else 0.0


def check_endless(network: Network) -> None:
    """A network that runs without end is needed.

    Raises:
        EngineError: it has presentations.
    """
    if not network.window.endless:
        raise EngineError(
            f"this network is presented with {network.window.T} steps at a time: give it "
            "presentations, without steps= and state=, or declare it with Window.without_end()"
        )


def check_presented(network: Network) -> None:
    """A network with presentations is needed.

    Raises:
        EngineError: it runs without end.
    """
    if network.window.endless:
        raise EngineError(
            "this network runs without end: spikesim.simulate(network, steps=...) says for how long, and its "
            "recording's state where to go on"
        )


def beginning(network: Network) -> State:
    """The state at time 0: everything at rest, nothing under way."""
    return State(
        t=0,
        populations={k: p.initial_state() for k, p in network.populations.items() if not is_source(p)},
        recent={
            k: np.zeros((longest_delay(network, k), p.n), np.int8) for k, p in network.populations.items()
        },
        weights={p.name: np.array(network.weights(p.name), np.float64).reshape(-1) for p in network.online},
        traces={},
        network=signature(network),
    )


def longest_delay(network: Network, name: str) -> int:
    """The most steps that a population's spikes are under way."""
    return max((p.longest_delay for p in network.projections if p.pre == name), default=0)


def signature(network: Network) -> str:
    """The SHA-256 of a declaration without its weights."""
    populations = [(name, shown(p)) for name, p in network.populations.items()]
    projections, drives = (
        "".join(
            ["(", ", ".join(map(shown, parts)), ",)" if len(parts) == 1 else ")"]
        )  # as repr shows a tuple
        for parts in (network.projections, network.drives)
    )
    return sha256_bytes(f"({populations!r}, {projections}, {drives})".encode())


def check_state(network: Network, state: State) -> State:
    """A state that was made by a run of this network.

    Raises:
        DataError: it is of another network.
    """
    if state.network != signature(network):
        raise DataError("state: it is of another network than the one to run; begin without one")
    learn = {p.name for p in network.online}
    if state.traces and state.traces.keys() != learn:
        raise DataError(f"state: traces of {sorted(state.traces)}; {sorted(learn)} learn in this network")
    needed, found = _layout(beginning(network)), _layout(state)
    for part in sorted(needed.keys() | found.keys()):
        if needed.get(part) != found.get(part):
            raise DataError(
                f"state: {' of '.join(part)} is {found.get(part, 'missing')}, and this network needs "
                f"{needed.get(part, 'none')}; it was changed since it was saved: begin without one"
            )
    return state


def _layout(state: State) -> dict[tuple[str, ...], str]:
    """Type and shape of everything in a state, but for traces, which rules make as they like."""
    found = {("spikes under way", name): recent for name, recent in state.recent.items()}
    found |= {("weights", name): w for name, w in state.weights.items()}
    for name, values in state.populations.items():
        found |= {(key, name): value for key, value in values.items()}
    return {part: f"{value.dtype} {value.shape}" for part, value in found.items()}
