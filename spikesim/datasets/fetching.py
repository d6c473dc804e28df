"""Download the files of a dataset into the cache: from files already there, then from each source in turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from spikesim.datasets.archives import LIMIT, DamagedError, gunzip
from spikesim.datasets.cache import (
    ENVIRONMENT,
    CachedFile,
    cache_folder,
    find,
    only_one_writer,
    read_verified,
)
from spikesim.datasets.download import DownloadProgress, SourceError
from spikesim.datasets.sources import DownloadSource
from spikesim.errors import DataError
from spikesim.files.atomic import write_bytes
from spikesim.files.regular import read_regular


@dataclass(frozen=True)
class Collection:
    """The files of a dataset and their download sources. Bundled datasets have no files."""

    name: str
    files: tuple[CachedFile, ...] = ()
    sources: tuple[DownloadSource, ...] = ()

    def folder(self) -> Path:
        """The folder of the files: the dataset's name, inside the cache folder."""
        return cache_folder() / self.name

    def present(self) -> bool:
        """Whether all files are in the cache (by name; the contents are verified on reading)."""
        return all(find(self.folder(), file) is not None for file in self.files)

    def size(self) -> int:
        """Bytes of the files in the cache; missing files count 0."""
        return sum(path.stat().st_size for file in self.files if (path := find(self.folder(), file)))


def fetch_files(
    collection: Collection, progress: DownloadProgress | None = None, given: Path | None = None
) -> None:
    """Make sure that all files are in the cache and intact; downloads only what is missing or damaged.

    progress: called during downloads. given: a file, or a folder of files, to use instead of the sources; it
    is verified in the same way. Raises DataError if files are missing in the end (with the reason for each
    source and the files to supply by hand), or if the cache cannot be written. Files obtained so far are
    kept.
    """
    if not _not_intact(collection):
        return
    folder = collection.folder()
    with only_one_writer(folder):
        wanted = _not_intact(collection)  # again: another process may have downloaded them meanwhile
        failed = []
        if reasons := _take(folder, wanted, _lying(folder, wanted)):
            failed.append(f"in {folder}: {'; '.join(reasons)}")
        if given is not None:
            reasons = _take(folder, wanted, _given(given, wanted))
            failed.append(f"{given}: {'; '.join(reasons) or 'does not contain all files'}")
        for source in () if given is not None else collection.sources:
            if wanted:
                names = [file.name for file in wanted]
                reasons = _take(folder, wanted, source.read(names, folder, progress))
                failed.append(f"{source.describe()}: {'; '.join(reasons) or 'does not contain all files'}")
        if wanted:
            raise _cannot_fetch(collection, wanted, failed)


def read_files(collection: Collection, progress: DownloadProgress | None = None) -> dict[str, bytes]:
    """The verified contents of every file, by name; missing files are downloaded first.

    Raises DataError for a damaged file. It is not replaced here but only by `fetch`, so that a changed file
    is noticed.
    """
    if not collection.present():
        fetch_files(collection, progress)
    folder = collection.folder()
    return {file.name: read_verified(folder, file, collection.name) for file in collection.files}


def _not_intact(collection: Collection) -> list[CachedFile]:
    """The files that are missing or damaged."""
    bad = []
    for file in collection.files:
        try:
            read_verified(collection.folder(), file, collection.name)
        except DataError:
            bad.append(file)
    return bad


def _given(place: Path, files: list[CachedFile]) -> Iterator[tuple[str, bytes]]:
    """Contents of the files at a path of the user: a folder of files, or one file."""
    if place.is_dir():
        return _lying(place, files)
    if not place.is_file():
        raise DataError(
            f"{place}: no such file or folder; it should contain {', '.join(f.name for f in files)}"
        )
    name = place.name
    if not any(name in (accepted, f"{accepted}.gz") for file in files for accepted in file.names()):
        raise DataError(
            f"{place}: not one of the missing files, which are named {', '.join(f.name for f in files)}"
        )
    return _lying(place.parent, files, only=name)


def _lying(folder: Path, files: list[CachedFile], only: str | None = None) -> Iterator[tuple[str, bytes]]:
    """Yield (name, contents) of the files in a folder, plain or compressed as name.gz."""
    for accepted in [name for file in files for name in file.names()]:
        for path in (folder / accepted, folder / f"{accepted}.gz"):
            if path.is_file() and only in (None, path.name):
                try:
                    data = read_regular(path, limit=LIMIT, error=SourceError)
                except OSError as error:
                    raise SourceError(f"cannot read {path}: {error.strerror or error}") from error
                yield accepted, data if path.name == accepted else gunzip(data)


def _take(folder: Path, wanted: list[CachedFile], found: Iterable[tuple[str, bytes]]) -> list[str]:
    """Write the files that verify into the folder and remove them from `wanted`.

    Returns the reasons why other files were not accepted.
    """
    reasons: list[str] = []
    try:
        for name, data in found:
            file = next((file for file in wanted if name in file.names()), None)
            if file is not None and (reason := _mismatch(file, data)):
                reasons.append(f"{name}: {reason}")
            elif file is not None:
                _put(folder, file, name, data)
                wanted.remove(file)
    except (SourceError, DamagedError) as error:
        reasons.append(str(error))
    return reasons


def _mismatch(file: CachedFile, data: bytes) -> str:
    """Why the data do not verify as the file; empty if they do."""
    try:
        digest = file.measure(data)
    except DamagedError as error:
        return str(error)
    if digest == file.digest:
        return ""
    return (
        f"unexpected contents ({len(data)} bytes, SHA-256 {digest[:16]}..., expected {file.digest[:16]}...)"
    )


def _put(folder: Path, file: CachedFile, name: str, data: bytes) -> None:
    """Write the file under one of its names and remove damaged copies under the others."""
    write_bytes(folder / name, data, what="downloaded data", error=DataError)
    for other in file.names():
        if other != name:
            (folder / other).unlink(missing_ok=True)


def _cannot_fetch(collection: Collection, missing: list[CachedFile], failed: list[str]) -> DataError:
    lines = []
    for file in missing:
        names = file.names() if file.also else (file.name, f"{file.name}.gz")
        lines.append(f"  {' or '.join(names)} ({file.size:,} bytes as {file.name})")
    return DataError(
        f"{collection.name} could not be downloaded. Tried:\n"
        + "\n".join(f"  {line}" for line in failed)
        + f"\nYou can download these files by hand into {collection.folder()}\n"
        + "\n".join(lines)
        + f"\nor set {ENVIRONMENT} to a folder that contains {collection.name}/ with them; "
        f"then run: spikesim datasets fetch {collection.name}\n"
        f"(or, with the files in another folder: spikesim datasets fetch {collection.name} --from FOLDER)"
    )
