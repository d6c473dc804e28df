"""Parts of a time step in the windowed engine: currents from spikes, spikes from currents, the winner.

All numbers are integers, in float32 for sums of rows of weights; see `kernels`.
"""

from __future__ import annotations

import numpy as np

from spikesim._jit import borrowing
from spikesim.engines.windowed.plan import BIAS, FLOOR, NARROW, ROWS, THETA, V_START


@borrowing
def add_rows(current, m, w, base, idx, ring, k):  # type: ignore[no-untyped-def]
    """current[:m] += sum over the k spikes in a ring buffer of w[row]; four rows at a time.

    Indices are cast to unsigned: without the test for negative ones the inner loops vectorise.
    """
    a = ring
    while a + 4 <= ring + k:
        r0, r1 = base + idx[a] * m, base + idx[a + 1] * m
        r2, r3 = base + idx[a + 2] * m, base + idx[a + 3] * m
        for j in range(m):
            front = w[np.uintp(r0 + j)] + w[np.uintp(r1 + j)]
            current[j] += front + (w[np.uintp(r2 + j)] + w[np.uintp(r3 + j)])
        a += 4
    while a < ring + k:
        r0 = base + idx[a] * m
        for j in range(m):
            current[j] += w[np.uintp(r0 + j)]
        a += 1


@borrowing
def add_signed_rows(current, m, w, base, idx, sign, ring, k):  # type: ignore[no-untyped-def]
    """current[:m] += sum over the k spikes in a ring buffer of sign * w[row]; error spikes, which are few."""
    for a in range(ring, ring + k):
        row, s = base + idx[a] * m, sign[a]
        for j in range(m):
            current[j] += s * w[np.uintp(row + j)]


@borrowing
def add_columns(current, m, w, base, width, idx, sign, ring, k):  # type: ignore[no-untyped-def]
    """current[:m] += sum over the k spikes in a ring buffer of sign * w[:, column]."""
    for a in range(ring, ring + k):
        at, s = base + idx[a], sign[a]
        for j in range(m):
            current[j] += s * w[np.uintp(at + j * width)]


@borrowing
def pad_rows(plan, w, padded):  # type: ignore[no-untyped-def]
    """Copy the weights into layers of at most `NARROW` neurons to rows of `NARROW` numbers; zeros follow."""
    for layer in range(2, plan.layers.size):
        p = plan.layers[layer]
        if p.padded < 0:
            continue
        for i in range(plan.layers[layer - 1].n):
            row, to = p.w_start + i * p.n, p.padded + i * NARROW
            for j in range(p.n):
                padded[to + j] = w[row + j]


@borrowing
def add_padded(current, padded, base, idx, ring, k):  # type: ignore[no-untyped-def]
    """current[:NARROW] += sum over the k spikes in a ring buffer of padded[row]; four rows at a time.

    With rows of one fixed length, each sum is a few vector instructions.
    """
    a = ring
    while a + 4 <= ring + k:
        r0, r1 = base + idx[a] * NARROW, base + idx[a + 1] * NARROW
        r2, r3 = base + idx[a + 2] * NARROW, base + idx[a + 3] * NARROW
        for j in range(NARROW):
            front = padded[np.uintp(r0 + j)] + padded[np.uintp(r1 + j)]
            current[j] += front + (padded[np.uintp(r2 + j)] + padded[np.uintp(r3 + j)])
        a += 4
    while a < ring + k:
        r0 = base + idx[a] * NARROW
        for j in range(NARROW):
            current[j] += padded[np.uintp(r0 + j)]
        a += 1


@borrowing
def integrate_and_fire(v, start, n, current, row, neurons, subtract, fired):  # type: ignore[no-untyped-def]
    """Integrate, fire, reset n neurons whose membranes begin at v[start]: fired[j] = 1 if one fires.

    current: float32, read from `row` on. neurons: as in Plan; its rows begin at the neuron v[0]. Positions
    instead of slices, and inlined: a slice, or a call, costs as much as the step of a small layer.
    """
    each = neurons.size // ROWS
    bias, theta, floor = BIAS * each + start, THETA * each + start, FLOOR * each + start
    for j in range(n):
        given = np.int32(np.int32(current[np.uintp(row + j)]) + neurons[np.uintp(bias + j)])
        x = max(np.int32(v[np.uintp(start + j)] + given), neurons[np.uintp(floor + j)])
        high = neurons[np.uintp(theta + j)]
        fires = x >= high
        left = np.int32(x - high) if subtract else np.int32(0)
        v[np.uintp(start + j)] = left if fires else x
        fired[np.uintp(j)] = fires


@borrowing
def list_fired(fired, words, n, idx, ring):  # type: ignore[no-untyped-def]
    """List in idx, from `ring` on and in ascending order, the neurons that fired; returns their number.

    words: `fired` as uint64, so that eight silent neurons are passed over at once.
    """
    k = np.int64(ring)
    for word in range(n >> 3):
        if words[word] != 0:
            for j in range(8 * word, 8 * word + 8):
                idx[k] = j
                k += np.int64(fired[j])
    for j in range(n & ~7, n):
        idx[k] = j
        k += np.int64(fired[j])
    return k - ring


@borrowing
def silence(neurons, p, silent, v, fired):  # type: ignore[no-untyped-def]
    """Neurons of layer p that take no part keep their initial membrane and do not fire."""
    starts = V_START * (neurons.size // ROWS) + p.start
    for j in range(p.n):
        if silent[p.start + j]:
            v[p.start + j], fired[j] = neurons[starts + j], 0


@borrowing
def start_again(neurons, p, v):  # type: ignore[no-untyped-def]
    """Reset the membranes of layer p to their initial values."""
    starts = V_START * (neurons.size // ROWS)
    for j in range(p.start, p.start + p.n):
        v[j] = neurons[starts + j]


@borrowing
def fire_error(v, plus, minus, m, current, p, neurons, h, gate, count, idx, sign, ring):  # type: ignore[no-untyped-def]
    """Integrate, fire, reset for the error neurons p; lists those that fired, with signs.

    Returns their number. neurons: as in Plan. plus, minus: where the membranes of the two channels start in
    v. gate: where the first-phase counts that open the gates start in h, or -1 without a gate.
    """
    k, thetas = ring, THETA * (neurons.size // ROWS)
    for j in range(m):
        if current[j] == 0 and not p.subtract:
            continue
        if gate >= 0 and not 0 < h[0, gate + j] < p.gate_below:
            continue
        x = np.int32(v[plus + j] + np.int32(current[j]))
        s, theta = 0, neurons[thetas + plus + j]
        if p.pair:
            y = np.int32(v[minus + j] - np.int32(current[j]))
            if x >= theta:
                s, x = 1, np.int32(x - theta) if p.subtract else np.int32(0)
            if y >= theta:
                s, y = s - 1, np.int32(y - theta) if p.subtract else np.int32(0)
            v[minus + j] = y
        elif x >= theta:
            s, x = 1, np.int32(x - theta) if p.subtract else np.int32(0)
        elif x <= -theta:
            s, x = -1, np.int32(x + theta) if p.subtract else np.int32(0)
        v[plus + j] = x
        if s != 0:
            idx[k], sign[k] = j, s
            k += 1
            count[p.start + j] += s
    return k - ring


@borrowing
def winner(h, first, last, v, start, n):  # type: ignore[no-untyped-def]
    """The one of n neurons with the most spikes in the phases first .. last of h; they begin at h[:, start].

    Ties: the higher membrane, then the lowest index.
    """
    best, most = 0, np.int64(-1)
    for j in range(n):
        seen = np.int64(0)
        for phase in range(first, last + 1):
            seen += h[phase, start + j]
        if seen > most or (seen == most and v[start + j] > v[start + best]):
            best, most = j, seen
    return best
