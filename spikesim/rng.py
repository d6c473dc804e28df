"""Counter-based random numbers, Philox4x32-10.

Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

A random word is a pure function of (seed, stream, epoch, index, step, neuron), independent of the program,
the order and the number of threads that compute it. The seed is the 64-bit key, the rest is the 128-bit
counter:

    counter = (neuron, step // 4, index, stream * 2**24 + epoch),  word = step % 4

so that one block serves four time steps of one neuron. No global state is read or changed.

What draws random numbers in a network and is given no seed has the one of `derived_seed`: a function of the
network's seed and of its name. Two things thus never share their random numbers unless they are given equal
seeds, and adding, removing or reordering other parts of a network changes none.
"""

from __future__ import annotations

import hashlib
from enum import IntEnum
from typing import Literal

import numpy as np
import numpy.typing as npt

from spikesim._jit import inline, kernel
from spikesim.errors import DeclarationError
from spikesim.grid import whole

DERIVED_BITS = 53  # of a derived seed: every JSON reader keeps it exactly

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW, _32 = np.uint64(0xFFFFFFFF), np.uint64(32)

MAX_EPOCH = 2**24 - 1


class Stream(IntEnum):
    """Purpose of a random number; two streams never share a counter."""

    WEIGHTS = 1
    FEEDBACK = 2
    INPUT = 3
    ORDER = 4
    TEST = 6
    GENERATOR = 7
    DRIVE = 8
    CONNECT = 9
    DROPOUT = 10


@inline
def philox(c0, c1, c2, c3, k0, k1):  # type: ignore[no-untyped-def]
    """Ten rounds on a counter of four and a key of two 32-bit words, all in uint64; returns four words."""
    for _ in range(10):
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0, c1, c2, c3 = (p1 >> _32) ^ c1 ^ k0, p1 & _LOW, (p0 >> _32) ^ c3 ^ k1, p0 & _LOW
        k0 = (k0 + _W0) & _LOW
        k1 = (k1 + _W1) & _LOW
    return c0, c1, c2, c3


@kernel
def _fill(seed, tag, index, first, out):  # type: ignore[no-untyped-def]
    """out[i] = word of neuron first + i // 4, step i % 4."""
    k0, k1 = seed & _LOW, seed >> _32
    for block in range((out.size + 3) // 4):
        four = philox(first + np.uint64(block), np.uint64(0), index, tag, k0, k1)
        for lane in range(4):
            if 4 * block + lane < out.size:
                out[4 * block + lane] = np.uint32(four[lane])


def derived_seed(seed: int, kind: Literal["population", "projection", "drive"], name: str) -> int:
    """The seed of a part of a network that was given none, in [0, 2**53).

    The first 53 bits of SHA-256("spikesim seed\\n{seed}\\n{kind}\\n{name}"), in UTF-8: the same on every
    machine, and unrelated for any two parts.

    Args:
        seed: the seed of the network.
        kind: what the part is.
        name: its name in the network.

    Raises:
        DeclarationError: seed is not a whole number in [0, 2**64).
    """
    text = f"spikesim seed\n{key(seed)}\n{kind}\n{name}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 64 - DERIVED_BITS


def key(seed: int | None) -> np.uint64:
    """The 64-bit Philox key of a seed.

    Raises:
        DeclarationError: there is no seed, or it is not a whole number in [0, 2**64).
    """
    if seed is None:
        raise DeclarationError(
            "seed = None: without a seed, random numbers are drawn in a Network only, which derives the seed "
            "from its own and from the name; give a seed to draw them now"
        )
    if not (whole(seed) and int(seed) < 2**64):
        raise DeclarationError(f"seed = {seed!r}; must be a whole number in [0, 2**64)")
    return np.uint64(int(seed))


def tag(stream: Stream, epoch: int) -> np.uint64:
    """The counter word of a stream and an epoch, stream * 2**24 + epoch.

    Raises:
        DeclarationError: epoch is not in [0, 2**24).
    """
    if not 0 <= epoch <= MAX_EPOCH:
        raise DeclarationError(f"epoch = {epoch}; must lie between 0 and {MAX_EPOCH}, the limit of streams")
    return np.uint64((int(stream) << 24) | epoch)


def words(seed: int, stream: Stream, n: int, epoch: int = 0, index: int = 0) -> npt.NDArray[np.uint32]:
    """n random 32-bit words of a stream, as uint32 (n,).

    Raises:
        DeclarationError: seed, epoch or index is out of range.
    """
    if not 0 <= index < 2**32:
        raise DeclarationError(f"index = {index}; must lie in [0, 2**32)")
    out = np.empty(n, np.uint32)
    _fill(key(seed), tag(stream, epoch), np.uint64(index), np.uint64(0), out)
    return out


def normal(seed: int, stream: Stream, shape: tuple[int, ...], index: int = 0) -> npt.NDArray[np.float64]:
    """Approximately normal numbers of mean 0 and variance 1, float64, bit-identical on every machine.

    Differs from a normal distribution: the sum of twelve 32-bit uniforms (Irwin-Hall), exact in integers, so
    that initial weights do not depend on the last bit of a libm. Its kurtosis is 2.9 instead of 3, and no
    number lies beyond 6.
    """
    n = int(np.prod(shape))
    twelve = words(seed, stream, 12 * n, index=index).reshape(n, 12)
    total = twelve.astype(np.int64).sum(axis=1) - 6 * (2**32 - 1)
    return (total * 2.0**-32).reshape(shape)


def permutation(seed: int, n: int, epoch: int, index: int = 0) -> npt.NDArray[np.int64]:
    """A random permutation of 0 .. n-1 for an epoch, int64 (n,): the stable argsort of n random words."""
    return np.argsort(words(seed, Stream.ORDER, n, epoch, index), kind="stable").astype(np.int64)
