"""The trials that `spikesim verify` and `spikesim export` compare: test samples of a run, or random input."""

from __future__ import annotations

import numpy as np

from spikesim.datasets.dataset import Split
from spikesim.encoders import Encoder
from spikesim.network import Network
from spikesim.rng import Stream
from spikesim.spikes import Spikes, from_raster

RATE = 0.2  # spikes per step of the random input of a network that comes without data


def given_steps(network: Network, source: str) -> int:
    """Steps of a trial for which a source is given spikes: those of the first phase where it replays them."""
    window = network.window
    return window.boundary if network.populations[source].replay else window.T


def encoded(network: Network, split: Split, encoder: Encoder, seed: int) -> dict[str, Spikes]:
    """Samples as input spikes of the network's first source, from a random stream that training does not use.

    Args:
        network: with trials.
        split: the samples, one a trial.
        encoder: of the run.
        seed: of the encoder.
    """
    source = network.sources[0]
    T = given_steps(network, source)
    return {source: encoder.encode(split.x, split.index, T, seed, 0, Stream.TEST)}


def random_input(network: Network, trials: int, rate: float, seed: int, steps: int) -> dict[str, Spikes]:
    """Random spikes for every source.

    Args:
        network: with trials or without.
        trials: how many; a network without trials has one.
        rate: probability of a spike per step and neuron.
        seed: of the spikes.
        steps: of a network without trials.
    """
    rs, endless = np.random.default_rng(seed), network.window.endless
    found = {}
    for name in network.sources:
        n = network.populations[name].n
        shape = (1, steps, n) if endless else (trials, given_steps(network, name), n)
        found[name] = from_raster((rs.random(shape) < rate).astype(np.int8))
    return found
