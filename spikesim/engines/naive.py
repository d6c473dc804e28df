"""The readable engine: loops that follow the equations, in integers; the truth in the tests of the others.

A step of a population reads as its timing diagram: deliver, integrate, fire, reset, count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim import grid
from spikesim.engines.checks import check_recorded, check_run
from spikesim.engines.trains import source_train, target_train
from spikesim.engines.weights import starting_masters, starting_squares
from spikesim.learning.counts import increments, presynaptic
from spikesim.network import Network
from spikesim.neurons import Source, Target
from spikesim.recording import Recording, winner
from spikesim.spikes import Spikes, from_raster
from spikesim.synapses import OneToOne

Ints = npt.NDArray[np.int64]


class Naive:
    """Runs any `Network`; holds its plastic weights.

    Attributes:
        network: the declaration.
        masters: projection -> int32 (n_pre, n_post), the plastic weights on the master grid; learning changes
            them.
        squares: projection -> float64 (n_pre, n_post), the running mean squares of normalised steps; empty
            for plain ones.
    """

    def __init__(
        self,
        network: Network,
        masters: Mapping[str, npt.NDArray[np.int32]] | None = None,
        squares: Mapping[str, npt.NDArray[np.float64]] | None = None,
    ) -> None:
        self.network = network
        self.masters = starting_masters(network, masters)
        self.squares = starting_squares(network, squares)

    def run(
        self,
        inputs: Mapping[str, Spikes],
        labels: npt.NDArray[np.int64] | None = None,
        record: Iterable[str] = (),
        learn: bool = False,
        batch: int = 1,
        factor: float = 1.0,
    ) -> Recording:
        """Present a batch of spikes, one presentation after another.

        Args:
            inputs: source -> Spikes of B presentations (of the first phase's steps where the source replays).
            labels: int64 (B,), the classes for the targets.
            record: populations of which spikes and membranes are kept.
            learn: change the weights after every `batch` presentations.
            batch: presentations whose count products are summed before the weights change.
            factor: of the step size's schedule.
        """
        net, keep = self.network, tuple(record)
        B, classes = check_run(net, inputs, labels, learn, batch, factor)
        check_recorded(keep, net.populations)
        weights = self._weights()
        counts: dict[str, Ints] = {k: np.zeros((B, 2, p.n), np.int64) for k, p in net.populations.items()}
        rasters, membranes = self._empty(keep, B)
        predictions = np.zeros(B if net.readout else 0, np.int64)
        clipped = dict.fromkeys(self.masters, 0)
        for b in range(B):
            given = {name: self._train(name, inputs, classes, b) for name in net.populations}
            spikes, v = self._present(given, weights)
            for name, s in spikes.items():
                for phase, span in enumerate(("first", "second")):
                    counts[name][b, phase] = s[slice(*net.window.span(span))].sum(axis=0)  # type: ignore[arg-type]
            for name in keep:
                rasters[name][b] = spikes[name]
                if name in membranes:
                    membranes[name][b] = v[name]
            if net.readout:
                first, last = net.window.span(net.readout.span)
                name = net.readout.population
                predictions[b] = winner(spikes[name][first:last].sum(axis=0), v[name][last - 1])
            if learn and ((b + 1) % batch == 0 or b + 1 == B):
                self._learn(counts, b // batch * batch, b + 1, factor, clipped)
                weights = self._weights()
        kept = {name: from_raster(raster) for name, raster in rasters.items()}
        return Recording(counts, predictions, kept, membranes, clipped)

    def _empty(self, keep: Iterable[str], B: int) -> tuple[dict[str, Ints], dict[str, Ints]]:
        """Room for the rasters (B, T, n) and membranes (B, T, ...) of the recorded populations."""
        populations, T = {name: self.network.populations[name] for name in keep}, self.network.window.T
        rasters = {name: np.zeros((B, T, p.n), np.int64) for name, p in populations.items()}
        moving = {name: p for name, p in populations.items() if not isinstance(p, Source | Target)}
        return rasters, {name: np.zeros((B, T, *p.rest().shape), np.int64) for name, p in moving.items()}

    def _weights(self) -> dict[str, Any]:
        """What each projection adds for a spike: a matrix, or a number for one-to-one."""
        net = self.network
        return {
            p.name: int(grid.snap(p.w, net.populations[p.post].grid))
            if isinstance(p, OneToOne)
            else net.propagating(p.name, self.masters)
            for p in net.projections
        }

    def _train(self, name: str, inputs: Mapping[str, Spikes], labels: Any, b: int) -> Ints | None:
        """The given spike train (T, n) of a source or target in its own window; None for what integrates."""
        population, window = self.network.populations[name], self.network.window
        if isinstance(population, Source):
            return source_train(population, window, inputs[name], b)
        if isinstance(population, Target):
            return target_train(population, window, labels[b])
        return None

    def _present(
        self, given: Mapping[str, Ints | None], weights: Mapping[str, Any]
    ) -> tuple[dict[str, Ints], dict[str, Any]]:
        """One presentation: spikes (T, n) and membranes (T, ...) of each population in its own window."""
        net, T = self.network, self.network.window.T
        spikes = {name: np.zeros((T, p.n), np.int64) for name, p in net.populations.items()}
        moving = [name for name in net.order if given[name] is None]
        v = {name: net.populations[name].rest() for name in moving}
        bias = {name: grid.snap(net.populations[name].bias, net.populations[name].grid) for name in moving}
        trace = {name: np.zeros((T, *v[name].shape), np.int64) for name in moving}
        for now in range(net.steps):
            for name in net.order:
                t = now - net.offsets[name]
                if not 0 <= t < T:
                    continue
                train = given[name]
                if train is not None:
                    spikes[name][t] = train[t]
                    continue
                population = net.populations[name]
                if t == net.window.boundary and "split" in population.reset_at:
                    v[name] = population.rest()
                if population.active_in in (None, net.window.phase(t)):
                    current = self._delivered(name, now, spikes, weights)
                    current = (current + bias[name]) * self._gate(population, spikes)
                    v[name], spikes[name][t] = population.step(v[name], current)
                trace[name][t] = v[name]
        return spikes, trace

    def _delivered(self, name: str, now: int, spikes: Mapping[str, Ints], weights: Mapping[str, Any]) -> Ints:
        """The sum of what arrives at a population in step `now`."""
        net = self.network
        total = np.zeros(net.populations[name].n, np.int64)
        for p in net.incoming(name):
            sent = now - p.delay - net.offsets[p.pre]
            if 0 <= sent < net.window.T:
                s, w = spikes[p.pre][sent], weights[p.name]
                total += s * w if isinstance(p, OneToOne) else s @ w
        return total

    def _gate(self, population: Any, spikes: Mapping[str, Ints]) -> Ints | int:
        """1 where a neuron may act: where its partner has fired in the first phase."""
        if population.gate_by is None:
            return 1
        fired = spikes[population.gate_by][: self.network.window.boundary].sum(axis=0)
        return (fired > 0).astype(np.int64)

    def _learn(
        self, counts: Mapping[str, Ints], first: int, last: int, factor: float, clipped: dict[str, int]
    ) -> None:
        """The rule of each plastic projection, over presentations first .. last - 1."""
        for p in self.network.plastic:
            rule = p.plastic
            assert rule is not None
            pre, post = counts[p.pre][first:last], counts[p.post][first:last]
            product = presynaptic(pre, rule.pre).T @ (post[:, 1] - post[:, 0])
            added = increments(rule, product, last - first, factor, self.squares.get(p.name))
            moved = self.masters[p.name] + added
            inside = np.clip(moved, *rule.clip_master())
            clipped[p.name] += int((moved != inside).sum())
            self.masters[p.name] = inside.astype(np.int32)
