"""Inputs by bias: each input is an integrate-and-fire neuron on the chip, and a sample is their biases.

    v += b; if v >= THETA: a spike, and v = 0;  so that a bias b fires in every ceil(THETA / b)-th step
    b = round(scale * x * THETA)

All membranes are 0 where a phase begins. The host sends one number an input and trial, and no spikes.

Differs from `Regular`: the membrane is reset to zero, as the chip does it, so that all intervals of a neuron
are equal and the rates are 1, 1/2, 1/3, 1/4 ... spikes a step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spikesim.encoders import check_intensities, check_scale
from spikesim.errors import DataError
from spikesim.rng import Stream
from spikesim.spikes import Spikes, from_raster

THETA = 4095  # the largest mantissa of a bias: 12 bits and a sign


@dataclass(frozen=True, eq=False)
class Biases:
    """Biases of B trials.

    Attributes:
        values: int64 (B, n), 0 .. THETA.

    Raises:
        DataError: other shapes, types or values.
    """

    values: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        given = np.asarray(self.values)
        if given.ndim != 2 or given.dtype.kind not in "iu":
            raise DataError(
                f"biases of shape {given.shape} and type {given.dtype}; integers (B, n) are needed"
            )
        wrong = (given < 0) | (given > THETA)
        if wrong.any():
            b, i = np.argwhere(wrong)[0]
            raise DataError(
                f"trial {b}, input {i}: a bias of {given[b, i]}; the chip's mantissa of 12 bits holds 0 .. "
                f"{THETA}. `DrivenByBias(scale).biases(x)` makes biases of intensities"
            )
        object.__setattr__(self, "values", given.astype(np.int64))

    def __len__(self) -> int:
        """Number of trials."""
        return len(self.values)

    def spikes(self, steps: int) -> Spikes:
        """What the neurons send in the first steps of a phase."""
        v = np.zeros(self.values.shape, np.int64)
        raster = np.zeros((len(v), steps, v.shape[1]), np.int8)
        for t in range(steps):
            v += self.values
            raster[:, t] = fired = v >= THETA
            v[fired] = 0
        return from_raster(raster)


@dataclass(frozen=True)
class DrivenByBias:
    """Encoder of intensities into the spikes of neurons that are driven by a bias; see the module.

    Attributes:
        scale: bias of intensity 1 in thresholds, in (0, 1].

    Raises:
        DeclarationError: scale is not in (0, 1].
    """

    scale: float = 1.0

    def __post_init__(self) -> None:
        check_scale("DrivenByBias", self.scale)

    def biases(self, x: npt.NDArray[np.float32]) -> Biases:
        """The biases of samples.

        Raises:
            DataError: an intensity is NaN or outside [0, 1].
        """
        check_intensities(x, np.arange(len(x)))
        return Biases(np.round(x.astype(np.float64) * (self.scale * THETA)).astype(np.int64))

    def encode(
        self,
        x: npt.NDArray[np.float32],
        index: npt.NDArray[np.int64],
        T: int,
        seed: int = 0,
        epoch: int = 0,
        stream: Stream = Stream.INPUT,
    ) -> Spikes:
        """Encode a batch of intensities x, float32 (B, n), over T steps; deterministic, as in `Encoder`."""
        check_intensities(x, index)
        return self.biases(x).spikes(T)
