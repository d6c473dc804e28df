"""Kernels of the windowed engine: one trial, and a batch of trials.

All numbers are integers: membranes in int32, sums of rows of weights in float32 (exact below 2**24, proved
when the network was built). Flat arrays hold all layers one after another; see `plan`.
"""

from __future__ import annotations

import numpy as np

from spikesim._jit import borrowing, kernel
from spikesim.engines.windowed.ahead import copy_spikes, run_ahead
from spikesim.engines.windowed.buffers import kernel_buffers
from spikesim.engines.windowed.convolution import (
    add_by_channel,
    add_kernels,
    add_transposed,
    decay_kernels,
    input_kernels,
    update_kernels,
)
from spikesim.engines.windowed.input_layer import count_inputs, input_currents
from spikesim.engines.windowed.neurons import (
    add_columns,
    add_padded,
    add_rows,
    add_signed_rows,
    fire_error,
    integrate_and_fire,
    list_fired,
    pad_rows,
    silence,
    start_again,
    winner,
)
from spikesim.engines.windowed.plan import NARROW
from spikesim.engines.windowed.weight_update import decay_weights, update_layer


@borrowing
def deliver(plan, layer, now, w, buffers, currents):  # type: ignore[no-untyped-def]
    """Write the input current of a layer in a step to `current`; error spikes are added by `layer_step`."""
    p, slots, widest = plan.layers[layer], plan.slots, buffers.current.size
    if layer == 1:
        t = now - p.offset
        row = t - plan.split if plan.replay and t >= plan.split else t
        if p.conv:
            buffers.current[: p.n] = 0
            add_by_channel(buffers.current, currents[row], p)
        else:
            for j in range(p.n):
                buffers.current[j] = currents[row, j]
        return
    for j in range(max(p.n, NARROW)):
        buffers.current[j] = 0
    if now >= p.delay:
        sent = (layer - 1) * slots + ((now - p.delay) & (slots - 1))
        ring, heard = sent * widest, buffers.k[sent]
        if p.conv:
            add_kernels(buffers.current, w, p, buffers.idx, buffers.sign, ring, heard, buffers.by_place)
        elif p.padded >= 0:
            add_padded(buffers.current, buffers.padded, p.padded, buffers.idx, ring, heard)
        else:
            add_rows(buffers.current, p.n, w, p.w_start, buffers.idx, ring, heard)


@borrowing
def layer_step(plan, layer, now, w, h, silent, buffers, currents, ahead):  # type: ignore[no-untyped-def]
    """One step of a layer: deliver, integrate, fire, reset; its spikes are stored in its ring buffer.

    Its first `ahead` steps are simulated already: their spikes are copied.
    """
    p, slots, widest = plan.layers[layer], plan.slots, buffers.current.size
    t = now - p.offset
    mine = layer * slots + (now & (slots - 1))
    buffers.k[mine] = 0
    if 0 <= t < ahead:
        buffers.k[mine] = copy_spikes(plan, layer, t, buffers.early, buffers.ends, buffers.idx, mine * widest)
    elif ahead <= t < plan.T:
        if t == plan.split and p.reset_split:
            start_again(plan.neurons, p, buffers.v)
        deliver(plan, layer, now, w, buffers, currents)
        if p.inject_from >= 0 and now >= p.inject_delay:
            sent = (plan.layers.size + p.inject_from) * slots + ((now - p.inject_delay) & (slots - 1))
            for a in range(sent * widest, sent * widest + buffers.k[sent]):
                buffers.current[buffers.idx[a]] += buffers.sign[a] * p.inject_w
        integrate_and_fire(
            buffers.v, p.start, p.n, buffers.current, 0, plan.neurons, p.subtract, buffers.fired
        )
        if silent.size:
            silence(plan.neurons, p, silent, buffers.v, buffers.fired)
        ring = mine * widest
        k = list_fired(buffers.fired, buffers.fired_words, p.n, buffers.idx, ring)
        buffers.k[mine] = k
        phase = 0 if t < plan.split else 1
        for a in range(ring, ring + k):
            h[phase, p.start + buffers.idx[a]] += 1


@borrowing
def deliver_error(plan, e, now, w, feedback, label, buffers):  # type: ignore[no-untyped-def]
    """Write the input current of an error population in a step to `current`; returns the number of spikes."""
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
            if below.conv:
                add_transposed(
                    buffers.current, w, below, buffers.idx, buffers.sign, ring, heard, buffers.by_place
                )
            else:
                add_columns(
                    buffers.current, p.n, w, below.w_start, below.n, buffers.idx, buffers.sign, ring, heard
                )
        else:
            add_signed_rows(buffers.current, p.n, feedback, p.b_start, buffers.idx, buffers.sign, ring, heard)
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


@borrowing
def error_step(plan, e, now, w, feedback, h, h_e, label, buffers):  # type: ignore[no-untyped-def]
    """One step of an error population. Without input spikes it is skipped, because its state does not change;
    unless a reset by subtraction can have left more than the threshold.
    """
    p = plan.errors[e]
    mine = (plan.layers.size + e) * plan.slots + (now & (plan.slots - 1))
    t = now - p.offset
    buffers.k[mine] = 0
    if t < plan.split or t >= plan.T:
        return
    if deliver_error(plan, e, now, w, feedback, label, buffers) == 0:
        if not p.subtract:
            return
        for j in range(p.n):
            buffers.current[j] = 0
    plus, minus = h.shape[1] + p.start, h.shape[1] + h_e.size + p.start
    gate = plan.layers[p.gate].start if p.gate >= 0 else -1
    buffers.k[mine] = fire_error(
        buffers.v, plus, minus, p.n, buffers.current, p, plan.neurons, h, gate, h_e,
        buffers.idx, buffers.sign, mine * buffers.current.size,
    )  # fmt: skip


@borrowing
def keep_train(plan, now, buffers):  # type: ignore[no-untyped-def]
    """Store the first-phase spikes of the layer that the loss reads."""
    layer = plan.errors[plan.loss].layer
    t = now - plan.layers[layer].offset
    if 0 <= t < plan.split:
        mine = layer * plan.slots + (now & (plan.slots - 1))
        ring = mine * buffers.current.size
        for j in range(buffers.train.shape[1]):
            buffers.train[t, j] = 0
        for k in range(ring, ring + buffers.k[mine]):
            buffers.train[t, buffers.idx[k]] = 1


@borrowing
def loss_is_silent(plan, label, h, h_e, buffers):  # type: ignore[no-untyped-def]
    """Whether the loss stays silent if the second phase repeats the first; its state is reset afterwards."""
    p = plan.errors[plan.loss]
    n, plus, minus = p.n, h.shape[1] + p.start, h.shape[1] + h_e.size + p.start
    gate = plan.layers[p.gate].start if p.gate >= 0 else -1
    silent = True
    for t in range(plan.split, plan.T):
        for j in range(n):
            buffers.current[j] = 0
        t_target = t + p.offset - p.d_target - plan.target_offset
        if 0 <= t_target < plan.T and plan.target_train[t_target]:
            buffers.current[label] += p.w_target
        t_layer = t + p.offset - p.d_layer - plan.layers[p.layer].offset
        if 0 <= t_layer < plan.T:
            for j in range(n):
                buffers.current[j] += buffers.train[t_layer % plan.split, j] * p.w_layer
        if fire_error(
            buffers.v, plus, minus, n, buffers.current, p, plan.neurons, h, gate, h_e,
            buffers.idx, buffers.sign, 0,
        ):  # fmt: skip
            silent = False
            break
    for j in range(n):
        buffers.v[plus + j], buffers.v[minus + j], h_e[p.start + j] = 0, 0, 0
    return silent


@borrowing
def record_step(plan, now, n_layers, buffers, s_out, v_out):  # type: ignore[no-untyped-def]
    """Record spikes and membranes of a step: layers, then error neurons, then their minus channels."""
    n_errors = (buffers.v.size - n_layers) // 2
    for which in range(1, plan.layers.size + plan.errors.size):
        e = which - plan.layers.size
        size = plan.layers[which].n if e < 0 else plan.errors[e].n
        t = now - (plan.layers[which].offset if e < 0 else plan.errors[e].offset)
        if t < 0 or t >= plan.T:
            continue
        a = plan.layers[which].start if e < 0 else n_layers + plan.errors[e].start
        for j in range(a, a + size):
            v_out[t, j] = buffers.v[j]
            if e >= 0:
                v_out[t, j + n_errors] = buffers.v[j + n_errors]
        mine = which * plan.slots + (now & (plan.slots - 1))
        ring = mine * buffers.current.size
        for k in range(ring, ring + buffers.k[mine]):
            s_out[t, a + buffers.idx[k]] = np.int8(buffers.sign[k])


@borrowing
def reset(plan, h, h_e, buffers):  # type: ignore[no-untyped-def]
    """The state before a trial: counts, membranes, no spikes in transit."""
    h[:] = 0
    h_e[:] = 0
    buffers.v[:] = 0
    for layer in range(1, plan.layers.size):
        start_again(plan.neurons, plan.layers[layer], buffers.v)
    buffers.k[:] = 0


@borrowing
def present(plan, w, feedback, times, neurons, label, silent, h_in, h, h_e, buffers, inputs, s_out, v_out):  # type: ignore[no-untyped-def]
    """Simulate one trial; writes the spike counts by phase and returns the predicted class.

    silent uint8 (N,): neurons of layers that take no part; empty if all do.
    h_in int32 (2, n_in), h int32 (2, N), h_e int32 (N_errors,); s_out (T, ...) and v_out are filled unless
    empty. Weights into narrow layers are read from buffers.padded, see `pad_rows`.
    """
    reset(plan, h, h_e, buffers)
    count_inputs(plan, times, neurons, h_in)
    if plan.layers[1].conv:
        input_kernels(plan, w, times, neurons, inputs.currents)
    else:
        input_currents(plan, w, times, neurons, h_in, inputs)
    ahead, begin = 0, 0
    if s_out.size == 0 and plan.ahead > 0:  # a recording takes the membranes of every step
        ahead, begin = plan.ahead, plan.begin
        run_ahead(plan, w, silent, h, buffers, inputs.currents)
    read = plan.layers[plan.readout]
    chosen = 0
    known = plan.split + plan.layers[plan.layers.size - 1].offset  # every layer has ended its first phase
    for now in range(begin, plan.steps):
        for layer in range(1, plan.layers.size):
            layer_step(plan, layer, now, w, h, silent, buffers, inputs.currents, ahead)
        for e in range(plan.errors.size):
            error_step(plan, e, now, w, feedback, h, h_e, label, buffers)
        if now - read.offset == plan.read_end - 1:
            chosen = winner(h, plan.read_first, plan.read_last, buffers.v, read.start, read.n)
        if s_out.size:
            record_step(plan, now, h.shape[1], buffers, s_out, v_out)
        elif plan.repeats and now < known:
            if ahead == 0:
                keep_train(plan, now, buffers)
            if now == known - 1 and (plan.open or loss_is_silent(plan, label, h, h_e, buffers)):
                repeat_layers(plan, known, w, feedback, h, h_e, label, buffers)
                break
    return chosen


@borrowing
def repeat_layers(plan, first, w, feedback, h, h_e, label, buffers):  # type: ignore[no-untyped-def]
    """The steps from `first` on where the layers repeat their first phase.

    If the loss is silent, that is all; if no error spikes reach the layers, the errors are simulated alone.
    """
    for j in range(h.shape[1]):
        h[1, j] = h[0, j]
    layer = plan.errors[plan.loss].layer
    for now in range(first, plan.steps if plan.open else first):
        t = now - plan.layers[layer].offset
        mine = layer * plan.slots + (now & (plan.slots - 1))
        ring, k = mine * buffers.current.size, 0
        if t < plan.T:
            for j in range(buffers.train.shape[1]):
                buffers.idx[ring + k] = j
                k += buffers.train[t % plan.split, j]
        buffers.k[mine] = k
        for e in range(plan.errors.size):
            error_step(plan, e, now, w, feedback, h, h_e, label, buffers)


@kernel
def present_many(plan, w, feedback, spikes, labels, silent, first, last, counts, classes, out, working):  # type: ignore[no-untyped-def]
    """Simulate the trials first .. last - 1 with fixed weights.

    spikes: (times, neurons, offsets); counts: (h_in, h, h_e), one row per trial; out: (s_out, v_out), as
    above; working: of `make_buffers`, whose contents do not matter.
    """
    times, neurons, offsets = spikes
    h_in, h, h_e = counts
    s_out, v_out = out
    buffers, inputs = working
    pad_rows(plan, w, buffers.padded)
    for b in range(first, last):
        mine = slice(offsets[b], offsets[b + 1])
        row = b if s_out.shape[1] else 0
        classes[b] = present(
            plan, w, feedback, times[mine], neurons[mine], labels[b], silent[b],
            h_in[b], h[b], h_e[b], buffers, inputs, s_out[row], v_out[row],
        )  # fmt: skip


@kernel
def learn_online(plan, weights, feedback, spikes, labels, silent, counts, classes, rules, clipped, work):  # type: ignore[no-untyped-def]
    """Simulate trials one after another and learn after each (plain steps).

    weights: (acting, master). work: (trials learnt before, for the time of the decay; buffers; inputs).
    """
    w, master = weights
    learnt, buffers, inputs = work
    times, neurons, offsets = spikes
    h_in, h, h_e = counts
    dh = np.zeros(buffers.current.size, np.int32)
    h_pre, product = kernel_buffers(plan)
    none_s, none_v = np.zeros((0, 0), np.int8), np.zeros((0, 0), np.int32)
    for b in range(labels.size):
        mine = slice(offsets[b], offsets[b + 1])
        pad_rows(plan, w, buffers.padded)
        classes[b] = present(
            plan, w, feedback, times[mine], neurons[mine], labels[b], silent[b],
            h_in[b], h[b], h_e[b], buffers, inputs, none_s, none_v,
        )  # fmt: skip
        for layer in range(1, plan.layers.size):
            if rules[layer, 0] != 0:
                p, below = plan.layers[layer], plan.layers[layer - 1]
                post = h[b, :, p.start : p.start + p.n]
                before = h_in[b] if layer == 1 else h[b, :, below.start : below.start + below.n]
                if p.conv:
                    clipped[layer] += update_kernels(
                        w, master, p, before, post[0], post[1], h_e[b], rules[layer], dh, h_pre,
                        product[: p.entries],
                    )  # fmt: skip
                else:
                    clipped[layer] += update_layer(
                        w, master, p.w_start, before, post[0], post[1], h_e[b], rules[layer], dh
                    )
            period = rules[layer, 7]
            if period > 0 and (learnt + b + 1) % period == 0:
                p = plan.layers[layer]
                if p.conv:
                    decay_kernels(w, master, p, rules[layer, 8], rules[layer, 4])
                else:
                    size = plan.layers[layer - 1].n * p.n
                    decay_weights(w, master, p.w_start, size, rules[layer, 8], rules[layer, 4])
