"""Read members of downloaded archives in memory; nothing is unpacked to disk, so paths cannot do harm."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator

from spikesim.errors import DataError

LIMIT = 256 * 2**20  # bytes of all requested members together; the largest dataset has 55 MB
MAX_MEMBERS = 100_000
DAMAGED = (EOFError, OSError, ValueError, OverflowError, MemoryError, LookupError, RecursionError)


class DamagedError(DataError):
    """A file whose contents do not have the expected format."""


def gunzip(data: bytes, limit: int = LIMIT) -> bytes:
    """Contents of a gzip file; data without a gzip header are returned unchanged (some servers unpack).

    Raises DamagedError if the file is damaged or unpacks to more than `limit` bytes.
    """
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            contents = stream.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DamagedError(f"incomplete or damaged gzip file: {error}") from error
    if len(contents) > limit:
        raise DamagedError(f"unpacked contents exceed the limit of {limit} bytes")
    return contents


def tar_members(
    data: bytes, wanted: Callable[[str], bool], limit: int = LIMIT
) -> Iterator[tuple[str, bytes]]:
    """Yield (name, contents) of the requested files of a tar archive (plain, gzip, xz, bzip2), in its order.

    wanted: says whether a member is requested. Raises DamagedError if the archive is damaged; if a requested
    member is a link or device, has a path outside the archive, or occurs twice; or if the requested members
    exceed `limit` bytes in total.
    """
    seen: set[str] = set()
    total = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:*") as archive:
            for count, member in enumerate(archive):
                if count >= MAX_MEMBERS:
                    raise DamagedError(f"the number of members exceeds the limit of {MAX_MEMBERS}")
                name = member.name[2:] if member.name.startswith("./") else member.name
                if member.isdir() or not wanted(name):
                    continue
                total += member.size
                _check_member(name, member, seen)
                if total > limit:
                    raise DamagedError(f"the members exceed the limit of {limit} bytes")
                seen.add(name)
                stream = archive.extractfile(member)
                if stream is None:
                    raise DamagedError(f"member {name!r} has no contents")
                yield name, stream.read()
    except DamagedError:
        raise
    # ValueError, OverflowError, MemoryError: numbers of a header that no file can have (an offset of 2**70)
    except (*DAMAGED, tarfile.TarError, lzma.LZMAError, zlib.error) as error:
        raise DamagedError(
            f"incomplete or damaged tar archive (begins with {data[:16]!r}): {error}"
        ) from error


def _check_member(name: str, member: tarfile.TarInfo, seen: set[str]) -> None:
    if not member.isreg():
        raise DamagedError(f"member {name!r} is a link or device, not a file")
    if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/"):
        raise DamagedError(f"member {name!r} has a path outside the archive")
    if name in seen:
        raise DamagedError(f"member {name!r} occurs twice")


def ar_member(data: bytes, prefix: str) -> bytes:
    """Contents of the first member of a Unix `ar` archive (such as a .deb) whose name begins with prefix.

    Format: "!<arch>" and a newline; then for each member a header of 60 bytes (name 16, date 12, owner 6,
    group 6, mode 8, size 10 in decimal, a backtick and a newline), the contents, and a newline if their
    length is odd.
    Raises DamagedError if the archive is damaged or has no such member.
    """
    if data[:8] != b"!<arch>\n":
        raise DamagedError(f"not an ar archive (begins with {data[:16]!r})")
    at = 8
    while at < len(data):
        header = data[at : at + 60]
        digits = header[48:58].strip()
        if len(header) < 60 or header[58:] != b"`\n" or not digits.isdigit():
            raise DamagedError(f"damaged ar archive: no member header at byte {at}")
        size = int(digits)
        if at + 60 + size > len(data):
            raise DamagedError(
                f"truncated ar archive: a member of {size} bytes at byte {at}, {len(data)} bytes in total"
            )
        if header[:16].decode("latin-1").rstrip(" /").startswith(prefix):
            return data[at + 60 : at + 60 + size]
        at += 60 + size + size % 2
    raise DamagedError(f"no member {prefix}* in the ar archive")
