"""Digits: 1,797 handwritten digits of 8 x 8 grey values; bundled with scikit-learn."""

from __future__ import annotations

import numpy as np

from spikesim.datasets.dataset import Dataset, make_split
from spikesim.datasets.dataset_card import About
from spikesim.datasets.fetching import Collection
from spikesim.datasets.stratify import rest_of, stratified_rows

TEST = 359  # 20 % of 1,797
VALIDATION = 288  # 20 % of the remaining 1,438
_SEED = 1998

ABOUT = About(
    name="digits",
    title="Optical recognition of handwritten digits (its test set, 8 x 8)",
    samples=(1797 - TEST, TEST),
    shape=(8, 8),
    classes=10,
    license="CC BY 4.0 (UCI Machine Learning Repository); shipped with scikit-learn.",
    url="https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
    citation=(
        "E. Alpaydin, C. Kaynak: Cascading classifiers. Kybernetika 34 (4), 1998, 369-374 "
        "(the data: UCI Machine Learning Repository, 1998)."
    ),
    collection=Collection("digits"),
)


def digits() -> Dataset:
    """The 8 x 8 digits: 1,438 training images (288 of them for validation) and 359 test images.

    All splits are stratified by class. x = grey value / 16.
    """
    from sklearn.datasets import load_digits

    raw = load_digits()
    x, y = np.asarray(raw.data, np.float64) / 16, np.asarray(raw.target, np.int64)
    test = stratified_rows(y, TEST, _SEED)
    train = rest_of(len(y), test)
    return Dataset(
        name=ABOUT.name,
        classes=tuple("0123456789"),
        shape=ABOUT.shape,
        train=make_split("train", x[train], y[train]),
        test=make_split("test", x[test], y[test]),
        validation_rows=stratified_rows(y[train], VALIDATION, _SEED),
        source=ABOUT.text(),
    )
