"""Kernels of the windowed engine: one trial, and a batch of trials.

All numbers are integers: membranes in int32, sums of rows of weights in float32 (exact below 2**24, proved
when the network was built). Flat arrays hold all layers one after another; see `plan`.
"""

from __future__ import annotations

import numpy as np

from spikesim._jit import kernel
from spikesim.engines.windowed.buffers import kernel_buffers, make_buffers
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
    add_rows,
    fire_error,
    integrate_and_fire,
    list_fired,
    winner,
)
from spikesim.engines.windowed.plan import BIAS, FLOOR, ROWS, THETA, V_START
from spikesim.engines.windowed.weight_update import decay_weights, update_layer


@kernel
def parameters(plan, which, p):  # type: ignore[no-untyped-def]
    """One parameter of the neurons of layer p, int32 (n,): a contiguous slice of `Plan.neurons`."""
    first = which * (plan.neurons.size // ROWS) + p.start
    return plan.neurons[first : first + p.n]


@kernel
def silence(v, fired, silent, start):  # type: ignore[no-untyped-def]
    """Neurons that take no part keep their initial membrane and do not fire."""
    for j in range(v.size):
        if silent[j]:
            v[j], fired[j] = start[j], 0


@kernel
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
    for j in range(p.n):
        buffers.current[j] = 0
    if now >= p.delay:
        sent = (layer - 1) * slots + ((now - p.delay) & (slots - 1))
        ring, heard = sent * widest, buffers.k[sent]
        if p.conv:
            add_kernels(buffers.current, w, p, buffers.idx, buffers.sign, ring, heard, buffers.by_place)
        else:
            add_rows(buffers.current, p.n, w, p.w_start, buffers.idx, buffers.sign, ring, heard)


@kernel
def layer_step(plan, layer, now, w, h, silent, buffers, currents):  # type: ignore[no-untyped-def]
    """One step of a layer: deliver, integrate, fire, reset; its spikes are stored in its ring buffer."""
    p, slots, widest = plan.layers[layer], plan.slots, buffers.current.size
    t = now - p.offset
    mine = layer * slots + (now & (slots - 1))
    buffers.k[mine] = 0
    if t < 0 or t >= plan.T:
        return
    if t == plan.split and p.reset_split:
        buffers.v[p.start : p.start + p.n] = parameters(plan, V_START, p)
    deliver(plan, layer, now, w, buffers, currents)
    if p.inject_from >= 0 and now >= p.inject_delay:
        sent = (plan.layers.size + p.inject_from) * slots + ((now - p.inject_delay) & (slots - 1))
        for a in range(sent * widest, sent * widest + buffers.k[sent]):
            buffers.current[buffers.idx[a]] += buffers.sign[a] * p.inject_w
    here = slice(p.start, p.start + p.n)
    v, bias, current, fired = buffers.v[here], parameters(plan, BIAS, p), buffers.current, buffers.fired
    if p.uniform:
        integrate_and_fire(v, current, bias, p.theta, p.floor, p.subtract, fired)
    else:
        theta, floor = parameters(plan, THETA, p), parameters(plan, FLOOR, p)
        integrate_and_fire(v, current, bias, theta, floor, p.subtract, fired)
    if silent.size:
        silence(v, fired, silent[p.start : p.start + p.n], parameters(plan, V_START, p))
    phase = 0 if t < plan.split else 1
    buffers.k[mine] = list_fired(
        buffers.fired, p.n, h[phase, here], buffers.idx[mine * widest : (mine + 1) * widest]
    )


@kernel
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


@kernel
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


@kernel
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


@kernel
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
        v_out[t, a : a + size] = buffers.v[a : a + size]
        if e >= 0:
            v_out[t, a + n_errors : a + n_errors + size] = buffers.v[a + n_errors : a + n_errors + size]
        mine = which * plan.slots + (now & (plan.slots - 1))
        ring = mine * buffers.current.size
        for k in range(ring, ring + buffers.k[mine]):
            s_out[t, a + buffers.idx[k]] = np.int8(buffers.sign[k])


@kernel
def present(plan, w, feedback, times, neurons, label, silent, h_in, h, h_e, buffers, inputs, s_out, v_out):  # type: ignore[no-untyped-def]
    """Simulate one trial; writes the spike counts by phase and returns the predicted class.

    silent uint8 (N,): neurons of layers that take no part; empty if all do.
    h_in int32 (2, n_in), h int32 (2, N), h_e int32 (N_errors,); s_out (T, ...) and v_out are filled unless
    empty.
    """
    h[:] = 0
    h_e[:] = 0
    buffers.v[:] = 0
    starts = V_START * (plan.neurons.size // ROWS)
    buffers.v[: h.shape[1]] = plan.neurons[starts : starts + h.shape[1]]
    buffers.k[:] = 0
    count_inputs(plan, times, neurons, h_in)
    if plan.layers[1].conv:
        input_kernels(plan, w, times, neurons, inputs.currents)
    else:
        input_currents(plan, w, times, neurons, h_in, inputs)
    read = plan.layers[plan.readout]
    chosen = 0
    known = (
        plan.split + plan.layers[plan.layers.size - 1].offset
    )  # the step by which every layer has ended its first phase
    for now in range(plan.steps):
        for layer in range(1, plan.layers.size):
            layer_step(plan, layer, now, w, h, silent, buffers, inputs.currents)
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
        elif plan.repeats and now < known:
            keep_train(plan, now, buffers)
            if now == known - 1 and (plan.open or loss_is_silent(plan, label, h, h_e, buffers)):
                h[1] = h[0]
                if plan.open:
                    errors_alone(plan, known, w, feedback, h, h_e, label, buffers)
                break
    return chosen


@kernel
def errors_alone(plan, first, w, feedback, h, h_e, label, buffers):  # type: ignore[no-untyped-def]
    """The steps from `first` on of a network whose layers receive no error spikes.

    The layers repeat their first phase, so only the error populations are simulated.
    """
    layer = plan.errors[plan.loss].layer
    for now in range(first, plan.steps):
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
def present_many(plan, w, feedback, spikes, labels, silent, first, last, counts, classes, s_out, v_out):  # type: ignore[no-untyped-def]
    """Simulate the trials first .. last - 1 with fixed weights.

    spikes: (times, neurons, offsets); counts: (h_in, h, h_e), one row per trial; s_out, v_out: as above.
    """
    times, neurons, offsets = spikes
    h_in, h, h_e = counts
    buffers, inputs = make_buffers(plan)
    for b in range(first, last):
        mine = slice(offsets[b], offsets[b + 1])
        row = b if s_out.shape[1] else 0
        classes[b] = present(
            plan, w, feedback, times[mine], neurons[mine], labels[b], silent[b],
            h_in[b], h[b], h_e[b], buffers, inputs, s_out[row], v_out[row],
        )  # fmt: skip


@kernel
def learn_online(plan, w, master, feedback, spikes, labels, silent, counts, classes, rules, clipped, learnt):  # type: ignore[no-untyped-def]
    """Simulate trials one after another and learn after each (plain steps).

    learnt: trials learnt before, for the time of the decay.
    """
    times, neurons, offsets = spikes
    h_in, h, h_e = counts
    buffers, inputs = make_buffers(plan)
    dh = np.zeros(buffers.current.size, np.int32)
    h_pre, product = kernel_buffers(plan)
    none_s, none_v = np.zeros((0, 0), np.int8), np.zeros((0, 0), np.int32)
    for b in range(labels.size):
        mine = slice(offsets[b], offsets[b + 1])
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
