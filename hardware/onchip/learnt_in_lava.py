"""What a run of Lava has learnt, whatever the construction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikesim.hardware.lava.session import Tap
from spikesim.hardware.onchip.bias import Biases
from spikesim.hardware.onchip.graph import LearnerGraph
from spikesim.hardware.onchip.learner import Ints, Learner
from spikesim.spikes import Spikes

Given = Spikes | Biases  # the spikes of one phase, or what drives the input's neurons
INPUT: Tap = ("s", "input", 0)


class LavaLearnt(NamedTuple):
    """What a run of Lava gave.

    Attributes:
        weights: int64 (n_pre, n) of each layer, in units of its weights.
        counts: int32 (B, 2, L + 1, n), as in `Learnt`.
        errors: int32 (B, L + 1, n), signed counts of the error neurons, by layer.
        processes: number of Lava's processes.
        seconds: of the run, without building and reading the weights.
    """

    weights: tuple[Ints, ...]
    counts: npt.NDArray[np.int32]
    errors: npt.NDArray[np.int32]
    processes: int
    seconds: float


class Counts:
    """Spike counts by trial, phase and layer, which a run fills.

    Attributes:
        counts, errors: as in `LavaLearnt`.
    """

    def __init__(self, learner: Learner, given: Given) -> None:
        self._learner = learner
        L, most = len(learner.layers), max(learner.sizes)
        self.counts = np.zeros((len(given), 2, L + 1, most), np.int32)
        self.errors = np.zeros((len(given), L + 1, most), np.int32)
        if isinstance(given, Spikes):
            self.counts[:, :, 0, : given.n] = given.counts()[:, None]

    def add(self, phase: int, sent: Mapping[Tap, Any]) -> None:
        """Add spikes of a phase, counted over the trials from 0.

        Args:
            phase: its number.
            sent: spikes by population: INPUT (n,) where it is not known, layers (n,), error neurons (2 n,).
        """
        trial, own = divmod(phase, 2)
        if INPUT in sent:
            self.counts[trial, own, 0, : self._learner.n_in] += sent[INPUT].astype(np.int32)
        for k, layer in enumerate(self._learner.layers, 1):
            self.counts[trial, own, k, : layer.n] += sent["s", layer.name, 0].astype(np.int32)
            both = sent["s", f"error:{layer.name}", 0].astype(np.int32)
            self.errors[trial, k, : layer.n] += both[: layer.n] - both[layer.n :]


def read_weights(graph: LearnerGraph) -> tuple[Ints, ...]:
    """Learnt weights (n_pre, n) of each layer as integers; every one is a whole number of units."""
    found = []
    for dense, layer in zip(graph.plastic, graph.learner.layers, strict=True):
        unit = 1.0 if graph.learner.arithmetic == "fixed" else layer.unit
        w = np.asarray(dense.weights.get(), np.float64).T / unit
        counts = np.round(w)
        assert (counts == w).all(), "a weight of Lava is off the grid"
        found.append(counts.astype(np.int64))
    return tuple(found)
