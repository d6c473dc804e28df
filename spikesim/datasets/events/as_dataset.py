"""Recordings of an event camera as a dataset for training and evaluation."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spikesim.datasets.dataset import Dataset, Split
from spikesim.datasets.events.binning import BinnedEvents, Outside, Several, bin_events
from spikesim.datasets.events.file import load_events
from spikesim.datasets.events.stream import Events, Polarity
from spikesim.datasets.stratify import rest_of, stratified_rows
from spikesim.errors import DataError
from spikesim.spikes import Spikes

TEST_SHARE, VALIDATION_SHARE = 0.2, 0.2
_SEED = 1


def event_dataset(
    train: Events,
    test: Events | None = None,
    *,
    bin: int,
    steps: int | None = None,
    name: str = "events",
    validation: int | None = None,
    source: str = "given events",
    **binning: Any,
) -> Dataset:
    """A dataset from labelled recordings; its samples are spikes, for `spikesim.Recorded()`.

    Args:
        train, test: recordings with labels, of one sensor and the same classes. Without test, 20 % of train,
            stratified by class, become the test set.
        bin, steps, binning: as in `bin_events`; steps=None takes the fewest that hold all recordings of both
            sets.
        name: name of the dataset.
        validation: number of training samples held out for validation, stratified by class; default 20 %.
        source: where the data come from.

    Returns:
        The dataset; `notes` tells how many events were merged or left out.

    Raises:
        DataError: recordings without labels, or sets that do not fit each other; and as `bin_events`.
    """
    for part in (train,) if test is None else (train, test):
        if getattr(part, "labels", None) is None:
            raise DataError(
                f"{name}: Events with labels are needed; join_events(parts, labels=...) gives them"
            )
    if test is None:
        assert train.labels is not None
        rows = stratified_rows(train.labels, max(1, round(TEST_SHARE * len(train))), _SEED)
        train, test = train[rest_of(len(train), rows)], train[rows]
    for what in ("sensor_size", "classes"):
        if getattr(train, what) != getattr(test, what):
            raise DataError(
                f"{name}: the training set has {what} {getattr(train, what)}, the test set "
                f"{getattr(test, what)}; they must be equal"
            )
    found = [bin_events(part, bin, steps, **binning) for part in (train, test)]
    longest = max(part.spikes.T for part in found)
    found = [replace(part, spikes=_lasting(part.spikes, longest)) for part in found]
    held_back = max(1, round(VALIDATION_SHARE * len(train))) if validation is None else validation
    assert train.labels is not None
    rows = stratified_rows(train.labels, held_back, _SEED)
    return binned_dataset(found[0], found[1], train, test, name, rows, source)


def from_event_file(
    path: str | os.PathLike[str],
    bin: int,
    steps: int | None = None,
    test: str | os.PathLike[str] | None = None,
    start: int | Literal["first"] = 0,
    several: Several = "refuse",
    most: int = 1,
    outside: Outside = "refuse",
    polarity: Polarity = "keep",
    downsample: int = 1,
    validation: int | None = None,
) -> Dataset:
    """A dataset from the event file `path`, and, for the test set, the event file `test`.

    The other arguments are those of `event_dataset` and `bin_events`.

    Raises:
        FileRefused: a file is missing or damaged.
        DataError: as `event_dataset` and `bin_events`.
    """
    return event_dataset(
        load_events(path),
        None if test is None else load_events(test),
        bin=bin,
        steps=steps,
        name=Path(path).stem,
        validation=validation,
        source=str(path),
        start=start,
        several=several,
        most=most,
        outside=outside,
        polarity=polarity,
        downsample=downsample,
    )


def binned_dataset(
    train: BinnedEvents,
    test: BinnedEvents,
    train_events: Events,
    test_events: Events,
    name: str,
    validation_rows: NDArray[np.int64],
    source: str,
) -> Dataset:
    """A dataset from binned recordings; labels and classes are those of the events."""
    y, y_test = train_events.labels, test_events.labels
    assert y is not None and y_test is not None
    return Dataset(
        name=name,
        classes=train_events.classes,
        shape=train.shape,
        train=Split("train", train.spikes, y, np.arange(len(y), dtype=np.int64)),
        test=Split("test", test.spikes, y_test, np.arange(len(test.spikes), dtype=np.int64)),
        validation_rows=validation_rows,
        source=source,
        notes=tuple(
            f"{s}: {note}" for s, part in (("train", train), ("test", test)) for note in part.notes()
        ),
    )


def _lasting(spikes: Spikes, steps: int) -> Spikes:
    """The same spikes in trials of more steps."""
    return Spikes.ordered(spikes.times, spikes.neurons, spikes.offsets, steps, spikes.n)
