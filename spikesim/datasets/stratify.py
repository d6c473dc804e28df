"""Stratified selection of held-out samples, the same on every machine and in every version."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesim.errors import DataError


def stratified_rows(y: NDArray[Any], n: int, seed: int) -> NDArray[np.int64]:
    """Select n rows of y, with every class in proportion (largest remainders; ties: the lower class).

    Within a class the rows with the smallest random words are selected. The words are the raw output of
    Philox, which is fixed by its definition (methods of numpy's Generator may change between versions).

    y: (samples,) integers. seed: key of the random words. Returns int64 (n,), sorted.
    Raises DataError unless 1 <= n < len(y).
    """
    if not 1 <= n < len(y):
        raise DataError(f"cannot hold out {n} of {len(y)} samples; must lie between 1 and {len(y) - 1}")
    classes, counts = np.unique(y, return_counts=True)
    share, remainder = np.divmod(counts * n, len(y))  # integers: exact
    missing = n - int(share.sum())
    share[np.argsort(-remainder, kind="stable")[:missing]] += 1
    words = np.random.Philox(key=seed).random_raw(len(y))
    taken = [
        rows[np.argsort(words[rows], kind="stable")[:k]]
        for rows, k in ((np.flatnonzero(y == c), k) for c, k in zip(classes, share, strict=True))
    ]
    return np.sort(np.concatenate(taken)).astype(np.int64)


def rest_of(n: int, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows 0..n-1 that are not in `rows`, sorted, int64."""
    return np.setdiff1d(np.arange(n, dtype=np.int64), rows)
