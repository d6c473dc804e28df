"""The stepped engine: any network, step by step and event-driven: cost proportional to delivered spikes.

Runs every network that `naive` runs, with equal results on the grid, spike for spike and weight for weight:
recurrent, sparse and convolutional networks, delays, leaks, online rules; in trials (EMSTDP too) or
continuously.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.engines.count_updates import learn_from_counts
from spikesim.engines.external_inputs import (
    ExternalInputs,
    beginning,
    check_endless,
    check_state,
    check_trials,
)
from spikesim.engines.initial_weights import starting_masters, starting_squares
from spikesim.engines.input_checks import check_recorded, check_run, check_silent
from spikesim.engines.memory_recorder import MemoryRecorder, Observer
from spikesim.engines.monitors import monitors_of
from spikesim.engines.stepped.step import NOBODY, Fired, LivePopulation, wire
from spikesim.engines.stepped.trials import Trials
from spikesim.learning.online import act_of
from spikesim.network import Network
from spikesim.neurons.population import closed_gates
from spikesim.recording import Recording
from spikesim.recording.monitor import Monitor
from spikesim.recording.state import State
from spikesim.spikes import Spikes

Ints = npt.NDArray[np.int64]


class Stepped:
    """Simulates any `Network`; holds its plastic weights. Methods and results as those of `Naive`.

    Attributes:
        network: the declaration.
        masters: projection -> int32 (n_pre, n_post), the plastic weights on the master grid; learning changes
            them.
        squares: projection -> float64, the running mean squares of normalised steps.
    """

    trains = True

    def __init__(
        self,
        network: Network,
        masters: Mapping[str, npt.NDArray[np.int32]] | None = None,
        squares: Mapping[str, npt.NDArray[np.float64]] | None = None,
    ) -> None:
        self.network = network
        self.masters = starting_masters(network, masters)
        self.squares = starting_squares(network, squares)
        self._weights = {p.name: self._contiguous(p.name) for p in network.projections}
        self._trains, self._cells = wire(network, self._weights.__getitem__)
        follow = {p.name for p in network.plastic}
        self._learned = [p.name for p in network.projections if p.name in follow or p.follows in follow]
        online = {p.name for p in network.online}
        self._transposes = [(p.name, p.follows) for p in network.projections if p.follows in online]
        layouts = {p.name: p.layout(*network.shape(p)) for p in network.online}
        self._rules = [(p, layouts[p.name], act_of(p.plastic, layouts[p.name])) for p in network.online]

    def _contiguous(self, name: str) -> Any:
        w = self.network.weights(name, self.masters)
        rules = {p.name for p in (*self.network.plastic, *self.network.online)}
        learns = name in rules or self.network.named[name].follows in rules
        return np.array(w, np.float64, order="C") if learns else np.ascontiguousarray(w) if w.ndim else w

    def run(
        self,
        inputs: Mapping[str, Spikes],
        labels: npt.NDArray[np.int64] | None = None,
        record: Iterable[str | Monitor] = (),
        learn: bool = False,
        batch: int = 1,
        factor: float = 1.0,
        silent: Mapping[str, npt.NDArray[np.bool_]] | None = None,
        learnt: int = 0,
        observers: Sequence[Observer] = (),
    ) -> Recording:
        """Simulate a batch of trials, one after another; other arguments as for `Naive.run`.

        Args:
            record: names of populations, and monitors.
            observers: receive every step; see `spikesim.engines.memory_recorder`.
        """
        net, (recorded, monitors) = self.network, monitors_of(record)
        check_trials(net)
        B, classes = check_run(net, inputs, labels, learn, batch, factor, learnt)
        masks = check_silent(net, silent, B)
        check_recorded(recorded, net.populations)
        trials = Trials(net, recorded, B, monitors, observers)
        before = self._events()
        for b in range(B):
            closed = {name: mask[b] for name, mask in masks.items()}
            self._trial(trials.begin(b, inputs, classes), trials, closed)
            trials.end()
            if learn and ((b + 1) % batch == 0 or b + 1 == B):
                first = b // batch * batch
                batch_counts = {name: c[first : b + 1] for name, c in trials.counts.items()}
                done = (learnt + first, learnt + b + 1)
                learn_from_counts(net, self.masters, self.squares, batch_counts, factor, trials.clipped, done)
                for name in self._learned:
                    self._weights[name][...] = net.weights(name, self.masters)
            trials.passed(self._weights)
        return trials.recording(self._events() - before)

    def _trial(
        self, trains: Mapping[str, Sequence[Fired]], trials: Trials, silent: Mapping[str, Any]
    ) -> None:
        """Simulate one trial: initial states, then all steps."""
        net, window = self.network, self.network.window
        for train in self._trains.values():
            train.clear()
        for population in self._cells.values():
            population.reset()
        for now in range(net.steps):
            for name in net.order:
                t = now - net.offsets[name]
                fired = NOBODY
                if 0 <= t < window.T:
                    cell = self._cells.get(name)
                    fired = trains[name][t] if cell is None else self._step(cell, t, now, trials, silent)
                    trials.take(name, t, fired, cell)
                self._trains[name].send(now, fired)

    def _step(
        self, cell: LivePopulation, t: int, now: int, trials: Trials, silent: Mapping[str, Any]
    ) -> Fired:
        """One step of a population, step t of its window; none outside the phase in which it is active."""
        population, window = cell.population, self.network.window
        if t == window.boundary and "split" in population.reset_at:
            cell.reset()
        if population.active_in not in (None, window.phase(t)):
            return NOBODY
        if population.gate_by is not None:  # the first phase of the gate may end while this one is active
            cell.closed = closed_gates(population, trials.counts[population.gate_by][trials.b, 0])
        if cell.name in silent:
            mask = silent[cell.name]
            cell.closed = mask if population.gate_by is None else cell.closed | mask
        return cell.advance(t, now)

    def advance(
        self,
        steps: int,
        inputs: Mapping[str, Any],
        signals: Mapping[str, Any],
        record: Iterable[str | Monitor] = (),
        state: State | None = None,
        learn: bool = True,
        observers: Sequence[Observer] = (),
    ) -> Recording:
        """Simulate a continuous network for a number of steps; other arguments as for `Naive.advance`.

        Args:
            record: names of populations, and monitors.
            observers: receive every step; see `spikesim.engines.memory_recorder`.
        """
        net, (recorded, monitors) = self.network, monitors_of(record)
        check_endless(net)
        check_recorded(recorded, net.populations)
        start = beginning(net) if state is None else check_state(net, state)
        external = ExternalInputs(net, steps, inputs, signals, start.t)
        traces = self._restore(start)
        memory = MemoryRecorder(net, recorded, start.t, external.steps, monitors)
        all_observers = (memory, *observers)
        rules = [
            (
                p.plastic.signal,
                p.delay,
                self._trains[p.pre],
                p.post,
                self._weights[p.name].reshape(-1),
                traces[p.name],
                act,
            )
            for p, _, act in self._rules
            if learn
        ]
        states = {name: cell.state for name, cell in self._cells.items()}
        driven = {drive.post for drive in net.drives}
        updates = [(name, self._cells.get(name), self._trains[name], name in driven) for name in net.order]
        before, fired = self._events(), {}
        for t in range(start.t, start.t + external.steps):
            for name, cell, train, has_drives in updates:
                if cell is None:
                    fired[name] = external.fired(name, t)
                else:
                    if has_drives:
                        external.add_drives(name, t, cell.current)
                    fired[name] = cell.advance(t, t)
                train.send(t, fired[name])
            for signal, delay, train, post, w, trace, act in rules:
                act(w, trace, train.sent(t - delay)[0], fired[post][0], external.signal(signal, t))
            if learn:
                self._transpose()
            for observer in all_observers:
                observer.observe(t, fired, states, self._weights)
                observer.passed(t + 1)
        after = self._state(start.t + external.steps, traces)
        return memory.recording(after, self._events() - before)

    def _events(self) -> int:
        return sum(cell.events for cell in self._cells.values())

    def _transpose(self) -> None:
        """Copy weights that learn in every step to their transposes."""
        for name, learned in self._transposes:
            self._weights[name][...] = self._weights[learned].T

    def _restore(self, state: State) -> dict[str, Any]:
        """Restore membranes, spikes in transit and weights from a state; returns the traces of the rules."""
        for name, cell in self._cells.items():
            cell.current[:] = 0
            for key, value in state.populations[name].items():
                cell.state[key][...] = value
        for name, recent in state.recent.items():
            train = self._trains[name]
            train.clear()
            for k, row in enumerate(recent):
                fired = np.flatnonzero(row).astype(np.int32)
                train.send(state.t - len(recent) + k, (fired, row[fired]))
        for name, w in state.weights.items():
            self._weights[name].reshape(-1)[...] = w
        self._transpose()
        return {
            p.name: {k: v.copy() for k, v in state.traces[p.name].items()}
            if p.name in state.traces
            else p.plastic.start(layout)
            for p, layout, _ in self._rules
        }

    def _state(self, t: int, traces: Mapping[str, Any]) -> State:
        """The state before step t."""
        recent = {}
        for name, train in self._trains.items():
            recent[name] = np.zeros((train.depth, self.network.populations[name].n), np.int8)
            for k in range(train.depth):
                fired, signs = train.sent(t - train.depth + k)
                recent[name][k, fired] = signs
        return State(
            t,
            {name: {k: v.copy() for k, v in cell.state.items()} for name, cell in self._cells.items()},
            recent,
            {p.name: self._weights[p.name].reshape(-1).copy() for p in self.network.online},
            dict(traces),
            self.network.signature,
            self.network.parts,
        )
