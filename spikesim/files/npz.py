"""Reading .npz archives of arrays from anywhere: a regular file, sizes before memory, no Python objects."""

from __future__ import annotations

import os
import tokenize
import zipfile
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.errors import DataError, SpikesimError
from spikesim.files.regular import open_regular

MAX_BYTES = 1 << 30  # of all arrays, unpacked
# Exceptions that zipfile and numpy raise for damaged or hostile archives.
DAMAGED = (
    OSError,
    ValueError,
    LookupError,
    EOFError,
    RuntimeError,
    MemoryError,
    SyntaxError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


def read_npz(
    path: str | os.PathLike[str],
    *,
    limit: int = MAX_BYTES,
    error: type[SpikesimError] = DataError,
    way_out: str = "Write it with numpy.savez",
) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an .npz file by name.

    Raises:
        error: the file is missing, no regular file, damaged, larger than `limit` bytes unpacked, holds Python
            objects, or a single array; names the way out.
    """
    where = os.fspath(path)
    try:
        with open_regular(path, limit=limit, error=error, way_out=f"{way_out}.") as handle:
            if (begin := handle.read(6)) == b"\x93NUMPY":
                raise error(f"{where} holds a single array, and no archive of arrays. {way_out}.")
            if begin[:2] != b"PK":
                raise error(f"{where} cannot be read as .npz: it is no archive of arrays. {way_out}.")
            handle.seek(0)
            with zipfile.ZipFile(handle) as archive:
                size = sum(entry.file_size for entry in archive.infolist())
            if size > limit:
                raise error(f"{where} unpacks to {size:,} bytes; the limit is {limit:,}. {way_out}.")
            handle.seek(0)
            with np.load(handle, allow_pickle=False) as found:
                arrays = {name: found[name] for name in found.files}
    except FileNotFoundError as problem:
        raise error(f"{where} cannot be read: there is no such file; an .npz file is needed") from problem
    except SpikesimError:
        raise
    except DAMAGED as problem:
        said = f"{where} cannot be read as .npz without Python objects ({problem}). {way_out}."
        raise error(said) from problem
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise error(f"{where}: {name} is no array. {way_out}.")
    return arrays
