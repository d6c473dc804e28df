"""Binary tasks of the paper: two classes of a dataset, labelled 0 and 1."""

from __future__ import annotations

import numpy as np

from spikesim import rng
from spikesim.datasets.dataset import Split
from spikesim.datasets.min_max_scaling import to_unit, training_range
from spikesim.errors import DataError
from spikesim.models.gupta.training import Labels, Samples
from spikesim.rates.mlp import Floats


def pair(split: Split, a: int, b: int) -> Split:
    """Samples of two classes, with y = 0 for class a and y = 1 for class b; indices as in the split.

    Raises:
        DataError: a class without samples, or the same class twice.
    """
    for wanted in (a, b):
        if a == b or not (split.y == wanted).any():
            raise DataError(
                f"{split.name}: no pair of classes {a} and {b}; two different ones of "
                f"{sorted(set(split.y.tolist()))} are needed"
            )
    rows = np.flatnonzero((split.y == a) | (split.y == b))
    chosen = split.select(rows)
    return Split(chosen.name, chosen.x, (chosen.y == b).astype(np.int64), chosen.index)


def iris_samples() -> tuple[Floats, Labels]:
    """All 150 samples of IRIS, unscaled: float64 (150, 4) in cm, and species, int64 (150,)."""
    from sklearn.datasets import load_iris

    raw = load_iris()
    return np.asarray(raw.data, np.float64), np.asarray(raw.target, np.int64)


def iris_folds(a: int, b: int, folds: int, seed: int) -> list[tuple[Samples, Samples]]:
    """Stratified folds of two species, scaled to the range of the training part.

    Args:
        a, b: species; y = 0 for a, 1 for b.
        folds: number of folds; each is the test set once.
        seed: of the shuffle.

    Returns:
        ((x, y) for training, (x, y) for testing) of each fold.
    """
    x, y = iris_samples()
    member = np.empty(len(y), np.int64)
    for species in (a, b):
        rows = np.flatnonzero(y == species)
        member[rows[rng.permutation(seed, len(rows), epoch=species)]] = np.arange(len(rows)) % folds
    chosen = (y == a) | (y == b)
    found = []
    for fold in range(folds):
        learn, test = chosen & (member != fold), chosen & (member == fold)
        low, high = training_range(x[learn])
        parts = [(to_unit(x[rows], low, high)[0], (y[rows] == b).astype(np.int64)) for rows in (learn, test)]
        found.append((parts[0], parts[1]))
    return found
