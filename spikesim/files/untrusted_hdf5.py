"""Reading HDF5 files from untrusted sources: every claim of a file is checked before memory is allocated.

`tree(path)` returns groups as dictionaries and datasets as arrays or text. `CheckedFile` does the same for
an open file, in two passes: all objects are checked, then read. Refused by name: soft and external links,
objects linked twice (cycles), external and virtual storage, data missing from the file, filters other than
gzip and shuffle (which are undone here, never beyond a chunk's size), unexpected attributes, named types,
dtypes other than plain numbers and text, and whatever exceeds `Limits`.

Used by checkpoints, recordings, NIR and netx; `Accepts` states how their formats differ.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from spikesim.files.hdf5_heap import ENTRY, HeapError, Heaps
from spikesim.files.hdf5_rules import (
    DEFLATE,
    MIB,
    Accepts,
    FileRefused,
    Limits,
    damage_refused,
    filters_of,
    hard_linked,
    opened,
    quoted,
    refused,
    storage_plan,
)

__all__ = ["Accepts", "CheckedFile", "FileRefused", "Limits", "Tree", "tree", "walk"]

Tree = dict[str, Any]


def tree(path: str | os.PathLike[str], limits: Limits | None = None) -> Tree:
    """The contents of an HDF5 file: groups as dict, numbers as arrays, text as str, lists of text as lists.

    Raises:
        FileRefused: the file is missing, damaged or hostile; names the object and the reason.
    """
    path, limits = Path(path), limits or Limits()
    with damage_refused(path), opened(path) as handle:
        size = os.fstat(handle.fileno()).st_size
        if size > limits.bytes:
            raise refused(path, "the file", f"has {size:,} bytes; the limit is {limits.bytes:,}")
        with h5py.File(handle, "r") as file, opened(path) as plain:
            # `plain` is a handle of its own, because the HDF5 library moves the position of the first.
            heaps = Heaps(plain, size, file.id.get_create_plist().get_userblock())
            return CheckedFile(file, path, size, limits, heaps=heaps).read()


class CheckedFile:
    """An open HDF5 file whose objects have all been checked; `read` returns their contents.

    Attributes:
        bytes: size of all numbers together, decompressed.

    Args:
        file: the open file.
        path: its path, for messages.
        size: its size in bytes.
        limits, accepts: see there.
        heaps: its heaps, for text of variable length; needed where `accepts.text`.

    Raises:
        FileRefused: an object is not allowed; no data has been read.
    """

    def __init__(
        self,
        file: h5py.File,
        path: Path,
        size: int,
        limits: Limits | None = None,
        accepts: Accepts | None = None,
        heaps: Heaps | None = None,
    ) -> None:
        self.limits, self.accepts = limits or Limits(), accepts or Accepts()
        self.path, self.size, self.heaps = path, size, heaps
        self.allowed = min(self.limits.bytes, max(self.limits.free, self.limits.fold * size))
        self.bytes = self.objects = self.texts = self.chunks = 0
        sizes = file.id.get_create_plist().get_sizes()
        if sizes != (8, 8):
            raise refused(path, "the file", f"has addresses and lengths of {sizes} bytes; 8 are supported")
        count, allowed = h5py.h5a.get_num_attrs(file.id), self.accepts.attributes
        if count > len(allowed) or not set(file.attrs) <= allowed:
            raise self._refuse("/", f"has {count} attributes; the format has {sorted(allowed)}")
        self._objects = self._check_group(file, "", 0)

    def read(self) -> Tree:
        """All groups as dict, numbers as arrays, text as str, lists of text as lists.

        Raises:
            FileRefused: the stored bytes are not what the file claims.
        """
        return self._read(self._objects, "")

    def names(self) -> set[str]:
        """The names of the groups and datasets at the top."""
        return set(self._objects)

    def read_one(self, name: str, limit: int) -> npt.NDArray[Any]:
        """The numbers of one dataset at the top, of at most `limit` bytes.

        Raises:
            FileRefused: there is none of that name, it is larger, or the stored bytes are not what the file
                claims.
        """
        dataset = self._top(name)
        if dataset.nbytes > limit:
            raise self._refuse(name, f"claims {dataset.nbytes:,} bytes; the limit is {limit:,}")
        return self._read_numbers(dataset, name)

    def read_block(self, name: str, k: int, rows: int) -> npt.NDArray[Any]:
        """Chunk k of a list of numbers at the top, which is stored in chunks of `rows`; the last has fewer.

        Raises:
            FileRefused: there is no such chunk, chunks have other sizes, or the stored bytes are not what the
                file claims.
        """
        dataset = self._top(name)
        plan, first = dataset.id.get_create_plist(), k * rows
        chunked = plan.get_layout() == h5py.h5d.CHUNKED and dataset.ndim == 1
        if not chunked or plan.get_chunk()[0] != min(rows, len(dataset)) or not 0 <= first < len(dataset):
            raise self._refuse(name, f"has no rows from {first:,} in chunks of {rows:,}")
        size = plan.get_chunk()[0] * dataset.dtype.itemsize
        block = self._chunk(dataset, filters_of(plan), (first,), size, name)
        kept = block[: len(dataset) - first]
        return kept.astype(kept.dtype.newbyteorder("="), copy=False)

    def _top(self, name: str) -> h5py.Dataset:
        found = self._objects.get(name)
        if not isinstance(found, h5py.Dataset):
            raise self._refuse(name, "is missing, or is a group")
        return found

    def _read(self, objects: Tree, prefix: str) -> Tree:
        found: Tree = {}
        for part, item in objects.items():
            name = f"{prefix}/{part}"
            if isinstance(item, dict):
                found[part] = self._read(item, name)
            elif h5py.check_string_dtype(item.dtype) is not None:
                found[part] = self._read_text(item, name)
            else:
                found[part] = self._read_numbers(item, name)
        return found

    def _refuse(self, name: str, reason: str) -> FileRefused:
        return refused(self.path, quoted(name), reason)

    def _check_group(self, group: h5py.Group, prefix: str, depth: int) -> Tree:
        """The datasets of a group and all groups below it, checked."""
        if depth > self.limits.depth:
            raise self._refuse(prefix, f"is nested more than {self.limits.depth} groups deep")
        if len(group) + self.objects > self.limits.objects:
            raise self._refuse(prefix or "/", f"has more than {self.limits.objects:,} objects")
        found: Tree = {}
        for part in group:
            name = f"{prefix}/{part}"
            if not part or part == "." or not part.isprintable() or len(part) > self.limits.name:
                raise self._refuse(
                    name, f"has a name that is empty, unprintable or above {self.limits.name} characters"
                )
            item = hard_linked(group, part, self.path, name)
            self.objects += 1
            if not isinstance(item, h5py.Group | h5py.Dataset):
                raise self._refuse(name, f"is a {type(item).__name__}: not allowed")
            count = h5py.h5a.get_num_attrs(item.id)
            if count:
                raise self._refuse(name, f"has {count} attributes that the format does not have")
            if isinstance(item, h5py.Group):
                found[part] = self._check_group(item, name, depth + 1)
            else:
                self._check_dataset(item, name)
                found[part] = item
        return found

    def _check_dataset(self, dataset: h5py.Dataset, name: str) -> None:
        kind = dataset.dtype
        if dataset.shape is None:
            raise self._refuse(name, "is empty: it has no shape")
        plan = storage_plan(dataset, self.path, name)
        if plan.get_layout() == h5py.h5d.CHUNKED and not self.accepts.chunked:
            raise self._refuse(name, "is chunked or compressed; contiguous storage is needed")
        if self.accepts.text and h5py.check_string_dtype(kind) is not None:
            self._check_text(dataset, plan, name)
            return
        if h5py.check_enum_dtype(kind) is not None:
            raise self._refuse(name, f"is an enumeration of {kind}: not allowed")
        if kind.str not in self.accepts.dtypes or kind.metadata:
            wanted = "plain numbers or text" if self.accepts.text else "plain numbers"
            raise self._refuse(name, f"has dtype {kind}; {wanted} are needed")
        size = prod(dataset.shape) * kind.itemsize
        self.bytes += size
        if self.bytes > self.allowed:
            raise self._refuse(
                name,
                f"claims {size:,} bytes as {dataset.shape} {kind}; a file of {self.size:,} bytes may hold "
                f"{self.allowed:,} of numbers in all",
            )
        if plan.get_layout() == h5py.h5d.CHUNKED:
            self._check_chunks(dataset, plan, name)
        elif dataset.id.get_storage_size() != size:
            held = dataset.id.get_storage_size()
            raise self._refuse(name, f"claims {size:,} bytes and holds {held:,}")

    def _check_chunks(self, dataset: h5py.Dataset, plan: Any, name: str) -> None:
        """All chunks are stored, none is larger than the dataset, and there are not too many."""
        chunk, shape = plan.get_chunk(), dataset.shape
        size = prod(chunk) * dataset.dtype.itemsize
        if len(chunk) != len(shape) or not all(chunk) or size > max(dataset.nbytes, MIB):
            raise self._refuse(name, f"has chunks of {chunk} for the shape {shape}")
        expected = prod(-(-n // c) for n, c in zip(shape, chunk, strict=True))
        stored = dataset.id.get_num_chunks()
        if stored != expected:
            raise self._refuse(name, f"has {stored:,} of {expected:,} chunks: part of it is not in the file")
        self.chunks += expected
        if self.chunks > self.limits.chunks:
            raise self._refuse(
                name,
                f"is in {expected:,} chunks; the limit is {self.limits.chunks:,} a file. Write larger chunks",
            )

    def _check_text(self, dataset: h5py.Dataset, plan: Any, name: str) -> None:
        """Text in up to two axes, in one uncompressed piece."""
        shape, count, fixed = dataset.shape, prod(dataset.shape), dataset.dtype.kind == "S"
        self.texts += count
        if self.texts > self.limits.texts or len(shape) > 2:
            raise self._refuse(
                name, f"is text of the shape {shape}; the limit is {self.limits.texts:,} entries, in two axes"
            )
        if fixed and dataset.dtype.itemsize > self.limits.name:
            raise self._refuse(
                name, f"is text of {dataset.dtype.itemsize:,} bytes; the limit is {self.limits.name}"
            )
        if plan.get_layout() == h5py.h5d.CHUNKED and (plan.get_nfilters() or plan.get_chunk() != shape):
            raise self._refuse(name, "is text in several chunks or compressed: not allowed")
        if count and dataset.id.get_storage_size() != count * (dataset.dtype.itemsize if fixed else ENTRY):
            raise self._refuse(name, "is text that is not in the file")

    def _read_numbers(self, dataset: h5py.Dataset, name: str) -> npt.NDArray[Any]:
        plan = dataset.id.get_create_plist()
        if plan.get_layout() == h5py.h5d.CHUNKED:
            array = self._read_chunks(dataset, plan, name)
        else:
            array = np.empty(dataset.shape, dataset.dtype)
            if dataset.nbytes:
                dataset.read_direct(array) if dataset.shape else array.__setitem__((), dataset[()])
        if self.accepts.finite and array.dtype.kind == "f" and not np.isfinite(array).all():
            value = array[~np.isfinite(array)].flat[0]
            raise self._refuse(name, f"holds {value}; finite numbers are needed")
        return np.ascontiguousarray(array.astype(array.dtype.newbyteorder("="), copy=False)).reshape(
            array.shape
        )

    def _read_chunks(self, dataset: h5py.Dataset, plan: Any, name: str) -> npt.NDArray[Any]:
        """The chunks, each decompressed here, up to its own size."""
        filters, chunk, shape = filters_of(plan), plan.get_chunk(), dataset.shape
        size = prod(chunk) * dataset.dtype.itemsize
        array = np.empty(shape, dataset.dtype)
        for offset in product(*(range(0, n, c) for n, c in zip(shape, chunk, strict=True))):
            block = self._chunk(dataset, filters, offset, size, name).reshape(chunk)
            place = tuple(slice(o, min(o + c, n)) for o, c, n in zip(offset, chunk, shape, strict=True))
            array[place] = block[tuple(slice(0, s.stop - s.start) for s in place)]
        return array

    def _chunk(
        self, dataset: h5py.Dataset, filters: list[int], offset: tuple[int, ...], size: int, name: str
    ) -> npt.NDArray[Any]:
        """The numbers of the chunk at `offset`, flat, with the file's byte order."""
        info = dataset.id.get_chunk_info_by_coord(offset)
        if info.byte_offset is None or info.size > self.size or info.filter_mask:
            raise self._refuse(name, f"has a chunk at {offset} that is not completely in the file")
        _, stored = dataset.id.read_direct_chunk(offset)
        return np.frombuffer(
            self._decompressed(stored, filters, size, dataset.dtype.itemsize, name), dataset.dtype
        )

    def _decompressed(self, stored: bytes, filters: list[int], size: int, item: int, name: str) -> bytes:
        for kind in reversed(filters):
            if kind == DEFLATE:
                stored = zlib.decompressobj().decompress(stored, size + 1)
            elif len(stored) % item == 0 and item > 1:
                stored = np.frombuffer(stored, np.uint8).reshape(item, -1).T.tobytes()
        if len(stored) != size:
            raise self._refuse(name, f"has a chunk that does not decompress to its {size:,} bytes")
        return stored

    def _read_text(self, dataset: h5py.Dataset, name: str) -> Any:
        """Text, a list of text, or a list of lists."""
        shape, count = dataset.shape, prod(dataset.shape)
        if dataset.dtype.kind == "S":
            found = [bytes(entry) for entry in np.asarray(dataset[()]).reshape(-1)]
        else:
            assert self.heaps is not None
            try:
                found = self.heaps.texts(self._place(dataset, name), count, 4 * self.limits.name)
            except HeapError as problem:
                raise self._refuse(name, f"is text that cannot be read: {problem}") from problem
        texts = [self._decoded(entry, name) for entry in found]
        if len(shape) == 2:
            return [texts[k * shape[1] : (k + 1) * shape[1]] for k in range(shape[0])]
        return texts if shape else texts[0]

    def _place(self, dataset: h5py.Dataset, name: str) -> int:
        """The offset in the file at which the entries of a text dataset begin."""
        layout = dataset.id.get_create_plist().get_layout()
        if layout == h5py.h5d.CONTIGUOUS:
            offset = dataset.id.get_offset()
        elif layout == h5py.h5d.CHUNKED:
            offset = dataset.id.get_chunk_info_by_coord((0,) * len(dataset.shape)).byte_offset
        else:
            raise self._refuse(name, "is text in its own header (compact storage): not allowed")
        if offset is None and dataset.size:
            raise self._refuse(name, "is text that is not in the file")
        return offset or 0

    def _decoded(self, entry: bytes, name: str) -> str:
        text = entry.decode("utf-8")
        if len(text) > self.limits.name:
            raise self._refuse(name, f"is text of {len(text):,} characters; the limit is {self.limits.name}")
        return text


def walk(found: Tree, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every entry of a tree that is not a group, with its full name."""
    for name, value in found.items():
        if isinstance(value, dict):
            yield from walk(value, f"{prefix}/{name}")
        else:
            yield f"{prefix}/{name}", value
