"""Spikes: events of a batch of trials, sorted by trial, time step and neuron."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from spikesim.errors import DataError
from spikesim.grid import whole


@dataclass(frozen=True, eq=False)
class Spikes:
    """Spikes of n neurons over T time steps, for B trials.

    Attributes:
        times: int32 (n_events,), time step of each spike, 0 <= t < T.
        neurons: int32 (n_events,), neuron of each spike, 0 <= j < n.
        offsets: int64 (B + 1,); the events of trial b are offsets[b] .. offsets[b + 1] - 1.
        T: time steps of a trial.
        n: number of neurons.
        signs: int8 (n_events,) of -1 and +1 for signed (error) spikes; None if all spikes are +1.

    Kernels use these arrays as indices, so all of them are checked and none is converted; `from_events` and
    `from_raster` accept other types and orders.

    Raises:
        DataError: a wrong type or shape, an event outside [0, T) or [0, n), offsets that decrease or do not
            cover the events, events of a trial that are unsorted or repeated, a sign other than -1 and +1.

    Examples:
        >>> import spikesim as ss
        >>> spikes = ss.from_raster([[[1, 0], [0, 1]], [[0, 0], [1, 1]]])  # (trials, steps, neurons)
        >>> len(spikes), spikes.T, spikes.n
        (2, 2, 2)
        >>> spikes.counts()
        array([[1, 1],
               [1, 1]])
        >>> spikes[1].raster()
        array([[0, 0],
               [1, 1]], dtype=int8)
    """

    times: npt.NDArray[np.int32]
    neurons: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    T: int
    n: int
    signs: npt.NDArray[np.int8] | None = None

    def __post_init__(self) -> None:
        for name in ("T", "n"):
            if not whole(getattr(self, name)):
                raise DataError(f"Spikes: {name} = {getattr(self, name)!r}; must be a whole number >= 0")
        _check_arrays(self)
        _check_offsets(self.offsets, len(self.times))
        _check_events(self)

    @classmethod
    def ordered(
        cls,
        times: npt.NDArray[np.int32],
        neurons: npt.NDArray[np.int32],
        offsets: npt.NDArray[np.int64],
        T: int,
        n: int,
        signs: npt.NDArray[np.int8] | None = None,
    ) -> Spikes:
        """Spikes from arrays that are valid by construction, without any checks."""
        made = object.__new__(cls)
        given = {"times": times, "neurons": neurons, "offsets": offsets, "T": T, "n": n, "signs": signs}
        for name, value in given.items():
            object.__setattr__(made, name, value)
        return made

    def __len__(self) -> int:
        """Number of trials in the batch."""
        return len(self.offsets) - 1

    @property
    def shape(self) -> tuple[int, int]:
        """(trials, neurons): the shape of intensities, for data that are either."""
        return len(self), self.n

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse to be taken for numbers, which NumPy would otherwise do with an array of one object.

        Raises:
            DataError: always.
        """
        raise DataError(
            f"Spikes of {len(self)} trials, {self.T} steps and {self.n} neurons are not an array: use "
            f"raster(b) for one trial, counts() for the spikes of each neuron, or times and neurons"
        )

    def __eq__(self, other: object) -> bool:
        """Whether all events of all trials are equal, including their signs."""
        if not isinstance(other, Spikes):
            return NotImplemented
        same = (self.T, self.n) == (other.T, other.n) and np.array_equal(self.offsets, other.offsets)
        same = same and np.array_equal(self.times, other.times)
        same = same and np.array_equal(self.neurons, other.neurons)
        return bool(same and np.array_equal(self._sign_values(), other._sign_values()))

    def _sign_values(self) -> npt.NDArray[np.int8]:
        return np.ones(len(self.times), np.int8) if self.signs is None else self.signs

    def raster(self, b: int = 0) -> npt.NDArray[np.int8]:
        """Trial b as a dense array, int8 (T, n) of -1, 0 and +1."""
        out = np.zeros((self.T, self.n), np.int8)
        mine = slice(self.offsets[b], self.offsets[b + 1])
        out[self.times[mine], self.neurons[mine]] = self._sign_values()[mine]
        return out

    def counts(self, first: int = 0, last: int | None = None) -> npt.NDArray[np.int64]:
        """Signed spike counts in the steps first <= t < last, int64 (B, n); `last` defaults to T."""
        last = self.T if last is None else last
        keep = (self.times >= first) & (self.times < last)
        owner = np.repeat(np.arange(len(self)), np.diff(self.offsets))
        out = np.zeros((len(self), self.n), np.int64)
        np.add.at(out, (owner[keep], self.neurons[keep]), self._sign_values()[keep])
        return out

    def __iter__(self) -> Iterator[Spikes]:
        """The trials, each as a batch of one."""
        return (self[b : b + 1] for b in range(len(self)))

    def __getitem__(self, rows: int | slice | npt.NDArray[np.integer]) -> Spikes:
        """Some of the trials as a batch of its own: one (spikes[-1] is the last), a contiguous range (views
        if possible), or those at the integers `rows`, in that order (copied).

        Raises:
            DataError: the step of the slice is not 1, or rows are no list of integers in [0, len(self)).
        """
        if isinstance(rows, int | np.integer) and not isinstance(rows, bool):
            b = int(rows) + (len(self) if rows < 0 else 0)
            if not 0 <= b < len(self):
                raise DataError(f"Spikes: trial {rows}; there are {len(self)}, numbered from 0")
            rows = slice(b, b + 1)
        if not isinstance(rows, slice):
            return self._at(np.asarray(rows))
        start, stop, step = rows.indices(len(self))
        if step != 1:
            raise DataError(f"Spikes: slice with step {step}; only contiguous ranges (step 1) are possible")
        stop = max(start, stop)
        mine = slice(self.offsets[start], self.offsets[stop])
        signs = None if self.signs is None else self.signs[mine]
        offsets = self.offsets[start : stop + 1] - self.offsets[start]
        return Spikes.ordered(self.times[mine], self.neurons[mine], offsets, self.T, self.n, signs)

    def _at(self, rows: npt.NDArray[Any]) -> Spikes:
        if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iu"):
            raise DataError(
                f"Spikes: trials {rows.dtype} of shape {rows.shape}; a slice or a list of integers is needed"
            )
        if rows.size and (rows.min() < 0 or rows.max() >= len(self)):
            raise DataError(
                f"Spikes: trials {rows.min()} to {rows.max()}; there are {len(self)}, numbered from 0"
            )
        at, offsets = places_of(self.offsets, rows)
        signs = None if self.signs is None else self.signs[at]
        return Spikes.ordered(self.times[at], self.neurons[at], offsets, self.T, self.n, signs)


def places_of(
    offsets: npt.NDArray[np.int64], rows: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The places of the events of some rows, one row after another, and the offsets of these rows.

    Args:
        offsets: int64 (B + 1,); the events of row b are offsets[b] .. offsets[b + 1] - 1.
        rows: integers in [0, B).
    """
    first, sizes = offsets[rows.astype(np.int64)], np.diff(offsets)[rows.astype(np.int64)]
    after = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(sizes, out=after[1:])
    shift: npt.NDArray[np.int64] = np.subtract(first, after[:-1])
    return np.add(np.repeat(shift, sizes), np.arange(after[-1])), after


def _check_arrays(spikes: Spikes) -> None:
    """Check types, dimensions and lengths of the arrays."""
    kinds = {"times": np.int32, "neurons": np.int32, "offsets": np.int64, "signs": np.int8}
    for name, kind in kinds.items():
        array = getattr(spikes, name)
        if name == "signs" and array is None:
            continue
        if not isinstance(array, np.ndarray) or array.dtype != kind or array.ndim != 1:
            found = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
            raise DataError(
                f"Spikes: {name} is {found}; must be a one-dimensional array of {np.dtype(kind)}. "
                f"from_events and from_raster convert other types"
            )
        if name in ("neurons", "signs") and len(array) != len(spikes.times):
            raise DataError(f"Spikes: {len(array)} {name} for {len(spikes.times)} times; give one per event")


def _check_offsets(offsets: npt.NDArray[np.int64], events: int) -> None:
    if not len(offsets) or offsets[0] != 0 or offsets[-1] != events:
        found = f"range from {offsets[0]} to {offsets[-1]}" if len(offsets) else "are empty"
        raise DataError(f"Spikes: offsets {found}; must range from 0 to the number of events, {events}")
    falls = np.diff(offsets) < 0
    if falls.any():
        b = int(np.argmax(falls))
        raise DataError(
            f"Spikes: trial {b}: offsets decrease from {offsets[b]} to {offsets[b + 1]}; the events of "
            f"trial b are offsets[b] .. offsets[b + 1] - 1"
        )


def _check_events(spikes: Spikes) -> None:
    """Check ranges, signs, and the strict order by step and neuron within each trial."""
    for name, values, limit in (("time", spikes.times, spikes.T), ("neuron", spikes.neurons, spikes.n)):
        outside = (values < 0) | (values >= limit)
        if outside.any():
            k = int(np.argmax(outside))
            raise DataError(f"Spikes: event {k}: {name} {values[k]} is not in [0, {limit})")
    if spikes.signs is not None and (np.abs(spikes.signs) != 1).any():
        k = int(np.argmax(np.abs(spikes.signs) != 1))
        raise DataError(f"Spikes: event {k}: sign {spikes.signs[k]}; must be -1 or +1")
    back = np.diff(spikes.times.astype(np.int64) * spikes.n + spikes.neurons) <= 0
    first = spikes.offsets[1:-1]
    back[first[(first > 0) & (first < len(spikes.times))] - 1] = False  # from one trial to the next
    if back.any():
        k = int(np.argmax(back)) + 1
        raise DataError(
            f"Spikes: event {k} (step {spikes.times[k]}, neuron {spikes.neurons[k]}) does not come after "
            f"event {k - 1} (step {spikes.times[k - 1]}, neuron {spikes.neurons[k - 1]}) of its "
            f"trial; events must be sorted by step, then neuron, without repetitions"
        )


def from_raster(raster: npt.ArrayLike) -> Spikes:
    """Spikes from a dense array of -1, 0 and +1, of shape (T, n) or (B, T, n).

    Raises:
        DataError: another shape or other values.

    Examples:
        >>> import spikesim as ss
        >>> ss.from_raster([[1, 0], [0, 0], [0, 1]]).times
        array([0, 2], dtype=int32)
    """
    dense = np.asarray(raster)
    if dense.ndim == 2:
        dense = dense[None]
    if dense.ndim != 3:
        raise DataError(f"raster: shape {np.shape(raster)}; must be (T, n) or (B, T, n)")
    if not np.isin(dense, (-1, 0, 1)).all():
        odd = dense[~np.isin(dense, (-1, 0, 1))].flat[0]
        raise DataError(f"raster: value {odd!r}; must be -1, 0 or +1. A neuron cannot fire twice in one step")
    owner, times, neurons = np.nonzero(dense)
    values = dense[owner, times, neurons].astype(np.int8)
    offsets = np.searchsorted(owner, np.arange(len(dense) + 1)).astype(np.int64)
    signs = values if (values < 0).any() else None
    return Spikes.ordered(
        times.astype(np.int32), neurons.astype(np.int32), offsets, dense.shape[1], dense.shape[2], signs
    )


def from_events(
    times: npt.ArrayLike, neurons: npt.ArrayLike, T: int, n: int, signs: npt.ArrayLike | None = None
) -> Spikes:
    """Spikes of one trial from events in any order.

    Args:
        times: integers (n_events,), time step of each spike, 0 <= t < T.
        neurons: integers (n_events,), neuron of each spike, 0 <= j < n.
        T: time steps of the trial.
        n: number of neurons.
        signs: -1 or +1 for each spike; None if all are +1.

    Raises:
        DataError: lengths differ, a time is not in [0, T), a neuron is not in [0, n), an event is repeated,
            or a sign is neither -1 nor +1.

    Examples:
        >>> import spikesim as ss
        >>> ss.from_events(times=[3, 0], neurons=[1, 0], T=4, n=2).raster()
        array([[1, 0],
               [0, 0],
               [0, 0],
               [0, 1]], dtype=int8)
    """
    t, j = np.asarray(times), np.asarray(neurons)
    if t.ndim != 1 or t.shape != j.shape:
        raise DataError(f"times {t.shape} and neurons {j.shape}; must be two lists of the same length")
    for name, values, limit in (("time", t, T), ("neuron", j, n)):
        if t.size and not np.issubdtype(values.dtype, np.integer):
            raise DataError(f"{name}s are {values.dtype}; must be integers")
        outside = (values < 0) | (values >= limit)
        if outside.any():
            raise DataError(
                f"event {int(np.argmax(outside))}: {name} {values[outside][0]} is not in [0, {limit})"
            )
    order = np.lexsort((j, t))
    t, j = t[order].astype(np.int32), j[order].astype(np.int32)
    twice = (np.diff(t) == 0) & (np.diff(j) == 0)
    if twice.any():
        k = int(np.argmax(twice))
        raise DataError(
            f"neuron {j[k]} fires twice in step {t[k]}; one spike per neuron and step is possible"
        )
    ordered = None if signs is None else _signs(signs, order)
    return Spikes(t, j, np.array([0, t.size], np.int64), T, n, ordered)


def _signs(signs: npt.ArrayLike, order: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
    values = np.asarray(signs)
    if values.shape != order.shape:
        raise DataError(f"{values.shape} signs for {order.size} events; give one per event")
    if not np.isin(values, (-1, 1)).all():
        raise DataError(f"sign {values[~np.isin(values, (-1, 1))][0]}; must be -1 or +1")
    return values.astype(np.int8)[order]
