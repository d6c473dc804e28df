"""Baselines of table 2 and fig. 6 without spikes: back-propagation (BP-MLP) and EMSTDP on rates (EMSTDP-MLP).

Weights are in units of the threshold, w / theta, and activities h are rates in place of spike counts. f is
eq. 4 without the brackets; a hidden neuron fires at most once a step: f(u) = min(max(u, 0), 1).

    u_i = h_{i-1} w_i + b_i,  h_i = f(u_i), in the output h_l = u_l     eqs. 4 to 6
    e_l = target_rate [class] - h_l                                     section 3.4
    e_i = e_{i+1} w_{i+1}^T (SW), e_{i+1} B_i (FA) or e_l B_i (DFA)     eqs. 7 and 8, section 3.5
    e_i = 0 in hidden layers where u_i <= 0                             the h' of eqs. 5 and 11 (`gate`)
    h_hat_i = f(u_i + gamma e_i), in the output u_l + gamma e_l         eq. 13
    dw_i = eta h_{i-1}^T (h_hat_i - h_i),  db_i = eta (h_hat_i - h_i)   eq. 12

Where no hidden neuron is saturated or changes between silent and active, dw is gamma eta times the negative
gradient of half the squared error; elsewhere h_hat - h is cut (section 4.2: it "doesn't purely represent the
error derivative"). Updates are averaged over a batch, and eta falls linearly to 0. BP-MLP has hidden layers
max(u, 0), linear outputs with softmax and cross-entropy, and the exact gradient.

Differs from the paper, which does not print how its baselines are trained: linear outputs (a silent output of
DFA takes no error and stays silent), the batch, the schedule, the loss of BP-MLP, and the initial weights,
which are normal with standard deviation sqrt(2 / n) for BP (section 4, [5]) and 1 / (n beta) for EMSTDP
(theta = n sigma beta), for n inputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from spikesim import rng
from spikesim.datasets.dataset import Split
from spikesim.errors import DataError, DeclarationError, unknown
from spikesim.files.checkpoint import digest_arrays
from spikesim.files.plain_values import plain_fields
from spikesim.grid import whole
from spikesim.rng import Stream

Float32 = npt.NDArray[np.float32]
CHUNK = 5000  # samples whose classes are read at a time


@dataclass(frozen=True)
class RateModel:
    """Configuration of a baseline.

    Attributes:
        sizes: number of neurons of the input, of each hidden layer and of the output.
        rule: "emstdp", or "bp" (back-propagation), which uses sizes, eta and batch only.
        feedback: "symmetric" (SW), "fa" or "dfa".
        eta: learning rate at the start, > 0.
        gamma: factor of the injected error, > 0.
        gate: hidden neurons that are silent take no error.
        target_rate: target of the true class, > 0; the others have 0.
        beta_hidden, beta_out: of the initial weights, > 0.
        b_scale: standard deviation of the fixed feedback in units of that of the initial weights into the
            layer above, > 0.
        b_centred: Differs from the paper: the fixed feedback of each neuron has the mean 0 over its sources.
        batch: samples of an update, >= 1.

    Raises:
        DeclarationError: a field is out of range.
    """

    sizes: tuple[int, ...]
    rule: Literal["emstdp", "bp"] = "emstdp"
    feedback: Literal["symmetric", "fa", "dfa"] = "symmetric"
    eta: float = 0.5
    gamma: float = 1.0
    gate: bool = True
    target_rate: float = 0.3
    beta_hidden: float = 0.125
    beta_out: float = 0.3
    b_scale: float = 1.0
    b_centred: bool = False
    batch: int = 16

    def __post_init__(self) -> None:
        plain_fields(self)
        if len(self.sizes) < 2 or not all(whole(n, 1) for n in self.sizes):
            raise DeclarationError(
                f"RateModel: sizes = {self.sizes}; whole numbers >= 1 for the input, hidden layers and the "
                f"output are needed"
            )
        for name, known in (("rule", ("emstdp", "bp")), ("feedback", ("symmetric", "fa", "dfa"))):
            if getattr(self, name) not in known:
                raise DeclarationError(f"RateModel: {unknown(name, getattr(self, name), known)}")
        for name in ("eta", "gamma", "target_rate", "beta_hidden", "beta_out", "b_scale"):
            if not 0 < getattr(self, name) < 1e6:
                raise DeclarationError(f"RateModel: {name} = {getattr(self, name)!r}; must lie in (0, 1e6)")
        if not whole(self.batch, 1):
            raise DeclarationError(f"RateModel: batch = {self.batch!r}; a whole number >= 1 is needed")


class Changes(NamedTuple):
    """What a batch changes before the learning rate, and what it shows.

    Attributes:
        weights, biases: mean changes by layer, float32 (n_pre, n_post) and (n_post,).
        right: number of samples whose class was read correctly before the change.
    """

    weights: list[Float32]
    biases: list[Float32]
    right: int


class RateNetwork:
    """A network of rates with its weights.

    Args:
        model: configuration.
        seed: of the initial weights, the fixed feedback and the order of samples.

    Attributes:
        w, b: weights (n_pre, n_post) and biases (n_post,) by layer, float32.
        fixed: fixed feedback (n_source, n) to each hidden layer; empty for symmetric feedback and BP.
    """

    def __init__(self, model: RateModel, seed: int = 1) -> None:
        self.model, self.seed = model, seed
        shapes = list(pairwise(model.sizes))
        sigma = [self._sigma(layer) for layer in range(len(shapes))]
        self.w = [
            (rng.normal(seed, Stream.WEIGHTS, shape, index=layer + 1) * sigma[layer]).astype(np.float32)
            for layer, shape in enumerate(shapes)
        ]
        self.b: list[Float32] = [np.zeros(n, np.float32) for _, n in shapes]
        self.fixed: list[Float32] = []
        if model.rule == "emstdp" and model.feedback != "symmetric":
            for layer in range(1, len(shapes)):
                n = model.sizes[-1] if model.feedback == "dfa" else model.sizes[layer + 1]
                draw = rng.normal(seed, Stream.FEEDBACK, (n, model.sizes[layer]), index=layer)
                if model.b_centred:
                    draw -= draw.mean(axis=0)
                self.fixed.append((draw * sigma[layer] * model.b_scale).astype(np.float32))

    def _sigma(self, layer: int) -> float:
        """Standard deviation of the initial weights of a layer, counted from 0."""
        n, last = self.model.sizes[layer], layer == len(self.model.sizes) - 2
        if self.model.rule == "bp":
            return float(np.sqrt(2 / n))
        return 1 / (n * (self.model.beta_out if last else self.model.beta_hidden))

    def forward(self, x: Float32) -> tuple[list[Float32], list[Float32]]:
        """Drives u_1 .. u_l and rates h_0 .. h_l of samples x (B, inputs)."""
        drives, rates = [], [x]
        for w, b in zip(self.w, self.b, strict=True):
            drives.append(rates[-1] @ w + b)
            rates.append(self._rate(drives[-1]))
        rates[-1] = drives[-1]
        return drives, rates

    def _rate(self, drive: Float32) -> Float32:
        """The rates f(u) of a hidden layer."""
        return np.maximum(drive, 0) if self.model.rule == "bp" else np.minimum(np.maximum(drive, 0), 1)

    def changes(self, x: Float32, y: npt.NDArray[np.int64]) -> Changes:
        """Mean changes of weights and biases by samples x (B, inputs) of classes y (B,), for eta = 1."""
        drives, rates = self.forward(x)
        moved = self._gradient(drives, rates, y) if self.model.rule == "bp" else self._moved(drives, rates, y)
        n = len(x)
        return Changes(
            [pre.T @ d / n for pre, d in zip(rates[:-1], moved, strict=True)],
            [d.sum(axis=0) / n for d in moved],
            int((rates[-1].argmax(axis=1) == y).sum()),
        )

    def _moved(self, drives: list[Float32], rates: list[Float32], y: npt.NDArray[np.int64]) -> list[Float32]:
        """h_hat - h of each layer."""
        output = -rates[-1]
        output[np.arange(len(y)), y] += self.model.target_rate
        errors = [output]
        for layer in range(len(self.w) - 1, 0, -1):
            above = output if self.model.feedback == "dfa" else errors[0]
            e = above @ (self.fixed[layer - 1] if self.fixed else self.w[layer].T)
            errors.insert(0, e * (drives[layer - 1] > 0) if self.model.gate else e)
        gamma = self.model.gamma
        hidden = zip(drives[:-1], errors[:-1], rates[1:-1], strict=True)
        return [*(self._rate(u + gamma * e) - h for u, e, h in hidden), gamma * output]

    def _gradient(
        self, drives: list[Float32], rates: list[Float32], y: npt.NDArray[np.int64]
    ) -> list[Float32]:
        """The negative gradient of the cross-entropy with respect to the drives of each layer."""
        p = np.exp(rates[-1] - rates[-1].max(axis=1, keepdims=True))
        p /= -p.sum(axis=1, keepdims=True)
        p[np.arange(len(y)), y] += 1
        errors = [p]
        for layer in range(len(self.w) - 1, 0, -1):
            errors.insert(0, (errors[0] @ self.w[layer].T) * (drives[layer - 1] > 0))
        return errors

    def learn(self, split: Split, epochs: int, samples: int | None = None) -> Iterator[float]:
        """Train; yields after each epoch the share of samples read correctly before their update.

        Args:
            split: samples to learn.
            epochs: number of epochs; eta falls linearly to 0 over them.
            samples: samples of an epoch, drawn anew in each; None for the whole split.

        Raises:
            DataError: samples that do not fit the network, or more than the split has.
        """
        self._check(split, samples)
        per_epoch, batch = samples or len(split), self.model.batch
        for epoch in range(epochs):
            order, right = rng.permutation(self.seed, len(split), epoch)[:per_epoch], 0
            for first in range(0, per_epoch, batch):
                rows = order[first : first + batch]
                found = self.changes(split.x[rows], split.y[rows])
                right += found.right
                share = (epoch * per_epoch + first) / (epochs * per_epoch)
                eta = self.model.eta * (1 - share)
                for array, change in zip([*self.w, *self.b], [*found.weights, *found.biases], strict=True):
                    array += eta * change
            yield right / per_epoch

    def _check(self, split: Split, samples: int | None) -> None:
        n_in, n_out = self.model.sizes[0], self.model.sizes[-1]
        if split.x.shape[1] != n_in or split.y.max() >= n_out:
            raise DataError(
                f"the data has {split.x.shape[1]} inputs per sample and labels up to {split.y.max()}, but "
                f"the network {n_in} inputs and {n_out} outputs; adapt the sizes"
            )
        if samples is not None and not (whole(samples, 1) and samples <= len(split)):
            raise DataError(f"samples = {samples!r} per epoch; a whole number in 1..{len(split)} is needed")

    def accuracy(self, split: Split) -> float:
        """Share of the samples of a split whose class has the highest output, 0 to 1."""
        right = 0
        for first in range(0, len(split), CHUNK):
            rows = slice(first, first + CHUNK)
            right += int((self.forward(split.x[rows])[1][-1].argmax(axis=1) == split.y[rows]).sum())
        return right / len(split)

    @property
    def weights_sha256(self) -> str:
        """SHA-256 of weights and biases, in hex."""
        arrays: dict[str, Any] = {f"w{k}": w for k, w in enumerate(self.w)}
        return digest_arrays(arrays | {f"b{k}": b for k, b in enumerate(self.b)})
