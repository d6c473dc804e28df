"""Scaling of features to [0, 1], learnt from the training samples and applied to all others."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.errors import DataError, DeclarationError, unknown

Float32 = npt.NDArray[np.float32]
SCALINGS = ("feature", "global", "none")


@dataclass(frozen=True, eq=False)
class Scaling:
    """Minimum and maximum of the training samples; each value v becomes (v - low) / (high - low).

    Values beyond the range of the training samples are clipped to [0, 1]. A feature that is constant in them
    becomes 0.

    Attributes:
        low, high: float64 (features,).
        complement: whether each feature v is followed by 1 - v, so that a small value is a strong input, too.
    """

    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    complement: bool = False

    @property
    def inputs(self) -> int:
        """Number of values of a scaled sample."""
        return len(self.low) * (2 if self.complement else 1)

    def apply(self, x: npt.NDArray[Any]) -> Float32:
        """Scale samples (n, features); float32 (n, inputs), C-contiguous."""
        low, spread = self.low, self.high / 2 - self.low / 2  # halves: a range may exceed the largest number
        share = (x / 2 - low / 2) / np.where(spread > 0, spread, 1.0)
        unit = np.clip(np.where(spread > 0, share, 0.0), 0.0, 1.0)
        found = np.concatenate([unit, 1.0 - unit], axis=1) if self.complement else unit
        return np.ascontiguousarray(found, np.float32)


def learnt(x: npt.NDArray[np.float64], kind: str, complement: bool) -> Scaling:
    """The scaling of training samples (n, features).

    Args:
        x: finite numbers.
        kind: "feature": the range of each feature; "global": one range of all features, which suits pixels;
            "none": [0, 1], in which all values must lie.
        complement: as in `Scaling`.

    Raises:
        DataError: kind is "none", and a value lies outside [0, 1].
        DeclarationError: an unknown kind.
    """
    if kind not in SCALINGS:
        raise DeclarationError(unknown("scaling", kind, SCALINGS))
    low, high = x.min(axis=0), x.max(axis=0)
    if kind == "none":
        if low.min() < 0 or high.max() > 1:
            raise DataError(
                f"scaling='none': X has values in [{low.min():g}, {high.max():g}], which must lie in [0, 1]; "
                f"use scaling='feature' or 'global'"
            )
        low, high = np.zeros_like(low), np.ones_like(high)
    elif kind == "global":
        low, high = np.full_like(low, low.min()), np.full_like(high, high.max())
    return Scaling(low, high, complement)


def numbers_of(x: Float32) -> npt.NDArray[np.int64]:
    """A number in [0, 2**32) for each sample, int64 (n,), that depends on nothing but its values: CRC-32.

    It selects the random numbers of an encoder, so that a sample gets the same spikes whichever samples it
    comes with.
    """
    return np.array([zlib.crc32(row.tobytes()) for row in x + np.float32(0.0)], np.int64)
