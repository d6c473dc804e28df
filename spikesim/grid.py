"""Fixed-point grid of `bits` fractional bits: conversion, and proofs that sums of its numbers are exact.

All propagated quantities (weights, bias, threshold, injected currents) are integer multiples of 2**-bits.
Sums of such numbers are exact, and thus independent of their order, as long as they stay within the exact
range of their type. Therefore a matrix product, an event-driven loop, two threads, and another simulator's
float64 give the same result.

Plastic weights are stored on a much finer grid, the master grid of 2**-28, as int32. The propagated weight is
the master weight rounded to the population's grid: floor(w / step + 1/2).
"""

from __future__ import annotations

from numbers import Integral

import numpy as np
import numpy.typing as npt

from spikesim.errors import DeclarationError

MASTER_BITS = 28
MASTER_LIMIT = 2.0 ** (31 - MASTER_BITS)  # master weights are int32: |w| < 8
FLOAT32_EXACT = 2**24  # integer sums below this are exact in float32, in any order
INT32_EXACT = 2**31
FLOAT64_EXACT = 2**53


def whole(value: object, low: int = 0) -> bool:
    """Whether a value is an integer (of Python or NumPy, not a float) and at least `low`."""
    return isinstance(value, Integral) and int(value) >= low


def check_bits(bits: int, where: str) -> int:
    """Check the number of fractional bits of a grid, and return it.

    Raises:
        DeclarationError: bits is not an integer in [0, 28].
    """
    if not whole(bits) or bits > MASTER_BITS:
        raise DeclarationError(
            f"{where}: grid = {bits!r} bits; the number of fractional bits must be an integer, "
            f"0 <= bits <= {MASTER_BITS}"
        )
    return int(bits)


def snap(values: npt.ArrayLike, bits: int) -> npt.NDArray[np.int64]:
    """Round to the nearest multiples of 2**-bits, returned as int64 counts: floor(w * 2**bits + 1/2)."""
    return np.floor(np.asarray(values, np.float64) * 2.0**bits + 0.5).astype(np.int64)


def on_grid(values: npt.ArrayLike, bits: int | None, where: str) -> npt.NDArray[np.int64]:
    """Numbers on the grid of 2**-bits as int64 counts of 2**-bits.

    With bits = None (real numbers) the values are only checked to be finite, and the result is empty.

    Raises:
        DeclarationError: a number is NaN, infinite, too large, or off the grid; numbers are never rounded
            silently.
    """
    array = np.asarray(values, np.float64)
    if not np.isfinite(array).all():
        raise DeclarationError(
            f"{where}: holds {array[~np.isfinite(array)].flat[0]}; finite numbers are needed"
        )
    if bits is None:
        return np.zeros(0, np.int64)
    if (np.abs(array) >= 2.0 ** (53 - bits)).any():
        raise DeclarationError(
            f"{where}: {array.flat[int(np.argmax(np.abs(array)))]} is beyond 2**53 steps of 2**-{bits}, "
            f"the exact range of float64; use a smaller number or a coarser grid"
        )
    counts = snap(array, bits)
    off = np.abs(array - counts * 2.0**-bits)
    if off.any():
        raise DeclarationError(
            f"{where}: {array.flat[int(np.argmax(off))]} lies {off.max():.3g} off the grid of 2**-{bits}; "
            f"round it explicitly with spikesim.grid.rounded(values, {bits}), or declare a finer grid"
        )
    return counts


def rounded(values: npt.ArrayLike, bits: int) -> npt.NDArray[np.float64]:
    """Numbers rounded to the nearest multiple of 2**-bits (half rounds up), float64."""
    return snap(values, bits) * 2.0**-bits


def propagating(master: npt.NDArray[np.int32], bits: int) -> npt.NDArray[np.int64]:
    """Propagated weights of master weights: rounded to the grid, as int64 counts of 2**-bits."""
    shift = MASTER_BITS - bits
    wide = master.astype(np.int64)
    return wide if shift == 0 else (wide + (1 << (shift - 1))) >> shift


def prove_current(total: int, where: str, bits: int) -> None:
    """Refuse a neuron whose input in one step could exceed the exact range of float32.

    Args:
        total: largest sum of absolute weights and bias of one neuron, in grid counts.
        where: name of the population, for the message.
        bits: fractional bits of its grid.

    Raises:
        DeclarationError: total >= 2**24.
    """
    if total >= FLOAT32_EXACT:
        raise DeclarationError(
            f"{where}: the input in one step can reach {total} steps of 2**-{bits}, but float32 is exact "
            f"below 2**24 = {FLOAT32_EXACT}. Use a coarser grid "
            f"({_fewer(total, FLOAT32_EXACT, bits)} bits or fewer), a narrower clip range or fewer inputs"
        )


def prove_membrane(total: int, steps: int, theta: int, where: str, bits: int, start: int = 0) -> None:
    """Refuse a membrane that could overflow int32 between two resets.

    Args:
        total: largest sum of absolute weights and bias of one neuron, in grid counts.
        steps: time steps of the window.
        theta: threshold in grid counts.
        where: name of the population, for the message.
        bits: fractional bits of its grid.
        start: initial membrane in grid counts.

    Raises:
        DeclarationError: max(total * steps, |theta| + total) + |start| reaches 2**31.
    """
    reach = max(total * steps, abs(theta) + total) + abs(start)
    if reach >= INT32_EXACT:
        raise DeclarationError(
            f"{where}: the membrane can reach {reach} steps of 2**-{bits} in {steps} time steps, but int32 "
            f"ends at 2**31. Use a coarser grid ({_fewer(reach, INT32_EXACT, bits)} bits or fewer), "
            f"a narrower clip range or a shorter window"
        )


def prove_float64(total: int, where: str, bits: int) -> None:
    """Refuse a population whose sums could exceed the exact range of float64.

    Args:
        total: largest sum of absolute values, in grid counts.
        where: name of the population, for the message.
        bits: fractional bits of its grid.

    Raises:
        DeclarationError: total >= 2**53.
    """
    if total >= FLOAT64_EXACT:
        raise DeclarationError(
            f"{where}: a sum can reach {total} steps of 2**-{bits}, but float64 is exact below 2**53. "
            f"Use a coarser grid ({_fewer(total, FLOAT64_EXACT, bits)} bits or fewer), smaller "
            "weights or fewer inputs"
        )


def _fewer(total: int, limit: int, bits: int) -> int:
    excess = 0
    while total >> excess >= limit:
        excess += 1
    return max(bits - excess, 0)
