"""Datasets of the library tonic, with their transforms, as events and as datasets for training.

Any object will do that has `__len__` and `__getitem__(k) -> (sample, label)`. A sample is a structured array
of events, or, after tonic's `ToFrame`, an array of counts (steps, polarities, rows, columns).
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spikesim.datasets.dataset import Dataset
from spikesim.datasets.events.as_dataset import event_dataset
from spikesim.datasets.events.columns import Rounding, check_sensor_size
from spikesim.datasets.events.stream import Events, events_from_array, join_events
from spikesim.errors import DataError, unknown


@dataclass(frozen=True)
class _Read:
    """The samples of a dataset: recordings, labels as they are, names of classes, and steps of frames."""

    events: Events
    labels: list[Any]
    classes: tuple[str, ...] | None
    steps: int | None


def events_from_tonic(
    dataset: Any,
    sensor_size: Any = None,
    *,
    unit: str = "us",
    rounding: Rounding | None = None,
    sort: bool = False,
    limit: int | None = None,
) -> Events:
    """All recordings of a tonic dataset, with labels; each sample is read once.

    Args:
        dataset: the dataset, with any transforms. Frames (`ToFrame`) become events whose time is their step.
        sensor_size: of the samples as the transforms leave them; None for the dataset's own.
        unit, rounding, sort: as in `events_from_array`.
        limit: number of samples to read, from the first; None for all.

    Raises:
        DataError: samples that are neither events nor frames, labels that are neither integers nor names of
            classes; the error names the sample.
    """
    read = _read(dataset, sensor_size, unit, rounding, sort, limit)
    return _labelled(read, _class_names([read]))


def from_tonic(
    train: Any,
    test: Any = None,
    *,
    bin: int | None = None,
    steps: int | None = None,
    sensor_size: Any = None,
    unit: str = "us",
    rounding: Rounding | None = None,
    sort: bool = False,
    limit: int | None = None,
    name: str | None = None,
    **options: Any,
) -> Dataset:
    """A dataset for training from tonic datasets; its samples are spikes, for `spikesim.Recorded()`.

    Args:
        train, test: tonic datasets, with any transforms; without test, 20 % of train become the test set.
        bin: microseconds of a step; None for frames, which have steps already.
        steps: as in `bin_events`.
        sensor_size, unit, rounding, sort, limit: as in `events_from_tonic`.
        name: name of the dataset; that of the class of `train` by default.
        options: of `event_dataset` and `bin_events` (several, start, polarity, downsample, validation, ...).

    Every sample is read once, so a random transform gives the same sample in every epoch.

    Raises:
        DataError: as `events_from_tonic`, `event_dataset` and `bin_events`; a bin for frames, or none for
            events.
    """
    reads = [
        _read(part, sensor_size, unit, rounding, sort, limit) for part in (train, test) if part is not None
    ]
    frames = [read.steps for read in reads]
    if (bin is None) != all(t is not None for t in frames) or (bin is not None and any(frames)):
        kind = "frames, which have steps already: leave bin out" if any(frames) else "events: give bin, in us"
        raise DataError(f"bin = {bin!r}, but the samples are {kind}")
    if bin is None:
        bin, steps = 1, steps or max(t for t in frames if t is not None)
    names = _class_names(reads)
    parts = [_labelled(read, names) for read in reads]
    kind = type(train).__name__
    return event_dataset(
        *parts, bin=bin, steps=steps, name=name or kind, source=f"{kind}, through tonic", **options
    )


def _read(
    dataset: Any, sensor_size: Any, unit: str, rounding: Rounding | None, sort: bool, limit: int | None
) -> _Read:
    if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
        raise DataError(f"{type(dataset).__name__} is not a dataset: __len__ and __getitem__ are needed")
    size = getattr(dataset, "sensor_size", None) if sensor_size is None else sensor_size
    number = len(dataset) if limit is None else min(limit, len(dataset))
    if number < 1:
        raise DataError(f"{type(dataset).__name__}: no samples")
    parts, labels, steps = [], [], []
    for k in range(number):
        sample = dataset[k]
        if not isinstance(sample, tuple) or len(sample) != 2:
            raise DataError(
                f"sample {k}: {type(sample).__name__}; a pair (events or frames, label) is needed"
            )
        data, where = sample[0], f"sample {k}"
        if isinstance(data, np.ndarray) and data.dtype.names is not None:
            if size is None:
                raise DataError(
                    f"{type(dataset).__name__} has no sensor_size; give sensor_size=(width, height)"
                )
            parts.append(events_from_array(data, size, unit=unit, rounding=rounding, sort=sort, where=where))
        else:
            parts.append(_of_frames(data, where))
            steps.append(len(data))
        labels.append(sample[1])
    if steps and len(steps) < number:
        raise DataError(f"{len(steps)} of {number} samples are frames, the others events; one kind is needed")
    return _Read(join_events(parts), labels, _classes(dataset), max(steps, default=None))


def _of_frames(data: Any, where: str) -> Events:
    """Counts (steps, polarities, rows, columns) as events: as many as are counted, at t = step."""
    frames = data if isinstance(data, np.ndarray) else np.empty(0, object)
    if frames.ndim == 3:  # of a sensor with one row: (steps, polarities, columns)
        frames = frames[:, :, None]
    if frames.ndim != 4 or frames.dtype.kind not in "iufb":
        raise DataError(
            f"{where}: {type(data).__name__} of shape {np.shape(data)}; a structured array of events, or "
            f"frames (steps, polarities, rows, columns) are needed"
        )
    wrong = ~((frames >= 0) & (frames == np.floor(frames)) & (frames < 2**31))
    if wrong.any():
        raise DataError(f"{where}: a frame has the value {frames[wrong][0]}; counts of events are needed")
    size = check_sensor_size((frames.shape[3], frames.shape[2], frames.shape[1]))
    step, p, y, x = np.nonzero(frames)
    times = np.repeat(np.arange(len(step)), frames[step, p, y, x].astype(np.int64))
    columns = {"x": x[times], "y": y[times], "t": step[times]}
    found = events_from_array(columns | {"p": p[times]}, (*size[:2], 2), unit="step", where=where)
    return replace(found, sensor_size=size)


def _classes(dataset: Any) -> tuple[str, ...] | None:
    """The names of the classes that a dataset tells, in the order of their numbers."""
    told = getattr(dataset, "classes", None)
    if isinstance(told, Mapping):
        return tuple(str(name) for name in sorted(told, key=lambda name: told[name]))
    return tuple(str(name) for name in told) if isinstance(told, Sequence) and len(told) else None


def _class_names(reads: Sequence[_Read]) -> tuple[str, ...]:
    if reads[0].classes is not None:
        return reads[0].classes
    labels = [label for read in reads for label in read.labels]
    if all(isinstance(label, str) for label in labels):
        return tuple(sorted(set(labels)))
    return tuple(str(k) for k in range(max(_number(label, k, ()) for k, label in enumerate(labels)) + 1))


def _labelled(read: _Read, classes: tuple[str, ...]) -> Events:
    numbers = [_number(label, k, classes) for k, label in enumerate(read.labels)]
    return join_events([read.events], np.array(numbers, np.int64), classes)


def _number(label: Any, k: int, classes: tuple[str, ...]) -> int:
    """The class of sample k: its label, or the place of its label among the names of the classes."""
    if isinstance(label, str):
        if label not in classes:
            raise DataError(f"sample {k}: {unknown('class', label, classes)}")
        return classes.index(label)
    try:
        return operator.index(label)
    except TypeError:
        raise DataError(
            f"sample {k}: label {label!r}; an integer, or the name of a class, is needed"
        ) from None
