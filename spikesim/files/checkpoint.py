"""Checkpoints: named arrays and a little JSON in one checksummed HDF5 file; no pickle.

A file begins with a user block of 512 bytes (HDF5 leaves it to us) that states the version, the length and
the SHA-256 of all that follows. So damage is found before the HDF5 library reads a byte of it, and any HDF5
viewer still opens the file. Inside: attributes `kind` and `digest`, the dataset `meta` (JSON as bytes) and
the group `arrays`. Nothing in a file depends on the clock or the machine: equal contents are equal files.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np

from spikesim.errors import CheckpointError
from spikesim.files.atomic import json_bytes, sha256_bytes, sha256_stream, write_bytes

VERSION = 1
MAX_BYTES = 4 << 30
HEADER = 512
MAGIC = b"spikesim checkpoint\n"
MAX_NDIM = 32  # HDF5's limit
MAX_DEPTH = 16
MAX_NAME = 1000
DTYPES = frozenset(
    {"|b1", "|i1", "|u1", *(f"<{k}{size}" for k in "iu" for size in (2, 4, 8)), "<f2", "<f4", "<f8"}
)


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a file held: `arrays` by name (C order, little-endian), `meta`, and the `digest` (hex) of all."""

    kind: str
    version: int
    arrays: dict[str, np.ndarray]
    meta: dict[str, Any]
    digest: str


def digest_arrays(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 (hex) over names in sorted order, dtypes, shapes and little-endian bytes of `arrays`.

    Two sets of weights have one digest exactly when they are equal bit for bit. Raises CheckpointError for a
    dtype that a checkpoint cannot hold.
    """
    state = hashlib.sha256()
    for name, array in _canonical(arrays).items():
        state.update(json_bytes([name, array.dtype.str, list(array.shape)]) + b"\n")
        state.update(array.reshape(-1).view(np.uint8).data)
    return state.hexdigest()


def save(
    path: str | os.PathLike[str], kind: str, arrays: Mapping[str, np.ndarray], meta: dict[str, Any]
) -> str:
    """Write a checkpoint atomically and return the SHA-256 (hex) of its contents.

    `kind` names what it is of ("network", "training"). `arrays` are booleans, integers or floats of up to 64
    bits; slashes in a name make groups. `meta` is anything `json_bytes` takes. Raises CheckpointError for
    what a file cannot hold, and when the disk is full or the folder not writable; then an older file at
    `path` is untouched.
    """
    if not kind or len(kind) > 100 or not kind.isascii() or not kind.isprintable():
        raise CheckpointError(f"a checkpoint's kind is 1 to 100 printable ASCII characters, not {kind!r}.")
    if not isinstance(meta, dict):
        raise CheckpointError(f"meta is a dictionary, not {type(meta).__name__}.")
    canonical = _canonical(arrays)
    text = json_bytes(meta, what="meta", error=CheckpointError)
    digest = _digest(kind, canonical, text)
    contents = _build(kind, canonical, text, digest)
    write_bytes(path, contents, what=f"the {kind} checkpoint", error=CheckpointError)
    return digest


def load(path: str | os.PathLike[str], kind: str, *, max_bytes: int = MAX_BYTES) -> Checkpoint:
    """Read and verify a checkpoint of `kind`.

    Checked in this order: length and SHA-256 of the file, version, kind, that it holds plain arrays only (no
    links, no external or virtual storage, no filters, no objects), their total size against `max_bytes`
    before any memory is taken, and the digest of the contents. Raises CheckpointError that names the file and
    the way out.
    """
    path = Path(path)
    try:
        if not path.is_file():
            missing = "is not a file" if path.exists() else "does not exist"
            raise CheckpointError(f"checkpoint {path} {missing}. {_way_out(path)}")
        with open(path, "rb") as handle:
            _check_envelope(handle, path, max_bytes)
            with h5py.File(handle, "r") as file:
                return _read(file, path, kind, max_bytes)
    except CheckpointError:
        raise
    except PermissionError as problem:
        message = f"no permission to read checkpoint {path}. Change its permissions, or copy it."
        raise CheckpointError(message) from problem
    except (
        OSError,
        RuntimeError,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        OverflowError,
    ) as problem:
        raise _damaged(path, f"it cannot be read as HDF5 ({problem})") from problem


def _canonical(arrays: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """`arrays` sorted by name, each little-endian and in C order; refuses what a file could not give back."""
    canonical: dict[str, np.ndarray] = {}
    for name in sorted(arrays):
        array = arrays[name]
        _check_name(name)
        if not isinstance(array, np.ndarray) or isinstance(array, np.ma.MaskedArray):
            kind = type(array).__name__
            raise CheckpointError(
                f"array {name!r} is a {kind}: a checkpoint holds plain NumPy arrays. Convert it."
            )
        dtype = array.dtype.newbyteorder("<")
        if dtype.str not in DTYPES:
            raise CheckpointError(
                f"array {name!r} has dtype {array.dtype}: a checkpoint holds booleans, integers and floats "
                "of up to 64 bits. Convert it, or put text into meta."
            )
        if array.ndim > MAX_NDIM:
            raise CheckpointError(
                f"array {name!r} has {array.ndim} dimensions; the limit is {MAX_NDIM}. Reshape it."
            )
        canonical[name] = np.asarray(array, dtype=dtype, order="C")
    for name in canonical:
        parts = name.split("/")
        for parent in ("/".join(parts[:i]) for i in range(1, len(parts))):
            if parent in canonical:
                raise CheckpointError(f"{parent!r} cannot be an array and the group of {name!r}. Rename one.")
    return canonical


def _check_name(name: object) -> None:
    if isinstance(name, str):
        parts = name.split("/")
        printable = all(part.isprintable() and part not in ("", ".", "..") for part in parts)
        if printable and len(parts) <= MAX_DEPTH and len(name) <= MAX_NAME:
            return
    raise CheckpointError(
        f"{name!r} is no name for an array: use printable parts joined by single slashes, up to "
        f"{MAX_DEPTH} parts and {MAX_NAME} characters."
    )


def _digest(kind: str, arrays: Mapping[str, np.ndarray], text: bytes) -> str:
    return sha256_bytes(json_bytes([kind, VERSION, digest_arrays(arrays), sha256_bytes(text)]))


def _header(length: int, digest: str) -> bytes:
    text = f"version {VERSION}\nbytes {length}\nsha256 {digest}\nHDF5 follows at byte {HEADER}.\n"
    return (MAGIC + text.encode("ascii")).ljust(HEADER, b"\0")


def _build(kind: str, arrays: Mapping[str, np.ndarray], text: bytes, digest: str) -> bytes:
    """The whole file as bytes. In memory, because a full disk inside the HDF5 library cannot be undone."""
    buffer = io.BytesIO()
    # The earliest layout writes no times of its own into groups, so equal contents give equal files.
    with h5py.File(buffer, "w", libver=("earliest", "v108"), userblock_size=HEADER) as file:
        file.attrs["kind"] = np.bytes_(kind.encode("ascii"))
        file.attrs["digest"] = np.bytes_(digest.encode("ascii"))
        file.create_dataset("meta", data=np.frombuffer(text, np.uint8), track_times=False)
        group = file.create_group("arrays")
        for name, array in arrays.items():
            group.create_dataset(name, data=array, track_times=False)
    body = buffer.getbuffer()[HEADER:]
    header = _header(len(body), hashlib.sha256(body).hexdigest())
    return b"".join((header, body))


def _check_envelope(handle: BinaryIO, path: Path, max_bytes: int) -> None:
    """Refuse a file that is not ours, newer, of another length, or changed; leaves `handle` at the start."""
    size = os.fstat(handle.fileno()).st_size
    header = handle.read(HEADER)
    if not header.startswith(MAGIC):
        if size == 0 or MAGIC.startswith(header):
            raise _damaged(path, f"it ends after {size} bytes")
        raise _damaged(path, "it does not begin as a checkpoint of spikesim does")
    fields = dict(line.split(b" ", 1) for line in header[len(MAGIC) :].split(b"\n") if b" " in line)
    version = fields.get(b"version", b"")
    if version.isdigit() and len(version) < 9 and int(version) > VERSION:
        raise CheckpointError(
            f"checkpoint {path} is of version {int(version)}, and this spikesim reads up to {VERSION}. "
            "Update spikesim, or read it with the one that wrote it."
        )
    length = fields.get(b"bytes", b"")
    expected = HEADER + int(length) if length.isdigit() and len(length) < 19 else -1
    if size < expected:
        raise _damaged(path, f"it is cut off: {size:,} of {expected:,} bytes are there")
    # No honest file is much larger than its arrays; this keeps a huge one from being read to its end.
    if size > 2 * max_bytes + (1 << 20):
        raise CheckpointError(
            f"checkpoint {path} has {size:,} bytes; the limit is {max_bytes:,}. Raise max_bytes."
        )
    if header != _header(size - HEADER, sha256_stream(handle)):
        raise _damaged(path, "its SHA-256 is not the one that it states")
    handle.seek(0)


def _read(file: h5py.File, path: Path, kind: str, max_bytes: int) -> Checkpoint:
    found = _text_attribute(file, path, "kind")
    if found != kind:
        raise CheckpointError(
            f"{path} is a checkpoint of kind {found!r}, and {kind!r} was asked for. Choose another file."
        )
    datasets = dict(_datasets(file, path))
    total = sum(_checked_bytes(dataset, path, name) for name, dataset in datasets.items())
    if total > max_bytes:
        raise CheckpointError(
            f"checkpoint {path} holds {total:,} bytes; the limit is {max_bytes:,}. "
            "Raise max_bytes if you trust the file."
        )
    meta_set = datasets.pop("meta", None)
    if meta_set is None or meta_set.dtype != np.uint8 or meta_set.ndim != 1:
        raise _damaged(path, "it has no meta")
    text = meta_set[()].tobytes()
    arrays = {}
    for name, dataset in sorted(datasets.items()):
        if not name.startswith("arrays/"):
            raise _damaged(path, f"it holds {name!r}, which does not belong there")
        arrays[name[len("arrays/") :]] = np.asarray(dataset[()], dtype=dataset.dtype)
    digest = _text_attribute(file, path, "digest")
    try:
        computed = _digest(found, arrays, text)
    except CheckpointError as problem:  # a name that `save` would have refused
        raise _damaged(path, str(problem)) from problem
    if digest != computed:
        raise _damaged(path, "its contents do not fit the digest that it states")
    try:
        meta = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise _damaged(path, f"its meta is not JSON ({problem})") from problem
    if not isinstance(meta, dict):
        raise _damaged(path, "its meta is not a dictionary")
    return Checkpoint(found, VERSION, arrays, meta, digest)


def _text_attribute(file: h5py.File, path: Path, name: str) -> str:
    if name in file.attrs:
        attribute = file.attrs.get_id(name)
        if attribute.dtype.kind == "S" and attribute.dtype.itemsize <= 100 and attribute.shape == ():
            return bytes(file.attrs[name]).decode("ascii")
    raise _damaged(path, f"it does not state its {name}")


def _datasets(file: h5py.File, path: Path) -> Iterator[tuple[str, h5py.Dataset]]:
    """All datasets with their full names. Hard links alone, each object once: no way out, no circle."""
    groups: list[tuple[str, h5py.Group]] = [("", file)]
    while groups:
        prefix, group = groups.pop()
        for part in group:
            name = prefix + part
            link = group.get(part, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise _damaged(
                    path, f"{name!r} is a link to elsewhere ({type(link).__name__}), which is refused"
                )
            item = group[part]
            if part == "." or name.count("/") > MAX_DEPTH or h5py.h5o.get_info(item.id).rc != 1:
                raise _damaged(path, f"{name!r} is linked twice or nested too deep, which is refused")
            if isinstance(item, h5py.Dataset):
                yield name, item
            elif isinstance(item, h5py.Group):
                groups.append((name + "/", item))
            else:
                raise _damaged(path, f"{name!r} is a {type(item).__name__}, which is refused")


def _checked_bytes(dataset: h5py.Dataset, path: Path, name: str) -> int:
    """The bytes that reading `dataset` takes; refuses all but plain arrays that lie in the file itself."""
    dtype = dataset.dtype
    if dtype.str not in DTYPES or h5py.check_enum_dtype(dtype) is not None:
        raise _damaged(path, f"{name!r} has dtype {dtype}, which is refused")
    if dataset.shape is None:
        raise _damaged(path, f"{name!r} has no shape")
    plan = dataset.id.get_create_plist()
    if plan.get_layout() not in (h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT) or plan.get_nfilters():
        raise _damaged(path, f"{name!r} is virtual, chunked or filtered, which is refused")
    if plan.get_layout() == h5py.h5d.CONTIGUOUS and plan.get_external_count():
        raise _damaged(path, f"{name!r} lies in another file, which is refused")
    size = math.prod(dataset.shape) * dtype.itemsize
    if dataset.id.get_storage_size() != size:
        raise _damaged(path, f"{name!r} states {size:,} bytes and holds {dataset.id.get_storage_size():,}")
    return size


def _damaged(path: Path, reason: str) -> CheckpointError:
    return CheckpointError(f"checkpoint {path} is damaged: {reason}. {_way_out(path)}")


def _way_out(path: Path) -> str:
    """Where to turn when `path` cannot be used: the checkpoint before it in its folder, by name, if any."""
    try:
        before = [p for p in path.parent.glob(f"*{path.suffix}") if p.name < path.name and p.is_file()]
        earlier = [p for p in before if _stem(p) == _stem(path) and _begins_as_one(p)]
    except OSError:
        earlier = []
    if earlier:
        return f"The previous checkpoint is {max(earlier)}."
    return "There is no earlier checkpoint beside it: bring it back from a copy, or start again."


def _stem(path: Path) -> str:
    """A name without its numbers: checkpoints of one run differ in those alone."""
    return re.sub(r"\d+", "", path.name)


def _begins_as_one(path: Path) -> bool:
    """Whether a file says at its beginning that it is a checkpoint."""
    with open(path, "rb") as handle:
        return handle.read(len(MAGIC)) == MAGIC
