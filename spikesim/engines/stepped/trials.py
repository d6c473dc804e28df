"""A batch of trials on the stepped engine: input spikes step by step, and what is recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.engines.input_checks import with_membranes
from spikesim.engines.memory_recorder import Observer
from spikesim.engines.monitors import Collector
from spikesim.engines.stepped.step import NOBODY, Fired, LivePopulation
from spikesim.network import Network
from spikesim.network.scheduling import is_input, is_target
from spikesim.neurons import Source, Target
from spikesim.recording import Recording, winner
from spikesim.recording.monitor import Monitor
from spikesim.spikes import Spikes

Ints = npt.NDArray[np.int64]


class Trials:
    """Counts, predictions and recordings of B trials.

    Attributes:
        b: the current trial.
        counts: population -> int64 (B, 2, n), spike counts by phase.
        clipped: projection -> number of updates cut by the clip range.
    """

    def __init__(
        self,
        network: Network,
        record: tuple[str, ...],
        B: int,
        monitors: tuple[Monitor, ...] = (),
        observers: Sequence[Observer] = (),
    ) -> None:
        self.network, self.record, self.b = network, record, 0
        self._collectors = [Collector(network, monitor) for monitor in monitors]
        self._observers = observers
        self._receivers: tuple[Any, ...] = (*self._collectors, *observers)
        self.counts: dict[str, Ints] = {
            k: np.zeros((B, 2, p.n), np.int64) for k, p in network.populations.items()
        }
        self.clipped = {p.name: 0 for p in network.plastic}
        self._boundary, self._T = network.window.boundary, network.window.T
        self._predictions = np.zeros(B if network.readout else 0, np.int64)
        self._lists: dict[str, list[tuple[int, int, Fired]]] = {name: [] for name in record}
        moving = with_membranes(record, network.populations)
        start = {n: network.populations[n].initial_state()["v"] for n in moving}
        self._v = {name: np.zeros((B, self._T, *v.shape), v.dtype) for name, v in start.items()}
        self._last: Any = None  # membrane of the readout at the end of its span

    def begin(self, b: int, inputs: Mapping[str, Spikes], labels: Ints) -> dict[str, Sequence[Fired]]:
        """Begin trial b: the spikes of sources and targets, step by step."""
        self.b = b
        trains: dict[str, Sequence[Fired]] = {}
        for name, population in self.network.populations.items():
            if is_input(population):
                trains[name] = self._source(population, inputs[name], b)
            elif is_target(population):
                trains[name] = self._target(population, int(labels[b]))
        return trains

    def _source(self, source: Source, spikes: Spikes, b: int) -> Sequence[Fired]:
        trial = slice(spikes.offsets[b], spikes.offsets[b + 1])
        times, neurons = spikes.times[trial], spikes.neurons[trial]
        slots = np.searchsorted(times, np.arange(spikes.T + 1))
        steps = [neurons[slots[t] : slots[t + 1]] for t in range(spikes.T)]
        if source.replay:
            steps += steps[: self._T - self._boundary]
        return [(fired, np.ones(fired.size, np.int8)) for fired in steps]

    def _target(self, target: Target, label: int) -> Sequence[Fired]:
        spike = (np.array([label], np.int32), np.ones(1, np.int8))
        train = target.train(self._T - self._boundary)
        return [NOBODY] * self._boundary + [spike if s else NOBODY for s in train]

    def take(self, name: str, t: int, fired: Fired, cell: LivePopulation | None) -> None:
        """Record step t of a population's own window."""
        neurons, signs = fired
        if neurons.size:
            self.counts[name][self.b, int(t >= self._boundary), neurons] += signs
            if name in self._lists:
                self._lists[name].append((self.b, t, fired))
        for receiver in self._receivers:
            receiver.observe(self.b * self._T + t, {name: fired}, {name: cell.state if cell else {}}, {})
        if cell is None:
            return
        if name in self._v:
            self._v[name][self.b, t] = cell.state["v"]
        readout = self.network.readout
        if readout and readout.population == name and t == self.network.window.span(readout.span)[1] - 1:
            self._last = cell.state["v"].copy()

    def end(self) -> None:
        """End the trial: read its class."""
        readout = self.network.readout
        if readout is None:
            return
        counts = self.counts[readout.population][self.b]
        read = {"first": counts[0], "second": counts[1], "all": counts.sum(axis=0)}[readout.span]
        self._predictions[self.b] = winner(read, self._last)

    def passed(self, weights: Mapping[str, Any]) -> None:
        """Pass the weights after the trial (and after learning, if any) to monitors and observers."""
        for receiver in self._receivers:
            receiver.observe(self.b, {}, {}, weights)
        for observer in self._observers:
            observer.passed((self.b + 1) * self._T)

    def recording(self, events: int) -> Recording:
        """The recording of the batch."""
        spikes = {name: self._joined(name) for name in self.record}
        monitors = {c.monitor: c.drain() for c in self._collectors}
        return Recording(
            self.counts, self._predictions, spikes, self._v, self.clipped, None, events, monitors
        )

    def _joined(self, name: str) -> Spikes:
        entries, n = self._lists[name], self.network.populations[name].n
        sizes = [f.size for _, _, (f, _) in entries]
        owner = np.repeat(np.array([b for b, _, _ in entries], np.int64), sizes)
        times = np.repeat(np.array([t for _, t, _ in entries], np.int32), sizes)
        neurons = np.concatenate([f for _, _, (f, _) in entries] or [np.zeros(0, np.int32)])
        signs = np.concatenate([s for _, _, (_, s) in entries] or [np.zeros(0, np.int8)])
        B = len(self.counts[name])
        offsets = np.searchsorted(owner, np.arange(B + 1)).astype(np.int64)
        return Spikes.ordered(times, neurons, offsets, self._T, n, signs if (signs < 0).any() else None)
