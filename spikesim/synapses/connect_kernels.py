"""Kernels of `spikesim.connect`: each is called twice, to count the synapses and then to write them.

No temporary arrays are needed. Random words are those of (seed, CONNECT, neuron), two per random number.
"""

from __future__ import annotations

import math

import numpy as np

from spikesim._jit import inline, kernel
from spikesim.rng import philox

_LOW, _32 = np.uint64(0xFFFFFFFF), np.uint64(32)
TERMS = 12  # of the series of the logarithm: s**25 / 25 < 1e-20


@kernel
def log(x):  # type: ignore[no-untyped-def]
    """The natural logarithm of x > 0, from sums and quotients only: equal on every machine, unlike libm's."""
    m, e = math.frexp(x)
    if m < 0.7071067811865476:
        m, e = 2.0 * m, e - 1
    s = (m - 1.0) / (m + 1.0)
    total, square = 0.0, s * s
    for k in range(TERMS - 1, -1, -1):
        total = total * square + 1.0 / (2 * k + 1)
    return 2.0 * s * total + e * 0.6931471805599453


@inline
def draw(key, tag, neuron, k):  # type: ignore[no-untyped-def]
    """Four random words of a neuron: its draws 2k and 2k + 1, two words each."""
    return philox(np.uint64(neuron), np.uint64(k), np.uint64(0), tag, key & _LOW, key >> _32)


@kernel
def fill_gaps(key, tag, scale, width, skips, indptr, indices):  # type: ignore[no-untyped-def]
    """The synapses of every row for `fixed_probability`; `scale` is ln(1 - p).

    With empty `indices` it counts: indptr[i + 1] = number of synapses of i. With `skips`, a row excludes its
    own neuron.
    """
    writes = indices.size > 0
    for i in range(indptr.size - 1):
        place, count, k = np.int64(-1), np.int64(0), 0
        at = indptr[i]
        while True:
            four = draw(key, tag, i, k)
            k += 1
            ended = False
            for half in range(2):
                high, low = four[2 * half], four[2 * half + 1]
                u = (float(high >> np.uint64(5)) * 67108864.0 + float(low >> np.uint64(6)) + 1.0) * 2.0**-53
                gap = log(u) / scale
                if gap >= width - place - 1:
                    ended = True
                    break
                place += 1 + np.int64(gap)
                if writes:
                    indices[at + count] = place + 1 if skips and place >= i else place
                count += 1
            if ended:
                break
        if not writes:
            indptr[i + 1] = count


@inline
def below(high, low, n):  # type: ignore[no-untyped-def]
    """A whole number in [0, n) from two words: floor(n * (high 2**32 + low) / 2**64)."""
    return np.int64((high * n + (low * n >> _32)) >> _32)


@kernel
def fill_degrees(key, tag, sizes, cursor, indices):  # type: ignore[no-untyped-def]
    """k partners for every postsynaptic neuron, written to the rows of the partners.

    With empty `indices` it counts: cursor[i] = number of synapses of i. Else cursor[i] is the position of the
    next entry of row i.
    """
    width, n_post, k, skips, multapses = sizes
    writes = indices.size > 0
    excludes = not multapses and 2 * k > width  # draw the neurons that are not connected
    wanted = width - k if excludes else k
    taken = np.zeros(0 if multapses else width, np.int64)
    n = np.uint64(width)
    for j in range(n_post):
        count, block = 0, 0
        while count < wanted:
            four = draw(key, tag, j, block)
            block += 1
            for half in range(2):
                if count == wanted:
                    break
                i = below(four[2 * half], four[2 * half + 1], n)
                if not multapses:
                    if taken[i] == j + 1:
                        continue
                    taken[i] = j + 1
                count += 1
                if not excludes:
                    _add(cursor, indices, writes, i + 1 if skips and i >= j else i, j)
        if excludes:
            for i in range(width):
                if taken[i] != j + 1:
                    _add(cursor, indices, writes, i + 1 if skips and i >= j else i, j)


@inline
def _add(cursor, indices, writes, i, j):  # type: ignore[no-untyped-def]
    if writes:
        indices[cursor[i]] = j
    cursor[i] += 1


@kernel
def by_rows(indptr, rows):  # type: ignore[no-untyped-def]
    """Indices that sort synapses by row, keeping the order within a row, int64."""
    at = indptr[:-1].copy()
    order = np.empty(rows.size, np.int64)
    for m in range(rows.size):
        order[at[rows[m]]] = m
        at[rows[m]] += 1
    return order
