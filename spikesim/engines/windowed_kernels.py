"""The kernels of the windowed engine: one presentation, many of them, and the update of the weights.

All numbers are integers: membranes int32, counts of the grid in float32 where a matrix product or a sum of rows forms
them (exact below 2**24, proved when the network was built). Flat arrays hold all layers behind each other; see `plan`.
"""

from __future__ import annotations

import numpy as np

from spikesim._jit import kernel


@kernel
def add_rows(current, w, base, idx, signs, k):  # type: ignore[no-untyped-def]
    """current += sum over the k listed spikes of sign * w[row]; four rows at a time."""
    m = current.size
    a = 0
    while a + 4 <= k:
        r0 = w[base + idx[a] * m : base + idx[a] * m + m]
        r1 = w[base + idx[a + 1] * m : base + idx[a + 1] * m + m]
        r2 = w[base + idx[a + 2] * m : base + idx[a + 2] * m + m]
        r3 = w[base + idx[a + 3] * m : base + idx[a + 3] * m + m]
        s0, s1, s2, s3 = signs[a], signs[a + 1], signs[a + 2], signs[a + 3]
        for j in range(m):
            current[j] += (s0 * r0[j] + s1 * r1[j]) + (s2 * r2[j] + s3 * r3[j])
        a += 4
    while a < k:
        r0 = w[base + idx[a] * m : base + idx[a] * m + m]
        s0 = signs[a]
        for j in range(m):
            current[j] += s0 * r0[j]
        a += 1


@kernel
def add_columns(current, w, base, width, idx, signs, k):  # type: ignore[no-untyped-def]
    """current += sum over the k listed spikes of sign * w[:, column]."""
    for a in range(k):
        at, s = base + idx[a], signs[a]
        for j in range(current.size):
            current[j] += s * w[at + j * width]


@kernel
def fire_if(v, current, bias, theta, floor, subtract, count, fired, idx):  # type: ignore[no-untyped-def]
    """Integrate, fire, reset for a layer of IF neurons; lists those that fired and gives their number."""
    if subtract:
        for j in range(v.size):
            x = np.int32(v[j] + np.int32(np.int32(current[j]) + bias[j]))
            x = x if x > floor else floor
            s = x >= theta
            v[j] = np.int32(x - theta) if s else x
            fired[j] = s
            count[j] = np.int32(count[j] + np.int32(s))
    else:
        for j in range(v.size):
            x = np.int32(v[j] + np.int32(np.int32(current[j]) + bias[j]))
            x = x if x > floor else floor
            s = x >= theta
            v[j] = np.int32(0) if s else x
            fired[j] = s
            count[j] = np.int32(count[j] + np.int32(s))
    k = 0
    for j in range(v.size):
        idx[k] = j
        k += fired[j]
    return k


@kernel
def fire_error(v, v_minus, current, theta, pair, opened, gate, count, idx, signs):  # type: ignore[no-untyped-def]
    """Integrate, fire, reset for error neurons; lists those that fired with their signs and gives their number.

    `opened` says whether there is a gate, `gate` the first-phase counts that open it.
    """
    k = 0
    for j in range(v.size):
        if opened and gate[j] == 0:
            continue
        x = np.int32(v[j] + np.int32(current[j]))
        s = 0
        if pair:
            y = np.int32(v_minus[j] - np.int32(current[j]))
            if x >= theta:
                s, x = 1, np.int32(0)
            if y >= theta:
                s, y = s - 1, np.int32(0)
            v_minus[j] = y
        elif x >= theta:
            s, x = 1, np.int32(0)
        elif x <= -theta:
            s, x = -1, np.int32(0)
        v[j] = x
        if s != 0:
            idx[k], signs[k] = j, s
            k += 1
            count[j] += s
    return k


@kernel
def input_currents(plan, w, times, neurons, h_in, active, rank, raster, rows, currents):  # type: ignore[no-untyped-def]
    """The first layer's currents of the whole window as one matrix product over the active inputs.

    Fills h_in (2, n) with the inputs' counts; gives the number of active inputs, listed in `active`.
    """
    T = plan.split if plan.replay else plan.T
    n, m = plan.layers.size[0], plan.layers.size[1]
    h_in[:] = 0
    for k in range(times.size):
        h_in[0 if times[k] < plan.split else 1, neurons[k]] += 1
    if plan.replay:
        h_in[1] = h_in[0]  # a shorter second phase is corrected below
        for k in range(times.size):
            if times[k] >= plan.T - plan.split:
                h_in[1, neurons[k]] -= 1
    na = 0
    for i in range(n):
        active[na] = i
        rank[i] = na
        na += (h_in[0, i] + h_in[1, i]) > 0
    if na == 0:
        currents[:T] = 0
        return na
    dense = raster[: T * na].reshape((T, na))
    dense[:] = 0
    for k in range(times.size):
        dense[times[k], rank[neurons[k]]] = 1
    chosen = rows[: na * m].reshape((na, m))
    for a in range(na):
        chosen[a] = w[active[a] * m : active[a] * m + m]
    np.dot(dense, chosen, currents[:T])
    return na


@kernel
def winner(h, v):  # type: ignore[no-untyped-def]
    """Most spikes, then the higher membrane, then the lowest index."""
    best = 0
    for j in range(1, h.size):
        if h[j] > h[best] or (h[j] == h[best] and v[j] > v[best]):
            best = j
    return best


@kernel
def forward_step(plan, layer, now, w, v, h, rings, ring_k, ones, e_rings, e_signs, e_ring_k, currents, total, fired):  # type: ignore[no-untyped-def]
    """One layer's step: deliver, integrate, fire, reset; its spikes go into its ring."""
    p = plan.layers
    t = now - p.offset[layer]
    slot = now % plan.slots
    ring_k[layer, slot] = 0
    if t < 0 or t >= plan.T:
        return
    a, b = p.start[layer], p.start[layer] + p.size[layer]
    if t == plan.split and p.reset_split[layer]:
        v[a:b] = 0
    current = total[: b - a]
    if layer == 1:
        current[:] = currents[t - plan.split if plan.replay and t >= plan.split else t]
    else:
        current[:] = 0
        sent = now - p.delay[layer]
        if sent >= 0:
            add_rows(current, w, p.w_start[layer], rings[layer - 1, sent % plan.slots], ones, ring_k[layer - 1, sent % plan.slots])
    source = p.inject_from[layer]
    if source >= 0 and now >= p.inject_delay[layer]:
        past = (now - p.inject_delay[layer]) % plan.slots
        for k in range(e_ring_k[source, past]):
            current[e_rings[source, past, k]] += e_signs[source, past, k] * p.inject_w[layer]
    phase = 0 if t < plan.split else 1
    ring_k[layer, slot] = fire_if(
        v[a:b], current, p.bias[a:b], p.theta[layer], p.floor[layer], p.subtract[layer], h[phase, a:b], fired, rings[layer, slot]
    )


@kernel
def error_step(plan, e, now, w, feedback, h, label, rings, ring_k, v, v_minus, h_e, e_rings, e_signs, e_ring_k, total):  # type: ignore[no-untyped-def]
    """One error population's step; silent input changes nothing, so nothing is done then."""
    p = plan.errors
    t = now - p.offset[e]
    slot = now % plan.slots
    e_ring_k[e, slot] = 0
    if t < plan.split or t >= plan.T:
        return
    a, b = p.start[e], p.start[e] + p.size[e]
    current = total[: b - a]
    heard = 0
    if p.source[e] >= 0:
        past = (now - p.delay[e]) % plan.slots
        heard = e_ring_k[p.source[e], past] if now >= p.delay[e] else 0
        if heard > 0:
            current[:] = 0
            idx, signs = e_rings[p.source[e], past], e_signs[p.source[e], past]
            if p.transpose[e] >= 0:
                below = p.transpose[e]
                add_columns(current, w, plan.layers.w_start[below], plan.layers.size[below], idx, signs, heard)
            else:
                add_rows(current, feedback, p.b_start[e], idx, signs, heard)
    else:
        current[:] = 0
        layer = p.layer[e]
        t_target = now - p.d_target[e] - plan.target_offset
        if 0 <= t_target < plan.T and plan.target_train[t_target]:
            current[label] += p.w_target[e]
            heard += 1
        past = (now - p.d_layer[e]) % plan.slots
        if now >= p.d_layer[e]:
            for k in range(ring_k[layer, past]):
                current[rings[layer, past, k]] += p.w_layer[e]
            heard += ring_k[layer, past]
    if heard == 0:
        return
    gated = p.gate[e] >= 0
    g = plan.layers.start[p.gate[e]] if gated else 0
    e_ring_k[e, slot] = fire_error(
        v[a:b], v_minus[a:b], current, p.theta[e], p.pair[e], gated, h[0, g : g + b - a], h_e[a:b], e_rings[e, slot], e_signs[e, slot]
    )


@kernel
def record_step(plan, now, v, v_e, v_minus, rings, ring_k, e_rings, e_signs, e_ring_k, s_out, v_out):  # type: ignore[no-untyped-def]
    """Keep the spikes and membranes of this step: forward neurons first, then errors, then the errors' minus channels."""
    p, q = plan.layers, plan.errors
    n, n_e = v.size, v_e.size
    slot = now % plan.slots
    for layer in range(1, p.size.size):
        t = now - p.offset[layer]
        if 0 <= t < plan.T:
            a, b = p.start[layer], p.start[layer] + p.size[layer]
            v_out[t, a:b] = v[a:b]
            for k in range(ring_k[layer, slot]):
                s_out[t, a + rings[layer, slot, k]] = 1
    for e in range(q.size.size):
        t = now - q.offset[e]
        if 0 <= t < plan.T:
            a, b = q.start[e], q.start[e] + q.size[e]
            v_out[t, n + a : n + b] = v_e[a:b]
            v_out[t, n + n_e + a : n + n_e + b] = v_minus[a:b]
            for k in range(e_ring_k[e, slot]):
                s_out[t, n + a + e_rings[e, slot, k]] = e_signs[e, slot, k]


@kernel
def present(plan, w, feedback, times, neurons, label, h_in, h, h_e, active, scratch, record, s_out, v_out):  # type: ignore[no-untyped-def]
    """One presentation; fills the counts and gives (class that is read, active inputs).

    h_in int32 (2, n_in), h int32 (2, N), h_e int32 (N_errors,) are counts by phase; s_out and v_out are filled if record.
    """
    rank, raster, rows, currents, total, fired, v, v_e, v_minus, rings, ring_k, ones, e_rings, e_signs, e_ring_k = scratch
    h[:], h_e[:], v[:], v_e[:], v_minus[:] = 0, 0, 0, 0, 0
    ring_k[:], e_ring_k[:] = 0, 0
    na = input_currents(plan, w, times, neurons, h_in, active, rank, raster, rows, currents)
    read = plan.layers.start[plan.readout]
    size = plan.layers.size[plan.readout]
    chosen = 0
    for now in range(plan.steps):
        for layer in range(1, plan.layers.size.size):
            forward_step(plan, layer, now, w, v, h, rings, ring_k, ones, e_rings, e_signs, e_ring_k, currents, total, fired)
        for e in range(plan.errors.size.size):
            error_step(
                plan, e, now, w, feedback, h, label, rings, ring_k, v_e, v_minus, h_e, e_rings, e_signs, e_ring_k, total
            )
        if now - plan.layers.offset[plan.readout] == plan.read_end - 1:
            seen = h[0, read : read + size] if plan.read_end <= plan.split else h[1, read : read + size]
            if plan.read_start == 0 and plan.read_end > plan.split:
                seen = h[0, read : read + size] + h[1, read : read + size]
            chosen = winner(seen, v[read : read + size])
        if record:
            record_step(plan, now, v, v_e, v_minus, rings, ring_k, e_rings, e_signs, e_ring_k, s_out, v_out)
    return chosen, na


@kernel
def make_scratch(plan):  # type: ignore[no-untyped-def]
    """The buffers of one worker."""
    p, q = plan.layers, plan.errors
    widest = max(p.size.max(), q.size.max()) if q.size.size else p.size.max()
    n0, n1 = p.size[0], p.size[1]
    L, E = p.size.size, q.size.size
    return (
        np.zeros(n0, np.int64),
        np.zeros(plan.T * n0, np.float32),
        np.zeros(n0 * n1, np.float32),
        np.zeros((plan.T, n1), np.float32),
        np.zeros(widest, np.float32),
        np.zeros(widest, np.uint8),
        np.zeros(p.size[1:].sum(), np.int32),
        np.zeros(q.size.sum(), np.int32),
        np.zeros(q.size.sum(), np.int32),
        np.zeros((L, plan.slots, widest), np.int32),
        np.zeros((L, plan.slots), np.int64),
        np.ones(widest, np.float32),
        np.zeros((E, plan.slots, widest), np.int32),
        np.zeros((E, plan.slots, widest), np.float32),
        np.zeros((E, plan.slots), np.int64),
    )


@kernel
def present_many(plan, w, feedback, times, neurons, offsets, labels, first, last, h_in, h, h_e, classes, record, s_out, v_out):  # type: ignore[no-untyped-def]
    """Presentations first .. last - 1 with fixed weights; rows of the outputs are theirs."""
    scratch = make_scratch(plan)
    active = np.zeros(plan.layers.size[0], np.int64)
    for b in range(first, last):
        lo, hi = offsets[b], offsets[b + 1]
        r = b if record else 0
        classes[b], _ = present(
            plan, w, feedback, times[lo:hi], neurons[lo:hi], labels[b], h_in[b], h[b], h_e[b], active, scratch, record, s_out[r], v_out[r]
        )


@kernel
def learn_online(plan, w, master, feedback, times, neurons, offsets, labels, h_in, h, h_e, classes, rules, clipped):  # type: ignore[no-untyped-def]
    """Present and learn, one presentation after another (plain steps)."""
    scratch = make_scratch(plan)
    active = np.zeros(plan.layers.size[0], np.int64)
    dh = np.zeros(plan.layers.size.max(), np.int32)
    none_s, none_v = np.zeros((0, 0), np.int8), np.zeros((0, 0), np.int32)
    for b in range(labels.size):
        lo, hi = offsets[b], offsets[b + 1]
        classes[b], na = present(
            plan, w, feedback, times[lo:hi], neurons[lo:hi], labels[b], h_in[b], h[b], h_e[b], active, scratch, False, none_s, none_v
        )
        for layer in range(1, plan.layers.size.size):
            if rules[layer, 0] == 0:
                continue
            a, z = plan.layers.start[layer], plan.layers.start[layer] + plan.layers.size[layer]
            c, y = plan.layers.start[layer - 1], plan.layers.start[layer - 1] + plan.layers.size[layer - 1]
            before = h_in[b] if layer == 1 else h[b, :, c:y]
            clipped[layer] += update_layer(w, master, plan.layers.w_start[layer], before, h[b, 0, a:z], h[b, 1, a:z], rules[layer], dh)


@kernel
def update_layer(w, master, base, before, h_first, h_second, rule, dh):  # type: ignore[no-untyped-def]
    """master += eta * h_pre x (h_second - h_first), clipped; what propagates follows. Gives the number of clips.

    rule: eta, span (0 first, 1 second, 2 both), low, high, shift. Silent inputs and unchanged neurons cost nothing.
    """
    m = h_first.size
    changed = 0
    for j in range(m):
        dh[j] = h_second[j] - h_first[j]
        changed += dh[j] != 0
    if changed == 0:
        return 0
    eta, span, low, high, shift = rule[0], rule[1], rule[2], rule[3], rule[4]
    clipped = 0
    for i in range(before.shape[1]):
        h_pre = before[0, i] if span == 0 else (before[1, i] if span == 1 else before[0, i] + before[1, i])
        if h_pre != 0:
            at = base + i * m
            clipped += update_row(w[at : at + m], master[at : at + m], dh[:m], np.int32(eta * h_pre), low, high, shift)
    return clipped


@kernel
def update_row(w, master, dh, step, low, high, shift):  # type: ignore[no-untyped-def]
    """One row of the update; int32 times int32 in int64, so that nothing wraps before the clip."""
    clipped = 0
    low32, high32, by = np.int32(low), np.int32(high), np.int32(shift)
    half = np.int32((1 << shift) >> 1)
    for j in range(dh.size):
        x = master[j] + step * dh[j]
        c = np.int32(min(max(x, low), high))
        clipped += c != x
        master[j] = c
        w[j] = np.int32(np.int32(c + half) >> by)
    return clipped


@kernel
def add_increments(w, master, base, moved, low, high, shift):  # type: ignore[no-untyped-def]
    """master += moved (n_pre, n_post), clipped; what propagates follows. Gives the number of clips."""
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
