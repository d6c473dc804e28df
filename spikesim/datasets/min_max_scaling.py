"""Min-max scaling to [0, 1], fitted on the training set only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def training_range(train: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Minimum and maximum of each column over the rows of the training set, two float64 (columns,)."""
    return train.min(axis=0), train.max(axis=0)


def to_unit(
    x: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[NDArray[np.float32], int]:
    """Scale each column: (x - low) / (high - low), clipped to [0, 1]; columns with high = low become 0.

    x: float64 (..., columns). Returns float32 of the same shape, and the number of clipped values.
    """
    constant = high == low
    scaled = (x - low) / np.where(constant, 1.0, high - low)
    scaled[..., constant] = 0.0
    clipped = int(np.count_nonzero((scaled < 0) | (scaled > 1)))
    return np.clip(scaled, 0.0, 1.0).astype(np.float32), clipped


def clip_note(clipped: int, total: int) -> tuple[str, ...]:
    """A note on clipped test values for `Dataset.notes`; empty if there are none."""
    if not clipped:
        return ()
    share = 100 * clipped / total
    return (
        f"{clipped} of {total} test values ({share:.2g} %) were outside the training set's range and clipped",
    )
