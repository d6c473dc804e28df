"""The cache folder of downloaded files: lookup, verification on reading, one writer at a time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from spikesim.errors import DataError
from spikesim.files.atomic import sha256_bytes, write_failure
from spikesim.files.regular import read_regular

ENVIRONMENT = "SPIKESIM_DATA"
MAX_BYTES = 1 << 30  # of one file


@dataclass(frozen=True)
class CachedFile:
    """One file of a dataset in the cache.

    name: file name. digest: expected value of `measure(bytes)`. size: approximate bytes, for messages.
    measure: digest function, by default the SHA-256 of the bytes; for an archive the digest of its members,
    so that the same contents with another compression verify too. also: alternative file names.
    """

    name: str
    digest: str
    size: int
    measure: Callable[[bytes], str] = sha256_bytes
    also: tuple[str, ...] = ()

    def names(self) -> tuple[str, ...]:
        """All accepted file names, in order of preference."""
        return (self.name, *self.also)


def cache_folder() -> Path:
    """The folder of all downloaded data: $SPIKESIM_DATA, or else the user's cache folder of the platform."""
    named = os.environ.get(ENVIRONMENT)
    if named:
        return Path(named).expanduser().absolute()
    import pooch

    return Path(pooch.os_cache("spikesim"))


def find(folder: Path, file: CachedFile) -> Path | None:
    """Path of the file in the folder, under any accepted name; None if it is missing."""
    return next((folder / name for name in file.names() if (folder / name).is_file()), None)


def read_verified(folder: Path, file: CachedFile, dataset: str) -> bytes:
    """The contents of a cached file. Raises DataError with the remedy if it is missing or not intact."""
    path = find(folder, file)
    if path is None:
        raise DataError(f"{folder / file.name} is missing; run: spikesim datasets fetch {dataset}")
    try:
        data = read_regular(path, limit=MAX_BYTES, error=DataError)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}; check its permissions") from error
    try:
        found = file.measure(data)
    except DataError as error:
        raise DataError(
            f"{path} is damaged ({error}); to replace it run: spikesim datasets fetch {dataset}"
        ) from error
    if found != file.digest:
        raise DataError(
            f"{path} is damaged or another file: {len(data)} bytes with SHA-256 {found[:16]}..., expected "
            f"{file.digest[:16]}... (about {file.size} bytes); "
            f"to replace it run: spikesim datasets fetch {dataset}"
        )
    return data


def make_folder(folder: Path) -> None:
    """Create the folder and its parents. Raises DataError if that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error


def cannot_write(path: Path, error: OSError) -> DataError:
    """The DataError for a file or folder of the cache that cannot be written."""
    return DataError(f"{write_failure(path, 'downloaded data', error)} {ENVIRONMENT} sets the cache folder.")


@contextlib.contextmanager
def only_one_writer(folder: Path) -> Iterator[None]:
    """Hold an exclusive lock on the folder; waits for other processes.

    The system releases the lock if its holder dies.
    """
    make_folder(folder)
    try:
        stream = open(folder / ".lock", "a+b")  # noqa: SIM115 (closed below, which releases the lock)
    except OSError as error:
        raise cannot_write(folder / ".lock", error) from error
    with stream:
        _lock(stream.fileno())
        yield


def _lock(handle: int) -> None:
    try:
        import fcntl
    except ImportError:  # Windows: each call waits ten seconds at most, so repeat until it succeeds
        import msvcrt

        while True:
            with contextlib.suppress(OSError):
                msvcrt.locking(handle, msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined,unused-ignore]
                return
    else:
        fcntl.flock(handle, fcntl.LOCK_EX)
