"""File helpers: atomic writes, canonical JSON, locks, and SHA-256."""

from __future__ import annotations

import errno
import hashlib
import importlib
import json
import logging
import math
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from spikesim.errors import CheckpointError, SpikesimError
from spikesim.files.regular import open_regular, read_regular

fcntl: Any
try:
    fcntl = importlib.import_module("fcntl")
except ImportError:  # not a POSIX system: `lock_file` logs a warning
    fcntl = None

log = logging.getLogger(__name__)

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
DISK = FULL | {errno.EIO}  # errors that only the disk can cause, also in code of the caller
NO_FOLDER_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EBADF})
JSON_DEPTH = 100


@contextmanager
def atomic_write(
    path: str | os.PathLike[str],
    *,
    what: str = "the file",
    size: int | None = None,
    error: type[SpikesimError] = SpikesimError,
) -> Iterator[BinaryIO]:
    """Write a file atomically: yields a binary handle whose contents replace `path` on a normal exit.

    The bytes are written to a temporary file in the same folder, synced, and moved to `path`. On any failure
    the temporary file is removed and `path` is unchanged. `what` ("the checkpoint") and `size` (bytes, if
    known) are for the error message. Raises `error` if the disk is full, the folder is missing or there is no
    permission; other exceptions of the caller pass through unchanged.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.tmp")
    try:
        handle = open(temporary, "xb")  # noqa: SIM115 - closed below before it is moved
    except OSError as problem:
        raise error(write_failure(target, what, problem, size)) from problem
    finishing = False
    try:
        yield handle
        finishing = True
        handle.flush()
        os.fsync(handle.fileno())
        handle.close()
        if target.exists():
            os.chmod(temporary, target.stat().st_mode & 0o7777)
        os.replace(temporary, target)
        _sync_folder(target.parent)
    except BaseException as problem:
        if size is None and not handle.closed:
            with suppress(OSError):
                size = handle.tell()
        with suppress(OSError):
            handle.close()
        with suppress(OSError):
            temporary.unlink()
        if isinstance(problem, OSError) and (finishing or problem.errno in DISK):
            raise error(write_failure(target, what, problem, size)) from problem
        raise


def write_bytes(
    path: str | os.PathLike[str],
    data: bytes,
    *,
    what: str = "the file",
    error: type[SpikesimError] = SpikesimError,
) -> None:
    """Write `data` to `path` atomically; raises `error` as `atomic_write` does."""
    with atomic_write(path, what=what, size=len(data), error=error) as handle:
        handle.write(data)


def write_failure(path: Path, what: str, problem: OSError, size: int | None = None) -> str:
    """The error message for a failed write: what, where, bytes needed and free, the way out."""
    needed = "" if size is None else f" {size:,} bytes are needed"
    with suppress(OSError):
        free = shutil.disk_usage(path.parent).free
        needed += f"{' and' if needed else ''} {free:,} bytes are free there"
    numbers = f" ({needed.strip()})" if needed else ""
    start = f"{what} could not be written to {path}: "
    if problem.errno in FULL:
        reason = {errno.EDQUOT: "the quota is used up", errno.EFBIG: "a limit on file sizes was reached"}
        full = reason.get(problem.errno or 0, "the disk is full")
        return f"{start}{full}{numbers}. Free some space, or choose a folder on another disk."
    if problem.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (
            f"{start}no permission to write in {path.parent}{numbers}. "
            "Choose another folder, or change its permissions."
        )
    if problem.errno in (errno.ENOENT, errno.ENOTDIR):
        return f"{start}there is no folder {path.parent}. Create it, or choose another one."
    cause = problem.strerror or type(problem).__name__
    return f"{start}{cause}{numbers}. Choose another folder or name."


def _sync_folder(folder: Path) -> None:
    """Sync a folder, so that a new name in it survives a power failure, if the system supports that."""
    if os.name != "posix":
        return
    try:
        number = os.open(folder, os.O_RDONLY)
    except PermissionError:  # a folder with write but without read permission cannot be synced
        return
    try:
        os.fsync(number)
    except OSError as problem:
        if problem.errno not in NO_FOLDER_SYNC:  # some file systems cannot sync folders; the file is synced
            raise
    finally:
        os.close(number)


def sha256_bytes(data: bytes) -> str:
    """SHA-256 of `data` as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_stream(handle: BinaryIO, chunk: int = 1 << 20) -> str:
    """SHA-256 (hex) of the rest of `handle`, read in chunks of `chunk` bytes."""
    state = hashlib.sha256()
    while piece := handle.read(chunk):
        state.update(piece)
    return state.hexdigest()


def sha256_file(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's contents as 64 hex digits, in bounded memory."""
    with open_regular(path) as handle:
        return sha256_stream(handle)


def json_bytes(
    value: Any,
    *,
    what: str = "the value",
    indent: int | None = None,
    error: type[SpikesimError] = SpikesimError,
) -> bytes:
    """Canonical JSON (sorted keys, ASCII): equal values give equal bytes.

    Dictionaries with string keys, lists, strings, integers, finite floats, booleans and None are read back
    unchanged; tuples are read back as lists and NumPy scalars as numbers. Anything else raises `error`, which
    names its position.
    """
    plain = _plain(value, what, error, JSON_DEPTH)
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(plain, sort_keys=True, allow_nan=False, indent=indent, separators=separators)
    return text.encode("ascii")


def _plain(value: Any, where: str, error: type[SpikesimError], depth: int) -> Any:
    if depth == 0:
        raise error(
            f"{where} is nested more than {JSON_DEPTH} deep, or contains itself. Store a flatter structure."
        )
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        raise error(
            f"{where} is {value}, but JSON supports finite numbers only. Store None or a string instead."
        )
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{where}[{i}]", error, depth - 1) for i, item in enumerate(value)]
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise error(f"{where} has the key {key!r}, but JSON keys are strings. Use {str(key)!r}.")
        return {key: _plain(item, f"{where}[{key!r}]", error, depth - 1) for key, item in value.items()}
    raise error(
        f"{where} is of type {type(value).__name__}, which JSON does not support. "
        "Use dictionaries, lists, strings, numbers, booleans or None."
    )


def read_json(path: Path, way_out: str) -> dict[str, Any]:
    """The dictionary in a JSON file. Raises CheckpointError, with `way_out`, if it cannot be read."""
    try:
        record = json.loads(read_regular(path, way_out=way_out))
    except OSError as problem:
        raise CheckpointError(f"{path} cannot be read ({problem.strerror}). {way_out}") from problem
    except CheckpointError:
        raise
    except (ValueError, RecursionError) as problem:
        raise CheckpointError(f"{path} is damaged: it is not JSON ({problem}). {way_out}") from problem
    if not isinstance(record, dict):
        raise CheckpointError(f"{path} is damaged: it is not a dictionary. {way_out}")
    return record


def lock_file(path: Path) -> BinaryIO:
    """Lock a file: returns an open handle; the lock ends when the handle is closed or the process ends.

    Raises SpikesimError if another process holds the lock, or the file cannot be created. If the system or
    the file system has no locks, a warning is logged.
    """
    if path.exists() and not path.is_file():
        raise SpikesimError(f"{path} is no regular file, so it cannot be locked. Remove it, or move it away.")
    try:
        handle = open(path, "a+b")  # noqa: SIM115 - open for as long as the lock is held
    except OSError as problem:
        raise SpikesimError(write_failure(path, "the run folder's lock", problem)) from problem
    if fcntl is None:
        log.warning(
            "this system has no file locks: make sure that only one process writes in %s", path.parent
        )
        return handle
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        if problem.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            log.warning(
                "%s cannot be locked (%s): make sure that only one process writes", path, problem.strerror
            )
            return handle
        handle.seek(0)
        holder = handle.read(20).decode("ascii", "replace").strip() or "unknown"
        handle.close()
        raise SpikesimError(
            f"another process (number {holder}) is writing in {path.parent}. "
            "Wait for it, stop it, or choose another folder."
        ) from problem
    handle.truncate(0)
    handle.write(str(os.getpid()).encode("ascii"))
    handle.flush()
    return handle
