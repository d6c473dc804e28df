"""The only place with numba's options.

No fast-math: every backend has to give the same numbers. The GIL is released, so that threads can share the
work of a batch.

Compiled code is cached on disk unless SPIKESIM_JIT_CACHE=0. numba notices a change in the file of a kernel,
not in the helpers that it calls from other files; so the cache's folder is named after the sources of the
whole package, and a change anywhere compiles anew.
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

SETTINGS: Any = config  # numba's settings, which it fills when it is imported
_CACHE = os.environ.get("SPIKESIM_JIT_CACHE", "1") != "0"


def _folder() -> str:
    """Where compiled kernels lie: NUMBA_CACHE_DIR if set, else a folder of these very sources."""
    if SETTINGS.CACHE_DIR:
        return str(SETTINGS.CACHE_DIR)
    sources, package = hashlib.sha256(), Path(__file__).parent
    folders = [package]
    if (package.parent / "pyproject.toml").exists():  # a checkout: kernels lie beside the package, too
        folders += [package.parent / name for name in ("hardware", "models")]
    for path in sorted(path for folder in folders for path in folder.rglob("*.py")):
        sources.update(path.read_bytes())
    return str(Path(pooch.os_cache("spikesim")) / f"kernels-{sources.hexdigest()[:16]}")


_FOLDER = _folder() if _CACHE else ""


@contextmanager
def _caching_in(folder: str) -> Iterator[None]:
    """numba takes the folder from its own global setting, and only while it decorates."""
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
    """Compile a function over arrays, tuples and scalars; it neither checks, nor reads, nor prints."""
    return _compiled(function)


def inline(function: F) -> F:
    """Compile a small function of innermost loops; inlined before LLVM sees them, so that they vectorise."""
    return _compiled(function, inline="always")


def at(value: Any, j: int) -> Any:
    """A parameter of neuron j in a kernel: the number itself where it is one, else entry j of the array."""
    return value[j] if isinstance(value, np.ndarray) else value


@overload(at, inline="always")
def _at(value, j):  # type: ignore[no-untyped-def]
    if isinstance(value, types.Array):
        return lambda value, j: value[j]
    return lambda value, j: value
