"""Weight updates of the windowed engine, on the master grid; see `spikesim.learning.counts`."""

from __future__ import annotations

import numpy as np

from spikesim._jit import kernel


@kernel
def update_layer(w, master, base, before, h_first, h_second, h_error, rule, dh):  # type: ignore[no-untyped-def]
    """master += eta * h_pre x (h_second - h_first, or h_error), clipped; updates the acting weights w, too.

    rule: eta, span (0 first, 1 second, 2 both), low, high, shift, error (first error neuron, or -1), ceiling,
    period of the decay (0: none), its bits.
    h_error: the signed counts of all error neurons. Silent inputs and layers with equal counts are skipped.
    Returns the number of clipped weights.
    """
    m = h_first.size
    changed, error, ceiling = 0, rule[5], rule[6]
    for j in range(m):
        d = h_second[j] - h_first[j] if error < 0 else h_error[error + j]
        dh[j] = min(d, ceiling - h_first[j])
        changed += dh[j] != 0
    if changed == 0:
        return 0
    eta, span, low, high, shift = rule[0], rule[1], rule[2], rule[3], rule[4]
    clipped = 0
    for i in range(before.shape[1]):
        h_pre = before[0, i] if span == 0 else (before[1, i] if span == 1 else before[0, i] + before[1, i])
        if h_pre != 0:
            row = slice(base + i * m, base + (i + 1) * m)
            clipped += update_row(w[row], master[row], dh[:m], np.int32(eta * h_pre), low, high, shift)
    return clipped


@kernel
def update_row(w, master, dh, step, low, high, shift):  # type: ignore[no-untyped-def]
    """One row of the update; products in int64, so that none wraps before the clip."""
    clipped = 0
    by = np.int32(shift)
    half = np.int32((1 << shift) >> 1)
    for j in range(dh.size):
        x = master[j] + np.int64(step) * np.int64(dh[j])
        c = np.int32(min(max(x, low), high))
        clipped += c != x
        master[j] = c
        w[j] = np.int32(np.int32(c + half) >> by)
    return clipped


@kernel
def decay_weights(w, master, base, size, bits, shift):  # type: ignore[no-untyped-def]
    """master -= sign(master) * (|master| >> bits), for `size` weights from `base` on; updates w, too."""
    half = np.int64((1 << shift) >> 1)
    for k in range(base, base + size):
        m = np.int64(master[k])
        c = m - (m >> bits) if m >= 0 else m + ((-m) >> bits)
        master[k] = c
        w[k] = (c + half) >> shift


@kernel
def add_increments(w, master, base, moved, low, high, shift):  # type: ignore[no-untyped-def]
    """master += moved (n_pre, n_post), clipped; updates w, too. Returns the number of clipped weights."""
    clipped = 0
    half = np.int64((1 << shift) >> 1)
    k = base
    for i in range(moved.shape[0]):
        for j in range(moved.shape[1]):
            x = master[k] + moved[i, j]
            c = min(max(x, low), high)
            clipped += c != x
            master[k] = c
            w[k] = (c + half) >> shift
            k += 1
    return clipped
