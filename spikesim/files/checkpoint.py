"""Checkpoints: named arrays and JSON metadata in one checksummed HDF5 file, without pickle.

A file begins with a user block of 512 bytes (space that HDF5 leaves to the application) with the version, the
length and the SHA-256 of everything after it. Damage is thus found before the HDF5 library reads a byte, and
any HDF5 viewer still opens the file. Contents: attributes `kind` and `digest`, the dataset `meta` (JSON as
bytes) and the group `arrays`. Files are read by `spikesim.files.untrusted_hdf5`. Nothing in a file depends on
the clock or the machine: equal contents are equal files.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np

from spikesim.errors import CheckpointError
from spikesim.files.atomic import json_bytes, sha256_bytes, sha256_stream, write_bytes
from spikesim.files.hdf5_rules import damage_refused
from spikesim.files.regular import open_regular
from spikesim.files.untrusted_hdf5 import Accepts, CheckedFile, FileRefused, Limits, walk

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


ACCEPTS = Accepts(
    dtypes=DTYPES, finite=False, text=False, chunked=False, attributes=frozenset({"kind", "digest"})
)
# The total size is compared with max_bytes here; any number of arrays may be saved.
LIMITS = Limits(bytes=1 << 62, objects=sys.maxsize, depth=MAX_DEPTH, name=MAX_NAME)


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The contents of a checkpoint.

    Attributes:
        kind: what it is a checkpoint of ("network", "training").
        version: of the file format.
        arrays: name -> array, C order, little-endian.
        meta: the metadata.
        digest: SHA-256 (hex) of all contents.
    """

    kind: str
    version: int
    arrays: dict[str, np.ndarray]
    meta: dict[str, Any]
    digest: str


def digest_arrays(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 (hex) over names in sorted order, dtypes, shapes and little-endian bytes of `arrays`.

    Two sets of weights have one digest exactly when they are equal bit for bit. Raises CheckpointError for a
    dtype that a checkpoint cannot store.
    """
    state = hashlib.sha256()
    for name, array in _canonical(arrays).items():
        state.update(json_bytes([name, array.dtype.str, list(array.shape)]) + b"\n")
        state.update(array.reshape(-1).view(np.uint8).data)
    return state.hexdigest()


def save(
    path: str | os.PathLike[str], kind: str, arrays: Mapping[str, np.ndarray], meta: dict[str, Any]
) -> str:
    """Write a checkpoint atomically.

    Args:
        path: the file; an existing one is replaced.
        kind: what it is a checkpoint of ("network", "training").
        arrays: booleans, integers or floats of up to 64 bits; slashes in a name make groups.
        meta: a dictionary of whatever `json_bytes` accepts.

    Returns:
        The SHA-256 (hex) of the contents.

    Raises:
        CheckpointError: contents that a file cannot store, a full disk, or a folder without write
            permission; an existing file at `path` is then left unchanged.
    """
    if not kind or len(kind) > 100 or not kind.isascii() or not kind.isprintable():
        raise CheckpointError(f"a checkpoint's kind is 1 to 100 printable ASCII characters, not {kind!r}.")
    if not isinstance(meta, dict):
        raise CheckpointError(f"meta has the type {type(meta).__name__}; a dictionary is needed.")
    canonical = _canonical(arrays)
    text = json_bytes(meta, what="meta", error=CheckpointError)
    digest = _digest(kind, canonical, text)
    contents = _build(kind, canonical, text, digest)
    write_bytes(path, contents, what=f"the {kind} checkpoint", error=CheckpointError)
    return digest


def load(path: str | os.PathLike[str], kind: str, *, max_bytes: int = MAX_BYTES) -> Checkpoint:
    """Read and verify a checkpoint of `kind`.

    Checked in this order: length and SHA-256 of the file, version, kind; that it contains plain arrays only
    (no links, no external or virtual storage, no filters, no objects); their total size against `max_bytes`,
    before memory is allocated; and the digest of the contents.

    Raises:
        CheckpointError: one of these checks failed; names the file and the way out.
    """
    path = Path(path)
    try:
        with open_regular(path, way_out=_way_out(path)) as handle:
            size = _check_envelope(handle, path, max_bytes)
            with damage_refused(path), h5py.File(handle, "r") as file:
                return _read(file, path, size, kind, max_bytes)
    except FileRefused as problem:
        raise _damaged(path, problem.reason) from problem
    except FileNotFoundError as problem:
        raise CheckpointError(f"checkpoint {path} does not exist. {_way_out(path)}") from problem
    except PermissionError as problem:
        message = f"no permission to read checkpoint {path}. Change its permissions, or copy it."
        raise CheckpointError(message) from problem
    except OSError as problem:
        raise _damaged(path, f"it cannot be read ({problem})") from problem


def _canonical(arrays: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """`arrays` sorted by name, each little-endian and in C order; refuses what a file cannot store."""
    canonical: dict[str, np.ndarray] = {}
    for name in sorted(arrays):
        array = arrays[name]
        _check_name(name)
        if not isinstance(array, np.ndarray) or isinstance(array, np.ma.MaskedArray):
            kind = type(array).__name__
            raise CheckpointError(
                f"array {name!r} is a {kind}; a checkpoint stores plain NumPy arrays. Convert it."
            )
        dtype = array.dtype.newbyteorder("<")
        if dtype.str not in DTYPES:
            raise CheckpointError(
                f"array {name!r} has dtype {array.dtype}; a checkpoint stores booleans, integers and floats "
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
                raise CheckpointError(
                    f"{parent!r} cannot be both an array and the group of {name!r}. Rename one."
                )
    return canonical


def _check_name(name: object) -> None:
    if isinstance(name, str):
        parts = name.split("/")
        printable = all(part.isprintable() and part not in ("", ".", "..") for part in parts)
        if printable and len(parts) <= MAX_DEPTH and len(name) <= MAX_NAME:
            return
    raise CheckpointError(
        f"{name!r} is not a valid array name: use printable parts joined by single slashes, up to "
        f"{MAX_DEPTH} parts and {MAX_NAME} characters."
    )


def _digest(kind: str, arrays: Mapping[str, np.ndarray], text: bytes) -> str:
    return sha256_bytes(json_bytes([kind, VERSION, digest_arrays(arrays), sha256_bytes(text)]))


def _header(length: int, digest: str) -> bytes:
    text = f"version {VERSION}\nbytes {length}\nsha256 {digest}\nHDF5 follows at byte {HEADER}.\n"
    return (MAGIC + text.encode("ascii")).ljust(HEADER, b"\0")


def _build(kind: str, arrays: Mapping[str, np.ndarray], text: bytes, digest: str) -> bytes:
    """The whole file as bytes: in memory, because the HDF5 library cannot recover from a full disk."""
    buffer = io.BytesIO()
    # The earliest file layout stores no times in groups, so equal contents give equal files.
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


def _check_envelope(handle: BinaryIO, path: Path, max_bytes: int) -> int:
    """The file's size in bytes; refuses files that are foreign, newer, of another length or changed.

    Leaves `handle` at the start.
    """
    size = os.fstat(handle.fileno()).st_size
    header = handle.read(HEADER)
    if not header.startswith(MAGIC):
        if size == 0 or MAGIC.startswith(header):
            raise _damaged(path, f"it ends after {size} bytes")
        raise _damaged(path, "it does not begin with the header of a spikesim checkpoint")
    fields = dict(line.split(b" ", 1) for line in header[len(MAGIC) :].split(b"\n") if b" " in line)
    version = fields.get(b"version", b"")
    if version.isdigit() and len(version) < 9 and int(version) > VERSION:
        raise CheckpointError(
            f"checkpoint {path} has version {int(version)}; this spikesim reads up to {VERSION}. "
            "Update spikesim, or read it with the version that wrote it."
        )
    length = fields.get(b"bytes", b"")
    expected = HEADER + int(length) if length.isdigit() and len(length) < 19 else -1
    if size < expected:
        raise _damaged(path, f"it is truncated: {size:,} of {expected:,} bytes are present")
    # A sound file is not much larger than its arrays; this avoids reading a huge one to its end.
    if size > 2 * max_bytes + (1 << 20):
        raise CheckpointError(
            f"checkpoint {path} has {size:,} bytes; the limit is {max_bytes:,}. Raise max_bytes."
        )
    if header != _header(size - HEADER, sha256_stream(handle)):
        raise _damaged(path, "its SHA-256 is not the one in its header")
    handle.seek(0)
    return size


def _read(file: h5py.File, path: Path, size: int, kind: str, max_bytes: int) -> Checkpoint:
    found = text_attribute(file, path, "kind")
    if found != kind:
        raise CheckpointError(
            f"{path} is a checkpoint of kind {found!r}; kind {kind!r} is needed. Choose another file."
        )
    checked = CheckedFile(file, path, size, LIMITS, ACCEPTS)
    if checked.bytes > max_bytes:
        raise CheckpointError(
            f"checkpoint {path} holds {checked.bytes:,} bytes; the limit is {max_bytes:,}. "
            "Raise max_bytes if you trust the file."
        )
    contents = checked.read()
    meta_array, tree = contents.pop("meta", None), contents.pop("arrays", {})
    if not isinstance(meta_array, np.ndarray) or meta_array.dtype != np.uint8 or meta_array.ndim != 1:
        raise _damaged(path, "it has no metadata")
    if contents or not isinstance(tree, dict):
        raise _damaged(path, f"it has the unknown entries {sorted(contents) or ['arrays']}")
    text, arrays = meta_array.tobytes(), {name[1:]: array for name, array in walk(tree)}
    digest = text_attribute(file, path, "digest")
    try:
        computed = _digest(found, arrays, text)
    except CheckpointError as problem:  # a name that `save` would have refused
        raise _damaged(path, str(problem)) from problem
    if digest != computed:
        raise _damaged(path, "its contents do not match its digest")
    try:
        meta = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise _damaged(path, f"its metadata is not JSON ({problem})") from problem
    if not isinstance(meta, dict):
        raise _damaged(path, "its metadata is not a dictionary")
    return Checkpoint(found, VERSION, {name: arrays[name] for name in sorted(arrays)}, meta, digest)


def text_attribute(file: h5py.File, path: Path, name: str) -> str:
    """The attribute "kind" or "digest" of an open checkpoint.

    Raises:
        CheckpointError: there is none.
    """
    if name in file.attrs:
        attribute = file.attrs.get_id(name)
        if attribute.dtype.kind == "S" and attribute.dtype.itemsize <= 100 and attribute.shape == ():
            return bytes(file.attrs[name]).decode("ascii")
    raise _damaged(path, f"it has no attribute {name!r}")


def _damaged(path: Path, reason: str) -> CheckpointError:
    return CheckpointError(f"checkpoint {path} is damaged: {reason}. {_way_out(path)}")


def _way_out(path: Path) -> str:
    """The way out where `path` cannot be used: the previous checkpoint in its folder, if there is one."""
    try:
        before = [p for p in path.parent.glob(f"*{path.suffix}") if p.name < path.name and p.is_file()]
        earlier = [p for p in before if _stem(p) == _stem(path) and _has_header(p)]
    except OSError:
        earlier = []
    if earlier:
        return f"The previous checkpoint is {max(earlier)}."
    return "There is no earlier checkpoint in its folder: restore it from a copy, or start again."


def _stem(path: Path) -> str:
    """A file name without its digits: checkpoints of one run differ in those alone."""
    return re.sub(r"\d+", "", path.name)


def _has_header(path: Path) -> bool:
    """Whether a file begins with the header of a checkpoint."""
    with open_regular(path) as handle:
        return handle.read(len(MAGIC)) == MAGIC
