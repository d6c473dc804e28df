"""A recording on disk: HDF5 that grows while the run goes on, compressed, readable while it runs and after a
crash.

It is written in HDF5's single-writer mode (SWMR), which keeps the file sound at every moment. `progress`
holds the steps of which everything is in the file; what a crash left beyond it is not shown.

    /progress                int64 (2,): first step, and the step before which all is there
    /watches/<k>             attribute `watch`: the Monitor as JSON
        t, neurons, values   of spikes: a row each;  else t (rows,), values (rows, ..., k), neurons (k,)
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from spikesim._renamed import renamed_attribute
from spikesim.errors import CheckpointError, DataError
from spikesim.recording.monitor import Monitor, Series
from spikesim.spikes import Spikes

KIND, VERSION = "spikesim recording", 1
CHUNK_BYTES = 1 << 18
MAX_MONITORS = 10_000


class RecordingFile:
    """A recording that `simulate(..., to=path)` has written, or is writing.

    Attributes:
        path: where it lies.
        monitors: what was kept.
        first, end: the steps first <= t < end that it covers.

    Raises:
        CheckpointError: the file is missing, damaged, or no recording.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        with self._open() as file:
            try:
                if file.attrs["kind"] != KIND or int(file.attrs["version"]) != VERSION:
                    raise CheckpointError(
                        f"{path}: kind {file.attrs['kind']!r}, version {file.attrs['version']}; "
                        f"{KIND!r}, version {VERSION}, is needed"
                    )
                self.first, self.end = (int(v) for v in _plain(file, "progress", path)[:2])
                count = len(file["watches"])
                if count > MAX_MONITORS:
                    raise CheckpointError(f"{path}: {count} monitors; at most {MAX_MONITORS} are read")
                self.monitors = tuple(
                    _monitor(json.loads(file["watches"][str(k)].attrs["watch"])) for k in range(count)
                )
            except (KeyError, ValueError, TypeError, AttributeError, DataError, OSError) as problem:
                raise CheckpointError(f"{path} does not hold a recording: {problem!r}") from problem

    def _open(self) -> Any:
        try:
            return h5py.File(self.path, "r", libver="latest", swmr=True, locking=False)
        except OSError as problem:
            raise CheckpointError(f"{self.path} cannot be read as a recording: {problem}") from problem

    watches = renamed_attribute("RecordingFile", "watches", "monitors")

    def series(self, monitor: Monitor | str, what: str = "spikes") -> Series:
        """What a monitor has kept.

        Args:
            monitor: one of `monitors`, or the name of a population or projection.
            what: with a name: "spikes", "v", "weights", ...

        Raises:
            DataError: there is no such monitor.
            CheckpointError: the file is damaged.
        """
        k = self._find(monitor, what)
        with self._open() as file:
            try:
                group = file["watches"][str(k)]
                t = _plain(group, "t", self.path)
                rows = int(np.searchsorted(t, self.end))
                spikes = self.monitors[k].what == "spikes"
                neurons = _plain(group, "neurons", self.path)
                values = _plain(group, "values", self.path)
                if min(len(values), len(neurons) if spikes else rows) < rows:
                    raise CheckpointError(f"{self.path}: monitor {k} holds fewer rows than its steps")
                return Series(t[:rows], neurons[:rows] if spikes else neurons, values[:rows])
            except (KeyError, ValueError, TypeError, OSError) as problem:
                raise CheckpointError(f"{self.path}: monitor {k} is damaged: {problem!r}") from problem

    def spikes(self, name: str, n: int) -> Spikes:
        """The spikes of a population of n neurons, as one presentation of end - first steps.

        Raises:
            DataError: they were not kept, or more steps or neurons than Spikes hold.
        """
        kept = self.series(name)
        steps = self.end - self.first
        if steps >= 2**31:
            raise DataError(f"{self.path}: {steps} steps; Spikes hold less than 2**31: read `series` instead")
        signs = kept.values if (kept.values < 0).any() else None
        offsets = np.array([0, len(kept.t)], np.int64)
        times = (kept.t - self.first).astype(np.int32)
        return Spikes(times, kept.neurons.astype(np.int32), offsets, steps, n, signs)

    def _find(self, monitor: Monitor | str, what: str) -> int:
        for k, known in enumerate(self.monitors):
            if known == monitor or (known.name, known.what) == (monitor, what):
                return k
        listed = ", ".join(f"{w.what} of {w.name}" for w in self.monitors)
        asked = monitor if isinstance(monitor, Monitor) else f"{what} of {monitor!r}"
        raise DataError(f"{self.path}: {asked} was not kept. Kept: {listed}")


class RecordingWriter:
    """Writes a recording while a run goes on.

    Args:
        path: a new file; one that is there is refused.
        monitors: what is kept, each with the shape and type of one step's values, and its neurons.
        first: the first step.

    Raises:
        CheckpointError: the file is there already, or cannot be made.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        monitors: Sequence[tuple[Monitor, tuple[int, ...], Any, Any]],
        first: int,
    ) -> None:
        self.path = Path(path)
        try:
            self._file = h5py.File(path, "x", libver="latest", locking=False)
        except OSError as problem:
            there = "it is there already" if self.path.exists() else str(problem)
            raise CheckpointError(
                f"{path}: a recording cannot be begun: {there}. Choose another name or folder"
            ) from problem
        self._file.attrs.update({"kind": KIND, "version": VERSION})
        self._progress = self._file.create_dataset("progress", data=np.array([first, first], np.int64))
        self._file.create_group("watches")
        self._groups = [self._made(k, *monitor) for k, monitor in enumerate(monitors)]
        self._file.swmr_mode = True

    def _made(self, k: int, monitor: Monitor, shape: tuple[int, ...], kind: Any, neurons: Any) -> Any:
        group = self._file.create_group(f"watches/{k}")
        group.attrs["watch"] = json.dumps(asdict(monitor))
        _growing(group, "t", (), np.int64)
        if monitor.what == "spikes":
            _growing(group, "neurons", (), np.int32)
        else:
            group.create_dataset("neurons", data=np.asarray(neurons, np.int64))
        _growing(group, "values", shape, kind)
        return group

    def append(self, pieces: Sequence[Series], end: int) -> None:
        """Add what the monitors have kept up to step `end`, and let it be on disk.

        Raises:
            CheckpointError: the disk is full, or the file is gone.
        """
        try:
            for group, watch_series in zip(self._groups, pieces, strict=True):
                rows = len(watch_series.t)
                if not rows:
                    continue
                columns = {"t": watch_series.t, "values": watch_series.values}
                if len(watch_series.neurons) == rows and group["neurons"].maxshape[0] is None:
                    columns["neurons"] = watch_series.neurons
                for name, column in columns.items():
                    dataset = group[name]
                    dataset.resize(len(dataset) + rows, axis=0)
                    dataset[-rows:] = column
                    dataset.flush()
            self._progress[1] = end
            self._progress.flush()
        except (OSError, RuntimeError) as problem:
            raise CheckpointError(
                f"{self.path}: the recording cannot be continued: {problem}. What is there up to its "
                "`progress` can be read; free some space, or choose another disk"
            ) from problem

    def close(self) -> None:
        """End the file."""
        self._file.close()


def _growing(group: Any, name: str, shape: tuple[int, ...], kind: Any) -> None:
    row = max(1, int(np.prod(shape)) * np.dtype(kind).itemsize)
    chunk = (max(1, CHUNK_BYTES // row), *(max(1, d) for d in shape))
    group.create_dataset(
        name, (0, *shape), kind, maxshape=(None, *shape), chunks=chunk, compression="gzip", shuffle=True
    )


def _plain(group: Any, name: str, path: Any) -> np.ndarray:
    """A dataset's contents, where it is one of ours: numbers, in the file itself."""
    dataset = group[name]
    link = group.get(name, getlink=True)
    if not isinstance(dataset, h5py.Dataset) or not isinstance(link, h5py.HardLink):
        raise CheckpointError(f"{path}: {name} is no dataset of the file itself")
    if dataset.external or dataset.is_virtual or dataset.dtype.kind not in "iuf":
        raise CheckpointError(f"{path}: {name} is stored elsewhere, or holds no numbers")
    if dataset.size * dataset.dtype.itemsize > 1000 * max(1, os.path.getsize(path)):
        raise CheckpointError(f"{path}: {name} says to be far larger than the file can hold")
    return np.asarray(dataset[()])


def _monitor(entry: dict[str, Any]) -> Monitor:
    neurons = entry.pop("neurons")
    return Monitor(**entry, neurons=None if neurons is None else tuple(neurons))
