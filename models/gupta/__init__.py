"""Gupta's local learning rule ("A more biologically plausible local learning rule for ANNs", 2020).

    from spikesim import datasets
    from spikesim.models import gupta

    data = datasets.mnist()
    learn, test = gupta.pair(data.train, 0, 2), gupta.pair(data.test, 0, 2)
    model = gupta.train(gupta.AMENDED, learn.x, learn.y, seed=1)
    gupta.evaluate(model, test.x, test.y)                                   # accuracy in %
    gupta.evaluate(model, gupta.attack(model, test.x, test.y, 12 / 255), test.y)
    gupta.train_spiking(gupta.SpikingGupta(T=20), learn).accuracy(test)     # the same rule on spike counts

`Gupta` is the configuration: LITERAL uses the printed eps, AMENDED a stable one, BACKPROP the baseline of the
paper. `one_vs_one` and `one_vs_rest` train classifiers for several classes.
"""

from spikesim.models.gupta.classes import OneVsOne, OneVsRest, one_vs_one, one_vs_rest
from spikesim.models.gupta.config import (
    AMENDED,
    BACKPROP,
    EARLY_STOPPED,
    IRIS_AMENDED,
    IRIS_BACKPROP,
    IRIS_FEEDBACK,
    IRIS_LITERAL,
    IRIS_PAIRS,
    LINEAR,
    LITERAL,
    MNIST_PAIRS,
    STRENGTHS,
    Gupta,
)
from spikesim.models.gupta.data import iris_folds, pair
from spikesim.models.gupta.spiking import SpikingGupta, SpikingModel, train_spiking
from spikesim.models.gupta.training import Model, attack, evaluate, train

__all__ = [
    "AMENDED",
    "BACKPROP",
    "EARLY_STOPPED",
    "IRIS_AMENDED",
    "IRIS_BACKPROP",
    "IRIS_FEEDBACK",
    "IRIS_LITERAL",
    "IRIS_PAIRS",
    "LINEAR",
    "LITERAL",
    "MNIST_PAIRS",
    "STRENGTHS",
    "Gupta",
    "Model",
    "OneVsOne",
    "OneVsRest",
    "SpikingGupta",
    "SpikingModel",
    "attack",
    "evaluate",
    "iris_folds",
    "one_vs_one",
    "one_vs_rest",
    "pair",
    "train",
    "train_spiking",
]
