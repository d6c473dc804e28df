"""Dropout: neurons that take no part in a trial of the training.

Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014.

A neuron is drawn by (seed, epoch, sample, neuron), independent of the program and the number of threads. A
dropped source neuron sends no spikes; any other keeps its initial state. Instead of larger weights at the
end, the thresholds of the layers that receive from a population are lower during training, by the share that
it loses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from spikesim import grid, rng
from spikesim._jit import kernel
from spikesim.errors import DeclarationError, unknown
from spikesim.network import Network
from spikesim.network.scheduling import is_input, is_source
from spikesim.rng import Stream
from spikesim.spikes import Spikes

Masks = dict[str, npt.NDArray[np.bool_]]


def training_network(network: Network, dropout: Mapping[str, float]) -> Network:
    """The network with the thresholds of training: theta (1 - p), on the grid, where the inputs lose p.

    Raises:
        DeclarationError: an unknown population, a target, or a population whose inputs lose different shares.
    """
    for name in dropout:
        if name not in network.populations:
            raise DeclarationError(f"dropout: {unknown('population', name, network.populations)}")
        if is_source(network.populations[name]) and not is_input(network.populations[name]):
            raise DeclarationError(f"dropout: {name!r} is a target; only sources and neurons can be dropped")
    if not any(dropout.values()):
        return network
    lost: dict[str, float] = {}
    teaching = network.teaching()
    for name, p in dropout.items():
        for post in {q.post for q in network.projections if q.pre == name and q.post not in teaching}:
            if lost.setdefault(post, p) != p:
                raise DeclarationError(
                    f"dropout: the inputs of {post!r} lose different shares, {lost[post]} and {p}; give them "
                    f"the same"
                )
    populations = dict(network.populations)
    for name, p in lost.items():
        population = populations[name]
        theta = grid.rounded(np.asarray(population.theta) * (1 - p), population.grid)
        populations[name] = replace(population, theta=theta if theta.ndim else float(theta))
    return replace(network, populations=populations)


def masks(
    network: Network, dropout: Mapping[str, float], seed: int, epoch: int, index: npt.NDArray[np.int64]
) -> Masks:
    """The dropped neurons of the trials of samples: population -> bool (B, n).

    Args:
        network: the declaration.
        dropout: population -> probability.
        seed, epoch: select the random numbers.
        index: int64 (B,), the samples.
    """
    sizes = {name: network.populations[name].n for name in network.populations if dropout.get(name)}
    total = sum(sizes.values())
    if not total:
        return {}
    drawn = np.stack([rng.words(seed, Stream.DROPOUT, total, epoch, int(k)) for k in index])
    found, first = {}, 0
    for name, n in sizes.items():
        found[name] = drawn[:, first : first + n] < np.uint64(round(dropout[name] * 2**32))
        first += n
    return found


def without(spikes: Spikes, mask: npt.NDArray[np.bool_]) -> Spikes:
    """Spikes without those of the neurons in a mask, bool (B, n)."""
    times, neurons = np.empty_like(spikes.times), np.empty_like(spikes.neurons)
    offsets = np.zeros(len(spikes) + 1, np.int64)
    _keep(spikes.times, spikes.neurons, spikes.offsets, mask, times, neurons, offsets)
    last = offsets[-1]
    return Spikes.ordered(times[:last], neurons[:last], offsets, spikes.T, spikes.n)


@kernel
def _keep(times, neurons, given, mask, kept_times, kept_neurons, offsets):  # type: ignore[no-untyped-def]
    """Copy the spikes of neurons that are not in the mask; `given`, `offsets`: where each trial begins."""
    k = 0
    for b in range(mask.shape[0]):
        for a in range(given[b], given[b + 1]):
            kept_times[k], kept_neurons[k] = times[a], neurons[a]
            k += not mask[b, neurons[a]]
        offsets[b + 1] = k
