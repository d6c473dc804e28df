"""The samples of a training: held-out ones for early stopping, and repetition by class weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim import rng
from spikesim.datasets.stratify import rest_of, stratified_rows
from spikesim.errors import DataError

Float32 = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
MOST = 16  # rows that repetition makes of one sample, on average over all samples
LARGEST_WEIGHT = 1000.0  # of a sample in `partial_fit`, where weights are numbers of repetitions


@dataclass(frozen=True, eq=False)
class Lessons:
    """Samples to learn, in [0, 1], and samples that are held out.

    Attributes:
        x: float32 (rows, features); samples of heavier classes are repeated.
        y: int64 (rows,), classes 0, 1, ....
        per_epoch: rows that an epoch takes: all, or a random part of them that is drawn anew in each.
        held_x, held_y: held-out samples, for early stopping; None without.
        seed: of the draws.
    """

    x: Float32
    y: Rows
    per_epoch: int
    seed: int
    held_x: Float32 | None = None
    held_y: Rows | None = None

    def epoch(self, number: int) -> tuple[Float32, Rows]:
        """The samples of an epoch, counted from 0: all in their order, or a random part of them."""
        if self.per_epoch == len(self.y):
            return self.x, self.y
        rows = rng.permutation(self.seed, len(self.y), number, index=1)[: self.per_epoch]
        return self.x[rows], self.y[rows]


def lessons(
    x: Float32, y: Rows, weights: npt.NDArray[np.float64], seed: int, held_out: float | None
) -> Lessons:
    """Prepare the samples of a training.

    Args:
        x: float32 (n, features) in [0, 1].
        y: int64 (n,), classes 0 .. len(weights) - 1.
        weights: weight of each class, >= 0; only their ratios count.
        seed: of the draws.
        held_out: share of the samples that is held out, stratified by class; None for none.

    Raises:
        DataError: so few samples that none is left to learn, or no class with a weight above 0.
    """
    held: dict[str, Any] = {}
    if held_out is not None:
        away = stratified_rows(y, max(1, round(held_out * len(y))), seed)
        held = {"held_x": x[away], "held_y": y[away]}
        rest = rest_of(len(y), away)
        x, y = x[rest], y[rest]
    rows = repeated(y, weights, seed)
    return Lessons(x[rows], y[rows], min(len(y), len(rows)), seed, **held)


def repeated(y: Rows, weights: npt.NDArray[np.float64], seed: int) -> Rows:
    """Rows of y, in which the total of each class is in proportion to its weight times its samples.

    With equal weights these are all rows, once. Otherwise so many that the lightest class with a weight
    above 0 appears whole, but at most `MOST` rows per sample; totals are rounded to whole rows (largest
    remainders). Within a class, each sample appears as often as any other, or once more.

    Raises:
        DataError: no sample has a weight above 0.
    """
    n = np.bincount(y, minlength=len(weights))
    wanted = n * weights
    if not wanted.sum() > 0:
        raise DataError(f"class_weight: no sample is of a class with a weight above 0 ({weights.tolist()})")
    used = weights[(n > 0) & (weights > 0)]
    if (used == used[0]).all() and not (n[weights == 0] > 0).any():
        return np.arange(len(y), dtype=np.int64)
    total = int(min(np.ceil(wanted.sum() / used.min()), MOST * len(y)))
    exact = wanted / wanted.sum() * total
    share = np.floor(exact).astype(np.int64)
    missing = total - int(share.sum())
    share[np.argsort(share - exact, kind="stable")[:missing]] += 1
    return _spread(y, share, seed)


def presented(y: Rows, weights: npt.NDArray[np.float64], seed: int) -> Rows:
    """Rows of y for one pass in which a sample of class c appears weights[c] times.

    A fraction of a weight is a share of the class's samples, drawn from the seed. May be empty.

    Raises:
        DataError: a weight above `LARGEST_WEIGHT`.
    """
    if weights.max() > LARGEST_WEIGHT:
        raise DataError(
            f"class_weight: {weights.max():g} presentations of each sample exceed the limit of "
            f"{LARGEST_WEIGHT:g} for partial_fit; divide all weights by a common factor"
        )
    n = np.bincount(y, minlength=len(weights))
    return _spread(y, np.floor(n * weights + 0.5).astype(np.int64), seed)


def _spread(y: Rows, totals: Rows, seed: int) -> Rows:
    """Rows of y, totals[c] of them of class c, with the samples of a class as equally often as possible."""
    found = []
    for c in np.unique(y):
        rows = np.flatnonzero(y == c)
        whole, rest = divmod(int(totals[c]), len(rows))
        some = rows[rng.permutation(seed, len(rows), int(c), index=2)[:rest]]
        found += [np.tile(rows, whole), some]
    return np.sort(np.concatenate(found)).astype(np.int64)


def weights_of(class_weight: Any, classes: npt.NDArray[Any], y: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """The weight of each class, float64 (classes,), as scikit-learn computes it.

    Args:
        class_weight: None (1 for all), "balanced" (inverse to the number of samples), or a mapping from
            classes to weights >= 0 (1 for classes that are not in it).
        classes: the classes, sorted.
        y: labels of the samples; for "balanced".

    Raises:
        DataError: a weight that is negative, infinite or no number.
        ValueError: an unknown class, or a wrong kind of class_weight, in scikit-learn's words.
    """
    from sklearn.utils.class_weight import compute_class_weight

    if isinstance(class_weight, Mapping):
        for label, weight in class_weight.items():
            number = isinstance(weight, int | float | np.integer | np.floating)
            if not (number and 0 <= float(weight) < np.inf):
                raise DataError(
                    f"class_weight: the weight of {label!r} is {weight!r}; a finite number >= 0 is needed"
                )
    given = class_weight if class_weight is None or isinstance(class_weight, str) else dict(class_weight)
    found = compute_class_weight(given, classes=classes, y=y)
    return np.asarray(found, np.float64)
