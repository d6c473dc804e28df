"""Input currents of the first layer for a whole window, by table lookup.

The active inputs are divided into groups of four. For each group a table holds the 16 possible sums of its
four rows of weights; a step then needs one addition per group instead of one per spike. The sums are of
integers in float32, exact in any order; or in int16, of which a vector holds twice as many, where the weights
of the active inputs cannot add up to more: so it is with networks of 8 bits. Columns are processed in blocks,
so that four tables fit into the L1 cache.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from spikesim._jit import borrowing, kernel

BLOCK = 64  # columns
TABLE = 16 * BLOCK
SHORT = 2**15  # the end of int16


class InputBuffers(NamedTuple):
    """Arrays for the input currents of a window."""

    active: Any  # int64 (n_in + 1,): inputs that fire at least once
    rank: Any  # int64 (n_in,): their position in that list
    codes: Any  # uint8 (T, groups): bit pattern of a group's four inputs that fire in a step
    table: Any  # float32 (4 * TABLE,)
    currents: Any  # float32 (T, n_1 up to whole blocks)
    short_table: Any  # int16 (4 * TABLE,)
    short_sums: Any  # int16 (T, BLOCK): the currents of a block of columns
    largest: Any  # float32 (BLOCK,): the sum of all active weights of a column, without signs


@kernel
def make_input_buffers(T, n_in, n_1):  # type: ignore[no-untyped-def]
    """Allocate the buffers for the largest input."""
    return InputBuffers(
        np.zeros(n_in + 1, np.int64),
        np.zeros(n_in, np.int64),
        np.zeros((T, (n_in + 15) // 16 * 4), np.uint8),
        np.zeros(4 * TABLE, np.float32),
        np.zeros((T, (n_1 + BLOCK - 1) // BLOCK * BLOCK), np.float32),
        np.zeros(4 * TABLE, np.int16),
        np.zeros((T, BLOCK), np.int16),
        np.zeros(BLOCK, np.float32),
    )


@borrowing
def count_inputs(plan, times, neurons, h_in):  # type: ignore[no-untyped-def]
    """h_in (2, n) = spike counts of each input by phase."""
    h_in[:] = 0
    for k in range(times.size):
        h_in[0 if times[k] < plan.split else 1, neurons[k]] += 1
    if plan.replay:
        for k in range(times.size):
            h_in[1, neurons[k]] += times[k] < plan.T - plan.split


@borrowing
def input_currents(plan, w, times, neurons, h_in, b):  # type: ignore[no-untyped-def]
    """currents[t, j] = sum of w[i, j] over the inputs i that fire in step t, for all steps with own input."""
    T = plan.split if plan.replay else plan.T
    n, m = plan.layers[0].n, plan.layers[1].n
    na = 0
    for i in range(n):
        b.active[na] = i
        b.rank[i] = na
        na += (h_in[0, i] + h_in[1, i]) > 0
    groups = (na + 15) // 16 * 4
    b.codes[:T, :groups] = 0
    for k in range(times.size):
        r = b.rank[neurons[k]]
        b.codes[times[k], r >> 2] |= 1 << (r & 3)
    for column in range(0, m, BLOCK):
        if sums_are_short(w, m, column, b.active, na, b.largest):
            add_groups(b.short_table, w, m, column, b.active, na, b.codes, T, b.short_sums, 0)
            for t in range(T):
                for j in range(BLOCK):
                    b.currents[t, np.uintp(column + j)] = b.short_sums[t, np.uintp(j)]
        else:
            add_groups(b.table, w, m, column, b.active, na, b.codes, T, b.currents, column)


@borrowing
def sums_are_short(w, m, column, active, na, largest):  # type: ignore[no-untyped-def]
    """Whether no sum of weights of active inputs leaves int16, in a block of columns."""
    width = min(BLOCK, m - column)
    for j in range(BLOCK):
        largest[j] = 0
    for a in range(na):
        row = active[a] * m + column
        for j in range(width):
            largest[j] += abs(w[np.uintp(row + j)])
    most = np.float32(0)
    for j in range(BLOCK):
        most = max(most, largest[j])
    return most < SHORT


@borrowing
def add_groups(table, w, m, column, active, na, codes, T, sums, to):  # type: ignore[no-untyped-def]
    """Write the currents of a block of columns to the columns of `sums` from `to` on; in the type of both."""
    for t in range(T):
        for j in range(BLOCK):
            sums[t, np.uintp(to + j)] = 0
    for g in range(0, (na + 15) // 16 * 4, 4):
        for q in range(4):
            fill_table(table, q * TABLE, w, m, column, active, 4 * (g + q), na)
        look_up(table, codes, g, T, sums, to)


@borrowing
def fill_table(table, base, w, m, column, active, first, na):  # type: ignore[no-untyped-def]
    """Compute the 16 sums of the rows active[first] .. active[first + 3], for a block of columns."""
    width = min(BLOCK, m - column)
    for k in range(4):
        at = base + (1 << k) * BLOCK
        known = width if first + k < na else 0
        row = active[first + k] * m + column if first + k < na else 0
        for j in range(known):
            table[np.uintp(at + j)] = w[np.uintp(row + j)]
        for j in range(known, BLOCK):
            table[np.uintp(at + j)] = 0
    for code in range(3, 16):
        low = code & -code
        if low != code:
            at, rest, one = base + code * BLOCK, base + (code - low) * BLOCK, base + low * BLOCK
            for j in range(BLOCK):
                table[np.uintp(at + j)] = table[np.uintp(rest + j)] + table[np.uintp(one + j)]


@borrowing
def look_up(table, codes, g, T, currents, column):  # type: ignore[no-untyped-def]
    """Add the sums of four groups to the currents of every step."""
    for t in range(T):
        c0 = np.int64(codes[t, g]) * BLOCK  # without compilation, uint8 times BLOCK would wrap
        c1 = np.int64(codes[t, g + 1]) * BLOCK + TABLE
        c2 = np.int64(codes[t, g + 2]) * BLOCK + 2 * TABLE
        c3 = np.int64(codes[t, g + 3]) * BLOCK + 3 * TABLE
        for j in range(BLOCK):
            front = table[np.uintp(c0 + j)] + table[np.uintp(c1 + j)]
            back = table[np.uintp(c2 + j)] + table[np.uintp(c3 + j)]
            currents[t, np.uintp(column + j)] += front + back
