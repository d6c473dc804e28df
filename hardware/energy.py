"""Cost estimate of a network on Loihi: operations are counted exactly, energy and time are modelled from
published costs.

Counted for each trial, on an engine:

    spikes              of a population (a spike of -1 counts as one)
    neuron updates      neurons times the steps in which they are simulated; active where input arrives, a
                        bias acts or the neuron fires, else inactive
    synaptic operations each spike times the synapses of its neuron with non-zero weight
    messages            each spike times the cores that hold its targets
    weight updates      synapses whose count product is not 0, where a network learns

Modelled: these counts times the costs of `DAVIES_2018`. Not included: leakage and idle power, input and
output of the chip, mesh hops between distant cores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.engines import engine
from spikesim.errors import DataError, EngineError
from spikesim.hardware.limits import DAVIES, LOIHI_1
from spikesim.hardware.neurons import normal_form, normal_forms
from spikesim.learning import CountRule
from spikesim.learning.counts import presynaptic
from spikesim.network import Network
from spikesim.network.scheduling import is_source
from spikesim.recording import Recording
from spikesim.spikes import Spikes
from spikesim.synapses import Conv2d

Counts = npt.NDArray[np.int64]
CHUNK = 20  # trials whose spikes are held at once
WEIGHT_BITS = 8


@dataclass(frozen=True)
class Costs:
    """Energy in picojoules and time in nanoseconds of single operations.

    Attributes:
        synapse, synapse_time: of a synaptic operation (least energy, longest time).
        active, active_time: of an active neuron update.
        inactive, inactive_time: of an inactive one.
        message, message_time: of a spike within a tile.
        learn, learn_time: of a synaptic update (pairwise STDP).
        sync: a barrier over the mesh, shortest and longest (1 and 32 tiles).
        source: publication.
    """

    synapse: float
    synapse_time: float
    active: float
    active_time: float
    inactive: float
    inactive_time: float
    message: float
    message_time: float
    learn: float
    learn_time: float
    sync: tuple[float, float]
    source: str


DAVIES_2018 = Costs(
    synapse=23.6,
    synapse_time=3.5,
    active=81.0,
    active_time=8.4,
    inactive=52.0,
    inactive_time=5.3,
    message=1.7,
    message_time=2.1,
    learn=120.0,
    learn_time=6.1,
    sync=(113.0, 465.0),
    source=f"{DAVIES}: estimates before silicon, at 0.75 V",
)


@dataclass
class LayerEnergy:
    """Operations of a population and of the projections into it, averaged over trials.

    Attributes:
        name: of the population.
        neurons: its neurons (both channels of a pair of error neurons).
        cores: of Loihi that hold it, by neurons and by its synapses of 8 bits.
        spikes, active, inactive, synapses, messages, learnt: see the module; messages are those of its own
            spikes, synaptic operations those of its input.
    """

    name: str
    neurons: int
    cores: int
    spikes: float = 0.0
    active: float = 0.0
    inactive: float = 0.0
    synapses: float = 0.0
    messages: float = 0.0
    learnt: float = 0.0

    def energy(self, costs: Costs = DAVIES_2018) -> float:
        """Modelled energy of a trial, nJ."""
        parts = (
            self.synapses * costs.synapse,
            self.active * costs.active,
            self.inactive * costs.inactive,
            self.messages * costs.message,
            self.learnt * costs.learn,
        )
        return sum(parts) / 1e3

    def time(self, costs: Costs = DAVIES_2018) -> float:
        """Modelled time of a trial, us; its cores work in parallel."""
        parts = (
            self.synapses * costs.synapse_time,
            self.active * costs.active_time,
            self.inactive * costs.inactive_time,
            self.messages * costs.message_time,
            self.learnt * costs.learn_time,
        )
        return sum(parts) / self.cores / 1e3


@dataclass(frozen=True)
class Work:
    """Operations of a network, averaged over trials.

    Attributes:
        layers: one for each population, in update order; sources with their spikes and messages.
        presentations: number of trials.
        steps: of a trial.
    """

    layers: tuple[LayerEnergy, ...]
    presentations: int
    steps: int

    def energy(self, costs: Costs = DAVIES_2018) -> float:
        """Modelled energy of a trial without idle power, nJ."""
        return sum(layer.energy(costs) for layer in self.layers)

    def time(self, costs: Costs = DAVIES_2018) -> tuple[float, float]:
        """Modelled time of a trial, us: lower and upper bound.

        Lower: the busiest layer's cores, and the shortest barrier for each step. Upper: one layer after the
        other, and the longest barrier.
        """
        each = [layer.time(costs) for layer in self.layers]
        least, most = (self.steps * sync / 1e3 for sync in costs.sync)
        return max(each) + least, sum(each) + most


def work(network: Network, inputs: Mapping[str, Spikes], labels: npt.NDArray[np.int64] | None = None) -> Work:
    """Count the operations of a network over a batch of trials; its weights do not change.

    Args:
        network: any that an engine runs over trials; where it learns, the updates it would make are counted.
        inputs: source -> Spikes of B trials.
        labels: int64 (B,), the classes for targets.

    Raises:
        DataError: no trials, or inputs that do not fit.
        EngineError: a network without trials, a model without a normal form, or a rule that is not counted.
    """
    if network.window.endless:
        raise EngineError(
            "energy: operations are counted over trials, and this network is continuous; count those of "
            "network.inference(T), whose trials equal its first T steps"
        )
    normal_forms("energy", network)
    _check_rules(network)
    B = len(next(iter(inputs.values()), ()))
    if B == 0:
        raise DataError("energy: no trials were given; at least one is needed")
    running = engine(network)
    fans = {p.name: _mask(network, p) for p in network.projections}
    cores = cores_of(network)
    layers = {
        name: LayerEnergy(name, _neurons(network.populations[name]), cores[name]) for name in network.order
    }
    names = tuple(network.populations)
    for first in range(0, B, CHUNK):
        rows = slice(first, first + CHUNK)
        some = {name: spikes[rows] for name, spikes in inputs.items()}
        found = running.run(some, None if labels is None else labels[rows], names)
        _count(network, found, fans, cores, layers)
    for layer in layers.values():
        for quantity in ("spikes", "active", "inactive", "synapses", "messages", "learnt"):
            setattr(layer, quantity, getattr(layer, quantity) / B)
    return Work(tuple(layers.values()), B, network.steps)


def _neurons(population: Any) -> int:
    if is_source(population):
        return int(population.n)
    return int(population.n) * (2 if normal_form("energy", "it", population).form == "pair" else 1)


def _mask(network: Network, p: Any) -> list[tuple[int, npt.NDArray[np.float32]]]:
    """The number of synapses of each pair of neurons, for each delay: float32 (n_pre, n_post)."""
    shape = network.shape(p)
    pre, post, w, delays = p.edges(network.weights(p.name))
    found = []
    for delay in np.unique(delays):
        mine = (delays == delay) & (w != 0)
        mask = np.zeros(shape, np.float32)
        np.add.at(mask, (pre[mine], post[mine]), 1)
        found.append((int(delay), mask))
    return found


def cores_of(network: Network) -> dict[str, int]:
    """Number of Loihi cores for each population: by its neurons, and by its synapses of 8 bits.

    A source needs as many as hold its neurons, as the senders of its spikes.
    """
    per_core = LOIHI_1.limits["neurons_per_core"].high, LOIHI_1.limits["synapse_bits"].high
    assert per_core[0] is not None and per_core[1] is not None
    found = {}
    for name, p in network.populations.items():
        synapses = sum(_synapses(network, link) for link in network.incoming(name))
        found[name] = max(-(-_neurons(p) // per_core[0]), -(-synapses * WEIGHT_BITS // per_core[1]), 1)
    return found


def _synapses(network: Network, p: Any) -> int:
    return int(np.count_nonzero(p.edges(network.weights(p.name)).w))


def _count(
    network: Network,
    found: Recording,
    fans: Mapping[str, Any],
    cores: Mapping[str, int],
    layers: Mapping[str, LayerEnergy],
) -> None:
    """Add the operations of a chunk of trials to the layers."""
    for b in range(len(next(iter(found.spikes.values())))):
        rasters = {name: np.abs(s.raster(b)).astype(np.float32) for name, s in found.spikes.items()}
        for name, layer in layers.items():
            own = float(rasters[name].sum())
            layer.spikes += own
            layer.messages += own * sum(cores[p.post] for p in network.projections if p.pre == name)
            if not is_source(network.populations[name]):
                _count_neurons(network, name, rasters, fans, layer)
    for p in network.plastic:
        if isinstance(p, Conv2d):
            layers[p.post].learnt += _count_shared(p, found.counts[p.pre], found.counts[p.post])
            continue
        layers[p.post].learnt += UPDATES[type(p.plastic)](
            p.plastic, found.counts[p.pre], found.counts[p.post]
        )


def _count_products(rule: CountRule, pre: Counts, post: Counts) -> float:
    """Synapses whose count product is not 0, summed over trials; counts are (B, 2, n)."""
    sent = presynaptic(pre, rule.pre) != 0
    changed = post[:, 1] != post[:, 0]
    return float((sent.sum(axis=1) * changed.sum(axis=1)).sum())


def _count_shared(p: Conv2d, pre: Counts, post: Counts) -> float:
    """The same for the kernels of a convolution: products at all places that are not 0."""
    sent = presynaptic(pre, p.plastic.pre) != 0
    return float(p.shared(sent.astype(np.int64), (post[:, 1] != post[:, 0]).astype(np.int64)).sum())


# Rule -> (rule, counts of pre, counts of post) -> weight updates of these trials.
UPDATES: dict[type, Callable[[Any, Counts, Counts], float]] = {CountRule: _count_products}


def _check_rules(network: Network) -> None:
    """Refuse a rule whose weight updates cannot be counted.

    Raises:
        EngineError: names the projection, the rule, and the way to add it.
    """
    for p in network.plastic:
        if type(p.plastic) not in UPDATES:
            known = ", ".join(rule.__name__ for rule in UPDATES)
            raise EngineError(
                f"energy: {p.name} learns by {type(p.plastic).__name__}, and weight updates are counted of "
                f"{known}. Count the network's inference(), which learns nothing, or add the rule to "
                f"spikesim.hardware.energy.UPDATES"
            )


def _count_neurons(
    network: Network, name: str, rasters: Mapping[str, Any], fans: Mapping[str, Any], layer: LayerEnergy
) -> None:
    """Synaptic operations and neuron updates of one trial."""
    p, T = network.populations[name], network.window.T
    arrived = np.zeros((T, p.n), np.float32)
    for link in network.incoming(name):
        for delay, mask in fans[link.name]:
            brought = rasters[link.pre] @ mask
            layer.synapses += float(brought.sum(dtype=np.float64))
            later = network.offsets[link.pre] + delay - network.offsets[name]
            if later >= 0:
                arrived[later:] += brought[: max(T - later, 0)]
            else:
                arrived[:later] += brought[-later:]
    live = [t for t in range(T) if p.active_in in (None, network.window.phase(t))]
    busy = (arrived > 0) | (rasters[name] > 0) | (p.linear().bias != 0)
    active = float(busy[live].sum()) * (layer.neurons // p.n)
    layer.active += active
    layer.inactive += len(live) * layer.neurons - active
