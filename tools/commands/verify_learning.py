"""`spikesim verify --learn --against lava-learning-float`: a learner on the chip in Lava against its twin."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikesim.datasets.dataset import Dataset
from spikesim.errors import DeclarationError
from spikesim.hardware.onchip.compare import LearningVerdict, compare_learning
from spikesim.hardware.onchip.declare import learner
from spikesim.hardware.onchip.lava import Construction
from spikesim.network import Network
from spikesim.spikes import Spikes, from_raster
from spikesim.tools.commands.display import Display
from spikesim.training.run import Run

NAMES = (
    "lava-learning-device-fixed",
    "lava-learning-device-float",
    "lava-learning-fixed",
    "lava-learning-float",
)


def is_learning(name: str) -> bool:
    """Whether a backend to verify against is Lava as a learner."""
    return name in NAMES


def verify_learning(
    network: Network,
    trained: tuple[Run, Dataset] | None,
    against: str,
    samples: int,
    rate: float,
    seed: int,
    learn: bool,
    display: Display,
) -> LearningVerdict:
    """Train a network on the chip's graph in Lava, and in the twin, and compare all counts and weights.

    Args:
        network: with the weights from which it learns on.
        trained: its run and data, whose first test samples are learnt; None for random input and labels.
        against: one of NAMES; "device" is the graph without the host.
        samples: number of trials.
        rate, seed: of the random input.
        learn: must be true.
        display: prints what the learner changes of the network.

    Raises:
        DeclarationError: without `learn`.
        EngineError, LimitError: the graph, or the chip, cannot hold the network.
        MissingExtraError: Lava is not installed.
    """
    if not learn:
        raise DeclarationError(f"verify: {against} compares learning; add --learn")
    one = learner(network, "fixed" if against.endswith("fixed") else "float", nearest_eta=True)
    for note in one.notes:
        display.say(f"{against}: {note}")
    where: Construction = "device" if "-device-" in against else "host"
    if trained is None:
        given, labels = _random(network, one.active, one.layers[-1].n, samples, rate, seed)
        return compare_learning(one, given, labels, where)
    run, dataset = trained
    split = dataset.test.take(samples)
    spikes = run.encoder.encode(split.x, split.index, one.active, run.training.seed)
    return compare_learning(one, spikes, split.y, where)


def _random(
    network: Network, steps: int, classes: int, samples: int, rate: float, seed: int
) -> tuple[Spikes, Any]:
    rs = np.random.default_rng(seed)
    n = network.populations[network.sources[0]].n
    raster = rs.random((samples, steps, n)) < rate
    return from_raster(raster.astype(np.int8)), rs.integers(0, classes, samples)
