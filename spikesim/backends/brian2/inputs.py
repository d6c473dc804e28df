"""External inputs of a Brian2 run: spikes, currents, and spikes in transit at its start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.engines.external_inputs import ExternalInputs
from spikesim.engines.source_spikes import source_train, target_train
from spikesim.network import Network
from spikesim.network.scheduling import is_input, is_source, is_target
from spikesim.neurons.population import scaled
from spikesim.recording.state import State
from spikesim.spikes import Spikes

Ints = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]


@dataclass
class Outside:
    """External spikes and currents of a run, known before it begins.

    Attributes:
        network: the declaration.
        length: steps of a trial, including its border.
        events: source, generator or target -> steps of the run int64 (k,), ascending, and neurons int32 (k,).
        spikes: the same spikes as Spikes over the population's own window.
        counts: their counts, int64 (B, 2, n), by trial and phase.
        currents: population -> float64 (receptors or 1, steps of the run, n), in the numbers of the
            population (grid counts, or real).
        silent: population -> bool (B, n), neurons that take no part in a trial.
    """

    network: Network
    length: int
    events: dict[str, tuple[Ints, npt.NDArray[np.int32]]] = field(default_factory=dict)
    spikes: dict[str, Spikes] = field(default_factory=dict)
    counts: dict[str, Ints] = field(default_factory=dict)
    currents: dict[str, Reals] = field(default_factory=dict)
    silent: dict[str, npt.NDArray[np.bool_]] = field(default_factory=dict)

    def add(self, name: str, spikes: Spikes, boundary: int) -> None:
        """Add the spikes of a source, generator or target."""
        owner = np.repeat(np.arange(len(spikes)), np.diff(spikes.offsets))
        steps = owner * self.length + 1 + self.network.offsets[name] + spikes.times
        self.events[name] = steps.astype(np.int64), spikes.neurons
        self.spikes[name] = spikes
        self.counts[name] = np.stack([spikes.counts(0, boundary), spikes.counts(boundary)], axis=1)

    def counted(self, b2: Any, name: str, gate: str) -> Any:
        """The running first-phase counts of `gate`, a source or target, at the update of population `name`: a
        TimedArray (steps of the run, n).
        """
        net, (steps, neurons) = self.network, self.events[gate]
        counts, late = self.counts[gate], net.order.index(gate) > net.order.index(name)
        along = np.zeros((len(counts) * self.length + 2, counts.shape[2]))
        own = steps % self.length - 1 - net.offsets[gate]
        first = own < net.window.boundary
        np.add.at(along, (steps[first] + late, neurons[first]), 1)
        by = along[:-2].reshape(len(counts), self.length, -1)
        return b2.TimedArray(by.cumsum(axis=1).reshape(-1, by.shape[2]), dt=1 * b2.second)

    def presynaptic(self, name: str, span: str) -> Reals:
        """The spike counts of a span in the trial before each border, float64 (B + 1, n)."""
        h = self.counts[name]
        chosen = {"first": h[:, 0], "second": h[:, 1], "all": h.sum(axis=1)}[span]
        return np.concatenate([np.zeros((1, chosen.shape[1])), chosen])


def presented(network: Network, length: int, inputs: Mapping[str, Spikes], classes: Ints) -> Outside:
    """The spikes of sources and targets in a batch of trials."""
    found = Outside(network, length)
    window = network.window
    for name, population in network.populations.items():
        if is_input(population):
            trains = (source_train(population, window, inputs[name], b) for b in range(len(classes)))
        elif is_target(population):
            trains = (target_train(population, window, int(label)) for label in classes)
        else:
            continue
        events = [np.nonzero(train) for train in trains]
        found.add(name, _joined(events, window.T, population.n), window.boundary)
    return found


def unending(network: Network, given: ExternalInputs, state: State, weights: Mapping[str, Any]) -> Outside:
    """The spikes of sources and generators, and all currents, of a continuous simulation.

    Args:
        network: the declaration.
        given: the external inputs of the run.
        state: the initial state; its spikes in transit become a current.
        weights: projection -> its weights, in the unit of the threshold.
    """
    found = Outside(network, given.steps + 1)
    steps = range(given.first, given.first + given.steps)
    for name, population in network.populations.items():
        if is_source(population):
            fired = [given.fired(name, t)[0] for t in steps]
            times = np.repeat(np.arange(given.steps), [f.size for f in fired])
            event = (times, np.concatenate(fired))
            found.add(name, _joined([event], given.steps, population.n), given.steps)
    in_transit = _in_transit(network, given.steps, state, weights)
    driven = {drive.post for drive in network.drives} | {post for post, _ in in_transit}
    for name in driven:
        population = network.populations[name]
        receptors = max(len(population.description.receptors), 1)
        current = np.zeros((receptors, given.steps + 2, population.n))
        rows = current[:, 1 : 1 + given.steps]  # step 0 of the run is a border
        for k, t in enumerate(steps):
            given.add_drives(name, t, rows[:, k] if population.description.receptors else rows[0, k])
        for (post, receptor), late in in_transit.items():
            if post == name:
                rows[receptor, : len(late)] += late[: given.steps]
        found.currents[name] = scaled(current, population.grid).astype(np.float64)
    return found


def _in_transit(
    network: Network, steps: int, state: State, weights: Mapping[str, Any]
) -> dict[tuple[str, int], Reals]:
    """The currents from spikes in transit: (population, receptor) -> float64 (longest delay, n)."""
    found: dict[tuple[str, int], Reals] = {}
    for p in network.projections:
        recent, key = (
            state.recent[p.pre],
            (p.post, network.populations[p.post].description.receptor(p.receptor)),
        )
        if not recent.any():
            continue
        for delay, deliver in p.deliveries(weights[p.name]):
            for ago in range(1, min(delay, len(recent)) + 1):  # steps between sending and the first step
                row = recent[len(recent) - ago]
                fired = np.flatnonzero(row).astype(np.int32)
                if fired.size:
                    late = found.setdefault(key, np.zeros((0, network.populations[p.post].n)))
                    if len(late) <= delay - ago:
                        more = np.zeros((delay - ago + 1 - len(late), late.shape[1]))
                        late = found[key] = np.concatenate([late, more])
                    deliver(fired, row[fired], late[delay - ago])
    return found


def _joined(events: list[Any], T: int, n: int) -> Spikes:
    """Spikes from one pair (steps, neurons) per trial."""
    sizes = [len(times) for times, _ in events]
    nothing = [np.zeros(0, np.int32)]
    return Spikes.ordered(
        np.concatenate([t for t, _ in events] or nothing).astype(np.int32),
        np.concatenate([j for _, j in events] or nothing).astype(np.int32),
        np.concatenate([np.zeros(1, np.int64), np.cumsum(np.array(sizes, np.int64))]),
        T,
        n,
    )
