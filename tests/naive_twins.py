"""Pure-Python twins of the compiled kernels: integers without a width, loops without tricks."""

from __future__ import annotations

from fractions import Fraction

MASK = 2**32 - 1


def philox(counter: tuple[int, ...], key: tuple[int, ...]) -> tuple[int, ...]:
    """Philox4x32-10 as in its paper (Salmon et al., SC 2011), on Python's integers."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * c0, 2**32)
        high1, low1 = divmod(0xCD9E8D57 * c2, 2**32)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + 0x9E3779B9) & MASK, (k1 + 0xBB67AE85) & MASK
    return c0, c1, c2, c3


def word(seed: int, stream: int, epoch: int, index: int, step: int, neuron: int) -> int:
    """The random word of one step of one neuron."""
    counter = (neuron, step // 4, index, stream * 2**24 + epoch)
    return philox(counter, (seed & MASK, seed >> 32))[step % 4]


def limit(intensity: float, scale: float) -> int:
    """floor(scale * x * 2**32), the product rounded to a float64 as the encoders have it."""
    return int(intensity * (scale * 2.0**32) // 1)


def poisson(row, index, T, seed, epoch, stream, scale=1.0, shared=False):  # type: ignore[no-untyped-def]
    """Events (t, i) of one sample, in order."""
    found = []
    for t in range(T):
        for i, intensity in enumerate(row):
            drawn = word(seed, stream, epoch, 0, t, 0) if shared else word(seed, stream, epoch, index, t, i)
            if drawn < limit(float(intensity), scale):
                found.append((t, i))
    return found


def regular(row, T, scale=1.0):  # type: ignore[no-untyped-def]
    """Events (t, i) of one sample: an accumulator driven by the intensity."""
    found = []
    charge = [0] * len(row)
    for t in range(T):
        for i, intensity in enumerate(row):
            charge[i] += limit(float(intensity), scale)
            if charge[i] >= 2**32:
                charge[i] -= 2**32
                found.append((t, i))
    return found


def snapped(value: float, bits: int) -> int:
    """floor(value * 2**bits + 1/2), in rational numbers."""
    return (Fraction(value) * 2**bits + Fraction(1, 2)).__floor__()
