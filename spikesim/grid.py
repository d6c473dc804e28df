"""The arithmetic that makes equality a theorem: numbers on a dyadic grid, proofs that their sums are exact.

Whatever takes part in propagation is an integer multiple of 2**-bits: weights, bias, threshold, injections.
Sums of such numbers have no order while they stay inside the exact range of the type that holds them, so that
a matrix product, an event-driven loop, two threads, or another simulator's float64 give the same number.

Plastic weights are kept as integers on a much finer grid, the master grid of 2**-28 in int32; what propagates
is the master snapped to the population's grid: floor(w / step + 1/2).
"""

from __future__ import annotations

from numbers import Integral

import numpy as np
import numpy.typing as npt

from spikesim.errors import DeclarationError

MASTER_BITS = 28
MASTER_LIMIT = 2.0 ** (31 - MASTER_BITS)  # masters are int32: |w| < 8
FLOAT32_EXACT = 2**24  # sums of integers below this are exact in float32, in any order
INT32_EXACT = 2**31
FLOAT64_EXACT = 2**53


def whole(value: object, low: int = 0) -> bool:
    """Whether a value is an integer (Python's or NumPy's, not a float) of at least `low`."""
    return isinstance(value, Integral) and int(value) >= low


def check_bits(bits: int, where: str) -> int:
    """The grid's exponent, checked.

    Raises:
        DeclarationError: bits is not an integer in [0, 28].
    """
    if not whole(bits) or bits > MASTER_BITS:
        raise DeclarationError(
            f"{where}: grid = {bits!r} bits; a grid is 2**-bits with an integer 0 <= bits <= {MASTER_BITS}"
        )
    return int(bits)


def snap(values: npt.ArrayLike, bits: int) -> npt.NDArray[np.int64]:
    """The nearest multiples of 2**-bits, as int64 counts of that step: floor(w * 2**bits + 1/2)."""
    return np.floor(np.asarray(values, np.float64) * 2.0**bits + 0.5).astype(np.int64)


def on_grid(values: npt.ArrayLike, bits: int | None, where: str) -> npt.NDArray[np.int64]:
    """The counts of 2**-bits of numbers that lie on that grid already; of bits None (real numbers), that they
    are finite, and no counts.

    Raises:
        DeclarationError: a number is NaN, infinite, too large, or between two grid points; it is never
            rounded silently.
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
            f"where float64 ends to be exact; take a smaller number or a coarser grid"
        )
    counts = snap(array, bits)
    off = np.abs(array - counts * 2.0**-bits)
    if off.any():
        raise DeclarationError(
            f"{where}: {array.flat[int(np.argmax(off))]} lies {off.max():.3g} beside the grid of 2**-{bits}; "
            f"round it on purpose with spikesim.grid.rounded(values, {bits}), or declare a finer grid"
        )
    return counts


def rounded(values: npt.ArrayLike, bits: int) -> npt.NDArray[np.float64]:
    """Numbers rounded to the nearest multiple of 2**-bits (half goes up), float64."""
    return snap(values, bits) * 2.0**-bits


def propagating(master: npt.NDArray[np.int32], bits: int) -> npt.NDArray[np.int64]:
    """What propagates of master weights: counts of 2**-bits, int64."""
    shift = MASTER_BITS - bits
    wide = master.astype(np.int64)
    return wide if shift == 0 else (wide + (1 << (shift - 1))) >> shift


def prove_current(total: int, where: str, bits: int) -> None:
    """Refuse a neuron whose input of one step could leave the exact range of float32.

    Args:
        total: the largest sum of absolute weights and bias into one neuron, in grid counts.
        where: the population's name, for the message.
        bits: its grid.

    Raises:
        DeclarationError: total >= 2**24.
    """
    if total >= FLOAT32_EXACT:
        raise DeclarationError(
            f"{where}: the input of one step can reach {total} steps of 2**-{bits}, and float32 is exact "
            f"below 2**24 = {FLOAT32_EXACT}. Ways out: a coarser grid "
            f"({_fewer(total, FLOAT32_EXACT, bits)} bits or fewer), a narrower clip range, fewer inputs"
        )


def prove_membrane(total: int, steps: int, theta: int, where: str, bits: int, start: int = 0) -> None:
    """Refuse a membrane that could leave int32 between two resets.

    Raises:
        DeclarationError: (total * steps) or the threshold reaches 2**31.
    """
    reach = max(total * steps, abs(theta) + total) + abs(start)
    if reach >= INT32_EXACT:
        raise DeclarationError(
            f"{where}: the membrane can reach {reach} steps of 2**-{bits} in {steps} time steps, and int32 "
            f"ends at 2**31. Ways out: a coarser grid ({_fewer(reach, INT32_EXACT, bits)} bits or fewer), "
            f"a narrower clip range, a shorter window"
        )


def prove_float64(total: int, where: str, bits: int) -> None:
    """Refuse a population whose sums could leave the exact range of float64.

    Raises:
        DeclarationError: total >= 2**53.
    """
    if total >= FLOAT64_EXACT:
        raise DeclarationError(
            f"{where}: a sum can reach {total} steps of 2**-{bits}, and float64 is exact below 2**53. "
            f"Ways out: a coarser grid ({_fewer(total, FLOAT64_EXACT, bits)} bits or fewer), smaller "
            "weights, fewer inputs"
        )


def _fewer(total: int, limit: int, bits: int) -> int:
    excess = 0
    while total >> excess >= limit:
        excess += 1
    return max(bits - excess, 0)
