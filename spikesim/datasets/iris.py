"""Iris: 150 flowers of three species, four lengths each; bundled with scikit-learn."""

from __future__ import annotations

import numpy as np

from spikesim.datasets.dataset import Dataset, make_split
from spikesim.datasets.dataset_card import About
from spikesim.datasets.fetching import Collection
from spikesim.datasets.min_max_scaling import clip_note, to_unit, training_range
from spikesim.datasets.stratify import rest_of, stratified_rows
from spikesim.errors import DeclarationError
from spikesim.grid import whole

TEST = 30
VALIDATION = 24
_SEED = 1936

ABOUT = About(
    name="iris",
    title="Iris plants",
    samples=(150 - TEST, TEST),
    shape=(4,),
    classes=3,
    license="CC BY 4.0 (UCI Machine Learning Repository); shipped with scikit-learn.",
    url="https://archive.ics.uci.edu/dataset/53/iris",
    citation="R. A. Fisher: The use of multiple measurements in taxonomic problems. Ann. Eugenics 7, 1936.",
    collection=Collection("iris"),
)


def iris(split_seed: int = _SEED) -> Dataset:
    """Iris: 120 training flowers (24 of them for validation) and 30 test flowers.

    All splits are stratified by class. x: sepal length and width, petal length and width, each scaled to
    [0, 1] by the minimum and maximum of the training set; test values out of range are clipped (`notes` gives
    their number).

    split_seed: key of the random splits; each number gives another one, to see how far results depend on it.
    Raises DeclarationError unless it is a whole number in [0, 2**64).
    """
    from sklearn.datasets import load_iris

    if not (whole(split_seed) and split_seed < 2**64):
        raise DeclarationError(f"iris: split_seed = {split_seed!r}; must lie in 0..{2**64 - 1}")
    raw = load_iris()
    x, y = np.asarray(raw.data, np.float64), np.asarray(raw.target, np.int64)
    test = stratified_rows(y, TEST, split_seed)
    train = rest_of(len(y), test)
    low, high = training_range(x[train])
    x_test, clipped = to_unit(x[test], low, high)
    return Dataset(
        name=ABOUT.name,
        classes=tuple(str(name) for name in raw.target_names),
        shape=ABOUT.shape,
        train=make_split("train", to_unit(x[train], low, high)[0], y[train]),
        test=make_split("test", x_test, y[test]),
        validation_rows=stratified_rows(y[train], VALIDATION, split_seed),
        source=ABOUT.text(),
        notes=clip_note(clipped, x_test.size),
    )
