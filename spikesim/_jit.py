"""The only place with numba's options.

No fast-math: every backend has to give the same numbers. The GIL is released, so that threads can share the
work of a batch. Compiled code is cached on disk unless SPIKESIM_JIT_CACHE=0 (tests switch it off: a cached
kernel does not notice that a helper in another file has changed).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import scipy.linalg.cython_blas  # noqa: F401  the BLAS of numba's np.dot, loaded now so that its threads can be limited

F = TypeVar("F", bound=Callable[..., Any])

_CACHE = os.environ.get("SPIKESIM_JIT_CACHE", "1") != "0"


def kernel(function: F) -> F:
    """Compile a function over arrays, tuples and scalars; it neither checks, nor reads, nor prints."""
    return cast(F, numba.njit(cache=_CACHE, nogil=True, error_model="numpy")(function))


def inline(function: F) -> F:
    """Compile a small function of innermost loops; inlined before LLVM sees them, so that they vectorise."""
    return cast(F, numba.njit(cache=_CACHE, nogil=True, error_model="numpy", inline="always")(function))
