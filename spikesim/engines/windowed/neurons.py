"""Parts of a time step in the windowed engine: currents from spikes, spikes from currents, the winner.

All numbers are integers, in float32 for sums of rows of weights; see `kernels`.
"""

from __future__ import annotations

import numpy as np

from spikesim._jit import at, kernel
from spikesim.engines.windowed.plan import ROWS, THETA


@kernel
def add_rows(current, m, w, base, idx, sign, ring, k):  # type: ignore[no-untyped-def]
    """current[:m] += sum over the k spikes in a ring buffer of sign * w[row]; four rows at a time.

    Indices are cast to unsigned: without the test for negative ones the inner loops vectorise.
    """
    a = ring
    while a + 4 <= ring + k:
        r0, r1 = base + idx[a] * m, base + idx[a + 1] * m
        r2, r3 = base + idx[a + 2] * m, base + idx[a + 3] * m
        s0, s1, s2, s3 = sign[a], sign[a + 1], sign[a + 2], sign[a + 3]
        for j in range(m):
            front = s0 * w[np.uintp(r0 + j)] + s1 * w[np.uintp(r1 + j)]
            current[j] += front + (s2 * w[np.uintp(r2 + j)] + s3 * w[np.uintp(r3 + j)])
        a += 4
    while a < ring + k:
        r0, s0 = base + idx[a] * m, sign[a]
        for j in range(m):
            current[j] += s0 * w[np.uintp(r0 + j)]
        a += 1


@kernel
def add_columns(current, m, w, base, width, idx, sign, ring, k):  # type: ignore[no-untyped-def]
    """current[:m] += sum over the k spikes in a ring buffer of sign * w[:, column]."""
    for a in range(ring, ring + k):
        at, s = base + idx[a], sign[a]
        for j in range(m):
            current[j] += s * w[np.uintp(at + j * width)]


@kernel
def integrate_and_fire(v, current, bias, theta, floor, subtract, fired):  # type: ignore[no-untyped-def]
    """Integrate, fire, reset: fired[j] = 1 if neuron j fires. theta, floor: a number, or one per neuron."""
    if subtract:
        for j in range(v.size):
            x = max(np.int32(v[j] + np.int32(np.int32(current[j]) + bias[j])), at(floor, j))
            s = x >= at(theta, j)
            v[j] = np.int32(x - at(theta, j)) if s else x
            fired[j] = s
    else:
        for j in range(v.size):
            x = max(np.int32(v[j] + np.int32(np.int32(current[j]) + bias[j])), at(floor, j))
            s = x >= at(theta, j)
            v[j] = np.int32(0) if s else x
            fired[j] = s


@kernel
def list_fired(fired, m, count, idx):  # type: ignore[no-untyped-def]
    """List the neurons that fired in ascending order and increment their counts; returns their number."""
    k = np.int64(0)
    for j in range(m):
        idx[k] = j
        k += np.int64(fired[j])
    for a in range(k):
        count[idx[a]] += 1
    return k


@kernel
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


@kernel
def winner(h, v):  # type: ignore[no-untyped-def]
    """The neuron with the most spikes; ties: the higher membrane, then the lowest index."""
    best = 0
    for j in range(1, h.size):
        if h[j] > h[best] or (h[j] == h[best] and v[j] > v[best]):
            best = j
    return best
