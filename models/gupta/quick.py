"""Quick reproduction of every claim of Gupta (2020): trainings with fewer epochs, seeds and digits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spikesim import datasets
from spikesim.models.claims import Claim
from spikesim.models.gupta.accuracy import IRIS_FORMS
from spikesim.models.gupta.classes import one_vs_one
from spikesim.models.gupta.config import AMENDED, BACKPROP, IRIS_PAIRS, LITERAL, MNIST_PAIRS
from spikesim.models.gupta.data import iris_folds, pair
from spikesim.models.gupta.spiking import SpikingGupta, train_spiking
from spikesim.models.gupta.training import attack, evaluate, train
from spikesim.rates.gupta_rule import stdp_window

STABLE = "eps = 1e-2"
CODED = "eps = 1e-2, inputs [x, 1 - x], biases from -2"
CURVES = "the paper prints curves, no numbers"


def quick(seed: int = 1) -> list[Claim]:
    """Measure figs. 2 to 4, ten classes and the spiking form with one seed; about a minute on one core.

    Raises:
        DataError: MNIST is not in the cache and cannot be fetched.
    """
    data = datasets.mnist()
    return [*_pairs(data, seed), *_iris(seed), *_robustness(data, seed), _window(), *_ours(data, seed)]


def _pairs(data: datasets.Dataset, seed: int, epochs: int = 6) -> list[Claim]:
    claims = []
    for a, b in MNIST_PAIRS:
        learn, test = pair(data.train, a, b), pair(data.test, a, b)
        literal, amended = (
            evaluate(train(config, learn.x, learn.y, seed, epochs=epochs), test.x, test.y)
            for config in (LITERAL, AMENDED)
        )
        what = f"MNIST {a}v{b}, test accuracy after {epochs} epochs"
        claims.append(Claim("Gupta 2020, fig. 2", what, "%", None, literal, amended, STABLE, CURVES))
    return claims


def _iris(seed: int, epochs: int = 1000) -> list[Claim]:
    claims = []
    for a, b in IRIS_PAIRS:
        literal, amended = (
            float(
                np.mean(
                    [
                        evaluate(train(IRIS_FORMS[name], *learn, seed, epochs=epochs), *test)
                        for learn, test in iris_folds(a, b, 5, seed)
                    ]
                )
            )
            for name in ("literal", "amended")
        )
        what = f"IRIS {a}v{b}, test accuracy, 5 folds, {epochs} epochs"
        claims.append(Claim("Gupta 2020, fig. 2", what, "%", None, literal, amended, CODED, CURVES))
    return claims


def _robustness(data: datasets.Dataset, seed: int, epochs: int = 12) -> list[Claim]:
    """Accuracy of the rule under attack minus that of backpropagation."""
    claims = []
    for a, b in ((0, 2), (0, 5)):
        learn, test = pair(data.train, a, b), pair(data.test, a, b)
        under = []
        for config in (LITERAL, AMENDED, BACKPROP):
            model = train(config, learn.x, learn.y, seed, epochs=epochs)
            under.append(evaluate(model, attack(model, test.x, test.y, 12 / 255), test.y))
        claims.append(
            Claim(
                "Gupta 2020, fig. 3",
                f"MNIST {a}v{b}, FGSM at 12/255, rule minus backpropagation after {epochs} epochs",
                "points",
                None,
                under[0] - under[2],
                under[1] - under[2],
                STABLE,
                "more than 0 in the paper's text; backpropagation stopped early gains as much",
            )
        )
    return claims


def _window() -> Claim:
    """Ratio of the curve of eq. 6 for a post spike t_pre / 2 later to that for one t_pre / 2 earlier."""
    ratio = float(-stdp_window(0.5, 1.0) / stdp_window(-0.5, 1.0))
    note = "above 1: the peak for post after pre is the higher one, as the appendix says"
    what = "STDP curve of eq. 6 at +1/2 over -1/2 t_pre"
    return Claim("Gupta 2020, fig. 4", what, "", None, ratio, None, "", note)


def _ours(data: datasets.Dataset, seed: int) -> list[Claim]:
    """Extensions of the paper: ten classes, and spikes."""
    some = data.train.take(12_000)
    classes = one_vs_one(replace(AMENDED, sizes=(784, 1), rate=3e-3, epochs=4), some.x, some.y, seed)
    found = evaluate(classes, data.test.x, data.test.y)
    way = f"{STABLE}, one network 784-1 for each pair of classes"
    claims = [
        Claim("ours", "MNIST, ten classes, 12,000 digits, 4 epochs", "%", None, None, found, way),
    ]
    for a, b in ((0, 1), (0, 2)):
        learn, test = pair(data.train, a, b).take(6000), pair(data.test, a, b)
        spikes = train_spiking(SpikingGupta(), learn, seed, epochs=2).accuracy(test)
        what = f"MNIST {a}v{b}, spiking, T = 20, 6,000 digits, 2 epochs"
        way = f"{STABLE}, spike counts / T as rates"
        claims.append(Claim("ours", what, "%", None, None, spikes, way))
    return claims
