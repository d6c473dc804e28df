"""The kernels of the windowed engine: one presentation, and many of them.

All numbers are integers: membranes int32, counts of the grid in float32 where a matrix product or a sum of
rows forms them (exact below 2**24, proved when the network was built). Flat arrays hold all layers behind
each other; see `plan`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from spikesim._jit import kernel
from spikesim.engines.windowed_neurons import (
    add_columns,
    add_rows,
    fire_error,
    integrate_and_fire,
    list_fired,
    winner,
)
from spikesim.engines.windowed_update import update_layer


class Buffers(NamedTuple):
    """What one worker writes while it presents. Populations are numbered: layers 0 .. L, then the errors."""

    v: Any  # int32 (N,): membranes of layers 1 .. L, of the errors, of the errors' minus channels
    idx: Any  # int32 (populations * slots * widest,): the neurons that fired, in rings of spikes in flight
    sign: Any  # float32, as long: their signs
    k: Any  # int64 (populations * slots,): how many
    current: Any  # float32 (widest,)
    fired: Any  # uint8 (widest,)


class InputBuffers(NamedTuple):
    """What the matrix product of a window needs."""

    active: Any  # int64 (n_in,): inputs that fire at all
    rank: Any  # int64 (n_in,): their place in that list
    raster: Any  # float32 (T * n_in,)
    rows: Any  # float32 (n_in * n_1,): their rows of the weights
    currents: Any  # float32 (T, n_1)


@kernel
def make_buffers(plan):  # type: ignore[no-untyped-def]
    """The buffers of one worker."""
    layers, errors = plan.layers, plan.errors
    widest, neurons = 0, 0
    for layer in range(1, layers.size):
        widest = max(widest, layers[layer].n)
        neurons += layers[layer].n
    for e in range(errors.size):
        widest = max(widest, errors[e].n)
        neurons += 2 * errors[e].n
    rings = (layers.size + errors.size) * plan.slots
    n_in, n_1 = layers[0].n, layers[1].n
    return (
        Buffers(
            np.zeros(neurons, np.int32),
            np.zeros(rings * widest, np.int32),
            np.ones(rings * widest, np.float32),
            np.zeros(rings, np.int64),
            np.zeros(widest, np.float32),
            np.zeros(widest, np.uint8),
        ),
        InputBuffers(
            np.zeros(n_in, np.int64),
            np.zeros(n_in, np.int64),
            np.zeros(plan.T * n_in, np.float32),
            np.zeros(n_in * n_1, np.float32),
            np.zeros((plan.T, n_1), np.float32),
        ),
    )


@kernel
def count_inputs(plan, times, neurons, h_in):  # type: ignore[no-untyped-def]
    """h_in (2, n) = spikes of each input by phase."""
    h_in[:] = 0
    for k in range(times.size):
        h_in[0 if times[k] < plan.split else 1, neurons[k]] += 1
    if plan.replay:
        for k in range(times.size):
            h_in[1, neurons[k]] += times[k] < plan.T - plan.split


@kernel
def input_currents(plan, w, times, neurons, h_in, b):  # type: ignore[no-untyped-def]
    """The first layer's currents of the whole window as one matrix product over the active inputs."""
    T = plan.split if plan.replay else plan.T
    n, m = plan.layers[0].n, plan.layers[1].n
    na = 0
    for i in range(n):
        b.active[na] = i
        b.rank[i] = na
        na += (h_in[0, i] + h_in[1, i]) > 0
    if na == 0:
        b.currents[:T] = 0
        return
    dense = b.raster[: T * na].reshape((T, na))
    dense[:] = 0
    for k in range(times.size):
        dense[times[k], b.rank[neurons[k]]] = 1
    chosen = b.rows[: na * m].reshape((na, m))
    for a in range(na):
        chosen[a] = w[b.active[a] * m : b.active[a] * m + m]
    np.dot(dense, chosen, b.currents[:T])


@kernel
def layer_step(plan, layer, now, w, h, buffers, currents):  # type: ignore[no-untyped-def]
    """One layer's step: deliver, integrate, fire, reset; its spikes go into its ring."""
    p, slots, widest = plan.layers[layer], plan.slots, buffers.current.size
    t = now - p.offset
    mine = layer * slots + (now & (slots - 1))
    buffers.k[mine] = 0
    if t < 0 or t >= plan.T:
        return
    if t == plan.split and p.reset_split:
        for j in range(p.start, p.start + p.n):
            buffers.v[j] = 0
    if layer == 1:
        row = t - plan.split if plan.replay and t >= plan.split else t
        for j in range(p.n):
            buffers.current[j] = currents[row, j]
    else:
        for j in range(p.n):
            buffers.current[j] = 0
        if now >= p.delay:
            sent = (layer - 1) * slots + ((now - p.delay) & (slots - 1))
            ring, heard = sent * widest, buffers.k[sent]
            add_rows(buffers.current, p.n, w, p.w_start, buffers.idx, buffers.sign, ring, heard)
    if p.inject_from >= 0 and now >= p.inject_delay:
        sent = (plan.layers.size + p.inject_from) * slots + ((now - p.inject_delay) & (slots - 1))
        for a in range(sent * widest, sent * widest + buffers.k[sent]):
            buffers.current[buffers.idx[a]] += buffers.sign[a] * p.inject_w
    here = slice(p.start, p.start + p.n)
    integrate_and_fire(
        buffers.v[here], buffers.current, plan.bias[here], p.theta, p.floor, p.subtract, buffers.fired
    )
    phase = 0 if t < plan.split else 1
    buffers.k[mine] = list_fired(
        buffers.fired, p.n, h[phase, here], buffers.idx[mine * widest : (mine + 1) * widest]
    )


@kernel
def deliver_error(plan, e, now, w, feedback, label, buffers):  # type: ignore[no-untyped-def]
    """What arrives at an error population in a step, into current; gives the number of spikes."""
    p, slots, widest = plan.errors[e], plan.slots, buffers.current.size
    if p.source >= 0:
        sent = (plan.layers.size + p.source) * slots + ((now - p.delay) & (slots - 1))
        heard = buffers.k[sent] if now >= p.delay else 0
        if heard == 0:
            return 0
        for j in range(p.n):
            buffers.current[j] = 0
        ring = sent * widest
        if p.transposed >= 0:
            below = plan.layers[p.transposed]
            add_columns(
                buffers.current, p.n, w, below.w_start, below.n, buffers.idx, buffers.sign, ring, heard
            )
        else:
            add_rows(buffers.current, p.n, feedback, p.b_start, buffers.idx, buffers.sign, ring, heard)
        return heard
    for j in range(p.n):
        buffers.current[j] = 0
    heard = 0
    t_target = now - p.d_target - plan.target_offset
    if 0 <= t_target < plan.T and plan.target_train[t_target]:
        buffers.current[label] += p.w_target
        heard += 1
    if now >= p.d_layer:
        sent = p.layer * slots + ((now - p.d_layer) & (slots - 1))
        for a in range(sent * widest, sent * widest + buffers.k[sent]):
            buffers.current[buffers.idx[a]] += p.w_layer
        heard += buffers.k[sent]
    return heard


@kernel
def error_step(plan, e, now, w, feedback, h, h_e, label, buffers):  # type: ignore[no-untyped-def]
    """One error population's step; without input nothing changes, so nothing is done."""
    p = plan.errors[e]
    mine = (plan.layers.size + e) * plan.slots + (now & (plan.slots - 1))
    t = now - p.offset
    buffers.k[mine] = 0
    if t < plan.split or t >= plan.T:
        return
    if deliver_error(plan, e, now, w, feedback, label, buffers) == 0:
        return
    plus, minus = h.shape[1] + p.start, h.shape[1] + h_e.size + p.start
    gate = plan.layers[p.gate].start if p.gate >= 0 else -1
    buffers.k[mine] = fire_error(
        buffers.v, plus, minus, p.n, buffers.current, p, h, gate, h_e,
        buffers.idx, buffers.sign, mine * buffers.current.size,
    )  # fmt: skip


@kernel
def record_step(plan, now, n_layers, buffers, s_out, v_out):  # type: ignore[no-untyped-def]
    """Keep the step's spikes and membranes: layers first, then errors, then the errors' minus channels."""
    n_errors = (buffers.v.size - n_layers) // 2
    for which in range(1, plan.layers.size + plan.errors.size):
        e = which - plan.layers.size
        size = plan.layers[which].n if e < 0 else plan.errors[e].n
        t = now - (plan.layers[which].offset if e < 0 else plan.errors[e].offset)
        if t < 0 or t >= plan.T:
            continue
        a = plan.layers[which].start if e < 0 else n_layers + plan.errors[e].start
        v_out[t, a : a + size] = buffers.v[a : a + size]
        if e >= 0:
            v_out[t, a + n_errors : a + n_errors + size] = buffers.v[a + n_errors : a + n_errors + size]
        mine = which * plan.slots + (now & (plan.slots - 1))
        ring = mine * buffers.current.size
        for k in range(ring, ring + buffers.k[mine]):
            s_out[t, a + buffers.idx[k]] = np.int8(buffers.sign[k])


@kernel
def present(plan, w, feedback, times, neurons, label, h_in, h, h_e, buffers, inputs, s_out, v_out):  # type: ignore[no-untyped-def]
    """One presentation; fills the counts by phase and gives the class that is read.

    h_in int32 (2, n_in), h int32 (2, N), h_e int32 (N_errors,); s_out (T, ...) and v_out are filled unless
    empty.
    """
    h[:] = 0
    h_e[:] = 0
    buffers.v[:] = 0
    buffers.k[:] = 0
    count_inputs(plan, times, neurons, h_in)
    input_currents(plan, w, times, neurons, h_in, inputs)
    read = plan.layers[plan.readout]
    chosen = 0
    for now in range(plan.steps):
        for layer in range(1, plan.layers.size):
            layer_step(plan, layer, now, w, h, buffers, inputs.currents)
        for e in range(plan.errors.size):
            error_step(plan, e, now, w, feedback, h, h_e, label, buffers)
        if now - read.offset == plan.read_end - 1:
            seen = np.zeros(read.n, np.int32)
            for phase in range(2):
                if plan.read_start < plan.split if phase == 0 else plan.read_end > plan.split:
                    seen += h[phase, read.start : read.start + read.n]
            chosen = winner(seen, buffers.v[read.start : read.start + read.n])
        if s_out.size:
            record_step(plan, now, h.shape[1], buffers, s_out, v_out)
    return chosen


@kernel
def present_many(plan, w, feedback, spikes, labels, first, last, counts, classes, s_out, v_out):  # type: ignore[no-untyped-def]
    """Presentations first .. last - 1 with fixed weights.

    spikes: (times, neurons, offsets); counts: (h_in, h, h_e), one row a presentation; s_out, v_out: as above.
    """
    times, neurons, offsets = spikes
    h_in, h, h_e = counts
    buffers, inputs = make_buffers(plan)
    for b in range(first, last):
        mine = slice(offsets[b], offsets[b + 1])
        row = b if s_out.shape[1] else 0
        classes[b] = present(
            plan, w, feedback, times[mine], neurons[mine], labels[b],
            h_in[b], h[b], h_e[b], buffers, inputs, s_out[row], v_out[row],
        )  # fmt: skip


@kernel
def learn_online(plan, w, master, feedback, spikes, labels, counts, classes, rules, clipped):  # type: ignore[no-untyped-def]
    """Present and learn, one presentation after another (plain steps)."""
    times, neurons, offsets = spikes
    h_in, h, h_e = counts
    buffers, inputs = make_buffers(plan)
    dh = np.zeros(buffers.current.size, np.int32)
    none_s, none_v = np.zeros((0, 0), np.int8), np.zeros((0, 0), np.int32)
    for b in range(labels.size):
        mine = slice(offsets[b], offsets[b + 1])
        classes[b] = present(
            plan, w, feedback, times[mine], neurons[mine], labels[b],
            h_in[b], h[b], h_e[b], buffers, inputs, none_s, none_v,
        )  # fmt: skip
        for layer in range(1, plan.layers.size):
            if rules[layer, 0] != 0:
                p, below = plan.layers[layer], plan.layers[layer - 1]
                post = h[b, :, p.start : p.start + p.n]
                before = h_in[b] if layer == 1 else h[b, :, below.start : below.start + below.n]
                clips = update_layer(w, master, p.w_start, before, post[0], post[1], rules[layer], dh)
                clipped[layer] += clips
