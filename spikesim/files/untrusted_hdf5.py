"""Reading HDF5 files of strangers: what a file claims is checked before memory is taken for it.

`tree(path)` gives groups as dictionaries, datasets as arrays or text. Refused by name: links to elsewhere
(soft, external), an object linked twice (circles), external and virtual storage, storage that is not there,
filters but gzip and shuffle (which are undone here, never beyond a chunk's size), attributes, named types,
numbers that are not plain, and more than `Limits` allow.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from spikesim.errors import DataError
from spikesim.files.hdf5_heap import ENTRY, HeapError, Heaps

NUMBERS = frozenset(
    {"|b1", "|i1", "|u1", *(f"{e}{k}{size}" for e in "<>" for k in "iu" for size in (2, 4, 8))}
    | {f"{e}f{size}" for e in "<>" for size in (2, 4, 8)}
)
DEFLATE, SHUFFLE = h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE
FILTERS = {DEFLATE: "gzip", SHUFFLE: "shuffle"}
MIB = 1 << 20
# What h5py raises of damaged files; MemoryError and RecursionError are among what a hostile one provokes.
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
    zlib.error,
)
Tree = dict[str, Any]


class FileRefused(DataError):
    """A file that is damaged, hostile, or beside its format: path, object, reason, way out."""


@dataclass(frozen=True)
class Limits:
    """What a file may claim.

    Attributes:
        bytes: of all numbers together, unfolded.
        free: bytes below which a file is not asked how well it was compressed.
        fold: how many times larger than its file the unfolded numbers may be, beyond `free`.
        objects: groups and datasets.
        depth: groups in groups.
        name: characters of a name or a text.
        texts: entries of a list of names.
        chunks: pieces that its numbers are stored in.
    """

    bytes: int = 1 << 30
    free: int = 64 * MIB
    fold: int = 100
    objects: int = 10_000
    depth: int = 16
    name: int = 1000
    texts: int = 200_000
    chunks: int = 4096


def tree(path: str | os.PathLike[str], limits: Limits | None = None) -> Tree:
    """The contents of an HDF5 file: groups as dict, numbers as arrays, text as str, lists of text as lists.

    Raises:
        FileRefused: the file is missing, damaged or hostile; says which object, and why.
    """
    path, limits = Path(path), limits or Limits()
    try:
        if not path.is_file():
            raise FileRefused(f"{path}: {'is no file' if path.exists() else 'there is no such file'}")
        size = path.stat().st_size
        if size > limits.bytes:
            raise _refused(path, "the file", f"has {size:,} bytes; the limit is {limits.bytes:,}")
        with open(path, "rb") as handle, h5py.File(handle, "r") as file:
            plan = file.id.get_create_plist()
            if plan.get_sizes() != (8, 8):
                raise _refused(path, "the file", f"has addresses of {plan.get_sizes()} bytes; 8 are read")
            with open(path, "rb") as plain:  # a handle of its own: the library has the place of the first
                heaps = Heaps(plain, size, plan.get_userblock())
                return _Reader(path, size, limits, heaps).group(file, "", 0)
    except FileRefused:
        raise
    except PermissionError as problem:
        raise FileRefused(
            f"{path}: no permission to read it. Change its permissions, or copy it"
        ) from problem
    except (*DAMAGED, RecursionError) as problem:
        said = " ".join(str(problem).split())[:200]
        raise _refused(path, "the file", f"cannot be read as HDF5 ({said})") from problem


def _refused(path: Path, name: str, reason: str) -> FileRefused:
    return FileRefused(
        f"{path}: {name} {reason}. The file is damaged or not what it says; ask for it again where it was "
        f"made"
    )


class _Reader:
    """One pass over a file, which adds up what it has claimed."""

    def __init__(self, path: Path, size: int, limits: Limits, heaps: Heaps) -> None:
        self.path, self.size, self.limits, self.heaps = path, size, limits, heaps
        self.budget = min(limits.bytes, max(limits.free, limits.fold * size))
        self.objects = self.texts = self.chunks = 0

    def refuse(self, name: str, reason: str) -> FileRefused:
        """What is wrong with an object of the file."""
        shown = name if len(name) <= 80 else f"{name[:77]}..."
        return _refused(self.path, repr(shown), reason)

    def group(self, group: h5py.Group, prefix: str, depth: int) -> Tree:
        """A group and all below it."""
        if depth > self.limits.depth:
            raise self.refuse(prefix, f"lies more than {self.limits.depth} groups deep")
        self._no_attributes(group, prefix or "/")
        if len(group) + self.objects > self.limits.objects:
            raise self.refuse(prefix or "/", f"brings more than {self.limits.objects:,} objects")
        found: Tree = {}
        for part in group:
            name = f"{prefix}/{part}"
            self._check_name(part, name)
            link = group.get(part, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise self.refuse(name, f"is a {type(link).__name__}: a link to elsewhere, which is refused")
            item = group[part]
            self.objects += 1
            if h5py.h5o.get_info(item.id).rc != 1:
                raise self.refuse(name, "is linked twice, or holds itself, which is refused")
            if isinstance(item, h5py.Group):
                found[part] = self.group(item, name, depth + 1)
            elif isinstance(item, h5py.Dataset):
                self._no_attributes(item, name)
                found[part] = self._dataset(item, name)
            else:
                raise self.refuse(name, f"is a {type(item).__name__}, which is refused")
        return found

    def _check_name(self, part: str, name: str) -> None:
        if not part or part == "." or not part.isprintable() or len(part) > self.limits.name:
            raise self.refuse(
                name, f"has a name that is empty, unprintable or beyond {self.limits.name} letters"
            )

    def _no_attributes(self, item: Any, name: str) -> None:
        count = h5py.h5a.get_num_attrs(item.id)
        if count:
            raise self.refuse(name, f"has {count} attributes; the format knows none")

    def _dataset(self, dataset: h5py.Dataset, name: str) -> Any:
        kind = dataset.dtype
        if dataset.shape is None:
            raise self.refuse(name, "is empty: it has no shape")
        if h5py.check_string_dtype(kind) is not None:
            return self._text(dataset, name)
        if kind.str not in NUMBERS or kind.metadata:
            if kind.str == "|i1" and h5py.check_enum_dtype(kind) is not None:
                raise self.refuse(name, "holds an enumeration, which is refused")
            raise self.refuse(name, f"holds {kind}; plain numbers or text are needed")
        size = prod(dataset.shape) * kind.itemsize
        self.budget -= size
        if self.budget < 0:
            raise self.refuse(
                name,
                f"claims {size:,} bytes as {dataset.shape} {kind}; a file of {self.size:,} bytes may "
                f"unfold to {max(self.limits.free, self.limits.fold * self.size):,}, and to "
                f"{self.limits.bytes:,} at most",
            )
        return self._numbers(dataset, name, size)

    def _numbers(self, dataset: h5py.Dataset, name: str, size: int) -> npt.NDArray[Any]:
        plan = self._plan(dataset, name)
        if plan.get_layout() == h5py.h5d.CHUNKED:
            array = self._chunked(dataset, plan, name)
        else:
            if dataset.id.get_storage_size() != size:
                held = dataset.id.get_storage_size()
                raise self.refuse(name, f"claims {size:,} bytes and holds {held:,}")
            array = np.empty(dataset.shape, dataset.dtype)
            if size:
                dataset.read_direct(array) if dataset.shape else array.__setitem__((), dataset[()])
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise self.refuse(name, f"holds {array[~np.isfinite(array)].flat[0]}; finite numbers are needed")
        return np.ascontiguousarray(array.astype(array.dtype.newbyteorder("="), copy=False)).reshape(
            array.shape
        )

    def _plan(self, dataset: h5py.Dataset, name: str) -> Any:
        """How a dataset is stored; in the file itself, and in no way that reaches out of it."""
        plan = dataset.id.get_create_plist()
        layout = plan.get_layout()
        if layout not in (h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT, h5py.h5d.CHUNKED):
            raise self.refuse(name, "is a virtual dataset, which is refused")
        if layout == h5py.h5d.CONTIGUOUS and plan.get_external_count():
            raise self.refuse(name, "lies in another file (external storage), which is refused")
        if plan.get_nfilters() and layout != h5py.h5d.CHUNKED:
            raise self.refuse(name, "has filters without chunks")
        return plan

    def _chunked(self, dataset: h5py.Dataset, plan: Any, name: str) -> npt.NDArray[Any]:
        """The chunks, each unfolded here, to its own size at most; all of them have to be there."""
        filters = [plan.get_filter(k)[0] for k in range(plan.get_nfilters())]
        if not set(filters) <= FILTERS.keys() or len(set(filters)) != len(filters):
            raise self.refuse(
                name, f"is folded by filters {filters}; {' and '.join(FILTERS.values())} are read"
            )
        chunk, shape = plan.get_chunk(), dataset.shape
        bytes_of_chunk = prod(chunk) * dataset.dtype.itemsize
        if len(chunk) != len(shape) or not all(chunk) or bytes_of_chunk > max(dataset.nbytes, MIB):
            raise self.refuse(name, f"has chunks of {chunk} for numbers of {shape}")
        expected = prod(-(-n // c) for n, c in zip(shape, chunk, strict=True))
        if dataset.id.get_num_chunks() != expected:
            there = dataset.id.get_num_chunks()
            raise self.refuse(name, f"has {there:,} of {expected:,} chunks: part of it is not in the file")
        self.chunks += expected
        if self.chunks > self.limits.chunks:
            raise self.refuse(
                name,
                f"is in {expected:,} chunks; {self.limits.chunks:,} a file are read. Take larger ones",
            )
        array = np.empty(shape, dataset.dtype)
        for offset in product(*(range(0, n, c) for n, c in zip(shape, chunk, strict=True))):
            info = dataset.id.get_chunk_info_by_coord(offset)
            if info.byte_offset is None or info.size > self.size or info.filter_mask:
                raise self.refuse(name, f"has a chunk at {offset} that is not in the file as a whole")
            _, stored = dataset.id.read_direct_chunk(offset)
            raw = self._unfolded(stored, filters, bytes_of_chunk, dataset.dtype.itemsize, name)
            block = np.frombuffer(raw, dataset.dtype).reshape(chunk)
            place = tuple(slice(o, min(o + c, n)) for o, c, n in zip(offset, chunk, shape, strict=True))
            array[place] = block[tuple(slice(0, s.stop - s.start) for s in place)]
        return array

    def _unfolded(self, stored: bytes, filters: list[int], size: int, item: int, name: str) -> bytes:
        for kind in reversed(filters):
            if kind == DEFLATE:
                stored = zlib.decompressobj().decompress(stored, size + 1)
            elif len(stored) % item == 0 and item > 1:
                stored = np.frombuffer(stored, np.uint8).reshape(item, -1).T.tobytes()
        if len(stored) != size:
            raise self.refuse(name, f"has a chunk that does not unfold to its {size:,} bytes")
        return stored

    def _text(self, dataset: h5py.Dataset, name: str) -> Any:
        """Text, or lists of it, up to two axes."""
        shape, count, fixed = dataset.shape, prod(dataset.shape), dataset.dtype.kind == "S"
        self.texts += count
        if self.texts > self.limits.texts or len(shape) > 2:
            raise self.refuse(name, f"is text of the shape {shape}; {self.limits.texts:,} entries are read")
        if fixed and dataset.dtype.itemsize > self.limits.name:
            raise self.refuse(
                name, f"is text of {dataset.dtype.itemsize:,} bytes; the limit is {self.limits.name}"
            )
        plan = self._plan(dataset, name)
        layout = plan.get_layout()
        if layout == h5py.h5d.CHUNKED and (plan.get_nfilters() or plan.get_chunk() != shape):
            raise self.refuse(name, "is text in folded or several chunks, which is refused")
        if count and dataset.id.get_storage_size() != count * (dataset.dtype.itemsize if fixed else ENTRY):
            raise self.refuse(name, "is text that is not in the file")
        if fixed:
            found = [bytes(entry) for entry in np.asarray(dataset[()]).reshape(-1)]
        else:
            try:
                found = self.heaps.texts(self._place(dataset, layout, name), count, 4 * self.limits.name)
            except HeapError as problem:
                raise self.refuse(name, f"is text that cannot be read: {problem}") from problem
        made = [self._string(entry, name) for entry in found]
        if len(shape) == 2:
            return [made[k * shape[1] : (k + 1) * shape[1]] for k in range(shape[0])]
        return made if shape else made[0]

    def _place(self, dataset: h5py.Dataset, layout: int, name: str) -> int:
        """Where in the file a dataset's bytes begin."""
        if layout == h5py.h5d.CONTIGUOUS:
            offset = dataset.id.get_offset()
        elif layout == h5py.h5d.CHUNKED:
            offset = dataset.id.get_chunk_info_by_coord((0,) * len(dataset.shape)).byte_offset
        else:
            raise self.refuse(name, "is text inside of its own header, which is refused")
        if offset is None and dataset.size:
            raise self.refuse(name, "is text that is not in the file")
        return offset or 0

    def _string(self, entry: bytes, name: str) -> str:
        text = entry.decode("utf-8")
        if len(text) > self.limits.name:
            raise self.refuse(name, f"is not text of up to {self.limits.name} letters")
        return text


def walk(found: Tree, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every entry of a tree that is no group, with its full name."""
    for name, value in found.items():
        if isinstance(value, dict):
            yield from walk(value, f"{prefix}/{name}")
        else:
            yield f"{prefix}/{name}", value
