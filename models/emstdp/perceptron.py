"""A multi-class perceptron on spike counts: the fast rival of EMSTDP in learning that goes on.

It reads the same spikes as the spiking network: the counts h of the input neurons in a phase of T / 2 steps.

    y = w^T h / (T / 2) + b
    delta rule:   w += eta h / (T / 2) (target - y)^T,   b += eta (target - y)

target is 1 for the true class and 0 for the others. The class of the largest y is predicted, before the
sample is learnt.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from spikesim.datasets.dataset import Split
from spikesim.encoders import Encoder
from spikesim.errors import DeclarationError
from spikesim.rng import Stream

Reals = npt.NDArray[np.float64]
CHUNK = 500


class Perceptron:
    """A perceptron with the delta rule, learnt online in float64.

    Attributes:
        w, b: float64 (inputs, classes) and (classes,), initially 0.
        eta: learning rate.
        steps: steps T / 2 in which input spikes are counted.
        encoder, seed: the encoder of the samples and its seed, as in `Learner`.

    Raises:
        DeclarationError: a size or a learning rate out of range.
    """

    def __init__(
        self, inputs: int, classes: int, eta: float, steps: int, encoder: Encoder, seed: int = 1
    ) -> None:
        for name, value in (("inputs", inputs), ("classes", classes), ("steps", steps)):
            if value < 1:
                raise DeclarationError(f"Perceptron: {name} = {value!r}; it must be at least 1")
        if not (np.isfinite(eta) and eta >= 0):
            raise DeclarationError(f"Perceptron: eta = {eta!r}; a finite learning rate >= 0 is needed")
        self.w, self.b = np.zeros((inputs, classes)), np.zeros(classes)
        self.eta, self.steps, self.encoder, self.seed = eta, steps, encoder, seed

    def learn(self, split: Split, epoch: int = 0) -> npt.NDArray[np.int64]:
        """Learn the samples of a split in their order; see `Learner.learn`."""
        found = np.zeros(len(split), np.int64)
        for first in range(0, len(split), CHUNK):
            rates = self._rates(split, slice(first, first + CHUNK), epoch, Stream.INPUT)
            for k, (x, label) in enumerate(zip(rates, split.y[first : first + CHUNK], strict=True), first):
                y = x @ self.w + self.b
                found[k] = int(np.argmax(y))
                error = -y
                error[label] += 1.0
                self.w += self.eta * np.outer(x, error)
                self.b += self.eta * error
        return found

    def accuracy(self, split: Split) -> float:
        """Share of correct predictions for the samples of a split."""
        right = 0
        for first in range(0, len(split), CHUNK):
            rows = slice(first, first + CHUNK)
            y = self._rates(split, rows, 0, Stream.TEST) @ self.w + self.b
            right += int((y.argmax(axis=1) == split.y[rows]).sum())
        return right / len(split)

    def _rates(self, split: Split, rows: slice, epoch: int, stream: Stream) -> Reals:
        """Spikes per step of each input, float64 (samples, inputs)."""
        spikes = self.encoder.encode(split.x[rows], split.index[rows], self.steps, self.seed, epoch, stream)
        trial = np.repeat(np.arange(len(spikes)), np.diff(spikes.offsets))
        counts = np.bincount(trial * spikes.n + spikes.neurons, minlength=len(spikes) * spikes.n)
        return counts.reshape(len(spikes), spikes.n) / self.steps
