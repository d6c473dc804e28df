"""Observers of every step of a simulation, and the one that records in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from spikesim.engines.input_checks import with_membranes
from spikesim.engines.monitors import Collector
from spikesim.engines.stepped.step import Fired
from spikesim.network import Network
from spikesim.recording import Recording
from spikesim.recording.monitor import Monitor
from spikesim.recording.state import State
from spikesim.spikes import Spikes


class Observer(Protocol):
    """Receives every step, after all populations are updated and the rules have changed the weights."""

    def observe(
        self,
        t: int,
        fired: Mapping[str, Fired],
        states: Mapping[str, Mapping[str, npt.NDArray[Any]]],
        weights: Mapping[str, npt.NDArray[Any]],
    ) -> None:
        """Receive step t: the populations and projections contained in the arguments.

        Args:
            t: the step.
            fired: population -> (neurons int32 ascending, signs int8); not changed later.
            states: population -> state variables after the step; changed by the next step, so copy them.
            weights: projection -> current weights; changed by learning, so copy them.
        """
        ...

    def passed(self, end: int) -> None:
        """All steps before `end` have been received."""
        ...


class MemoryRecorder:
    """Records in memory: counts of all populations, spikes and membranes of the named ones, and monitors."""

    def __init__(
        self,
        network: Network,
        record: tuple[str, ...],
        first: int,
        steps: int,
        monitors: tuple[Monitor, ...] = (),
    ) -> None:
        self._collectors = [Collector(network, monitor) for monitor in monitors]
        self.network, self.record, self.first, self.steps = network, record, first, steps
        self.counts = {name: np.zeros(p.n, np.int64) for name, p in network.populations.items()}
        self._lists: dict[str, list[tuple[int, Fired]]] = {name: [] for name in record}
        moving = with_membranes(record, network.populations)
        start = {n: network.populations[n].initial_state()["v"] for n in moving}
        self.v = {name: np.zeros((1, steps, *v.shape), v.dtype) for name, v in start.items()}

    def observe(
        self,
        t: int,
        fired: Mapping[str, Fired],
        states: Mapping[str, Mapping[str, npt.NDArray[Any]]],
        weights: Mapping[str, npt.NDArray[Any]],
    ) -> None:
        """See `Observer`."""
        for name, (neurons, signs) in fired.items():
            if neurons.size:
                self.counts[name][neurons] += signs
                if name in self._lists:
                    self._lists[name].append((t - self.first, (neurons, signs)))
        for name, v in self.v.items():
            v[0, t - self.first] = states[name]["v"]
        for collector in self._collectors:
            collector.observe(t, fired, states, weights)

    def passed(self, end: int) -> None:
        """See `Observer`."""

    def recording(self, state: State, events: int) -> Recording:
        """The recording of the steps so far."""
        counts = {name: np.stack([c, 0 * c])[None] for name, c in self.counts.items()}
        spikes = {
            name: joined(self._lists[name], self.steps, self.network.populations[name].n)
            for name in self.record
        }
        series = {c.monitor: c.drain() for c in self._collectors}
        return Recording(counts, np.zeros(0, np.int64), spikes, self.v, {}, state, events, series)


def joined(steps: list[tuple[int, Fired]], T: int, n: int) -> Spikes:
    """The spikes of single steps, joined to one trial of T steps."""
    times = np.concatenate([np.full(f.size, t, np.int32) for t, (f, _) in steps] or [np.zeros(0, np.int32)])
    neurons = np.concatenate([f for _, (f, _) in steps] or [np.zeros(0, np.int32)])
    signs = np.concatenate([s for _, (_, s) in steps] or [np.zeros(0, np.int8)])
    offsets = np.array([0, times.size], np.int64)
    return Spikes.ordered(times, neurons, offsets, T, n, signs if (signs < 0).any() else None)
