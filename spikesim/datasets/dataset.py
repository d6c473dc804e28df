"""Dataset and split: samples (float32 in [0, 1], or recorded spikes), integer labels, fixed splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from spikesim.errors import DataError
from spikesim.spikes import Spikes

SplitName = Literal["fit", "validation", "train", "test"]


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Samples of one split of a dataset.

    name: 'fit', 'validation', 'train' or 'test'.
    x: float32 (n, features), C-contiguous, read-only; values in [0, 1] (checked by `Dataset`). Or `Spikes` of
        n trials and as many neurons as features: samples that are spikes already, as those of event cameras;
        the encoder of such data is `spikesim.Recorded()`.
    y: int64 (n,), class of each sample, read-only.
    index: int64 (n,), read-only: row of the sample in the full training set (fit, validation, train) or test
        set. Random streams are keyed by it, so a sample is encoded by the same spikes in every selection.

    Raises DataError if types, shapes or lengths do not fit, or if an index is negative or occurs twice.
    """

    name: SplitName
    x: NDArray[np.float32] | Any  # Any: Spikes, which only encoders read
    y: NDArray[np.int64]
    index: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.name not in get_args(SplitName):
            raise DataError(
                f"unknown split {self.name!r}; a split is one of {', '.join(get_args(SplitName))}"
            )
        if not isinstance(self.x, Spikes):
            _expect(self.name, "x", self.x, np.float32, 2)
        elif self.x.signs is not None:
            raise DataError(f"{self.name}: x has signed spikes; samples have spikes of +1 only (signs=None)")
        _expect(self.name, "y", self.y, np.int64, 1)
        _expect(self.name, "index", self.index, np.int64, 1)
        if not len(self.x) == len(self.y) == len(self.index):
            raise DataError(
                f"{self.name}: x has {len(self.x)} samples, y {len(self.y)}, index {len(self.index)}; "
                "give one label and one index per sample"
            )
        if len(self.index) and (self.index.min() < 0 or len(np.unique(self.index)) != len(self.index)):
            raise DataError(f"{self.name}: index has negative or repeated rows; each row >= 0 may occur once")
        for key in ("x", "y", "index"):
            if not isinstance(getattr(self, key), Spikes):
                object.__setattr__(self, key, _read_only(getattr(self, key)))

    def __len__(self) -> int:
        return len(self.y)

    def __repr__(self) -> str:
        return f"Split({self.name!r}, {len(self)} samples of {self.x.shape[1]} features)"

    def take(self, n: int) -> Split:
        """The first n samples, without copying. Raises DataError unless 1 <= n <= len(self)."""
        if not 1 <= n <= len(self):
            raise DataError(f"{self.name}: take({n}); n must lie in 1..{len(self)}, the number of samples")
        return Split(self.name, self.x[:n], self.y[:n], self.index[:n])

    def select(self, rows: Sequence[int] | NDArray[Any], name: SplitName | None = None) -> Split:
        """The samples at `rows` (row numbers of this split, or one bool per sample), in that order, copied.

        Raises DataError for rows outside the split or given twice.
        """
        at = np.asarray(rows)
        if at.size == 0:
            at = at.astype(np.int64)
        if at.dtype == np.bool_ and at.shape == (len(self),):
            at = np.flatnonzero(at)
        if at.ndim != 1 or at.dtype.kind not in "iu":
            raise DataError(
                f"{self.name}: rows are {at.dtype} of shape {at.shape}; expected a list of integers"
            )
        if at.size and (at.min() < 0 or at.max() >= len(self)):
            raise DataError(
                f"{self.name}: rows {at.min()}..{at.max()}, but the split has rows 0..{len(self) - 1}"
            )
        return Split(name or self.name, self.x[at], self.y[at], self.index[at])


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """A training set, a test set, and the part of the training set held out for validation.

    name: name of the dataset.
    classes: names of the classes; labels are indices into it.
    shape: shape of one sample; its product is the number of features.
    train, test: all samples; index = 0..n-1 in each.
    validation_rows: int64, rows of `train` that form `validation`.
    fit_rows: rows of `train` that form `fit`; None for all that are not in validation. (Auslan sets them,
        because noisy copies of validation recordings belong to neither.)
    source: origin of the data, licence, and citation.
    notes: preprocessing that readers of the results should know of.

    Raises DataError for values outside [0, 1], NaN, labels beyond the classes, or splits that overlap.
    """

    name: str
    classes: tuple[str, ...]
    shape: tuple[int, ...]
    train: Split
    test: Split
    validation_rows: NDArray[np.int64]
    source: str
    fit_rows: NDArray[np.int64] | None = None
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        for split, expected in ((self.train, "train"), (self.test, "test")):
            where = f"{self.name}, {expected}"
            if split.name != expected:
                raise DataError(f"{where}: the given split is named {split.name!r}; expected {expected!r}")
            check_values(split.x, where)
            features = int(np.prod(self.shape))
            if split.x.shape[1] != features:
                raise DataError(
                    f"{where}: {split.x.shape[1]} features, but shape {self.shape} has {features}"
                )
            if len(split) and (split.y.min() < 0 or split.y.max() >= len(self.classes)):
                raise DataError(
                    f"{where}: labels {split.y.min()}..{split.y.max()}, but there are {len(self.classes)} "
                    f"classes (labels 0..{len(self.classes) - 1})"
                )
        object.__setattr__(self, "validation_rows", _rows(self, "validation_rows", self.validation_rows))
        fit = self.fit_rows
        if fit is None:
            fit = np.setdiff1d(np.arange(len(self.train)), self.validation_rows)
        elif np.intersect1d(fit, self.validation_rows).size:
            raise DataError(
                f"{self.name}: fit_rows and validation_rows overlap; a sample may belong to only one of them"
            )
        object.__setattr__(self, "fit_rows", _rows(self, "fit_rows", fit))

    @cached_property
    def fit(self) -> Split:
        """The training samples that are not held out: train on them to choose settings on `validation`."""
        assert self.fit_rows is not None
        return self.train.select(self.fit_rows, "fit")

    @cached_property
    def validation(self) -> Split:
        """The training samples held out for choosing settings, so that the test set stays unseen."""
        return self.train.select(self.validation_rows, "validation")

    def split(self, name: str) -> Split:
        """The split 'fit', 'validation', 'train' or 'test'. Raises DataError for another name."""
        if name not in get_args(SplitName):
            raise DataError(f"unknown split {name!r}; a split is one of {', '.join(get_args(SplitName))}")
        found: Split = getattr(self, name)
        return found

    def __repr__(self) -> str:
        return (
            f"Dataset({self.name!r}, {len(self.train)} train, {len(self.test)} test, "
            f"shape {self.shape}, {len(self.classes)} classes)"
        )


def check_values(x: NDArray[Any] | Spikes, where: str) -> None:
    """Raise DataError unless x is non-empty and every value lies in [0, 1] (NaN and inf do not)."""
    if 0 in x.shape:
        raise DataError(f"{where}: no samples, or samples without features (shape {x.shape})")
    if isinstance(x, Spikes):
        return
    low, high = x.min(), x.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        bad = np.argwhere(~np.isfinite(x))
        raise DataError(
            f"{where}: {len(bad)} of {x.size} values are NaN or infinite, the first at {_place(bad[0])} "
            f"({x[tuple(bad[0])]}); remove those samples or replace the values"
        )
    if low < 0 or high > 1:
        hint = (
            "divide by 255"
            if low >= 0 and 1 < high <= 255
            else "scale each feature by its minimum and maximum"
        )
        raise DataError(f"{where}: values lie in [{low:g}, {high:g}], but must lie in [0, 1]; {hint}")


def make_split(name: SplitName, x: NDArray[Any], y: NDArray[Any]) -> Split:
    """A full split from valid arrays: x as float32, y as int64, index = 0..n-1."""
    return Split(
        name,
        np.ascontiguousarray(x, np.float32),
        np.ascontiguousarray(y, np.int64),
        np.arange(len(y), dtype=np.int64),
    )


def _expect(split: str, key: str, array: Any, dtype: type, ndim: int) -> None:
    if not isinstance(array, np.ndarray) or array.dtype != dtype or array.ndim != ndim:
        got = f"{array.dtype} of {array.ndim}" if isinstance(array, np.ndarray) else type(array).__name__
        raise DataError(f"{split}: {key} must be {np.dtype(dtype)} of {ndim} dimension(s), not {got}")


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """A read-only view of a C-contiguous array; of a copy for any other array."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


def _rows(dataset: Dataset, key: str, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    at = np.asarray(rows, dtype=np.int64)
    if at.size == 0:
        raise DataError(f"{dataset.name}: {key} is empty; both fit and validation need samples")
    if at.min() < 0 or at.max() >= len(dataset.train):
        raise DataError(
            f"{dataset.name}: {key} has rows {at.min()}..{at.max()}; train has 0..{len(dataset.train) - 1}"
        )
    return _read_only(np.sort(at))


def _place(at: NDArray[np.int64]) -> str:
    return "sample " + ", feature ".join(str(i) for i in at)
