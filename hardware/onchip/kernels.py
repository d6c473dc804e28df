"""The trial of a learner on a chip, compiled; shares no code with Lava.

Event-driven: each spike adds the row of its weights in the next step. The second phase repeats the input of
the first, whose currents are kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from spikesim._jit import inline, kernel

RAIL = 2**23 - 1  # v saturates there in fixed point
LIMIT = 2**23  # u wraps beyond
SHIFT = 6  # weights to membranes in fixed point
TOP = 2**15 - 1  # of the learning engine's accumulator
CAP = 127  # of a trace
# Columns of what is counted, by layer:
LOW, HIGH, X, Y, V, U, ERRORS = 0, 1, 2, 3, 4, 5, 6
CHANGES, CUT, ROUNDED = 0, 1, 2
LOST = ("changes", "cut", "rounded_away")  # weight changes, those cut at a limit, those that rounding undoes
SATURATED = ("weight_low", "weight_high", "trace_x", "trace_y", "membrane", "current")


@inline
def _integrated(v: Any, a: Any, fixed: Any, seen: Any) -> Any:
    """The membrane after an input; u wraps and v saturates in fixed point."""
    u = a
    if fixed:
        u = a << SHIFT
        if u > LIMIT:
            u -= 2 * LIMIT
            seen[U] += 1
        elif u <= -LIMIT:
            u += 2 * LIMIT
            seen[U] += 1
    moved = v + u
    if fixed and abs(moved) > RAIL:
        moved = RAIL if moved > 0 else -RAIL
        seen[V] += 1
    return moved


@kernel
def add_rows(acc: Any, w: Any, sent: Any, found: int) -> None:
    """Add the rows of w whose neurons fired: numbers 1 + j, negative for a negative spike."""
    n = w.shape[1]
    for s in range(found):
        row = w[abs(sent[s]) - 1]
        if sent[s] > 0:
            for j in range(n):
                acc[j] += row[j]
        else:
            for j in range(n):
                acc[j] -= row[j]


@kernel
def add_ones(acc: Any, weight: Any, sent: Any, found: int) -> None:
    """Add a weight, one to one, with the sign of the spike."""
    for s in range(found):
        acc[abs(sent[s]) - 1] += weight if sent[s] > 0 else -weight


@kernel
def fire(v: Any, acc: Any, theta: Any, fixed: Any, seen: Any, now: Any, counts: Any) -> int:
    """Integrate a layer and list what fires, 1 + j; returns how many."""
    found = 0
    for j in range(len(acc)):
        v[j] = _integrated(v[j], acc[j], fixed, seen)
        if v[j] > theta:
            v[j] = 0
            counts[j] += 1
            now[found] = j + 1
            found += 1
    return found


@kernel
def fire_pairs(v: Any, acc: Any, theta: Any, fixed: Any, seen: Any, now: Any, closed: Any) -> int:
    """Integrate pairs of error neurons and list what fires, 1 + j or -1 - j; returns how many."""
    found = 0
    for j in range(len(acc)):
        if closed[j]:
            continue
        for sign in range(2):
            a = acc[j] if sign == 0 else -acc[j]
            v[sign, j] = _integrated(v[sign, j], a, fixed, seen)
            if v[sign, j] > theta:
                v[sign, j] = 0
                now[found] = j + 1 if sign == 0 else -j - 1
                found += 1
    return found


@kernel
def errors(t: int, fb: Any, numbers: Any, train: Any, label: int, work: Any) -> None:
    """One step of all error neurons, from the output down, in place; arguments as in `phase`."""
    _, fixed, direct, gate, loss, sizes, _, _, theta_error = numbers
    _, counts, prev, n_prev, _, _, ve, eprev, n_eprev, enow, n_enow, acc, seen, closed = work
    L = len(fb)
    if t == 2:
        ve[:] = 0
    for k in range(L, 0, -1):
        n = sizes[k]
        acc[:n] = 0
        for j in range(n):
            closed[j] = gate and k < L and counts[0, k, j] == 0
        if k == L:
            m = t - 2 - L
            if 0 <= m < len(train) and train[m]:
                acc[label] += loss
            add_ones(acc, -loss, prev[k], n_prev[k])
        else:
            above = L if direct else k + 1
            add_rows(acc, fb[k - 1], eprev[above], n_eprev[above])
        n_enow[k] = fire_pairs(ve[:, k], acc[:n], theta_error[k], fixed, seen[k], enow[k], closed)
        seen[k, ERRORS] += n_enow[k]


@kernel
def phase(second: Any, w: Any, fb: Any, numbers: Any, train: Any, label: int, first: Any, work: Any) -> None:
    """One phase of P steps, in place.

    Args:
        second: in the second phase error neurons act.
        w: weights (n_pre, n) of each layer.
        fb: feedback (n_above, n) onto the error neurons of each layer; that of the output is not read.
        numbers: (P, fixed, direct, gate, loss, sizes, theta, inject, theta_error): theta as compared with v.
        train: label spikes by step.
        label: class.
        first: (P + 2, n), input currents of the first layer in each step.
        work: (v, counts, prev, n_prev, now, n_now, ve, eprev, n_eprev, enow, n_enow, acc, seen, closed):
            membranes (L + 1, n), spike counts (2, L + 1, n), lists of spikes by layer, the same of error
            neurons (membranes of both signs; signed numbers), a row, what saturated, and closed gates.
    """
    P, fixed, _, _, _, sizes, theta, inject, _ = numbers
    v, counts, prev, n_prev, now, n_now, _, eprev, n_eprev, enow, n_enow, acc, seen, _ = work
    L = len(w)
    mine = counts[1 if second else 0]
    v[:] = 0
    n_prev[:] = 0
    n_eprev[:] = 0
    for t in range(1, P + 1):
        for k in range(1, L + 1):
            n = sizes[k]
            if k == 1:
                acc[:n] = first[t]
            else:
                acc[:n] = 0
                add_rows(acc, w[k - 1], prev[k - 1], n_prev[k - 1])
            add_ones(acc, inject[k], eprev[k], n_eprev[k])
            n_now[k] = fire(v[k], acc[:n], theta[k], fixed, seen[k], now[k], mine[k])
        n_enow[:] = 0
        if second and 2 <= t <= P - L:
            errors(t, fb, numbers, train, label, work)
        for k in range(1, L + 1):
            n_prev[k] = n_now[k]
            prev[k, : n_now[k]] = now[k, : n_now[k]]
            n_eprev[k] = n_enow[k]
            eprev[k, : n_enow[k]] = enow[k, : n_enow[k]]


@kernel
def learn_float(w: Any, x: Any, counts: Any, k: int, n: int, eta: Any) -> None:
    """dw = 2 eta x y2 - eta x y1, exact integers, in place."""
    for i in range(len(x)):
        if x[i]:
            for j in range(n):
                change = 2 * counts[1, k, j] - (counts[0, k, j] + counts[1, k, j])
                w[i, j] += eta * x[i] * change


@inline
def _count_change(lost: Any, changes: Any, cut: Any, same: Any) -> None:
    """Count the change of a weight, and what became of it."""
    if changes:
        lost[CHANGES] += 1
        if cut:
            lost[CUT] += 1
        elif same:
            lost[ROUNDED] += 1


@kernel
def learn_fixed(
    w: Any, x: Any, counts: Any, k: int, n: int, eta: int, draw: float, seen: Any, lost: Any = None
) -> None:
    """The update of the learning engine in fixed point, in place.

    dw = 4 * 2**(eta + 1) x1 y2 - 4 * 2**eta x1 y1, with x1 = 2 x: each product is shifted right by 3 and left
    by its exponent + 7, added to the weight in an accumulator of 15 bits and sign, and rounded up where the
    lower 7 bits, as a fraction, exceed `draw`. `lost` counts changes, and what becomes of them: see LOST.
    """
    y1 = np.empty(n, np.int32)
    y2 = np.empty(n, np.int32)
    for j in range(n):
        y1[j] = counts[0, k, j] + counts[1, k, j]
        y2[j] = counts[1, k, j]
        if y1[j] > CAP:
            y1[j] = CAP
            seen[Y] += 1
    limit = draw * 128.0
    for i in range(len(x)):
        if x[i] == 0:
            continue
        x1 = 2 * x[i]
        if x1 > CAP:
            x1 = np.int32(CAP)
            seen[X] += 1
        for j in range(n):
            if y1[j] == 0:
                continue
            up = ((x1 * y2[j] * 4) >> 3) << (eta + 8)
            down = ((x1 * y1[j] * -4) >> 3) << (eta + 7)
            exact = (np.int64(w[i, j]) << 7) + up + down
            changes = up + down != 0
            up = min(up, TOP)
            down = max(down, -TOP - 2)
            total = min(max((np.int64(w[i, j]) << 7) + up, -TOP - 2), TOP)
            total = min(max(total + down, -TOP - 2), TOP)
            cut = total != exact
            whole = total >> 7
            if limit < total - (whole << 7):
                whole += 1
            if whole < -256:
                whole = np.int64(-256)
                seen[LOW] += 1
                cut = True
            elif whole > 255:
                whole = np.int64(255)
                seen[HIGH] += 1
                cut = True
            if lost is not None:
                _count_change(lost, changes, cut, whole == w[i, j])
            w[i, j] = whole


@kernel
def currents(times: Any, neurons: Any, w: Any, first: Any, hx: Any) -> None:
    """Input currents of the first layer, by step, and the input's counts of a phase; in place."""
    first[:] = 0
    hx[:] = 0
    n = w.shape[1]
    for s in range(len(times)):
        hx[neurons[s]] += 1
        row, to = w[neurons[s]], first[times[s] + 2]
        for j in range(n):
            to[j] += row[j]


@kernel
def update(
    w: Any, counts: Any, numbers: Any, all_pre: Any, eta: Any, draw: float, seen: Any, lost: Any
) -> None:
    """The weights of all layers after a trial, in place; arguments as in `trials`."""
    fixed, sizes = numbers[1], numbers[5]
    for k in range(1, len(w) + 1):
        x = counts[1, k - 1, : sizes[k - 1]].copy()
        if all_pre:
            x += counts[0, k - 1, : sizes[k - 1]]
        if fixed:
            learn_fixed(w[k - 1], x, counts, k, sizes[k], eta[k], draw, seen[k], lost[k])
        else:
            learn_float(w[k - 1], x, counts, k, sizes[k], eta[k])


@kernel
def trials(
    learning: Any, w: Any, fb: Any, numbers: Any, rule: Any, train: Any, given: Any, labels: Any, kept: Any
) -> None:
    """Trials one after the other; weights change in place.

    Args:
        learning: run the second phase and learn.
        w, fb, numbers, train: as in `phase`.
        rule: (symmetric, all_pre, eta, draws): feedback is the transposed weights; presynaptic spikes of both
            phases; learning rates or exponents by layer; a number in [0, 1) for each trial.
        given: (offsets, times, neurons) of the input spikes.
        labels: class of each trial.
        kept: (counts, membranes, seen, lost): int32 (B, 2, L + 1, n), the output's membranes (B, n) after the
            first phase, int64 (L + 1, 7), what saturated, and the spikes of error neurons, and int64
            (L + 1, 3), weight changes, and those lost.
    """
    symmetric, all_pre, eta, draws = rule
    offsets, times, neurons = given
    kept_counts, membranes, seen, lost = kept
    P, sizes = numbers[0], numbers[5]
    L, most = len(w), max(sizes[1:])
    v = np.zeros((L + 1, most), w[0].dtype)
    counts = np.zeros((2, L + 1, max(sizes)), np.int32)
    lists = np.zeros((4, L + 1, 2 * most), np.int64)
    ends = np.zeros((4, L + 1), np.int64)
    ve = np.zeros((2, L + 1, most), w[0].dtype)
    acc = np.zeros(most, w[0].dtype)
    first = np.zeros((P + 2, sizes[1]), w[0].dtype)
    work = (
        v, counts, lists[0], ends[0], lists[1], ends[1], ve, lists[2], ends[2], lists[3], ends[3], acc, seen,
        np.zeros(most, np.bool_),
    )  # fmt: skip
    hx = np.zeros(sizes[0], np.int32)
    for b in range(len(labels)):
        counts[:] = 0
        start, stop = offsets[b], offsets[b + 1]
        currents(times[start:stop], neurons[start:stop], w[0], first, hx)
        counts[0, 0, : sizes[0]] = hx
        counts[1, 0, : sizes[0]] = hx
        phase(False, w, fb, numbers, train, labels[b], first, work)
        membranes[b] = v[L, : sizes[L]]
        if learning:
            if symmetric:
                for k in range(L - 1):
                    fb[k][:] = w[k + 1].T
            phase(True, w, fb, numbers, train, labels[b], first, work)
            update(w, counts, numbers, all_pre, eta, draws[b], seen, lost)
        kept_counts[b] = counts
