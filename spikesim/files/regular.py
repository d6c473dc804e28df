"""The one way in which a file is opened for reading: a regular file first, and its size before memory.

A FIFO, a socket or a device would let the reader wait for ever or fill the memory, and a folder gives an
error of its own. The kind is that of the opened file: nothing can be exchanged between check and reading.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from spikesim.errors import CheckpointError

MAX_BYTES = 256 << 20  # of a file that is read into memory whole and has no limit of its own

KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO (a named pipe)"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


@contextmanager
def open_regular(
    path: str | os.PathLike[str],
    *,
    limit: int | None = None,
    error: type[Exception] = CheckpointError,
    way_out: str = "Give a regular file.",
) -> Iterator[BinaryIO]:
    """Open a regular file for reading, at most `limit` bytes long; yields a binary handle.

    Raises:
        FileNotFoundError, PermissionError: as by `open`, with the path.
        error: it is no regular file, or larger than the limit; names the way out.
    """
    # O_NONBLOCK: without it, opening a FIFO waits for a writer. It has no effect on a regular file.
    number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    try:
        found = os.fstat(number)
        if not stat.S_ISREG(found.st_mode):
            kind = next((name for test, name in KINDS if test(found.st_mode)), "of another kind")
            raise error(f"{os.fspath(path)} is {kind}, not a regular file. {way_out}")
        if limit is not None and found.st_size > limit:
            raise error(f"{os.fspath(path)} has {found.st_size:,} bytes; the limit is {limit:,}. {way_out}")
        handle = os.fdopen(number, "rb")
    except BaseException:
        os.close(number)
        raise
    with handle:
        yield handle


def read_regular(
    path: str | os.PathLike[str],
    *,
    limit: int = MAX_BYTES,
    error: type[Exception] = CheckpointError,
    way_out: str = "Give a regular file.",
) -> bytes:
    """The contents of a regular file of at most `limit` bytes.

    A file that grows while it is read is read up to the limit and no further.

    Raises:
        FileNotFoundError, PermissionError, error: as in `open_regular`.
    """
    with open_regular(path, limit=limit, error=error, way_out=way_out) as handle:
        contents = handle.read(limit + 1)
    if len(contents) > limit:
        raise error(f"{os.fspath(path)} has more than {limit:,} bytes, which is the limit. {way_out}")
    return contents
