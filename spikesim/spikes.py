"""The one spike type: events of a batch of presentations, sorted by presentation, step and neuron."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spikesim.errors import DataError
from spikesim.grid import whole


@dataclass(frozen=True, eq=False)
class Spikes:
    """Spikes of n neurons over T steps, for B presentations.

    Attributes:
        times: int32 (n_events,), the step of each spike, 0 <= t < T.
        neurons: int32 (n_events,), the neuron of each spike, 0 <= j < n.
        offsets: int64 (B + 1,), presentation b owns the events offsets[b] .. offsets[b + 1] - 1.
        T: steps of a presentation.
        n: neurons.
        signs: int8 (n_events,) of -1 and +1 for signed (error) spikes; None where every spike is +1.

    Kernels index with what is in here, so that all of it is checked and nothing is converted; `from_events`
    and `from_raster` take other types and orders.

    Raises:
        DataError: another type or shape, an event outside of [0, T) or [0, n), offsets that fall or do not
            share out the events, events of a presentation that are out of order or stand there twice, a sign
            that is neither -1 nor +1.
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
                raise DataError(f"Spikes: {name} = {getattr(self, name)!r}; a whole number >= 0 is needed")
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
        """Spikes of arrays that are right by the way they were made: nothing is checked."""
        made = object.__new__(cls)
        given = {"times": times, "neurons": neurons, "offsets": offsets, "T": T, "n": n, "signs": signs}
        for name, value in given.items():
            object.__setattr__(made, name, value)
        return made

    def __len__(self) -> int:
        """Presentations in the batch."""
        return len(self.offsets) - 1

    def __eq__(self, other: object) -> bool:
        """Equal when every event of every presentation is equal, in sign too."""
        if not isinstance(other, Spikes):
            return NotImplemented
        same = (self.T, self.n) == (other.T, other.n) and np.array_equal(self.offsets, other.offsets)
        same = same and np.array_equal(self.times, other.times)
        same = same and np.array_equal(self.neurons, other.neurons)
        return bool(same and np.array_equal(self._sign_values(), other._sign_values()))

    def _sign_values(self) -> npt.NDArray[np.int8]:
        return np.ones(len(self.times), np.int8) if self.signs is None else self.signs

    def raster(self, b: int = 0) -> npt.NDArray[np.int8]:
        """Presentation b as int8 (T, n) of -1, 0 and +1."""
        out = np.zeros((self.T, self.n), np.int8)
        mine = slice(self.offsets[b], self.offsets[b + 1])
        out[self.times[mine], self.neurons[mine]] = self._sign_values()[mine]
        return out

    def counts(self, first: int = 0, last: int | None = None) -> npt.NDArray[np.int64]:
        """Signed spike counts of the steps first <= t < last, int64 (B, n)."""
        last = self.T if last is None else last
        keep = (self.times >= first) & (self.times < last)
        owner = np.repeat(np.arange(len(self)), np.diff(self.offsets))
        out = np.zeros((len(self), self.n), np.int64)
        np.add.at(out, (owner[keep], self.neurons[keep]), self._sign_values()[keep])
        return out

    def __getitem__(self, rows: slice) -> Spikes:
        """A run of presentations, as another batch (views where possible)."""
        start, stop, step = rows.indices(len(self))
        if step != 1:
            raise DataError(f"Spikes are sliced in runs: the step has to be 1, not {step}")
        stop = max(start, stop)
        mine = slice(self.offsets[start], self.offsets[stop])
        signs = None if self.signs is None else self.signs[mine]
        offsets = self.offsets[start : stop + 1] - self.offsets[start]
        return Spikes.ordered(self.times[mine], self.neurons[mine], offsets, self.T, self.n, signs)


def _check_arrays(spikes: Spikes) -> None:
    """Each array has its type and one axis; events have a time, a neuron and perhaps a sign each."""
    kinds = {"times": np.int32, "neurons": np.int32, "offsets": np.int64, "signs": np.int8}
    for name, kind in kinds.items():
        array = getattr(spikes, name)
        if name == "signs" and array is None:
            continue
        if not isinstance(array, np.ndarray) or array.dtype != kind or array.ndim != 1:
            found = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
            raise DataError(
                f"Spikes: {name} is {found}; an array of {np.dtype(kind)} with one axis is needed. "
                f"from_events and from_raster convert"
            )
        if name in ("neurons", "signs") and len(array) != len(spikes.times):
            raise DataError(f"Spikes: {len(array)} {name} for {len(spikes.times)} times; one each is needed")


def _check_offsets(offsets: npt.NDArray[np.int64], events: int) -> None:
    if not len(offsets) or offsets[0] != 0 or offsets[-1] != events:
        ends = f"{offsets[0]} to {offsets[-1]}" if len(offsets) else "nothing to nothing"
        raise DataError(f"Spikes: offsets go from {ends}; they go from 0 to the number of events, {events}")
    falls = np.diff(offsets) < 0
    if falls.any():
        b = int(np.argmax(falls))
        raise DataError(
            f"Spikes: presentation {b}: offsets fall from {offsets[b]} to {offsets[b + 1]}; a presentation "
            f"owns the events offsets[b] .. offsets[b + 1] - 1"
        )


def _check_events(spikes: Spikes) -> None:
    """Ranges, signs, and the strict order by step and neuron within each presentation."""
    for name, values, limit in (("time", spikes.times, spikes.T), ("neuron", spikes.neurons, spikes.n)):
        outside = (values < 0) | (values >= limit)
        if outside.any():
            k = int(np.argmax(outside))
            raise DataError(f"Spikes: event {k}: {name} {values[k]} is not in [0, {limit})")
    if spikes.signs is not None and (np.abs(spikes.signs) != 1).any():
        k = int(np.argmax(np.abs(spikes.signs) != 1))
        raise DataError(f"Spikes: event {k}: a sign is -1 or +1; found {spikes.signs[k]}")
    back = np.diff(spikes.times.astype(np.int64) * spikes.n + spikes.neurons) <= 0
    first = spikes.offsets[1:-1]
    back[first[(first > 0) & (first < len(spikes.times))] - 1] = False  # from one presentation to the next
    if back.any():
        k = int(np.argmax(back)) + 1
        raise DataError(
            f"Spikes: event {k} (step {spikes.times[k]}, neuron {spikes.neurons[k]}) does not come after "
            f"event {k - 1} (step {spikes.times[k - 1]}, neuron {spikes.neurons[k - 1]}) of its "
            f"presentation; events are sorted by step, then neuron, and none stands there twice"
        )


def from_raster(raster: npt.ArrayLike) -> Spikes:
    """Spikes from a dense array of -1, 0 and +1 of shape (T, n) or (B, T, n).

    Raises:
        DataError: another shape, or another value.
    """
    dense = np.asarray(raster)
    if dense.ndim == 2:
        dense = dense[None]
    if dense.ndim != 3:
        raise DataError(f"a raster has the shape (T, n) or (B, T, n), not {np.shape(raster)}")
    if not np.isin(dense, (-1, 0, 1)).all():
        odd = dense[~np.isin(dense, (-1, 0, 1))].flat[0]
        raise DataError(
            f"a raster holds -1, 0 and +1; found {odd!r}. Two spikes of a neuron in one step are not possible"
        )
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
    """One presentation from events in any order.

    Raises:
        DataError: lengths differ, a time is not in [0, T), a neuron is not in [0, n), an event stands there
            twice, or a sign is neither -1 nor +1.
    """
    t, j = np.asarray(times), np.asarray(neurons)
    if t.ndim != 1 or t.shape != j.shape:
        raise DataError(f"times {t.shape} and neurons {j.shape}: two lists of one length are needed")
    for name, values, limit in (("time", t, T), ("neuron", j, n)):
        if t.size and not np.issubdtype(values.dtype, np.integer):
            raise DataError(f"{name}s are {values.dtype}: steps and neurons are integers")
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
        raise DataError(f"neuron {j[k]} fires twice in step {t[k]}: one spike a neuron and step")
    ordered = None if signs is None else _signs(signs, order)
    return Spikes(t, j, np.array([0, t.size], np.int64), T, n, ordered)


def _signs(signs: npt.ArrayLike, order: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
    values = np.asarray(signs)
    if values.shape != order.shape:
        raise DataError(f"{values.shape} signs for {order.size} events: one an event is needed")
    if not np.isin(values, (-1, 1)).all():
        raise DataError(f"a sign is -1 or +1; found {values[~np.isin(values, (-1, 1))][0]}")
    return values.astype(np.int8)[order]
