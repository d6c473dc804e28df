"""Compiler settings: the only module that sets numba's options.

No fast-math, since all backends must give the same numbers. The GIL is released, so that threads can share a
batch.

Compiled code is cached on disk unless SPIKESIM_JIT_CACHE=0. numba detects a change in the file of a kernel,
but not in functions that it calls from other files; therefore the name of the cache folder contains a hash of
all sources, and any change recompiles the kernels.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
import pooch
from numba.core import config, types
from numba.extending import overload

F = TypeVar("F", bound=Callable[..., Any])

SETTINGS: Any = config  # numba's settings, filled on its import
_CACHE = os.environ.get("SPIKESIM_JIT_CACHE", "1") != "0"


def _folder() -> str:
    """Folder of the compiled kernels: NUMBA_CACHE_DIR, or else a folder named after a hash of the sources."""
    if SETTINGS.CACHE_DIR:
        return str(SETTINGS.CACHE_DIR)
    sources, package = hashlib.sha256(), Path(__file__).parent
    folders = [package]
    if (package.parent / "pyproject.toml").exists():  # in a checkout, these folders contain kernels too
        folders += [package.parent / name for name in ("hardware", "models")]
    for path in sorted(path for folder in folders for path in folder.rglob("*.py")):
        sources.update(path.read_bytes())
    return str(Path(pooch.os_cache("spikesim")) / f"kernels-{sources.hexdigest()[:16]}")


_FOLDER = _folder() if _CACHE else ""


@contextmanager
def _caching_in(folder: str) -> Iterator[None]:
    """Set numba's global cache folder, which numba reads when it decorates a function; restored on exit."""
    before = SETTINGS.CACHE_DIR
    SETTINGS.CACHE_DIR = folder
    try:
        yield
    finally:
        SETTINGS.CACHE_DIR = before


def _compiled(function: F, **options: Any) -> F:
    with _caching_in(_FOLDER or SETTINGS.CACHE_DIR):
        return cast(F, numba.njit(cache=_CACHE, nogil=True, error_model="numpy", **options)(function))


def kernel(function: F) -> F:
    """Compile a kernel: a function of arrays, tuples and scalars without checks, file access or printing."""
    return _compiled(function)


def borrowing(function: F) -> F:
    """Compile a kernel that allocates no array, so that it need not count references to arrays.

    Counting costs as much as a step of a small layer. numba refuses to compile such a kernel if it allocates.
    """
    return _compiled(function, _nrt=False)


def inline(function: F) -> F:
    """Compile a small function for innermost loops; inlined before LLVM, so that the loops vectorise."""
    return _compiled(function, inline="always")


def at(value: Any, j: int) -> Any:
    """Parameter of neuron j in a kernel: entry j of an array, or the number itself."""
    return value[j] if isinstance(value, np.ndarray) else value


@overload(at, inline="always")
def _at(value, j):  # type: ignore[no-untyped-def]
    if isinstance(value, types.Array):
        return lambda value, j: value[j]
    return lambda value, j: value
