"""Your own data as a dataset: from arrays or an .npz file, validated once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesim.datasets.dataset import Dataset, check_values, make_split
from spikesim.datasets.stratify import rest_of, stratified_rows
from spikesim.errors import DataError
from spikesim.files.npz import read_npz

TEST_SHARE, VALIDATION_SHARE = 0.2, 0.2
_SEED = 1


def from_arrays(
    x: Any,
    y: Any,
    x_test: Any = None,
    y_test: Any = None,
    *,
    name: str = "arrays",
    classes: Sequence[str] | None = None,
    validation: int | None = None,
    source: str = "given arrays",
) -> Dataset:
    """A dataset from your own arrays.

    x: (n, ...) numbers in [0, 1]; the dimensions after the first are the shape of a sample. y: (n,) integers
    >= 0. x_test, y_test: the same for the test set; without them, 20 % of x, stratified by class, become the
    test set. name: name of the dataset. classes: names of the classes; default "0", "1", ... up to the
    largest label. validation: number of training samples held out for validation, stratified by class;
    default 20 %. source: description of where the data come from.

    Raises DataError for values that are NaN, infinite or outside [0, 1]; labels that are not integers,
    negative or beyond the classes; lengths that differ; or no samples.
    """
    train_x, train_y = _checked(x, y, f"{name}, {'x' if x_test is None else 'x_train'}")
    if (x_test is None) != (y_test is None):
        given, missing = ("y_test", "x_test") if x_test is None else ("x_test", "y_test")
        raise DataError(f"{name}: {given} is given without {missing}; give both or neither")
    if x_test is None:
        test = stratified_rows(train_y, max(1, round(TEST_SHARE * len(train_y))), _SEED)
        train = rest_of(len(train_y), test)
        test_x, test_y, train_x, train_y = train_x[test], train_y[test], train_x[train], train_y[train]
    else:
        test_x, test_y = _checked(x_test, y_test, f"{name}, x_test")
    if test_x.shape[1:] != train_x.shape[1:]:
        raise DataError(
            f"{name}: test samples have shape {test_x.shape[1:]}, but training samples {train_x.shape[1:]}"
        )
    if classes is None:
        classes = [str(c) for c in range(int(max(train_y.max(), test_y.max())) + 1)]
    held_back = max(1, round(VALIDATION_SHARE * len(train_y))) if validation is None else validation
    return Dataset(
        name=name,
        classes=tuple(classes),
        shape=train_x.shape[1:],
        train=make_split("train", train_x.reshape(len(train_x), -1), train_y),
        test=make_split("test", test_x.reshape(len(test_x), -1), test_y),
        validation_rows=stratified_rows(train_y, held_back, _SEED),
        source=source,
    )


MAX_BYTES = 8 << 30  # of the arrays of a data set, unpacked


def from_npz(
    path: str | Path, *, classes: Sequence[str] | None = None, validation: int | None = None
) -> Dataset:
    """A dataset from an .npz file with x_train, y_train, x_test, y_test, or with X and y.

    classes, validation: as in `from_arrays`. Raises DataError if the file cannot be read, lacks these arrays
    or holds Python objects, and as `from_arrays` does.
    """
    path = Path(path)
    arrays = read_npz(path, limit=MAX_BYTES, way_out="Save the data with np.savez(path, X=..., y=...)")
    for keys in (("x_train", "y_train", "x_test", "y_test"), ("X", "y")):
        if all(key in arrays for key in keys):
            given = [arrays[key] for key in keys]
            return from_arrays(
                *given, name=path.stem, classes=classes, validation=validation, source=str(path)
            )
    raise DataError(
        f"{path} holds {', '.join(sorted(arrays)) or 'no arrays'}; expected x_train, y_train, x_test and "
        "y_test, or X and y"
    )


def _checked(x: Any, y: Any, where: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """(x as float32, y as int64), checked; `where` names them in errors."""
    values, labels = np.asarray(x), np.asarray(y)
    if values.dtype.kind not in "fiub" or values.ndim < 2:
        raise DataError(
            f"{where}: {values.dtype} of shape {values.shape}; expected numbers of shape (n, ...)"
        )
    check_values(values, where)
    if labels.ndim != 1 or len(labels) != len(values):
        raise DataError(
            f"{where}: {len(values)} samples, but labels of shape {labels.shape}; give one label per sample"
        )
    if labels.dtype.kind == "f" and np.isfinite(labels).all() and (labels == np.floor(labels)).all():
        labels = labels.astype(np.int64)  # 3.0 means 3
    if labels.dtype.kind not in "iu":
        raise DataError(
            f"{where}: labels are {labels.dtype} (for example {labels[0]!r}); expected integers >= 0"
        )
    if labels.min() < 0:
        raise DataError(f"{where}: the smallest label is {labels.min()}; labels must be >= 0")
    return values.astype(np.float32), labels.astype(np.int64)
