"""The step loop of the naive engine: deliver, integrate, fire, reset, learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.engines.external_inputs import ExternalInputs, longest_delay
from spikesim.engines.overflow_check import check_range
from spikesim.network import Masters, Network
from spikesim.network.scheduling import is_source
from spikesim.neurons.population import closed_gates, no_current, scaled
from spikesim.recording.state import State

Ints = npt.NDArray[np.int64]
StepObserver = Callable[[str, int, Any, Any], None]  # population, its step, its state before, input current


class StepLoop:
    """Steps a network with its current weights through time.

    Attributes:
        network: the declaration.
        weights: projection with an online rule -> float64 (n_synapses,).
        traces: projection with an online rule -> the variables of the rule.

    Args:
        network: see above.
        masters: the plastic weights of trial rules, on the master grid.
        start: initial state of a continuous simulation.
        observer: called before each step of a population; see `StepObserver`.
    """

    def __init__(
        self,
        network: Network,
        masters: Masters,
        start: State | None = None,
        observer: StepObserver | None = None,
    ) -> None:
        self.network, self._observer = network, observer
        self.moving = [name for name in network.order if not is_source(network.populations[name])]
        self.start = start
        self.layouts = {p.name: p.layout(*network.shape(p)) for p in network.online}
        self.weights = {name: w.copy() for name, w in start.weights.items()} if start else {}
        self.traces = {p.name: p.plastic.start(self.layouts[p.name]) for p in network.online}
        if start and start.traces:
            self.traces = {name: dict(traces) for name, traces in start.traces.items()}
        self._pieces = {
            p.name: self._matrices(p, network.weights(p.name, masters)) for p in network.projections
        }

    def _matrices(self, p: Any, w: Any) -> list[tuple[int, Any]]:
        """For each delay the weight matrix, in the numbers of the post population (grid counts or real)."""
        bits = self.network.populations[p.post].grid
        return [(delay, scaled(matrix, bits)) for delay, matrix in p.pieces(w)]

    def trial(
        self,
        trains: Mapping[str, Ints | None],
        silent: Mapping[str, npt.NDArray[np.bool_]] = MappingProxyType({}),
    ) -> tuple[dict[str, Ints], dict[str, Any]]:
        """Simulate one trial: spikes (T, n) and membranes (T, ...) of each population in its own window.

        Args:
            trains: population -> spikes (T, n) of a source or target, None for neurons.
            silent: population -> bool (n,), neurons that take no part.
        """
        net, T = self.network, self.network.window.T
        spikes = {name: np.zeros((T, p.n), np.int64) for name, p in net.populations.items()}
        state = {name: net.populations[name].initial_state() for name in self.moving}
        trace = {name: np.zeros((T, *s["v"].shape), s["v"].dtype) for name, s in state.items()}
        for now in range(net.steps):
            for name in net.order:
                t = now - net.offsets[name]
                if not 0 <= t < T:
                    continue
                train = trains[name]
                if train is not None:
                    spikes[name][t] = train[t]
                    continue
                population = net.populations[name]
                if t == net.window.boundary and "split" in population.reset_at:
                    state[name] = population.initial_state()
                if population.active_in in (None, net.window.phase(t)):
                    current = self._delivered(name, now, spikes)
                    closed = self._closed(population, spikes, silent.get(name))
                    state[name], spikes[name][t] = self._step(name, state[name], current, closed, t)
                trace[name][t] = state[name]["v"]
        return spikes, trace

    def advance(self, inputs: ExternalInputs, learn: bool) -> tuple[dict[str, Ints], dict[str, Any], State]:
        """Simulate continuously: spikes (steps, n), membranes (steps, ...), and the final state."""
        net, start = self.network, self.start
        assert start is not None
        steps, past = inputs.steps, max((len(r) for r in start.recent.values()), default=0)
        spikes = {name: np.zeros((past + steps, p.n), np.int64) for name, p in net.populations.items()}
        for name, recent in start.recent.items():
            spikes[name][past - len(recent) : past] = recent
        state: dict[str, Any] = {name: dict(start.populations[name]) for name in self.moving}
        trace = {name: np.zeros((steps, *s["v"].shape), s["v"].dtype) for name, s in state.items()}
        for step in range(steps):
            t = start.t + step
            for name in net.order:
                population = net.populations[name]
                if is_source(population):
                    fired, _ = inputs.fired(name, t)
                    spikes[name][past + step, fired] = 1
                    continue
                drive = no_current(population)
                inputs.add_drives(name, t, drive)
                current = self._delivered(name, past + step, spikes) + scaled(drive, population.grid)
                state[name], spikes[name][past + step] = self._step(name, state[name], current, None, t)
                trace[name][step] = state[name]["v"]
            if learn:
                self._learn(past + step, t, spikes, inputs)
        last = {name: s[len(s) - longest_delay(net, name) :].astype(np.int8) for name, s in spikes.items()}
        after = State(t + 1, state, last, self.weights, self.traces, net.signature, net.parts)
        return {name: s[past:] for name, s in spikes.items()}, trace, after

    def _delivered(self, name: str, now: int, spikes: Mapping[str, Ints]) -> Any:
        """The input current of a population in row `now` of the spikes."""
        net = self.network
        population = net.populations[name]
        total = scaled(no_current(population), population.grid)
        for p in net.incoming(name):
            receptors = population.description.receptors
            target = total[population.description.receptor(p.receptor)] if receptors else total
            for delay, matrix in self._pieces_now(p):
                sent = now - delay - net.offsets[p.pre]
                if 0 <= sent < len(spikes[p.pre]):
                    target[: matrix.shape[1]] += spikes[p.pre][sent] @ matrix
        return total

    def _pieces_now(self, p: Any) -> list[tuple[int, Any]]:
        """The weight matrices of a projection; with an online rule, and for the transpose of one, from its
        current weights.
        """
        learned: Any = self.network.named[p.follows] if p.follows is not None else p
        if learned.name not in self.weights:
            return self._pieces[p.name]
        w = learned.shaped(self.weights[learned.name], *self.network.shape(learned))
        return self._matrices(p, w if learned is p else w.T)

    def _closed(self, population: Any, spikes: Mapping[str, Ints], silent: Any) -> Any:
        """bool (n,): neurons that are silent, or whose gate is closed: their partner's signed count in the
        first phase is <= 0. None without either.
        """
        if population.gate_by is None:
            return silent
        counts = spikes[population.gate_by][: self.network.window.boundary].sum(axis=0)
        closed = closed_gates(population, counts)
        return closed if silent is None else closed | silent

    def _step(self, name: str, state: Any, current: Any, closed: Any, t: int) -> tuple[Any, Ints]:
        """One step of a population; neurons whose gate is closed keep their state."""
        if self._observer is not None:
            self._observer(name, t, state, current)
        after, s = self.network.populations[name].step(state, current)
        if closed is not None:
            after = {key: np.where(closed, state[key], value) for key, value in after.items()}
            s = np.where(closed, 0, s)
        check_range(name, self.network.populations[name], after, t)
        return after, s

    def _learn(self, row: int, t: int, spikes: Mapping[str, Ints], inputs: ExternalInputs) -> None:
        """Apply every online rule once, to the spikes that arrived and those that were fired in this step."""
        for p in self.network.online:
            pre = spikes[p.pre][row - p.delay] if row >= p.delay else np.zeros_like(spikes[p.pre][row])
            self.weights[p.name], self.traces[p.name] = p.plastic.step(
                self.weights[p.name],
                self.traces[p.name],
                np.abs(pre),
                np.abs(spikes[p.post][row]),
                self.layouts[p.name],
                inputs.signal(p.plastic.signal, t),
            )
