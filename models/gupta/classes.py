"""Multi-class classifiers from the binary rule: one against the rest, one against one, one network.

The paper leaves this open ("if a learning method could learn binary classification problems, it will provide
us with a model that could be used for multi-class classification", section 5). Everything in this file is an
extension of the paper.

A network with an output for each class does not need this module: use `train` with sizes (784, 10), for
example.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from spikesim import rng
from spikesim.errors import DataError
from spikesim.models.gupta.config import Gupta
from spikesim.models.gupta.training import Inputs, Labels, Model, train
from spikesim.models.log import Log
from spikesim.rates.mlp import Floats


@dataclass(frozen=True)
class OneVsRest:
    """Classifier with a binary network for each class; the network with the highest rate decides.

    Attributes:
        models: one network for each class, in the order of the classes.
    """

    models: tuple[Model, ...]

    def predict(self, x: Inputs) -> Labels:
        """int64 (B,), the class of each sample."""
        return np.argmax([m.rates(x)[:, 0] for m in self.models], axis=0).astype(np.int64)


@dataclass(frozen=True)
class OneVsOne:
    """Classifier with a binary network for each pair of classes; the class with the most votes is chosen.

    Ties are broken by the sum of the rates for a class.

    Attributes:
        models: (a, b) with a < b -> the network whose class 0 is a and whose class 1 is b.
    """

    models: dict[tuple[int, int], Model]

    def scores(self, x: Inputs) -> Floats:
        """Votes for each class plus a thousandth of the summed rates for it, float64 (B, classes)."""
        found = np.zeros((len(x), 1 + max(b for _, b in self.models)))
        for (a, b), model in self.models.items():
            p = model.rates(x)[:, 0]
            found[:, b] += (p >= 0.5) + p / 1000
            found[:, a] += (p < 0.5) + (1 - p) / 1000
        return found

    def predict(self, x: Inputs) -> Labels:
        """int64 (B,), the class of each sample."""
        return self.scores(x).argmax(axis=1).astype(np.int64)


def one_vs_rest(config: Gupta, x: Inputs, y: Labels, seed: int = 1, say: Log | None = None) -> OneVsRest:
    """Train a network for each class against the rest.

    Each epoch takes all samples of the class and as many others, which are drawn anew for every epoch.

    Args:
        config: configuration of each network, with one output; network seeds are 1000 seed + class.
        x: (n, features) in [0, 1].
        y: int64 (n,), 0 .. classes - 1.
        seed: of all random numbers.
        say: receives a message after each network.

    Raises:
        DataError: fewer than two classes, or labels that are not counted from 0 without a gap.
    """
    models = []
    for c in range(_classes(y)):
        label = (y == c).astype(np.int64)
        own = 1000 * seed + c

        def draw(epoch: int, label: Labels = label, own: int = own) -> Labels:
            return _balanced_rows(label, own, epoch)

        models.append(train(config, x, label, own, draw=draw))
        if say is not None:
            say(f"class {c} of {_classes(y)}")
    return OneVsRest(tuple(models))


def one_vs_one(config: Gupta, x: Inputs, y: Labels, seed: int = 1, say: Log | None = None) -> OneVsOne:
    """Train a network for each pair of classes on their samples; arguments and errors as `one_vs_rest`."""
    models = {}
    for k, (a, b) in enumerate(combinations(range(_classes(y)), 2)):
        rows = np.flatnonzero((y == a) | (y == b))
        models[a, b] = train(config, x[rows], (y[rows] == b).astype(np.int64), 1000 * seed + k)
        if say is not None:
            say(f"classes {a} and {b}")
    return OneVsOne(models)


def one_network(config: Gupta, sizes: tuple[int, ...], x: Inputs, y: Labels, seed: int = 1) -> Model:
    """Train one network with an output for each class: a single layer, or hidden layers with class codes."""
    return train(replace(config, sizes=sizes), x, y, seed)


def _classes(y: Labels) -> int:
    found = np.unique(y)
    if len(found) < 2 or found[0] != 0 or found[-1] != len(found) - 1:
        raise DataError(
            f"y: labels {found.tolist()[:12]}; two or more classes are needed, counted from 0 without a gap"
        )
    return len(found)


def _balanced_rows(label: Labels, seed: int, epoch: int) -> Labels:
    """All rows with label 1 and as many with label 0, shuffled."""
    yes, no = np.flatnonzero(label == 1), np.flatnonzero(label == 0)
    some = no[rng.permutation(seed, len(no), epoch, index=1)[: len(yes)]]
    rows = np.concatenate([yes, some])
    return rows[rng.permutation(seed, len(rows), epoch)]
