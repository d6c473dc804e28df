"""Events of an event camera: each change of brightness as (x, y, polarity, time), in recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spikesim.datasets.events.columns import (
    LATEST,
    LONGEST_SIDE,
    Rounding,
    SensorSize,
    check_sensor_size,
    coordinates,
    find_columns,
    microseconds,
    polarities,
)
from spikesim.errors import DataError
from spikesim.grid import whole
from spikesim.spikes import places_of

Polarity = Literal["keep", "merge", "on", "off"]
ARRAY = np.dtype([("x", "<i4"), ("y", "<i4"), ("t", "<i8"), ("p", "?")])
COLUMNS = {"x": np.uint16, "y": np.uint16, "p": np.uint8, "t": np.int64}


@dataclass(frozen=True, eq=False, repr=False)
class Events:
    """Events of B recordings of one sensor, sorted by time within each recording.

    `events_from_array` makes one recording, `join_events` one collection from several; `len` is the number of
    recordings, and a slice or a list of integers selects some of them.

    Attributes:
        x, y: uint16 (n_events,), column and row of the pixel.
        p: uint8 (n_events,), polarity: 1 on (brighter), 0 off; 0 throughout where the sensor has one.
        t: int64 (n_events,), time in microseconds (or in steps, for events made with unit="step").
        offsets: int64 (B + 1,); the events of recording b are offsets[b] .. offsets[b + 1] - 1.
        sensor_size: (width, height, polarities).
        labels: int64 (B,), class of each recording; None if there are none.
        classes: names of the classes.

    Raises:
        DataError: wrong types or lengths, an event outside the sensor, times that run backwards, labels
            beyond the classes.
    """

    x: NDArray[np.uint16]
    y: NDArray[np.uint16]
    p: NDArray[np.uint8]
    t: NDArray[np.int64]
    offsets: NDArray[np.int64]
    sensor_size: SensorSize
    labels: NDArray[np.int64] | None = None
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "sensor_size", check_sensor_size(self.sensor_size))
        for name, kind in (*COLUMNS.items(), ("offsets", np.int64)):
            array: Any = getattr(self, name)
            if not isinstance(array, np.ndarray) or array.dtype != kind or array.ndim != 1:
                raise DataError(
                    f"Events: {name} must be one-dimensional {np.dtype(kind)}; events_from_array converts "
                    f"other types"
                )
        n, offsets = len(self.t), self.offsets
        if not len(self.x) == len(self.y) == len(self.p) == n:
            raise DataError(
                f"Events: {len(self.x)} x, {len(self.y)} y, {len(self.p)} p, {n} t; one per event"
            )
        if not len(offsets) or offsets[0] != 0 or offsets[-1] != n or (np.diff(offsets) < 0).any():
            raise DataError(f"Events: offsets must ascend from 0 to the number of events, {n}")
        self._check_events()
        self._check_labels()

    def _check_events(self) -> None:
        width, height, number = self.sensor_size
        for name, limit in (("x", width), ("y", height), ("p", number)):
            values = getattr(self, name)
            if len(values) and values.max() >= limit:
                k = int(np.argmax(values >= limit))
                raise DataError(f"{self._place(k)}: {name} = {values[k]} is not in [0, {limit})")
        if len(self.t) and not (self.t.min() > -LATEST and self.t.max() < LATEST):
            k = int(np.argmax(~((self.t > -LATEST) & (self.t < LATEST))))
            raise DataError(f"{self._place(k)}: t = {self.t[k]} is beyond {LATEST:.0e}")
        back = np.diff(self.t) < 0
        first = self.offsets[1:-1]
        back[first[(first > 0) & (first < len(self.t))] - 1] = False  # from one recording to the next
        if back.any():
            k = int(np.argmax(back)) + 1
            raise DataError(
                f"{self._place(k)}: t = {self.t[k]} comes after t = {self.t[k - 1]}, so time runs backwards. "
                f"sort=True sorts by time; first make sure that the camera's clock has not overflowed"
            )

    def _check_labels(self) -> None:
        labels: Any = self.labels
        if labels is None:
            return
        if not isinstance(labels, np.ndarray) or labels.dtype != np.int64 or labels.shape != (len(self),):
            raise DataError(f"Events: labels must be int64 ({len(self)},), one per recording")
        if len(labels) and (labels.min() < 0 or labels.max() >= len(self.classes)):
            raise DataError(
                f"Events: labels from {labels.min()} to {labels.max()}; there are {len(self.classes)} classes"
            )

    def _place(self, k: int) -> str:
        """Where event k is, for an error."""
        b = int(np.searchsorted(self.offsets, k, "right")) - 1
        return (
            f"event {k - self.offsets[b]}"
            if len(self) == 1
            else f"recording {b}, event {k - self.offsets[b]}"
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __repr__(self) -> str:
        width, height, number = self.sensor_size
        return f"Events({len(self)} recordings, {len(self.t):,} events, {width} x {height} x {number})"

    def __getitem__(self, rows: slice | Sequence[int] | NDArray[Any]) -> Events:
        """Some of the recordings, in that order. Raises DataError for what is no recording."""
        at = np.arange(len(self))[rows] if isinstance(rows, slice) else np.asarray(rows)
        if at.ndim != 1 or (at.size and (at.dtype.kind not in "iu" or at.min() < 0 or at.max() >= len(self))):
            raise DataError(
                f"recordings {rows!r}; a slice, or integers from 0 to {len(self) - 1}, are needed"
            )
        at = at.astype(np.int64)
        kept, offsets = places_of(self.offsets, at)
        labels = None if self.labels is None else self.labels[at]
        return self._of(kept, offsets, labels=labels)

    def array(self, b: int = 0) -> NDArray[Any]:
        """The events of recording b as a structured array with the fields x, y, t (us) and p (bool)."""
        mine = slice(self.offsets[b], self.offsets[b + 1])
        made = np.empty(self.offsets[b + 1] - self.offsets[b], ARRAY)
        for name in ("x", "y", "t", "p"):
            made[name] = getattr(self, name)[mine]
        return made

    def between(self, first: int, end: int) -> Events:
        """The events with first <= t < end, in microseconds, of all recordings."""
        return self._kept((self.t >= first) & (self.t < end))

    def with_polarity(self, polarity: Polarity) -> Events:
        """The events with both polarities ("keep"), merged into one ("merge"), or "on" or "off" alone.

        Raises:
            DataError: another word, or "on" or "off" of a sensor with one polarity.
        """
        if polarity not in ("keep", "merge", "on", "off"):
            raise DataError(f"polarity = {polarity!r}; known: 'keep', 'merge', 'on', 'off'")
        if polarity == "keep":
            return self
        if polarity == "merge":
            return replace(self, p=np.zeros_like(self.p), sensor_size=(*self.sensor_size[:2], 1))
        if self.sensor_size[2] == 1:
            raise DataError(f"polarity = {polarity!r}; the sensor has one polarity: 'keep' or 'merge'")
        one = self._kept(self.p == (polarity == "on"))
        return replace(one, p=np.zeros_like(one.p), sensor_size=(*self.sensor_size[:2], 1))

    def downsampled(self, factor: int) -> Events:
        """Every factor x factor pixels as one: x // factor, y // factor; all events stay.

        A side that is no multiple of the factor is rounded up. Raises DataError unless factor is whole, >= 1.
        """
        if not whole(factor, 1) or factor >= LONGEST_SIDE:
            raise DataError(f"downsample = {factor!r}; a whole number of pixels, at least 1, is needed")
        width, height, number = self.sensor_size
        size = (-(-width // factor), -(-height // factor), number)
        step = np.uint16(factor)
        return replace(self, x=self.x // step, y=self.y // step, sensor_size=size)

    def _kept(self, kept: NDArray[np.bool_]) -> Events:
        ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(kept, dtype=np.int64)])
        return self._of(np.flatnonzero(kept), ends[self.offsets])

    def _of(self, rows: NDArray[Any], offsets: NDArray[np.int64], **changed: Any) -> Events:
        columns = {name: getattr(self, name)[rows] for name in COLUMNS}
        return replace(self, offsets=offsets, **columns, **changed)


def events_from_array(
    array: Any,
    sensor_size: Any,
    *,
    unit: str = "us",
    rounding: Rounding | None = None,
    sort: bool = False,
    where: str = "events",
) -> Events:
    """One recording from a structured array of events.

    Args:
        array: structured array (n,), or a dict of arrays (n,), of integers, reals or bools. Names: x; y; t,
            ts, time, timestamp or timestamps; p, pol, polarity, polarities or on. p is 0 or 1, -1 or 1, or a
            bool; it may be missing where the sensor has one polarity, and y where it has one row.
        sensor_size: (width, height) with two polarities, (width, height, polarities), or "infer" for the
            smallest sensor with two polarities that has all pixels.
        unit: of the times: "ns", "us", "ms", "s", or "step" for times that are time steps already (bin them
            with bin=1).
        rounding: of times between two microseconds: "nearest" or "floor"; None refuses them.
        sort: sort by time, keeping the order of equal times; False refuses times that run backwards.
        where: the name of the recording in errors.

    Raises:
        DataError: what is no such array; an event outside the sensor, with a wrong polarity or time.
    """
    infer = isinstance(sensor_size, str) and sensor_size == "infer"
    size = None if infer else check_sensor_size(sensor_size)
    optional = "" if size is None else "y" * (size[1] == 1) + "p" * (size[2] == 1)
    found = find_columns(array, where, optional)
    found.setdefault("y", np.zeros(len(found["x"]), np.uint16))
    x, y = (coordinates(found[c], c, size and size[k], where) for k, c in enumerate("xy"))
    t = microseconds(found["t"], unit, rounding, where)
    if size is None:
        if not len(x):
            raise DataError(f"{where}: no events to infer the sensor from; give sensor_size=(width, height)")
        size = (int(x.max()) + 1, int(y.max()) + 1, 2)
    p = polarities(found["p"], size[2], where) if "p" in found else np.zeros(len(x), np.uint8)
    if sort:
        order = np.argsort(t, kind="stable")
        x, y, p, t = x[order], y[order], p[order], t[order]
    try:
        return Events(x, y, p, t, np.array([0, len(t)], np.int64), size)
    except DataError as problem:
        raise DataError(f"{where}: {problem}") from None


def join_events(parts: Sequence[Events], labels: Any = None, classes: Sequence[str] | None = None) -> Events:
    """One collection of all recordings of `parts`, in their order; the sensors must be equal.

    labels: integers, one per recording; None for those that the parts have. classes: names of the classes;
    None for those of the first part, or "0", "1", ... up to the largest label.

    Raises:
        DataError: no parts, different sensors, or labels that do not fit.
    """
    if not parts:
        raise DataError("join_events: no recordings")
    size = parts[0].sensor_size
    for k, part in enumerate(parts):
        if part.sensor_size != size:
            raise DataError(
                f"join_events: part {k} has the sensor {part.sensor_size}, part 0 {size}; they must be equal"
            )
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS}
    sizes = np.concatenate([np.diff(part.offsets) for part in parts])
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    if labels is None and all(part.labels is not None for part in parts):
        labels = np.concatenate([part.labels for part in parts])
        classes = parts[0].classes if classes is None else classes
        if any(part.classes != parts[0].classes for part in parts):
            raise DataError("join_events: the parts have different classes; give labels and classes")
    if labels is None:
        return Events(**columns, offsets=offsets, sensor_size=size)
    given = np.asarray(labels)
    if given.ndim != 1 or given.dtype.kind not in "iu" or (len(given) and given.min() < 0):
        raise DataError(
            f"join_events: labels are {given.dtype} of shape {given.shape}; integers >= 0 are needed"
        )
    if classes is None:
        classes = tuple(str(k) for k in range(int(given.max()) + 1 if len(given) else 0))
    return Events(
        **columns, offsets=offsets, sensor_size=size, labels=given.astype(np.int64), classes=tuple(classes)
    )
