"""External inputs of a continuous simulation: validated once, then read step by step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim import grid
from spikesim.errors import DataError, DeclarationError, EngineError, unknown
from spikesim.network import Network
from spikesim.network.scheduling import is_input, is_source
from spikesim.network.signature import differences, signature_of_0_1_0
from spikesim.recording.state import State
from spikesim.spikes import Spikes

Fired = tuple[npt.NDArray[np.int32], npt.NDArray[np.int8]]
Reals = npt.NDArray[np.float64]
SHOWN = 3  # differences between two networks in a message


class ExternalInputs:
    """Spikes of sources, currents of drives and signals of rules, over the steps of a run.

    Args:
        network: a continuous network.
        steps: number of steps of the run, at least 1.
        inputs: source -> Spikes of one trial over `steps` steps; CurrentInput -> float64 (steps, n), or (n,)
            for all steps, in the unit of the threshold.
        signals: name -> float64 (steps,), for the rules that read it.
        first: the first step of the run.

    Raises:
        DataError: wrong names or shapes, values that are not finite, currents off the grid.
        DeclarationError: steps is not a whole number >= 1.
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
            raise DataError(f"inputs for {sorted(inputs)}; this network has the inputs {sorted(known)}")
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
                f"{name}: {len(spikes)} trials of {spikes.T} steps and {spikes.n} neurons; one trial of "
                f"{self.steps} steps and {n} neurons, with spikes of +1 only, is needed"
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
                    "per step, are needed"
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
        """Add the currents of all drives of a population in step t to `current`: (n,) or (receptors, n)."""
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
        """The value of a signal in step t; 0 if `name` is empty."""
        return float(self.signals[name][t - self.first]) if name else 0.0


def check_endless(network: Network) -> None:
    """Check that a network is continuous (without trials).

    Raises:
        EngineError: it has trials.
    """
    if not network.window.endless:
        raise EngineError(
            f"this network has trials of {network.window.T} steps: simulate it without steps= and state=, or "
            "declare it with Window.without_end()"
        )


def check_trials(network: Network) -> None:
    """Check that a network has trials.

    Raises:
        EngineError: it is continuous.
    """
    if network.window.endless:
        raise EngineError(
            "this network is continuous (without trials): simulate it with spikesim.simulate(network, "
            "steps=...), and continue from the state of the recording with state=..."
        )


def beginning(network: Network) -> State:
    """The state at step 0: initial states of all populations, and no spikes in transit."""
    return State(
        t=0,
        populations={k: p.initial_state() for k, p in network.populations.items() if not is_source(p)},
        recent={
            k: np.zeros((longest_delay(network, k), p.n), np.int8) for k, p in network.populations.items()
        },
        weights={p.name: np.array(network.weights(p.name), np.float64).reshape(-1) for p in network.online},
        traces={},
        network=network.signature,
        parts=network.parts,
    )


def longest_delay(network: Network, name: str) -> int:
    """The longest delay of the projections from a population: how long its spikes are in transit."""
    return max((p.longest_delay for p in network.projections if p.pre == name), default=0)


def check_state(network: Network, state: State) -> State:
    """Check that a state belongs to this network, and return it.

    Raises:
        DataError: it belongs to another network.
    """
    if state.network != network.signature and (state.parts or state.network != signature_of_0_1_0(network)):
        raise DataError(
            f"state: it belongs to another network than the one to run{_differing(network, state)}; start "
            "without state="
        )
    learn = {p.name for p in network.online}
    if state.traces and state.traces.keys() != learn:
        raise DataError(
            f"state: it has traces of {sorted(state.traces)}; the projections with online rules are "
            f"{sorted(learn)}"
        )
    needed, found = _layout(beginning(network)), _layout(state)
    for part in sorted(needed.keys() | found.keys()):
        if needed.get(part) != found.get(part):
            raise DataError(
                f"state: {' of '.join(part)} is {found.get(part, 'missing')}, and this network needs "
                f"{needed.get(part, 'none')}; the state was changed since it was saved: start without state="
            )
    return state


def _differing(network: Network, state: State) -> str:
    """What differs between the network of a state and this one, as part of a message."""
    if not state.parts:
        return (
            " (it was saved by version 0.1.0, which kept no details; what had no seed of its own had seed=1 "
            "there)"
        )
    found = list(differences(state.parts, network.parts))
    more = f", and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return f": {', '.join(found[:SHOWN])}{more}"


def _layout(state: State) -> dict[tuple[str, ...], str]:
    """Dtype and shape of every array in a state, except traces, whose form is up to the rules."""
    found = {("spikes in transit", name): recent for name, recent in state.recent.items()}
    found |= {("weights", name): w for name, w in state.weights.items()}
    for name, values in state.populations.items():
        found |= {(key, name): value for key, value in values.items()}
    return {part: f"{value.dtype} {value.shape}" for part, value in found.items()}
