"""The bare matrix product as a yardstick: of the installed BLAS libraries, the one that is fastest here.

Which one that is has to be tried. A library that is older than the processor falls back to a kernel of an
older one, at a fraction of the speed: the OpenBLAS of numpy 1.26 does, the one of scipy need not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt
from scipy.linalg.blas import sgemm
from threadpoolctl import threadpool_info

F32 = npt.NDArray[np.float32]
Multiply = Callable[[F32, F32, F32], None]  # writes a @ b to the last array; all C-contiguous


@dataclass(frozen=True)
class Product:
    """A float32 matrix product: the library, its kernel, and its speed when it was tried, in GFLOP/s."""

    library: str
    kernel: str
    gflops: float
    multiply: Multiply


def _numpy(a: F32, b: F32, out: F32) -> None:
    np.dot(a, b, out)


def _scipy(a: F32, b: F32, out: F32) -> None:
    sgemm(1.0, b.T, a.T, 0.0, out.T, overwrite_c=True)  # column by column, of which the transposes are views


def _torch() -> Multiply:
    torch = import_module("torch")  # no dependency: tried where a user has it

    def multiply(a: F32, b: F32, out: F32) -> None:
        torch.mm(torch.from_numpy(a), torch.from_numpy(b), out=torch.from_numpy(out))

    return multiply


def tried(rows: int = 100, inner: int = 150, columns: int = 500, rounds: int = 30) -> list[Product]:
    """The products of numpy, scipy and (where it is installed) torch, fastest first.

    Args:
        rows, inner, columns: sizes of the product that is tried; the defaults are those of a trial of
            784-500-10 with 150 active inputs.
        rounds: repetitions, taken in turns; the fastest counts.
    """
    rs = np.random.default_rng(1)
    a, b = rs.random((rows, inner), np.float32), rs.random((inner, columns), np.float32)
    expected, out = a @ b, np.zeros((rows, columns), np.float32)
    libraries: dict[str, Multiply] = {"numpy": _numpy, "scipy": _scipy}
    if find_spec("torch") is not None:
        libraries["torch"] = _torch()
    best = dict.fromkeys(libraries, np.inf)
    for _ in range(rounds):
        for name, multiply in libraries.items():
            out[:] = 0
            begun = time.perf_counter()
            multiply(a, b, out)
            best[name] = min(best[name], time.perf_counter() - begun)
            np.testing.assert_allclose(out, expected, rtol=1e-4)
    flops = 2.0 * rows * inner * columns
    found = [Product(n, _kernel(n), flops / best[n] / 1e9, libraries[n]) for n in libraries]
    return sorted(found, key=lambda product: -product.gflops)


def _kernel(library: str) -> str:
    """The BLAS that a library brings, as threadpoolctl names it; "" if that is not known."""
    for info in threadpool_info():
        if info["user_api"] == "blas" and f"{library}." in info["filepath"].replace("/", ".").lower():
            return " ".join(str(info.get(key) or "") for key in ("internal_api", "version", "architecture"))
    return ""
