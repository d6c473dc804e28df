"""Rules for HDF5 files from untrusted sources: limits, allowed contents, and checks of single objects.

`spikesim.files.untrusted_hdf5` applies them to whole files; `spikesim.recording.file`, which reads a file
while it grows, applies them to the datasets that it needs.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import h5py

from spikesim.errors import DataError, SpikesimError
from spikesim.files.regular import open_regular

NUMBERS = frozenset(
    {"|b1", "|i1", "|u1", *(f"{e}{k}{size}" for e in "<>" for k in "iu" for size in (2, 4, 8))}
    | {f"{e}f{size}" for e in "<>" for size in (2, 4, 8)}
)
DEFLATE, SHUFFLE = h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE
FILTERS = {DEFLATE: "gzip", SHUFFLE: "shuffle"}
MIB = 1 << 20
# Exceptions of h5py for damaged files; a hostile file can also provoke MemoryError and RecursionError.
DAMAGED = (
    OSError,
    RuntimeError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
    MemoryError,
    NotImplementedError,
    RecursionError,
    zlib.error,
)


class FileRefused(DataError):
    """A file that is damaged, hostile or not in its format; the message gives path, object, reason, way out.

    Attributes:
        reason: object and reason alone; empty where a reader of a format has refused the file.
    """

    reason: str = ""


@dataclass(frozen=True)
class Limits:
    """Limits on the claims of a file.

    Attributes:
        bytes: size of all numbers together, decompressed.
        free: size in bytes up to which the compression ratio is not limited.
        fold: largest ratio of decompressed numbers to file size, beyond `free`.
        objects: number of groups and datasets.
        depth: nesting depth of groups.
        name: characters of a name or a text.
        texts: entries of all texts together.
        chunks: chunks of all datasets together.
    """

    bytes: int = 1 << 30
    free: int = 64 * MIB
    fold: int = 100
    objects: int = 10_000
    depth: int = 16
    name: int = 1000
    texts: int = 200_000
    chunks: int = 4096


@dataclass(frozen=True)
class Accepts:
    """The contents that a file format allows; everything else is refused.

    Attributes:
        dtypes: NumPy dtype strings of numbers.
        finite: refuse NaN and infinity.
        text: allow text datasets.
        chunked: allow chunked and compressed storage.
        attributes: names of attributes that the root group may have; no other object may have any.
    """

    dtypes: frozenset[str] = NUMBERS
    finite: bool = True
    text: bool = True
    chunked: bool = True
    attributes: frozenset[str] = frozenset()


@contextmanager
def damage_refused(path: Path) -> Iterator[None]:
    """Turn the exceptions of h5py for a damaged file into FileRefused.

    Raises:
        FileRefused: the file cannot be read.
    """
    try:
        yield
    except SpikesimError:
        raise
    except PermissionError as problem:
        raise FileRefused(
            f"{path}: no permission to read it. Change its permissions, or copy it"
        ) from problem
    except DAMAGED as problem:
        message = " ".join(str(problem).split())[:200]
        raise refused(path, "the file", f"cannot be read as HDF5 ({message})") from problem


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file for reading.

    Raises:
        FileRefused: it is missing, or no regular file.
    """
    try:
        with open_regular(path, error=FileRefused, way_out="Give a regular HDF5 file.") as handle:
            yield handle
    except FileNotFoundError as problem:
        raise FileRefused(f"{path}: there is no such file") from problem


def refused(path: Path, name: str, reason: str) -> FileRefused:
    """The error for an object of a file (or "the file"), with the way out."""
    problem = FileRefused(
        f"{path}: {name} {reason}. The file is damaged or not in the expected format; obtain it again from "
        f"its origin"
    )
    problem.reason = f"{name} {reason}"
    return problem


def quoted(name: str) -> str:
    """The name of an object for a message, shortened."""
    return repr(name if len(name) <= 80 else f"{name[:77]}...")


def hard_linked(group: h5py.Group, part: str, path: Path, name: str) -> Any:
    """The object `part` of a group: in the file itself, and linked once.

    Raises:
        FileRefused: a soft or external link, or an object with several names (a cycle, too).
    """
    link = group.get(part, getlink=True)
    if not isinstance(link, h5py.HardLink):
        raise refused(path, quoted(name), f"is a {type(link).__name__} (a link to elsewhere): not allowed")
    item = group[part]
    if h5py.h5o.get_info(item.id).rc != 1:
        raise refused(path, quoted(name), "is linked twice or contains itself: not allowed")
    return item


def storage_plan(dataset: h5py.Dataset, path: Path, name: str) -> Any:
    """How a dataset is stored (h5py's property list): in the file itself, with known filters only.

    Raises:
        FileRefused: virtual or external storage, or other filters.
    """
    plan = dataset.id.get_create_plist()
    layout = plan.get_layout()
    if layout not in (h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT, h5py.h5d.CHUNKED):
        raise refused(path, quoted(name), "is a virtual dataset: not allowed")
    if layout == h5py.h5d.CONTIGUOUS and plan.get_external_count():
        raise refused(path, quoted(name), "lies in another file (external storage): not allowed")
    if plan.get_nfilters() and layout != h5py.h5d.CHUNKED:
        raise refused(path, quoted(name), "has filters but no chunks")
    filters = filters_of(plan)
    if not set(filters) <= FILTERS.keys() or len(set(filters)) != len(filters):
        known = " and ".join(FILTERS.values())
        raise refused(
            path, quoted(name), f"has the filters {filters}; {known} are supported, each at most once"
        )
    return plan


def filters_of(plan: Any) -> list[int]:
    """The numbers of the filters of a dataset, in the order of writing."""
    return [plan.get_filter(k)[0] for k in range(plan.get_nfilters())]
