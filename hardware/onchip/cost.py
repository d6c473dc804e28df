"""What a learner takes on Loihi: compartments, synapses, axons and cores, from published limits. Modelled.

A core is filled by the first limit that is reached: compartments, synaptic memory, axons. Placement is not
computed, so that the number of cores is a lower bound. A plastic synapse takes 8 bits of weight and 8 of tag;
a fixed one 8 bits. The host's step and what lies between chip and host are not modelled.

The energy and the time of a training trial are counted operations times the costs of Loihi's publication
(Davies 2018, see `spikesim.hardware.energy`): spikes times synapses, every compartment in every step, taken
as active, and in each of the two epochs every plastic synapse of an input that has fired.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesim.hardware.energy import DAVIES_2018, Costs
from spikesim.hardware.limits import hardware_limits
from spikesim.hardware.onchip.graph import LINES
from spikesim.hardware.onchip.learner import Learner
from spikesim.hardware.onchip.twin import Learnt

CHIPS = ("loihi1", "loihi2")
PLASTIC_BITS, FIXED_BITS = 16, 8


@dataclass(frozen=True)
class Taken:
    """What a learner takes.

    Attributes:
        compartments: neurons and error neurons, and latches of the gates.
        learning: compartments whose synapses learn.
        plastic, fixed: synapses.
        axons: sources and neurons whose spikes go to a core, each once for each layer that it reaches.
        cores: at least, by chip.
        tightest: the limit that asks for most cores, by chip.
    """

    compartments: int
    learning: int
    plastic: int
    fixed: int
    axons: int
    cores: dict[str, int]
    tightest: dict[str, str]


def taken(learner: Learner) -> Taken:
    """Compartments, synapses, axons and cores of the graph of a learner."""
    layers, labels = learner.layers, learner.layers[-1].n
    neurons = sum(layer.n for layer in layers)
    latches = sum(layer.n for layer in layers[:-1]) if learner.gate else 0
    plastic = sum(layer.w.size for layer in layers)
    fixed = 4 * labels + 2 * neurons  # label and output to loss, injection
    fixed += sum(4 * learner.above(k).n * layer.n for k, layer in enumerate(layers[:-1]))
    fixed += 2 * neurons + latches * (2 + 2 + 2 + 2)  # closing; partner, itself, teacher's lines, opening
    axons = sum(learner.sizes) + 2 * neurons + latches + labels + LINES
    axons += 2 * sum(layer.n for layer in layers[1:])  # error neurons reach the layer below, too
    total = 3 * neurons + latches
    cores, tightest = {}, {}
    for name in CHIPS:
        needs = {
            "compartments": (total, hardware_limits(name).limit("neurons_per_core")),
            "synaptic memory": (
                plastic * PLASTIC_BITS + fixed * FIXED_BITS,
                hardware_limits(name).limit("synapse_bits"),
            ),
            "input axons": (axons, hardware_limits(name).limit("axons_in")),
        }
        each = {what: -(-used // limit.high) for what, (used, limit) in needs.items() if limit and limit.high}
        tightest[name] = max(each, key=lambda what: each[what])
        cores[name] = each[tightest[name]]
    return Taken(total, neurons, plastic, fixed, axons, cores, tightest)


@dataclass(frozen=True)
class Update:
    """Operations of a training trial, on average, and what they cost.

    Attributes:
        synapses: synaptic operations.
        neurons: neuron updates.
        learnt: visits of plastic synapses by the learning engine.
        energy: modelled, uJ, without idle power.
        time: modelled, ms: at least, with the cores of Loihi 1 working in parallel.
    """

    synapses: float
    neurons: float
    learnt: float
    energy: float
    time: float


def update_cost(
    learner: Learner, learnt: Learnt, error_spikes: list[float], costs: Costs = DAVIES_2018
) -> Update:
    """The modelled cost of a training trial.

    Args:
        learner: the learner.
        learnt: trials that it has learnt.
        error_spikes: of each layer, in a trial.
        costs: of the operations.
    """
    sizes, need = learner.sizes, taken(learner)
    fired = learnt.counts.sum(axis=(1, 3)).mean(axis=0)  # by layer, the input first
    synapses = sum(float(fired[k]) * sizes[k + 1] for k in range(len(sizes) - 1))
    synapses += 2 * float(fired[-1]) + 2 * float(learner.label.sum())
    for k, spikes in enumerate(error_spikes):
        below = range(k) if learner.feedback == "dfa" and k == len(sizes) - 2 else range(max(k - 1, 0), k)
        onto = sum(2 * sizes[j + 1] for j in below if learner.feedback != "dfa" or k == len(sizes) - 2)
        synapses += spikes * (1 + onto)
    closed = learner.half + len(learner.layers) + 1
    synapses += closed * 2 * sum(sizes[1:])
    neurons = float(need.compartments * learner.T)
    x = learnt.counts[:, 1]
    active = [(x[:, k, : sizes[k]] > 0).sum(axis=1).mean() for k in range(len(sizes) - 1)]
    visits = 2 * float(np.dot(active, sizes[1:]))
    energy = synapses * costs.synapse + neurons * costs.active + visits * costs.learn
    time = synapses * costs.synapse_time + neurons * costs.active_time + visits * costs.learn_time
    least = time / need.cores["loihi1"] + learner.T * costs.sync[0]
    return Update(synapses, neurons, visits, energy / 1e6, least / 1e6)
