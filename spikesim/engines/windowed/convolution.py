"""Convolutions in the windowed engine: currents of kernels, their transposes, and updates of shared weights.

A layer p has the sizes of its convolution (see LAYER in `plan`). Its acting weights are stored twice behind
each other, so that the innermost loops run over channels that lie side by side:

    forward    [channel in group, row, column by phase, out channel]
    backward   [out channel, row, column, channel in group]

A phase holds the columns of the kernel that one column of the input meets: every stride-th one, from the last
to the first, so that a spike adds one run of weights to neighbouring places. Currents are summed place by
place (row, column, channel), and then ordered channel by channel as the neurons are numbered. The master
weights are in the order of `Conv2d.w`.
"""

from __future__ import annotations

import numpy as np

from spikesim._jit import borrowing, kernel


@borrowing
def add_spike(by_place, first, w, p, neuron, sign):  # type: ignore[no-untyped-def]
    """Add the kernels of one presynaptic spike: by_place[first + place * channels + o]."""
    plane, ins, outs = p.rows * p.columns, p.channels // p.groups, p.out_channels // p.groups
    channel, place = neuron // plane, neuron % plane
    row, column = place // p.columns + p.pad_rows, place % p.columns + p.pad_columns
    c, low = channel % ins, channel // ins * outs
    phase, steps = column % p.stride_columns, column // p.stride_columns
    used = (p.wide - phase + p.stride_columns - 1) // p.stride_columns  # columns of the kernel in this phase
    begin = 0
    for q in range(phase):
        begin += (p.wide - q + p.stride_columns - 1) // p.stride_columns
    x = steps - used + 1
    left, right = max(0, -x), min(used, p.out_columns - x)
    for a in range(row % p.stride_rows, p.high, p.stride_rows):
        y = (row - a) // p.stride_rows
        if y < 0 or y >= p.out_rows or left >= right:
            continue
        to = first + (y * p.out_columns + x + left) * p.out_channels
        at = p.w_start + ((c * p.high + a) * p.wide + begin + left) * p.out_channels
        if outs == p.out_channels:
            for o in range((right - left) * outs):
                by_place[np.uintp(to + o)] += sign * w[np.uintp(at + o)]
            continue
        for k in range(right - left):
            for o in range(low + k * p.out_channels, low + k * p.out_channels + outs):
                by_place[np.uintp(to + o)] += sign * w[np.uintp(at + o)]


@borrowing
def input_kernels(plan, w, times, neurons, currents):  # type: ignore[no-untyped-def]
    """currents[t, place by place] of the first layer, for all steps with own input."""
    T = plan.split if plan.replay else plan.T
    p = plan.layers[1]
    currents[:T] = 0
    flat, wide = currents.reshape(-1), currents.shape[1]
    for k in range(times.size):
        add_spike(flat, times[k] * wide, w, p, neurons[k], np.float32(1))


@borrowing
def add_kernels(current, w, p, idx, sign, ring, k, by_place):  # type: ignore[no-untyped-def]
    """current[:n] += the kernels of the k spikes in a ring buffer, at their places."""
    if k == 0:
        return
    by_place[: p.n] = 0
    for a in range(ring, ring + k):
        add_spike(by_place, 0, w, p, idx[a], sign[a])
    add_by_channel(current, by_place, p)


@borrowing
def add_by_channel(current, by_place, p):  # type: ignore[no-untyped-def]
    """current[channel by channel] += by_place[place by place], of the neurons of layer p."""
    plane = p.out_rows * p.out_columns
    for place in range(plane):
        at = place * p.out_channels
        for o in range(p.out_channels):
            current[np.uintp(o * plane + place)] += by_place[np.uintp(at + o)]


@borrowing
def add_transposed(current, w, p, idx, sign, ring, k, by_place):  # type: ignore[no-untyped-def]
    """current[:n_pre] += the transposed kernels of the k spikes in a ring buffer."""
    plane, out_plane = p.rows * p.columns, p.out_rows * p.out_columns
    ins, outs = p.channels // p.groups, p.out_channels // p.groups
    by_place[: plane * p.channels] = 0
    back = p.w_start + p.entries
    for k_spike in range(ring, ring + k):
        o, place = idx[k_spike] // out_plane, idx[k_spike] % out_plane
        row = place // p.out_columns * p.stride_rows - p.pad_rows
        column = place % p.out_columns * p.stride_columns - p.pad_columns
        s, low = sign[k_spike], o // outs * ins
        for a in range(max(0, -row), min(p.high, p.rows - row)):
            for b in range(max(0, -column), min(p.wide, p.columns - column)):
                to = ((row + a) * p.columns + column + b) * p.channels + low
                at = back + ((o * p.high + a) * p.wide + b) * ins
                for c in range(ins):
                    by_place[np.uintp(to + c)] += s * w[np.uintp(at + c)]
    for place in range(plane):
        for c in range(p.channels):
            current[c * plane + place] += by_place[place * p.channels + c]


@kernel
def sum_products(product, p, h_pre, dh):  # type: ignore[no-untyped-def]
    """product[:] = the products h_pre x dh of a trial, summed over the places of each kernel entry."""
    plane, out_plane = p.rows * p.columns, p.out_rows * p.out_columns
    ins, outs = p.channels // p.groups, p.out_channels // p.groups
    product[:] = 0
    for j in range(p.n):
        if dh[j] == 0:
            continue
        d = np.int64(dh[j])
        o, place = j // out_plane, j % out_plane
        row = place // p.out_columns * p.stride_rows - p.pad_rows
        column = place % p.out_columns * p.stride_columns - p.pad_columns
        left, right = max(0, -column), min(p.wide, p.columns - column)
        for c in range(ins):
            seen = (o // outs * ins + c) * plane + column
            at = (o * ins + c) * p.high * p.wide
            for a in range(max(0, -row), min(p.high, p.rows - row)):
                for b in range(left, right):
                    product[at + a * p.wide + b] += d * h_pre[seen + (row + a) * p.columns + b]


@kernel
def column_order(p):  # type: ignore[no-untyped-def]
    """The place of each column of the kernel in the forward order: phase by phase, backwards in each."""
    found, begin = np.zeros(p.wide, np.int64), 0
    for phase in range(min(p.stride_columns, p.wide)):
        used = (p.wide - phase + p.stride_columns - 1) // p.stride_columns
        for k in range(used):
            found[phase + k * p.stride_columns] = begin + used - 1 - k
        begin += used
    return found


@kernel
def store_all(w, p, values):  # type: ignore[no-untyped-def]
    """Store the acting weights of all entries of the kernels, in both orders."""
    ins, order, k = p.channels // p.groups, column_order(p), 0
    back = p.w_start + p.entries
    for o in range(p.out_channels):
        for c in range(ins):
            for a in range(p.high):
                for b in range(p.wide):
                    w[p.w_start + ((c * p.high + a) * p.wide + order[b]) * p.out_channels + o] = values[k]
                    w[back + ((o * p.high + a) * p.wide + b) * ins + c] = values[k]
                    k += 1


@kernel
def add_moves(w, master, p, eta, product, low, high, shift):  # type: ignore[no-untyped-def]
    """master += eta * product, clipped; updates w, too. Returns the number of clipped weights."""
    ins, order, k, clipped = p.channels // p.groups, column_order(p), 0, 0
    back, half = p.w_start + p.entries, np.int64((1 << shift) >> 1)
    for o in range(p.out_channels):
        for c in range(ins):
            for a in range(p.high):
                for b in range(p.wide):
                    moved = eta * product[k]
                    if moved != 0:
                        x = master[p.w_start + k] + moved
                        new = min(max(x, low), high)
                        clipped += new != x
                        master[p.w_start + k] = new
                        acting = (new + half) >> shift
                        w[p.w_start + ((c * p.high + a) * p.wide + order[b]) * p.out_channels + o] = acting
                        w[back + ((o * p.high + a) * p.wide + b) * ins + c] = acting
                    k += 1
    return clipped


@kernel
def decay_kernels(w, master, p, bits, shift):  # type: ignore[no-untyped-def]
    """The weight decay of `decay_weights` for the kernels of a layer; updates w, too."""
    half = np.int64((1 << shift) >> 1)
    acting = np.zeros(p.entries, np.int64)
    for k in range(p.entries):
        m = np.int64(master[p.w_start + k])
        m = m - (m >> bits) if m >= 0 else m + ((-m) >> bits)
        master[p.w_start + k] = m
        acting[k] = (m + half) >> shift
    store_all(w, p, acting)


@kernel
def update_kernels(w, master, p, before, h_first, h_second, h_error, rule, dh, h_pre, product):  # type: ignore[no-untyped-def]
    """The update of one trial for a convolutional layer; rule and the other arguments as in `update_layer`.

    dh int32 (n,), h_pre int32 (n_pre,) and product int64 (kernel entries,) are working arrays.
    """
    changed, error, ceiling, span = 0, rule[5], rule[6], rule[1]
    for j in range(p.n):
        d = h_second[j] - h_first[j] if error < 0 else h_error[error + j]
        dh[j] = min(d, ceiling - h_first[j])
        changed += dh[j] != 0
    if changed == 0:
        return 0
    for i in range(before.shape[1]):
        h_pre[i] = before[0, i] if span == 0 else (before[1, i] if span == 1 else before[0, i] + before[1, i])
    sum_products(product, p, h_pre, dh)
    return add_moves(w, master, p, rule[0], product, rule[2], rule[3], rule[4])
