"""Backpropagation as the baseline of table 1: one hidden layer of tanh units, stochastic gradient descent."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from spikesim import rng
from spikesim.errors import DeclarationError
from spikesim.hopfield.mstdp.states import check_images, check_labels, uniform

Float32 = npt.NDArray[np.float32]
Loss = Literal["mse", "cross entropy"]
WEIGHTS = 2400  # index of the random stream of weights


class Mlp:
    """Perceptron with one hidden layer of tanh units, and sigmoid outputs ("mse") or softmax.

    Args:
        sizes: number of neurons of the input, the hidden and the output layer.
        loss: "mse" or "cross entropy".
        seed: of the weights and of the order of samples.

    Raises:
        DeclarationError: an unknown loss.
    """

    def __init__(self, sizes: tuple[int, int, int], loss: Loss, seed: int = 1) -> None:
        if loss not in ("mse", "cross entropy"):
            raise DeclarationError(f"Mlp: loss = {loss!r}; known: 'mse', 'cross entropy'")
        self.sizes, self.loss, self.seed = sizes, loss, seed
        self.w = [
            (np.sqrt(6 / (m + n)) * uniform(seed, (m, n), WEIGHTS + k)).astype(np.float32)
            for k, (m, n) in enumerate(pairwise(sizes))
        ]
        self.b = [np.zeros(n, np.float32) for n in sizes[1:]]

    def forward(self, x: Float32) -> tuple[Float32, Float32]:
        """Activations of the hidden layer (B, hidden) and of the output (B, classes)."""
        hidden = np.tanh(x @ self.w[0] + self.b[0])
        drive = hidden @ self.w[1] + self.b[1]
        if self.loss == "mse":
            return hidden, _sigmoid(drive)
        drive -= drive.max(axis=1, keepdims=True)
        e = np.exp(drive)
        return hidden, e / e.sum(axis=1, keepdims=True)

    def train(self, x: npt.ArrayLike, y: npt.ArrayLike, epochs: int, eta: float, batch: int = 32) -> None:
        """Train by gradient descent on batch means; the learning rate falls to 0 along half a cosine.

        Args:
            x: images in [0, 1], (samples, inputs).
            y: classes, (samples,).
            epochs: passes over the data, each in a new order.
            eta: initial learning rate.
            batch: samples of a step.

        Raises:
            DataError: images or labels out of range.
        """
        images = check_images(x, self.sizes[0], "backprop")
        labels = check_labels(y, len(images), self.sizes[-1], "backprop")
        steps, done = epochs * (len(labels) // batch), 0
        for epoch in range(epochs):
            order = rng.permutation(self.seed, len(labels), epoch)
            for start in range(0, len(labels) - batch + 1, batch):
                rows = order[start : start + batch]
                rate = eta * 0.5 * (1 + np.cos(np.pi * done / steps))
                self._step(images[rows], labels[rows], np.float32(rate))
                done += 1

    def accuracy(self, x: npt.ArrayLike, y: npt.NDArray[np.int64]) -> float:
        """Accuracy as a fraction."""
        return float(np.mean(self.classes(x) == y))

    def classes(self, x: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Class of each image, int64 (samples,)."""
        return self.forward(check_images(x, self.sizes[0], "backprop"))[1].argmax(axis=1)

    def _step(self, x: Float32, y: npt.NDArray[np.int64], rate: np.float32) -> None:
        hidden, out = self.forward(x)
        error = out.copy()
        error[np.arange(len(y)), y] -= 1
        if self.loss == "mse":
            error *= 2 * out * (1 - out)
        error /= len(y)
        back = (error @ self.w[1].T) * (1 - hidden * hidden)
        for k, (pre, delta) in enumerate(((x, back), (hidden, error))):
            self.w[k] -= rate * (pre.T @ delta)
            self.b[k] -= rate * delta.sum(axis=0)


def _sigmoid(x: Float32) -> Float32:
    return 0.5 + 0.5 * np.tanh(0.5 * x)
