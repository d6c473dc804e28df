"""Data that change during learning: pixels permuted or inverted at a point in time, or slowly rotated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from spikesim import rng
from spikesim.datasets.dataset import Dataset, Split
from spikesim.errors import DataError, DeclarationError, unknown

DRIFTS = ("permuted", "inverted", "rotated")
FAR = 90.0  # degrees by which the last sample of "rotated" is turned
PIECE = 500
Pixels = npt.NDArray[np.float32]


def drifting(dataset: Dataset, drift: str, samples: int, seed: int = 1) -> Iterator[Split]:
    """A stream of `fit` samples in random order, in pieces of at most 500.

    Args:
        dataset: the dataset; rotation needs images (a shape of height and width).
        drift: "permuted": from the middle of the stream on, all inputs are permuted. "inverted": from there
            on, x is replaced by 1 - x. "rotated": sample t is turned by 90 t / samples degrees.
        samples: length of the stream.
        seed: of the order and the permutation.

    Raises:
        DeclarationError: an unknown drift.
        DataError: too few samples, or a rotation of other data than images.
    """
    if drift not in DRIFTS:
        raise DeclarationError(f"drifting: {unknown('drift', drift, DRIFTS)}")
    fit = dataset.fit
    if not 2 <= samples <= len(fit):
        raise DataError(f"drifting: samples = {samples}; 2 .. {len(fit)} are possible with {dataset.name}")
    if drift == "rotated" and len(dataset.shape) != 2:
        raise DataError(f"drifting: {dataset.name} has samples of shape {dataset.shape}; images are needed")
    order = rng.permutation(seed, len(fit), 0)[:samples]
    moved = rng.permutation(seed, fit.x.shape[1], 1)
    for edges in (range(0, samples // 2, PIECE), range(samples // 2, samples, PIECE)):
        for first in edges:
            rows = order[first : min(first + PIECE, edges.stop)]
            part = fit.select(rows)
            x = part.x
            if drift == "rotated":
                x = rotated(x, dataset.shape, FAR * np.arange(first, first + len(rows)) / samples)
            elif first >= samples // 2:
                x = x[:, moved] if drift == "permuted" else 1 - x
            yield Split(part.name, np.ascontiguousarray(x, np.float32), part.y, part.index)


def rotated(x: Pixels, shape: Sequence[int], degrees: npt.ArrayLike) -> Pixels:
    """Images turned about their centre, anticlockwise, with bilinear interpolation and 0 outside.

    Args:
        x: float32 (samples, height * width).
        shape: (height, width).
        degrees: (samples,), the angle of each image.
    """
    height, width = shape
    turn = np.radians(np.asarray(degrees, np.float64))[:, None]
    i, j = (grid.ravel() for grid in np.mgrid[:height, :width])
    down, right = i - (height - 1) / 2, j - (width - 1) / 2
    row = np.cos(turn) * down + np.sin(turn) * right + (height - 1) / 2
    column = np.cos(turn) * right - np.sin(turn) * down + (width - 1) / 2
    row, column = np.round(row, 9), np.round(column, 9)  # a turn by 90 degrees is exact
    top, left = np.floor(row).astype(np.int64), np.floor(column).astype(np.int64)
    padded = np.pad(x.reshape(-1, height, width), ((0, 0), (1, 2), (1, 2)))
    image = np.arange(len(x))[:, None]
    found = np.zeros(row.shape)
    for below in (0, 1):
        for beside in (0, 1):
            share = (1 - np.abs(row - top - below)) * (1 - np.abs(column - left - beside))
            at = np.clip(top + below + 1, 0, height + 1), np.clip(left + beside + 1, 0, width + 1)
            found += share * padded[image, at[0], at[1]]
    return np.clip(found, 0, 1).astype(np.float32)
