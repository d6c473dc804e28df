"""Recordings on disk: compressed HDF5 that grows with the run, readable while it runs and after a crash.

The file is written in HDF5's single-writer mode (SWMR), which keeps it consistent at every moment. `progress`
holds the steps that are completely in the file; rows beyond it, left by a crash, are ignored.

    /progress                int64 (2,): first step, and the step before which everything is stored
    /watches/<k>             attribute `watch`: the Monitor as JSON; `n`: neurons of its population
        t, neurons, values   of spikes: one row per spike
                             else: t (rows,), values (rows, ..., k), neurons (k,)

Reading follows `spikesim.files.hdf5_rules`: no links, no external or virtual storage, gzip and shuffle only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

import h5py
import numpy as np

from spikesim._renamed import renamed_attribute
from spikesim.errors import CheckpointError, DataError
from spikesim.files.hdf5_rules import FileRefused, hard_linked, storage_plan
from spikesim.files.regular import open_regular
from spikesim.recording.monitor import Monitor, Series
from spikesim.spikes import Spikes

KIND, VERSION = "spikesim recording", 1
CHUNK_BYTES = 1 << 18
MAX_MONITORS = 10_000


class RecordingFile:
    """A recording on disk, written by `simulate(..., to=path)`; the run may still be going on.

    Attributes:
        path: path of the file.
        monitors: the recorded variables.
        first, end: it covers the steps first <= t < end.
        sizes: recorded population -> its number of neurons; empty in files of version 0.1.0.

    Raises:
        CheckpointError: the file is missing, damaged or not a recording.

    Examples:
        >>> import spikesim as ss
        >>> network = ss.Network({"exc": ss.LIF(2, theta=1.0, bias=0.3)}, [])
        >>> _ = ss.simulate(network, steps=20, record="spikes", to="long.h5")
        >>> ss.RecordingFile("long.h5").spikes("exc").counts()
        array([[5, 5]])
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
                self.first, self.end = (int(v) for v in self._numbers(file, "progress")[:2])
                count = len(hard_linked(file, "watches", self.path, "watches"))
                if count > MAX_MONITORS:
                    raise CheckpointError(f"{path}: {count} monitors; the limit is {MAX_MONITORS}")
                groups = [self._group(file, k) for k in range(count)]
                self.monitors = tuple(_monitor(json.loads(group.attrs["watch"])) for group in groups)
                known = ((m.name, g) for m, g in zip(self.monitors, groups, strict=True) if "n" in g.attrs)
                self.sizes = {name: int(group.attrs["n"]) for name, group in known}
            except FileRefused as problem:
                raise CheckpointError(str(problem)) from problem
            except CheckpointError:
                raise
            except (KeyError, ValueError, TypeError, AttributeError, OSError) as problem:
                raise CheckpointError(f"{path} is not a recording, or is damaged: {problem!r}") from problem

    def _open(self) -> Any:
        try:
            with open_regular(self.path):  # no FIFO and no device; the library opens by name
                pass
            return h5py.File(self.path, "r", libver="latest", swmr=True, locking=False)
        except OSError as problem:
            raise CheckpointError(f"{self.path} cannot be read as a recording: {problem}") from problem

    def _group(self, file: Any, k: int) -> Any:
        """The group of monitor k."""
        watches = hard_linked(file, "watches", self.path, "watches")
        return hard_linked(watches, str(k), self.path, f"watches/{k}")

    def _numbers(self, group: Any, name: str) -> np.ndarray:
        """A dataset of numbers that is stored in the file itself.

        Raises:
            FileRefused: it is linked or stored elsewhere, or is not plain numbers.
            CheckpointError: it claims far more bytes than the file can hold.
        """
        dataset = hard_linked(group, name, self.path, name)
        if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind not in "iuf":
            raise CheckpointError(f"{self.path}: {name} is not a dataset of numbers")
        storage_plan(dataset, self.path, name)
        size, limit = dataset.size * dataset.dtype.itemsize, 1000 * max(1, os.path.getsize(self.path))
        if size > limit:
            raise CheckpointError(
                f"{self.path}: {name} claims {size:,} bytes; the limit for a file of this size is {limit:,}"
            )
        return np.asarray(dataset[()])

    watches = renamed_attribute("RecordingFile", "watches", "monitors")

    def series(self, monitor: Monitor | str, what: str = "spikes") -> Series:
        """The recorded values of a monitor.

        Args:
            monitor: one of `monitors`, or the name of a population or projection.
            what: with a name: "spikes", "v", "weights", ...

        Raises:
            DataError: it was not recorded.
            CheckpointError: the file is damaged.
        """
        k = self._find(monitor, what)
        with self._open() as file:
            try:
                group = self._group(file, k)
                t, neurons, values = (self._numbers(group, part) for part in ("t", "neurons", "values"))
                rows = int(np.searchsorted(t, self.end))
                spikes = self.monitors[k].what == "spikes"
                if min(len(values), len(neurons) if spikes else rows) < rows:
                    raise CheckpointError(f"{self.path}: monitor {k} has fewer rows of values than steps")
                return Series(t[:rows], neurons[:rows] if spikes else neurons, values[:rows])
            except FileRefused as problem:
                raise CheckpointError(str(problem)) from problem
            except CheckpointError:
                raise
            except (KeyError, ValueError, TypeError, OSError) as problem:
                raise CheckpointError(f"{self.path}: monitor {k} is damaged: {problem!r}") from problem

    def spikes(self, name: str, n: int | None = None) -> Spikes:
        """The spikes of a population, as one trial of end - first steps.

        Args:
            name: of a recorded population.
            n: its number of neurons; needed only for files of version 0.1.0, which do not hold it.

        Raises:
            DataError: they were not recorded, n is another number than in the file, or missing in both; or
                there are more steps or neurons than Spikes can hold.
        """
        kept = self.series(name)
        stored = self.sizes.get(name)
        if n is None and stored is None:
            raise DataError(
                f"{self.path}: the file is of version 0.1.0 and does not hold the size of {name!r}; pass it: "
                f"spikes({name!r}, n=...)"
            )
        if n is not None and stored is not None and n != stored:
            raise DataError(f"{self.path}: n = {n}, but {name!r} has {stored} neurons; leave n out")
        n = stored if n is None else n
        assert n is not None
        steps = self.end - self.first
        if steps >= 2**31:
            raise DataError(
                f"{self.path}: {steps} steps exceed the limit of Spikes, 2**31 - 1; use `series` instead"
            )
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
        raise DataError(f"{self.path}: {asked} was not recorded. Recorded: {listed}")


class RecordingWriter:
    """Writes a recording to disk while the run goes on.

    Args:
        path: a new file; an existing one is refused.
        monitors: what to record; each with the shape and dtype of one step's values, and its neurons.
        first: the first step.
        sizes: population -> its number of neurons.

    Raises:
        CheckpointError: the file exists already, or cannot be created.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        monitors: Sequence[tuple[Monitor, tuple[int, ...], Any, Any]],
        first: int,
        sizes: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self.path, self._sizes = Path(path), sizes
        try:
            self._file = h5py.File(path, "x", libver="latest", locking=False)
        except OSError as problem:
            reason = "the file exists already" if self.path.exists() else str(problem)
            raise CheckpointError(
                f"{path}: cannot start a recording: {reason}. Choose another name or folder"
            ) from problem
        self._file.attrs.update({"kind": KIND, "version": VERSION})
        self._progress = self._file.create_dataset("progress", data=np.array([first, first], np.int64))
        self._file.create_group("watches")
        self._groups = [self._new_group(k, *monitor) for k, monitor in enumerate(monitors)]
        self._file.swmr_mode = True

    def _new_group(self, k: int, monitor: Monitor, shape: tuple[int, ...], kind: Any, neurons: Any) -> Any:
        group = self._file.create_group(f"watches/{k}")
        group.attrs["watch"] = json.dumps(asdict(monitor))
        if monitor.name in self._sizes:
            group.attrs["n"] = self._sizes[monitor.name]
        _new_growing(group, "t", (), np.int64)
        if monitor.what == "spikes":
            _new_growing(group, "neurons", (), np.int32)
        else:
            group.create_dataset("neurons", data=np.asarray(neurons, np.int64))
        _new_growing(group, "values", shape, kind)
        return group

    def append(self, pieces: Sequence[Series], end: int) -> None:
        """Append the values of all monitors up to step `end`, and flush them to disk.

        Raises:
            CheckpointError: the disk is full, or the file is no longer accessible.
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
                f"{self.path}: the recording cannot be continued: {problem}. The steps up to its `progress` "
                "can be read; free some space, or choose another disk"
            ) from problem

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _new_growing(group: Any, name: str, shape: tuple[int, ...], kind: Any) -> None:
    """Create an empty dataset that can grow along its first axis."""
    row = max(1, int(np.prod(shape)) * np.dtype(kind).itemsize)
    chunk = (max(1, CHUNK_BYTES // row), *(max(1, d) for d in shape))
    group.create_dataset(
        name, (0, *shape), kind, maxshape=(None, *shape), chunks=chunk, compression="gzip", shuffle=True
    )


def _monitor(entry: dict[str, Any]) -> Monitor:
    neurons = entry.pop("neurons")
    return Monitor(**entry, neurons=None if neurons is None else tuple(neurons))
