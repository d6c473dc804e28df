"""The general engine: any network, step by step, with work proportional to the spikes that arrive.

Runs what `naive` runs, equal to it on the grid spike for spike and weight for weight: recurrent, sparse and
convolutional networks, delays, leaks, online rules; with presentations (EMSTDP too) or without end.
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
    check_presented,
    check_state,
    signature,
)
from spikesim.engines.initial_weights import starting_masters, starting_squares
from spikesim.engines.input_checks import check_recorded, check_run
from spikesim.engines.memory_recorder import MemoryRecorder, Observer
from spikesim.engines.monitors import monitors_of
from spikesim.engines.stepped.step import NOBODY, Fired, LivePopulation, wire
from spikesim.engines.stepped.trials import Trials
from spikesim.learning.online import act_of
from spikesim.network import Network
from spikesim.recording import Recording
from spikesim.recording.monitor import Monitor
from spikesim.recording.state import State
from spikesim.spikes import Spikes

Ints = npt.NDArray[np.int64]


class Stepped:
    """Runs any `Network`; holds its plastic weights. The same calls and results as `Naive`.

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
        self._moving = [p.name for p in network.projections if p.name in follow or p.follows in follow]
        layouts = {p.name: p.layout(*network.shape(p)) for p in network.online}
        self._rules = [(p, layouts[p.name], act_of(p.plastic, layouts[p.name])) for p in network.online]

    def _contiguous(self, name: str) -> Any:
        w = self.network.weights(name, self.masters)
        learns = name in {p.name for p in (*self.network.plastic, *self.network.online)}
        return np.array(w, np.float64, order="C") if learns else np.ascontiguousarray(w) if w.ndim else w

    def run(
        self,
        inputs: Mapping[str, Spikes],
        labels: npt.NDArray[np.int64] | None = None,
        record: Iterable[str | Monitor] = (),
        learn: bool = False,
        batch: int = 1,
        factor: float = 1.0,
        observers: Sequence[Observer] = (),
    ) -> Recording:
        """Present a batch of spikes, one presentation after another; arguments as `Naive.run` says them.

        Args:
            record: a Monitor, too.
            observers: told of every step; see `spikesim.engines.memory_recorder`.
        """
        net, (keep, monitors) = self.network, monitors_of(record)
        check_presented(net)
        B, classes = check_run(net, inputs, labels, learn, batch, factor)
        check_recorded(keep, net.populations)
        found = Trials(net, keep, B, monitors, observers)
        before = self._events()
        for b in range(B):
            self._present(found.begin(b, inputs, classes), found)
            found.end()
            if learn and ((b + 1) % batch == 0 or b + 1 == B):
                seen = {name: c[b // batch * batch : b + 1] for name, c in found.counts.items()}
                learn_from_counts(net, self.masters, self.squares, seen, factor, found.clipped)
                for name in self._moving:
                    self._weights[name][...] = net.weights(name, self.masters)
            found.passed(self._weights)
        return found.recording(self._events() - before)

    def _present(self, given: Mapping[str, Sequence[Fired]], found: Trials) -> None:
        """One presentation: all at rest, then the steps."""
        net, window = self.network, self.network.window
        for train in self._trains.values():
            train.clear()
        for cell in self._cells.values():
            cell.reset()
        for now in range(net.steps):
            for name in net.order:
                t = now - net.offsets[name]
                fired = NOBODY
                if 0 <= t < window.T:
                    fired = given[name][t] if name in given else self._turn(self._cells[name], t, now, found)
                    found.take(name, t, fired, self._cells.get(name))
                self._trains[name].send(now, fired)

    def _turn(self, cell: LivePopulation, t: int, now: int, found: Trials) -> Fired:
        """A population's turn in its own step t: only in the phase in which it lives."""
        population, window = cell.population, self.network.window
        if t == window.boundary and "split" in population.reset_at:
            cell.reset()
        if population.active_in not in (None, window.phase(t)):
            return NOBODY
        if population.gate_by is not None:  # the gate's first phase may end while this population lives
            cell.closed = found.counts[population.gate_by][found.b, 0] <= 0
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
        """Run a network without presentations for some steps; arguments as `Naive.advance` says them.

        Args:
            record: a Monitor, too.
            observers: told of every step; see `spikesim.engines.memory_recorder`.
        """
        net, (keep, monitors) = self.network, monitors_of(record)
        check_endless(net)
        check_recorded(keep, net.populations)
        begun = beginning(net) if state is None else check_state(net, state)
        given = ExternalInputs(net, steps, inputs, signals, begun.t)
        traces = self._take(begun)
        kept = MemoryRecorder(net, keep, begun.t, given.steps, monitors)
        told = (kept, *observers)
        acting = [
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
        turns = [(name, self._cells.get(name), self._trains[name], name in driven) for name in net.order]
        before, fired = self._events(), {}
        for t in range(begun.t, begun.t + given.steps):
            for name, cell, train, drives in turns:
                if cell is None:
                    fired[name] = given.fired(name, t)
                else:
                    if drives:
                        given.add_drives(name, t, cell.current)
                    fired[name] = cell.advance(t, t)
                train.send(t, fired[name])
            for signal, delay, train, post, w, trace, act in acting:
                act(w, trace, train.sent(t - delay)[0], fired[post][0], given.signal(signal, t))
            for observer in told:
                observer.observe(t, fired, states, self._weights)
                observer.passed(t + 1)
        after = self._state(begun.t + given.steps, traces)
        return kept.recording(after, self._events() - before)

    def _events(self) -> int:
        return sum(cell.events for cell in self._cells.values())

    def _take(self, state: State) -> dict[str, Any]:
        """Go on from a state: membranes, spikes under way, weights; gives the rules' traces."""
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
        return {
            p.name: {k: v.copy() for k, v in state.traces[p.name].items()}
            if p.name in state.traces
            else p.plastic.start(layout)
            for p, layout, _ in self._rules
        }

    def _state(self, t: int, traces: Mapping[str, Any]) -> State:
        """Where the run stands before step t."""
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
            signature(self.network),
        )
