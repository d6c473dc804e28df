"""Event files: recordings of an event camera in one checksummed HDF5 file, read whole or in slices of time.

    attributes   kind, digest: SHA-256 of meta, offsets, labels and hashes
    /meta        JSON as bytes: version, sensor size, classes, source, number of events, rows of a block
    /offsets     int64 (recordings + 1,); /labels int64 (recordings,) where there are labels
    /x /y /p /t  uint16, uint16, uint8, int64 (events,), in blocks of `BLOCK` rows, compressed
    /hashes      uint8 (blocks, 4, 32): SHA-256 of each block of x, y, p and t, before compression

Every block that is read is compared with its hash, so that a slice of a long recording is as safe as the
whole. Structure and claims are checked by `spikesim.files.untrusted_hdf5` before anything is read. Equal
events make equal files: nothing depends on the clock or the machine.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from spikesim.datasets.events.columns import check_sensor_size
from spikesim.datasets.events.stream import COLUMNS, Events
from spikesim.errors import DataError
from spikesim.files.atomic import json_bytes, sha256_bytes, write_bytes
from spikesim.files.hdf5_rules import MIB, damage_refused, opened, refused
from spikesim.files.untrusted_hdf5 import Accepts, CheckedFile, Limits
from spikesim.grid import whole

KIND, VERSION = "spikesim events", 1
BLOCK = 65_536
MAX_BYTES = 4 << 30
SMALL = ("meta", "offsets", "labels", "hashes")
ACCEPTS = Accepts(
    dtypes=frozenset({"|u1", "<u2", "<i8"}), text=False, attributes=frozenset({"kind", "digest"})
)
# gzip shrinks to no less than a thousandth. What is read at once is compared with max_bytes.
LIMITS = Limits(bytes=1 << 50, fold=1100, objects=8, depth=1, chunks=1 << 22)


def save_events(path: str | os.PathLike[str], events: Events, *, source: str = "") -> str:
    """Write recordings to an event file, atomically, and return the SHA-256 (hex) of their contents.

    path: the file; an existing one is replaced. source: where the recordings come from.
    Raises DataError for what are no Events, a full disk, or a folder without write permission.
    """
    if not isinstance(events, Events):
        raise DataError(f"save_events: {type(events).__name__}; Events are needed: events_from_array, ...")
    if not isinstance(source, str):
        raise DataError(f"save_events: source is {type(source).__name__}; text is needed")
    columns = {name: np.ascontiguousarray(getattr(events, name), _stored(name)) for name in COLUMNS}
    count = len(events.t)
    hashes = np.array(
        [
            [_hash(columns[name][first : first + BLOCK]) for name in COLUMNS]
            for first in range(0, count, BLOCK)
        ],
        np.uint8,
    ).reshape(-1, len(COLUMNS), 32)
    meta = {
        "version": VERSION,
        "sensor_size": list(events.sensor_size),
        "classes": list(events.classes),
        "source": source,
        "events": count,
        "block": BLOCK,
    }
    small = {"meta": np.frombuffer(json_bytes(meta, what="the events", error=DataError), np.uint8)}
    small["offsets"] = events.offsets.astype("<i8")
    if events.labels is not None:
        small["labels"] = events.labels.astype("<i8")
    small["hashes"] = hashes
    digest = _digest(small)
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver=("earliest", "v108")) as file:  # this layout stores no times
        file.attrs["kind"], file.attrs["digest"] = np.bytes_(KIND.encode()), np.bytes_(digest.encode())
        for name, array in small.items():
            file.create_dataset(name, data=array, track_times=False)
        options = {"chunks": (min(BLOCK, count),), "compression": "gzip", "shuffle": True} if count else {}
        for name, array in columns.items():
            kept = options if array.itemsize > 1 else {k: v for k, v in options.items() if k != "shuffle"}
            file.create_dataset(name, data=array, track_times=False, **kept)
    write_bytes(path, buffer.getvalue(), what="the event file", error=DataError)
    return digest


def load_events(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> Events:
    """All recordings of an event file, every block verified.

    max_bytes: the largest size in memory; longer recordings are read in slices by `EventFile`.
    Raises FileRefused (a DataError) for a file that is missing, damaged, hostile or of a newer version.
    """
    file = EventFile(path)
    return file.read(0, len(file), max_bytes=max_bytes)


class EventFile:
    """An event file, of which parts can be read.

    Attributes:
        path: of the file.
        sensor_size, labels, classes, offsets: as in `Events`.
        source: where the recordings come from.
        digest: SHA-256 (hex) of the contents.

    Raises:
        FileRefused: the file is missing, damaged, hostile or of a newer version.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.digest = ""
        with self._open() as file:
            small = self._small(file)
        meta = self._meta(small)
        self.source: str = meta["source"]
        self.classes: tuple[str, ...] = tuple(meta["classes"])
        self._block: int = meta["block"]
        self.offsets: NDArray[np.int64] = small["offsets"]
        self.labels: NDArray[np.int64] | None = small.get("labels")
        self._hashes = small["hashes"]
        self._check(meta["events"])
        try:
            self.sensor_size = check_sensor_size(meta["sensor_size"])
        except DataError as problem:
            raise refused(self.path, "meta", f"is impossible ({problem})") from None

    def __len__(self) -> int:
        """Number of recordings."""
        return len(self.offsets) - 1

    def read(self, first: int = 0, end: int | None = None, *, max_bytes: int = MAX_BYTES) -> Events:
        """The recordings first <= b < end; `end` defaults to all.

        Raises:
            DataError: there are no such recordings, or they need more than max_bytes.
            FileRefused: the file is damaged.
        """
        end = len(self) if end is None else end
        if not (whole(first) and whole(end) and first <= end <= len(self)):
            raise DataError(f"{self.path}: recordings {first!r} to {end!r}; there are {len(self)}, from 0")
        rows = range(int(self.offsets[first]), int(self.offsets[end]))
        offsets = self.offsets[first : end + 1] - self.offsets[first]
        return self._events(rows, offsets, first, end, max_bytes)

    def between(self, b: int, first: int, end: int, *, max_bytes: int = MAX_BYTES) -> Events:
        """The events of recording b with first <= t < end, in microseconds; only their blocks are read.

        Raises:
            DataError: there is no such recording, or the events need more than max_bytes.
            FileRefused: the file is damaged.
        """
        if not (whole(b) and b < len(self)):
            raise DataError(f"{self.path}: recording {b!r}; there are {len(self)}, numbered from 0")
        with self._open() as file:
            low, high = (self._search(file, b, t) for t in (first, end))
        rows = range(low, max(low, high))
        return self._events(rows, np.array([0, len(rows)], np.int64), b, b + 1, max_bytes)

    def blocks(self) -> Iterator[tuple[int, dict[str, NDArray[Any]]]]:
        """(first row, columns) of each block of events, in their order: the whole file in bounded memory.

        Raises:
            FileRefused: the file is damaged.
        """
        with self._open() as file:
            for k in range(len(self._hashes)):
                yield k * self._block, {name: self._block_of(file, name, k) for name in COLUMNS}

    def _search(self, file: CheckedFile, b: int, t: int) -> int:
        """The first row of recording b whose time is at least t."""
        low, high = int(self.offsets[b]), int(self.offsets[b + 1])
        while low < high:
            k = (low + high) // 2 // self._block
            times = self._block_of(file, "t", k)
            begin, end = max(low, k * self._block), min(high, k * self._block + len(times))
            inside = times[begin - k * self._block : end - k * self._block]
            at = begin + int(np.searchsorted(inside, t))
            if begin < at < end:
                return at
            low, high = (low, begin) if at == begin else (end, high)
        return low

    def _events(
        self, rows: range, offsets: NDArray[np.int64], first: int, end: int, max_bytes: int
    ) -> Events:
        size = len(rows) * sum(np.dtype(kind).itemsize for kind in COLUMNS.values())
        if size > max_bytes:
            raise DataError(
                f"{self.path}: {len(rows):,} events need {size:,} bytes; max_bytes is {max_bytes:,}. Read "
                f"fewer recordings, or a slice: EventFile(path).between(recording, first, end)"
            )
        with self._open() as file:
            columns = {name: self._rows(file, name, rows) for name in COLUMNS}
        labels = None if self.labels is None else self.labels[first:end]
        try:
            return Events(
                **columns,
                offsets=offsets,
                sensor_size=self.sensor_size,
                labels=labels,
                classes=self.classes,
            )
        except DataError as problem:
            raise refused(self.path, "the file", f"holds impossible events ({problem})") from None

    def _rows(self, file: CheckedFile, name: str, rows: range) -> NDArray[Any]:
        found = [np.empty(0, COLUMNS[name])]
        for k in range(rows.start // self._block, -(-rows.stop // self._block) if rows else 0):
            begin = k * self._block
            block = self._block_of(file, name, k)
            found.append(block[max(rows.start - begin, 0) : rows.stop - begin])
        return np.concatenate(found)

    def _block_of(self, file: CheckedFile, name: str, k: int) -> NDArray[Any]:
        """Block k of a column, verified."""
        block = file.read_block(name, k, self._block)
        expected = self._hashes[k, list(COLUMNS).index(name)].tobytes()
        if bytes(_hash(block.astype(_stored(name), copy=False))) != expected:
            raise refused(self.path, f"block {k} of {name}", "does not match its SHA-256")
        return block.astype(COLUMNS[name], copy=False)

    @contextmanager
    def _open(self) -> Iterator[CheckedFile]:
        """The file, open, all objects checked."""
        with damage_refused(self.path), opened(self.path) as handle, h5py.File(handle, "r") as file:
            if _attribute(file, "kind") != KIND:
                raise refused(self.path, "the file", f"is not of the kind {KIND!r}")
            digest = _attribute(file, "digest")
            if self.digest and digest != self.digest:
                raise refused(self.path, "the file", "has changed since it was opened")
            self.digest = digest
            yield CheckedFile(file, self.path, os.fstat(handle.fileno()).st_size, LIMITS, ACCEPTS)

    def _small(self, file: CheckedFile) -> dict[str, NDArray[Any]]:
        """Everything but the columns; stored as it is, so no larger than the file."""
        found = file.names()
        if not {*COLUMNS, *SMALL} - {"labels"} <= found <= {*COLUMNS, *SMALL}:
            raise refused(self.path, "the file", f"has the entries {sorted(found)}")
        return {name: file.read_one(name, file.size) for name in SMALL if name in found}

    def _meta(self, found: dict[str, NDArray[Any]]) -> dict[str, Any]:
        """The metadata, after everything but the columns has been compared with the digest."""
        try:
            meta = json.loads(found["meta"].tobytes())
        except (ValueError, RecursionError) as problem:
            raise refused(self.path, "meta", f"is not JSON ({problem})") from problem
        version = meta.get("version") if isinstance(meta, dict) else None
        if whole(version) and version > VERSION:  # type: ignore[operator]
            raise DataError(
                f"{self.path}: version {version} of an event file; this spikesim reads up to {VERSION}. "
                f"Update spikesim"
            )
        if _digest(found) != self.digest or not isinstance(meta, dict):
            raise refused(self.path, "the file", "does not match its digest")
        kinds = {"sensor_size": list, "classes": list, "source": str, "events": int, "block": int}
        for name, kind in kinds.items():
            if not isinstance(meta.get(name), kind):
                raise refused(self.path, "meta", f"has {name} = {meta.get(name)!r}")
        if not all(isinstance(name, str) for name in meta["classes"]) or not 0 < meta["block"] <= MIB:
            raise refused(self.path, "meta", "has classes without names, or blocks of no or too many rows")
        return meta

    def _check(self, events: int) -> None:
        """Shapes that fit each other; events themselves are checked by `Events`."""
        expected: list[tuple[str, NDArray[Any] | None, Any, tuple[int, ...]]] = [
            ("hashes", self._hashes, np.uint8, (-(-events // self._block), len(COLUMNS), 32)),
            ("offsets", self.offsets, np.int64, (max(self.offsets.size, 1),)),
            ("labels", self.labels, np.int64, (self.offsets.size - 1,)),
        ]
        for name, array, kind, shape in expected:
            if array is not None and (array.dtype != kind or array.shape != shape):
                raise refused(self.path, name, f"is {array.dtype} {array.shape}; {shape} is needed")
        if self.offsets[0] != 0 or self.offsets[-1] != events or (np.diff(self.offsets) < 0).any():
            raise refused(self.path, "offsets", f"do not ascend from 0 to the {events} events")


def _stored(name: str) -> np.dtype[Any]:
    """The dtype of a column in the file: little-endian."""
    return np.dtype(COLUMNS[name]).newbyteorder("<")


def _hash(block: NDArray[Any]) -> list[int]:
    return list(hashlib.sha256(np.ascontiguousarray(block).tobytes()).digest())


def _digest(small: dict[str, NDArray[Any]]) -> str:
    """SHA-256 (hex) of names, dtypes, shapes and bytes of everything but the blocks (but of their hashes)."""
    parts = []
    for name in sorted(small):
        array = small[name].astype(small[name].dtype.newbyteorder("<"), copy=False)
        parts.append([name, array.dtype.str, list(array.shape), sha256_bytes(array.tobytes())])
    return sha256_bytes(json_bytes([KIND, VERSION, parts]))


def _attribute(file: h5py.File, name: str) -> str:
    """A short text among the attributes; empty where there is none."""
    if name not in file.attrs:
        return ""
    attribute = file.attrs.get_id(name)
    if attribute.dtype.kind != "S" or attribute.dtype.itemsize > 100 or attribute.shape != ():
        return ""
    return bytes(file.attrs[name]).decode("ascii", "replace")
