"""Training a twin on a dataset: epochs in random order, encoded as they are needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim import rng
from spikesim.encoders import Encoder
from spikesim.hardware.onchip.learner import EXPONENTS
from spikesim.hardware.onchip.twin import Twin
from spikesim.rng import Stream

CHUNK = 1000  # trials whose spikes are held at once


@dataclass(frozen=True)
class Course:
    """How a learner is trained.

    Attributes:
        encoder: of the intensities.
        seed: of the order and of the encoder.
        epochs: passes over the samples.
        halved: epochs after which all learning rates are halved: the host writes a new exponent. The smallest
            exponent of fixed point stays.
    """

    encoder: Encoder
    seed: int = 1
    epochs: int = 1
    halved: tuple[int, ...] = ()

    def train(
        self, twin: Twin, split: Any, say: Callable[[str], None] = lambda text: None, first: int = 0
    ) -> list[float]:
        """Train, and return the online accuracy of each epoch.

        Args:
            twin: changed by training.
            split: samples: x, y and index, as a dataset's `Split`.
            say: told of every epoch.
            first: number of the first epoch: other numbers give another order, and other Poisson spikes.
        """
        found = []
        for epoch in range(self.epochs):
            order = rng.permutation(self.seed, len(split.y), first + epoch)
            right = 0
            for rows in np.array_split(order, -(-len(order) // CHUNK)):
                spikes = self.encoder.encode(
                    split.x[rows], split.index[rows], twin.learner.active, self.seed, first + epoch
                )
                right += int((twin.train(spikes, split.y[rows]).predictions == split.y[rows]).sum())
            found.append(right / len(order))
            say(f"epoch {epoch + 1}: {100 * found[-1]:.2f} % online")
            if epoch + 1 in self.halved:
                fixed = twin.learner.arithmetic == "fixed"
                twin.etas = [max(eta - 1, EXPONENTS[0]) if fixed else eta - 1 for eta in twin.etas]
        return found

    def predictions(self, twin: Twin, split: Any) -> npt.NDArray[np.int64]:
        """The classes (B,) of samples, from a random stream that training does not use."""
        found = []
        for first in range(0, len(split.y), CHUNK):
            rows = slice(first, first + CHUNK)
            spikes = self.encoder.encode(
                split.x[rows], split.index[rows], twin.learner.active, self.seed, 0, Stream.TEST
            )
            found.append(twin.classify(spikes).predictions)
        return np.concatenate(found)

    def accuracy(self, twin: Twin, split: Any, classes: Sequence[int] | None = None) -> float:
        """Share of samples that are classified right; of some classes, or of all."""
        chosen = np.ones(len(split.y), bool) if classes is None else np.isin(split.y, classes)
        return float((self.predictions(twin, split)[chosen] == split.y[chosen]).mean())
