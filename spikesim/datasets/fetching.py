"""Bringing a dataset's files into the cache: from what lies there already, then from each source in turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from spikesim.datasets.archives import DamagedError, gunzip
from spikesim.datasets.cache import (
    ENVIRONMENT,
    CachedFile,
    cache_folder,
    find,
    only_one_writer,
    read_verified,
)
from spikesim.datasets.download import Progress, SourceError
from spikesim.datasets.sources import Source
from spikesim.errors import DataError
from spikesim.files.atomic import write_bytes


@dataclass(frozen=True)
class Collection:
    """The files that a dataset needs, and where they can come from. Bundled datasets have no files."""

    name: str
    files: tuple[CachedFile, ...] = ()
    sources: tuple[Source, ...] = ()

    def folder(self) -> Path:
        """Where the files lie: a folder of the dataset's name in the cache."""
        return cache_folder() / self.name

    def present(self) -> bool:
        """Are all files in the cache? (By name only; contents are verified when they are read.)"""
        return all(find(self.folder(), file) is not None for file in self.files)

    def size(self) -> int:
        """Bytes that the files take in the cache; 0 for those that are not there."""
        return sum(path.stat().st_size for file in self.files if (path := find(self.folder(), file)))


def fetch_files(collection: Collection, progress: Progress | None = None, given: Path | None = None) -> None:
    """See that all files are in the cache with the right contents; nothing is fetched if they are.

    given: a file, or a folder of files, to take instead of the sources (the verification is the same).
    Raises DataError: listing each source with its reason and the files to put in place by hand; or because
    the cache cannot be written. Files that are in place by then stay.
    """
    if not _not_intact(collection):
        return
    folder = collection.folder()
    with only_one_writer(folder):
        wanted = _not_intact(collection)  # again: another process may have fetched them while we waited
        failed = []
        if reasons := _take(folder, wanted, _lying(folder, wanted)):
            failed.append(f"in {folder}: {'; '.join(reasons)}")
        if given is not None:
            reasons = _take(folder, wanted, _given(given, wanted))
            failed.append(f"{given}: {'; '.join(reasons) or 'does not hold all files'}")
        for source in () if given is not None else collection.sources:
            if wanted:
                names = [file.name for file in wanted]
                reasons = _take(folder, wanted, source.read(names, folder, progress))
                failed.append(f"{source.describe()}: {'; '.join(reasons) or 'does not hold all files'}")
        if wanted:
            raise _cannot_fetch(collection, wanted, failed)


def read_files(collection: Collection, progress: Progress | None = None) -> dict[str, bytes]:
    """The verified contents of every file by name; files that are missing are fetched first.

    Raises DataError for a damaged file (which only `fetch` replaces: a file that changed deserves a look).
    """
    if not collection.present():
        fetch_files(collection, progress)
    folder = collection.folder()
    return {file.name: read_verified(folder, file, collection.name) for file in collection.files}


def _not_intact(collection: Collection) -> list[CachedFile]:
    """The files that are missing or whose contents are not what they should be."""
    bad = []
    for file in collection.files:
        try:
            read_verified(collection.folder(), file, collection.name)
        except DataError:
            bad.append(file)
    return bad


def _given(place: Path, files: list[CachedFile]) -> Iterator[tuple[str, bytes]]:
    """Contents of the files at a place that the user names: a folder of them, or one of them."""
    if place.is_dir():
        return _lying(place, files)
    if not place.is_file():
        raise DataError(
            f"{place}: there is no such file or folder; it should hold {', '.join(f.name for f in files)}"
        )
    name = place.name
    if not any(name in (accepted, f"{accepted}.gz") for file in files for accepted in file.names()):
        raise DataError(
            f"{place}: not the name of a missing file, which are {', '.join(f.name for f in files)}"
        )
    return _lying(place.parent, files, only=name)


def _lying(folder: Path, files: list[CachedFile], only: str | None = None) -> Iterator[tuple[str, bytes]]:
    """(name, contents) of the files that lie in a folder as they are, or packed as name.gz."""
    for accepted in [name for file in files for name in file.names()]:
        for path in (folder / accepted, folder / f"{accepted}.gz"):
            if path.is_file() and only in (None, path.name):
                try:
                    data = path.read_bytes()
                except OSError as error:
                    raise SourceError(f"cannot read {path}: {error.strerror or error}") from error
                yield accepted, data if path.name == accepted else gunzip(data)


def _take(folder: Path, wanted: list[CachedFile], found: Iterable[tuple[str, bytes]]) -> list[str]:
    """Write what verifies into the folder and strike it from `wanted`; returns why others were not taken."""
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
    """Why these are not the contents of the file; empty if they are."""
    try:
        digest = file.measure(data)
    except DamagedError as error:
        return str(error)
    if digest == file.digest:
        return ""
    return (
        f"not the contents expected ({len(data)} bytes, SHA-256 {digest[:16]}..., not {file.digest[:16]}...)"
    )


def _put(folder: Path, file: CachedFile, name: str, data: bytes) -> None:
    """Write the file under one of its names, and remove damaged ones under the others."""
    write_bytes(folder / name, data, what="fetched data", error=DataError)
    for other in file.names():
        if other != name:
            (folder / other).unlink(missing_ok=True)


def _cannot_fetch(collection: Collection, missing: list[CachedFile], failed: list[str]) -> DataError:
    lines = []
    for file in missing:
        names = file.names() if file.also else (file.name, f"{file.name}.gz")
        lines.append(f"  {' or '.join(names)} ({file.size:,} bytes as {file.name})")
    return DataError(
        f"{collection.name} could not be fetched. Tried:\n"
        + "\n".join(f"  {line}" for line in failed)
        + f"\nYou can fetch by hand, and put into {collection.folder()}\n"
        + "\n".join(lines)
        + f"\nor set {ENVIRONMENT} to a folder that holds {collection.name}/ with them; "
        f"then run: spikesim datasets fetch {collection.name}\n"
        f"(or, from wherever they lie: spikesim datasets fetch {collection.name} --from FOLDER)"
    )
