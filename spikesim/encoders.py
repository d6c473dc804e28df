"""Encoders of intensities in [0, 1] into spikes: Poisson, Poisson with shared random numbers, regular.

`Recorded` is for samples that are spikes already.

Encoders are frozen declarations; `encode` returns one `Spikes` for a batch. The spikes depend only on the
seed and the sample, not on the program or the number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from spikesim import rng
from spikesim._jit import kernel
from spikesim._values import named_arguments
from spikesim.errors import DataError, DeclarationError, unknown
from spikesim.files.field_versions import SINCE, declared
from spikesim.files.plain_values import plain_fields
from spikesim.rng import Stream, philox
from spikesim.spikes import Spikes

POISSON, SHARED, REGULAR = 0, 1, 2
_FULL = 2.0**32  # probability p fires where a 32-bit word lies below floor(p * 2**32)


class Encoder(Protocol):
    """Interface of an encoder, as needed by training."""

    def encode(
        self,
        x: Any,
        index: npt.NDArray[np.int64],
        T: int,
        seed: int,
        epoch: int = 0,
        stream: Stream = Stream.INPUT,
    ) -> Spikes:
        """Spikes over T steps for the samples x, numbered index (B,): intensities (B, n), or Spikes."""
        ...


@named_arguments
@dataclass(frozen=True)
class Poisson:
    """Poisson encoder: a spike with probability proportional to the intensity in every time step.

    Source: Shrestha 2019, section 4.2.

    s_i(t) = 1 where word(seed, stream, epoch, index, t, i) < floor(scale * x_i * 2**32).

    Attributes:
        scale: probability of a spike per step at intensity 1, in (0, 1].
        shared: use one random number per step for all inputs and samples, as in the authors' research code.
        bias: add one input, the last, that fires in every step; the spikes of the others stay the same.

    Raises:
        DeclarationError: scale is not in (0, 1].

    Examples:
        >>> import numpy as np
        >>> import spikesim as ss
        >>> x = np.array([[0.0, 0.5, 1.0]], np.float32)
        >>> ss.Poisson().encode(x, index=np.array([0]), T=100, seed=1).counts()
        array([[  0,  50, 100]])
    """

    scale: float = 1.0
    shared: bool = False
    bias: bool = field(default=False, metadata={SINCE: "0.2"})

    def __post_init__(self) -> None:
        plain_fields(self)
        check_scale("Poisson", self.scale)

    def encode(
        self,
        x: npt.NDArray[np.float32],
        index: npt.NDArray[np.int64],
        T: int,
        seed: int,
        epoch: int = 0,
        stream: Stream = Stream.INPUT,
    ) -> Spikes:
        """Encode a batch.

        Args:
            x: intensities, float32 (B, n) in [0, 1].
            index: sample numbers, int64 (B,) in [0, 2**32); they select the random numbers.
            T: time steps.
            seed, epoch, stream: select the random numbers.

        Raises:
            DataError: an intensity is NaN or outside [0, 1], or the shapes do not fit.
            DeclarationError: seed or epoch is out of range.
        """
        check_intensities(x, index)
        limits = _limits(x, self.scale, self.bias)
        tag, key = rng.tag(stream, epoch), rng.key(seed)
        return _gather(SHARED if self.shared else POISSON, T, limits, np.asarray(index, np.uint64), tag, key)


@named_arguments
@dataclass(frozen=True)
class Regular:
    """Regular encoder: evenly spaced spikes from an accumulator driven by the intensity as a bias.

    a_i(t) = a_i(t-1) + floor(scale * x_i * 2**32); if a_i >= 2**32: a spike, and a_i -= 2**32.

    Source: the chip's encoding in Shrestha 2021.

    Attributes:
        scale: spikes per step at intensity 1, in (0, 1].
        bias: add one input, the last, that fires in every step.

    Raises:
        DeclarationError: scale is not in (0, 1].

    Examples:
        >>> import numpy as np
        >>> import spikesim as ss
        >>> x = np.array([[0.0, 0.25, 1.0]], np.float32)
        >>> ss.Regular().encode(x, index=np.array([0]), T=8).raster()[:, 1]
        array([0, 0, 0, 1, 0, 0, 0, 1], dtype=int8)
    """

    scale: float = 1.0
    bias: bool = field(default=False, metadata={SINCE: "0.2"})

    def __post_init__(self) -> None:
        plain_fields(self)
        check_scale("Regular", self.scale)

    def encode(
        self,
        x: npt.NDArray[np.float32],
        index: npt.NDArray[np.int64],
        T: int,
        seed: int = 0,
        epoch: int = 0,
        stream: Stream = Stream.INPUT,
    ) -> Spikes:
        """Encode a batch of intensities x, float32 (B, n) in [0, 1], over T steps; deterministic.

        `index` int64 (B,) is only checked; seed, epoch and stream are ignored.

        Raises:
            DataError: an intensity is NaN or outside [0, 1], or the shapes do not fit.
        """
        check_intensities(x, index)
        limits, zero = _limits(x, self.scale, self.bias), np.uint64(0)
        return _gather(REGULAR, T, limits, np.asarray(index, np.uint64), zero, zero)


@named_arguments
@dataclass(frozen=True)
class Recorded:
    """Encoder of samples that are spikes already, as the events of a camera: they are played as they are.

    Every epoch, seed and stream gives the same spikes.

    Examples:
        >>> import numpy as np
        >>> import spikesim as ss
        >>> spikes = ss.from_raster(np.eye(4)[None])
        >>> ss.Recorded().encode(spikes, index=np.array([0]), T=4, seed=1) == spikes
        True
    """

    def encode(
        self,
        x: Spikes,
        index: npt.NDArray[np.int64],
        T: int,
        seed: int = 0,
        epoch: int = 0,
        stream: Stream = Stream.INPUT,
    ) -> Spikes:
        """The spikes x of B trials over T steps, themselves; index (B,) is only checked.

        Raises:
            DataError: x is not Spikes, or they do not have one trial per index or T steps.
        """
        if not isinstance(x, Spikes):
            raise DataError(
                f"Recorded: the samples are {type(x).__name__}; recorded spikes are needed. Intensities are "
                f"encoded by spikesim.Poisson() or Regular()"
            )
        if len(x) != len(index) or x.T != T:
            raise DataError(
                f"Recorded: {len(x)} samples of {x.T} steps, and {len(index)} trials of {T} steps; give the "
                f"network's window the steps of the samples, or bin the samples into {T} steps"
            )
        return x


ENCODERS: dict[str, Any] = {"Poisson": Poisson, "Regular": Regular, "Recorded": Recorded}


def describe_encoder(encoder: Encoder) -> dict[str, Any]:
    """An encoder as a JSON object, for `restore_encoder`.

    Raises:
        DeclarationError: the encoder is not one of ENCODERS, so it could not be restored.
    """
    kind = type(encoder).__name__
    if ENCODERS.get(kind) is not type(encoder):
        raise DeclarationError(unknown("encoder", kind, ENCODERS))
    return {"type": kind, **declared(encoder)}


def restore_encoder(entry: dict[str, Any]) -> Encoder:
    """The encoder of a JSON object from `describe_encoder`.

    Raises:
        DeclarationError: an unknown encoder.
    """
    if entry["type"] not in ENCODERS:
        raise DeclarationError(unknown("encoder", entry["type"], ENCODERS))
    values = {k: v for k, v in entry.items() if k != "type"}
    restored: Encoder = ENCODERS[entry["type"]](**values)
    return restored


def inputs_of(encoder: Encoder, features: int) -> int:
    """Number of inputs into which an encoder turns the features of a sample."""
    return features + bool(getattr(encoder, "bias", False))


def check_scale(kind: str, scale: float) -> None:
    """Check that a scale, in spikes per step, lies in (0, 1].

    Raises:
        DeclarationError: it does not.
    """
    if not 0 < scale <= 1:
        raise DeclarationError(f"{kind}: scale = {scale!r}; must lie in (0, 1], at most one spike per step")


def check_intensities(x: npt.NDArray[np.float32] | Spikes, index: npt.NDArray[np.int64]) -> None:
    """Check that intensities are (B, n) numbers in [0, 1] with one index per row.

    Raises:
        DataError: they are not; the error names the first wrong sample and input, its value and the remedy.
    """
    if isinstance(x, Spikes):
        raise DataError(
            "the samples are recorded spikes, not intensities; their encoder is spikesim.Recorded()"
        )
    if x.ndim != 2 or len(x) != len(index):
        raise DataError(f"intensities {x.shape} with {len(index)} indices; must be (B, n) and (B,)")
    if len(index) and not (np.min(index) >= 0 and np.max(index) < 2**32):
        raise DataError(f"indices from {np.min(index)} to {np.max(index)}; must lie in [0, 2**32)")
    wrong = ~((x >= 0) & (x <= 1))
    if wrong.any():
        b, i = np.argwhere(wrong)[0]
        raise DataError(
            f"sample {int(index[b])}, input {i}: intensity {x[b, i]!r} is not in [0, 1]; "
            f"scale the data first (images of bytes: divide by 255)"
        )


def _limits(x: npt.NDArray[np.float32], scale: float, bias: bool) -> npt.NDArray[np.uint64]:
    """Probability of a spike, or spikes, per step and input, in units of 2**-32."""
    limits = np.floor(x.astype(np.float64) * (scale * _FULL)).astype(np.uint64)
    return np.pad(limits, ((0, 0), (0, 1)), constant_values=int(_FULL)) if bias else limits


@kernel
def _poisson(limits, active, index, tag, key, marks):  # type: ignore[no-untyped-def]
    """marks[t, i] = 1 if the word of (step t, neuron active[i]) is below its limit; rows in fours."""
    k0, k1 = key & np.uint64(0xFFFFFFFF), key >> np.uint64(32)
    for block in range(marks.shape[0] // 4):
        first = 4 * block
        row0, row1, row2, row3 = marks[first], marks[first + 1], marks[first + 2], marks[first + 3]
        for i in range(active.size):
            a, b, c, d = philox(np.uint64(active[i]), np.uint64(block), index, tag, k0, k1)
            row0[i] = a < limits[i]
            row1[i] = b < limits[i]
            row2[i] = c < limits[i]
            row3[i] = d < limits[i]


@kernel
def _shared(limits, tag, key, marks):  # type: ignore[no-untyped-def]
    """marks[t, i] = 1 if the single word of step t is below the limit of input i."""
    k0, k1 = key & np.uint64(0xFFFFFFFF), key >> np.uint64(32)
    for t in range(marks.shape[0]):
        word = philox(np.uint64(0), np.uint64(t // 4), np.uint64(0), tag, k0, k1)[t % 4]
        for i in range(limits.size):
            marks[t, i] = word < limits[i]


@kernel
def _regular(limits, marks):  # type: ignore[no-untyped-def]
    """marks[t, i] = 1 if the accumulated limit reaches a multiple of 2**32 in step t."""
    for t in range(marks.shape[0]):
        for i in range(limits.size):
            before = (np.uint64(t) * limits[i]) >> np.uint64(32)
            marks[t, i] = (np.uint64(t + 1) * limits[i]) >> np.uint64(32) > before


@kernel
def _pack(marks, active, T, times, neurons, start):  # type: ignore[no-untyped-def]
    """Append the marked events, sorted by (step, neuron); returns the new number of events."""
    k = start
    for t in range(T):
        for i in range(active.size):
            times[k] = t
            neurons[k] = active[i]
            k += marks[t, i]
    return k


@kernel
def _encode(coding, T, limits, index, tag, key, times, neurons, offsets):  # type: ignore[no-untyped-def]
    """Encode every row; inputs with limit 0 are skipped."""
    active = np.empty(limits.shape[1], np.uint32)
    rows = (T + 3) // 4 * 4
    for b in range(limits.shape[0]):
        n = 0
        for i in range(limits.shape[1]):
            active[n] = i
            n += limits[b, i] > 0
        marks = np.empty((rows, n), np.uint8)
        chosen = active[:n].copy()  # contiguous, so that the inner loop is vectorised
        if coding == POISSON:
            _poisson(limits[b][chosen], chosen, index[b], tag, key, marks)
        elif coding == SHARED:
            _shared(limits[b][chosen], tag, key, marks)
        else:
            _regular(limits[b][chosen], marks)
        offsets[b + 1] = _pack(marks, chosen, T, times, neurons, offsets[b])


def _gather(coding, T, limits, index, tag, key):  # type: ignore[no-untyped-def]
    """Allocate arrays for the largest possible number of events, encode, and cut them to size."""
    most = int(np.count_nonzero(limits, axis=1).sum()) * T
    times, neurons = np.empty(most + 1, np.int32), np.empty(most + 1, np.int32)
    offsets = np.zeros(len(limits) + 1, np.int64)
    _encode(coding, T, limits, index, tag, key, times, neurons, offsets)
    end = offsets[-1]
    return Spikes.ordered(times[:end], neurons[:end], offsets, T, limits.shape[1])
