"""The one spike type: events of a batch of presentations, sorted by presentation, step and neuron."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spikesim.errors import DataError


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
    """

    times: npt.NDArray[np.int32]
    neurons: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    T: int
    n: int
    signs: npt.NDArray[np.int8] | None = None

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
        return Spikes(self.times[mine], self.neurons[mine], offsets, self.T, self.n, signs)


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
    return Spikes(
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
