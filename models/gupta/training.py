"""Training, evaluation and attack of a rate network, by Gupta's rule or by backpropagation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from spikesim import rng
from spikesim.datasets.dataset import check_values
from spikesim.errors import DataError, DeclarationError, unknown
from spikesim.models.gupta.association import Codes, fed_back, fixed_codes, output_codes
from spikesim.models.gupta.config import Gupta
from spikesim.rates.adam import Adam
from spikesim.rates.attack import fgsm, pgd
from spikesim.rates.backprop import gradients, input_gradient
from spikesim.rates.divergence import check_norm
from spikesim.rates.mlp import Floats, RateMLP, uniform_mlp

Labels = npt.NDArray[np.int64]
Inputs = npt.NDArray[np.floating]
Samples = tuple[Inputs, Labels]
REMEDIES = "a larger eps (1e-2), a clip (1), a smaller rate"


@dataclass
class Model:
    """A trained network.

    Attributes:
        config: the configuration that it was trained with.
        seed: of weights, associations and order.
        net: weights and biases.
        codes: fixed Z of every layer by class, which the rule used unless Z was fed back.
        curve: a record for each measured epoch: its number, counted from 1, and accuracies in % by name.
    """

    config: Gupta
    seed: int
    net: RateMLP
    codes: Codes
    curve: list[dict[str, float]] = field(default_factory=list)

    def rates(self, x: Inputs) -> Floats:
        """Rates of the output for inputs (B, n), float64 (B, n_out)."""
        return self.net.output(coded(self.config, x))

    def predict(self, x: Inputs) -> Labels:
        """Class of each sample, int64 (B,): rate >= 1/2 for one output, else the output of highest rate."""
        p = self.rates(x)
        return (p[:, 0] >= 0.5).astype(np.int64) if p.shape[1] == 1 else p.argmax(axis=1).astype(np.int64)

    def gradient(self, x: Floats, y: Labels) -> Floats:
        """Gradient of the cross-entropy of each sample with respect to its input, float64 (B, n)."""
        rates = self.net.forward(coded(self.config, x))
        g = input_gradient(self.net, rates, targets(y, self.net.sizes[-1]))
        n = self.config.sizes[0]
        return g[:, :n] - g[:, n:] if self.config.coding == "complement" else g


def train(
    config: Gupta,
    x: Inputs,
    y: Labels,
    seed: int = 1,
    measure: dict[str, Samples] | None = None,
    epochs: int | None = None,
    draw: Callable[[int], Labels] | None = None,
    every: int = 1,
) -> Model:
    """Train a network.

    Args:
        config: sizes, rule, optimiser.
        x: (n, features) in [0, 1].
        y: int64 (n,): 0 and 1 for one output, else 0 .. n_out - 1.
        seed: of weights, associations and order; the same seed gives the same weights, bit for bit.
        measure: name -> (x, y); the accuracy on each is recorded in the curve.
        epochs: replaces the epochs of the configuration.
        draw: epoch -> rows of that epoch, in their order; None for all rows, shuffled.
        every: epochs between two records of the curve; the last epoch is always recorded.

    Raises:
        DataError: labels of other classes, inputs outside [0, 1], or lengths that do not match.
        DivergenceError: weights that are not finite, or with a norm above 1e6; raised at the step where it
            happens.
    """
    check_samples(config, x, y, "train")
    for name, (other_x, other_y) in (measure or {}).items():
        check_samples(config, other_x, other_y, name)
    model = initial(config, seed)
    adam = Adam(model.net.arrays, config.adam)
    last = config.epochs if epochs is None else epochs
    for epoch in range(last):
        rows = rng.permutation(seed, len(y), epoch) if draw is None else draw(epoch)
        learn(model, adam, x, y, rows)
        if (epoch + 1) % every == 0 or epoch + 1 == last:
            found = {name: evaluate(model, *samples) for name, samples in (measure or {}).items()}
            model.curve.append({"epoch": epoch + 1, **found})
    return model


def initial(config: Gupta, seed: int) -> Model:
    """The network of a configuration before its training, with the associations of a seed."""
    sizes = (config.inputs, *config.sizes[1:])
    net = uniform_mlp(sizes, seed, config.bias_start if config.bias else 0.0)
    return Model(config, seed, net, fixed_codes(sizes, seed))


def learn(model: Model, adam: Adam, x: Inputs, y: Labels, rows: Labels) -> None:
    """Train on the given rows once, in their order and batch by batch.

    Args:
        model: the network, changed in place.
        adam: the optimiser of `model.net.arrays`.
        x, y: samples and classes as in `train`, which checks them.
        rows: int64, rows of x; a row may occur several times.

    Raises:
        DivergenceError: as in `train`.
    """
    config, good = model.config, model.net.copy()
    for first in range(0, len(rows), config.batch):
        mine = rows[first : first + config.batch]
        rates = model.net.forward(coded(config, x[mine]))
        check_norm(adam.ascend(directions(model, rates, y[mine])), adam.steps, REMEDIES, good)


def directions(model: Model, rates: list[Floats], y: Labels) -> list[Floats]:
    """Directions of ascent for Adam: the update of the rule, or the negative gradient.

    Args:
        model: the network, its configuration and its associations.
        rates: rates of every layer, input first, float64 (B, n) each: of sigmoids, or spike counts / T.
        y: int64 (B,), the classes.

    Returns:
        One array for each of `model.net.arrays`, of the same shape.
    """
    net, config = model.net, model.config
    if config.learning == "backprop":
        found = [-g for g in gradients(net, rates, targets(y, net.sizes[-1]))]
    else:
        z = associations(model, y)
        moves = [config.rule.update(*layer) for layer in zip(rates[:-1], rates[1:], z, strict=True)]
        found = [w for w, _ in moves] + [b for _, b in moves]
    if not config.bias:
        found[len(net.weights) :] = [np.zeros_like(b) for b in net.biases]
    return found


def associations(model: Model, y: Labels) -> list[Floats]:
    """Z of every layer for samples of the classes y, float64 (B, n) each."""
    if model.config.association == "feedback":
        return fed_back(model.net, output_codes(model.net.sizes[-1])[y])
    return [code[y] for code in model.codes]


def evaluate(model: Any, x: Inputs, y: Labels) -> float:
    """Accuracy in % of any model with a method `predict`."""
    return 100.0 * float(np.mean(model.predict(x) == y))


def attack(
    model: Model,
    x: Inputs,
    y: Labels,
    strength: float,
    method: Literal["fgsm", "pgd"] = "fgsm",
    steps: int = 20,
) -> Floats:
    """Adversarial inputs by the gradient of the model itself, float64 (B, n) in [0, 1].

    Args:
        model: the model whose cross-entropy is increased.
        x: (B, n) in [0, 1].
        y: int64 (B,), the true classes.
        strength: the largest change of one input (fig. 3: up to 12 / 255).
        method: "fgsm" (the paper), or "pgd".
        steps: number of steps of PGD.

    Raises:
        DataError: samples that do not match the model.
        DeclarationError: an unknown method, or a strength outside [0, 1].
    """
    check_samples(model.config, x, y, "attack")

    def gradient(at: Floats) -> Floats:
        return model.gradient(at, y)

    given = np.asarray(x, np.float64)
    if method == "fgsm":
        return fgsm(gradient, given, strength)
    if method == "pgd":
        return pgd(gradient, given, strength, steps)
    raise DeclarationError(unknown("attack", method, ("fgsm", "pgd")))


def coded(config: Gupta, x: Inputs) -> Floats:
    """Inputs after coding, float64: x itself, or [x, 1 - x]."""
    plain = np.asarray(x, np.float64)
    return np.concatenate([plain, 1 - plain], axis=1) if config.coding == "complement" else plain


def targets(y: Labels, n_out: int) -> Floats:
    """Targets of the cross-entropy, float64 (B, n_out): y itself for one output, else one-hot."""
    return np.where(output_codes(n_out)[y] > 0, 1.0, 0.0)


def check_samples(config: Gupta, x: Inputs, y: Labels, where: str) -> None:
    """Check that samples and labels match a configuration.

    Raises:
        DataError: a wrong shape, values outside [0, 1], or labels beyond the classes; the message says what
            to do.
    """
    if x.ndim != 2 or x.shape[1] != config.sizes[0] or y.shape != (len(x),):
        raise DataError(
            f"{where}: x has shape {x.shape} and y {y.shape}; (n, {config.sizes[0]}) and (n,) are needed for "
            f"sizes = {config.sizes}"
        )
    check_values(x, where)
    if y.dtype.kind not in "iu":
        raise DataError(f"{where}: the labels have dtype {y.dtype}; integers are needed")
    classes = max(2, config.sizes[-1])
    wrong = (y < 0) | (y >= classes)
    if wrong.any():
        k = int(np.argmax(wrong))
        way = (
            "One output distinguishes two classes, labelled 0 and 1: choose two with pair(split, a, b), or "
            "use one_vs_one or one output for each class"
            if config.sizes[-1] == 1
            else "Use one output for each class"
        )
        raise DataError(f"{where}: sample {k} has the label {y[k]}, the limit is {classes - 1}. {way}")
