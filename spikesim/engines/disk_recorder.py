"""The observer that records to disk, with bounded memory for runs of any length."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import numpy.typing as npt

from spikesim.engines.monitors import Collector
from spikesim.engines.stepped.step import Fired
from spikesim.network import Network
from spikesim.recording.file import RecordingWriter
from spikesim.recording.monitor import Monitor

HELD_BYTES = 1 << 22
HELD_STEPS = 1 << 16


class DiskRecorder:
    """Writes the values of monitors to an HDF5 file; a context manager that always closes the file.

    A run that is refused before its first step leaves no file.

    Args:
        path: a new file.
        network: the network that is simulated.
        monitors: the variables to record.
        first: the first step.

    Raises:
        DataError: a monitor of an unknown population, projection or variable.
        CheckpointError: the file cannot be created or continued.
    """

    def __init__(
        self, path: str | os.PathLike[str], network: Network, monitors: Sequence[Monitor], first: int
    ) -> None:
        self._collectors = [Collector(network, monitor) for monitor in monitors]
        self._first = self._next = self._written = first
        self._file = RecordingWriter(
            path,
            [(c.monitor, c.shape, c.kind, c.chosen) for c in self._collectors],
            first,
            {name: population.n for name, population in network.populations.items()},
        )

    def observe(
        self,
        t: int,
        fired: Mapping[str, Fired],
        states: Mapping[str, Mapping[str, npt.NDArray[Any]]],
        weights: Mapping[str, npt.NDArray[Any]],
    ) -> None:
        """See `spikesim.engines.memory_recorder.Observer`."""
        for collector in self._collectors:
            collector.observe(t, fired, states, weights)

    def passed(self, end: int) -> None:
        """See `spikesim.engines.memory_recorder.Observer`."""
        self._next = end
        if self._next - self._written >= HELD_STEPS or sum(c.size for c in self._collectors) > HELD_BYTES:
            self._write()

    def _write(self) -> None:
        self._file.append([collector.drain() for collector in self._collectors], self._next)
        self._written = self._next

    def __enter__(self) -> DiskRecorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._write()
        finally:
            self._file.close()
            if kind is not None and self._next == self._first:  # refused before the first step
                self._file.path.unlink(missing_ok=True)
