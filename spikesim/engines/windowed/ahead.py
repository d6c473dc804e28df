"""The steps that no error spike can reach, layer after layer instead of step after step.

Until then, a layer depends on the layer before it alone, so its whole window is simulated in one kernel. Its
spikes are kept: the next layer reads them, and so does the simulation step by step that follows.
"""

from __future__ import annotations

from spikesim._jit import borrowing
from spikesim.engines.windowed.neurons import (
    add_padded,
    add_rows,
    integrate_and_fire,
    list_fired,
    silence,
    start_again,
)
from spikesim.engines.windowed.plan import NARROW


@borrowing
def run_ahead(plan, w, silent, h, buffers, currents):  # type: ignore[no-untyped-def]
    """Simulate the first `plan.ahead` steps of all layers: membranes, spike counts, spikes of each step."""
    first_layer_ahead(plan, silent, h, buffers, currents.reshape(-1), currents.shape[1])
    for layer in range(2, plan.layers.size):
        layer_ahead(plan, layer, w, silent, h, buffers)
    if plan.repeats:
        layer = plan.errors[plan.loss].layer
        buffers.train[:] = 0
        for t in range(plan.split):
            at = layer * (plan.ahead + 1) + t
            for a in range(buffers.ends[at], buffers.ends[at + 1]):
                buffers.train[t, buffers.early[a]] = 1


@borrowing
def first_layer_ahead(plan, silent, h, buffers, currents, wide):  # type: ignore[no-untyped-def]
    """The first layer; its input currents are known, step after step, `wide` numbers apart."""
    p, v, fired, words = plan.layers[1], buffers.v, buffers.fired, buffers.fired_words
    neurons, early, ends, end = plan.neurons, buffers.early, buffers.ends, 0
    ends[plan.ahead + 1] = 0
    for t in range(plan.ahead):
        if t == plan.split and p.reset_split:
            start_again(neurons, p, v)
        row = t - plan.split if plan.replay and t >= plan.split else t
        integrate_and_fire(v, p.start, p.n, currents, row * wide, neurons, p.subtract, fired)
        if silent.size:
            silence(neurons, p, silent, v, fired)
        phase, begin = 0 if t < plan.split else 1, end
        end += list_fired(fired, words, p.n, early, begin)
        for a in range(begin, end):
            h[phase, p.start + early[a]] += 1
        ends[plan.ahead + 2 + t] = end


@borrowing
def layer_ahead(plan, layer, w, silent, h, buffers):  # type: ignore[no-untyped-def]
    """A later layer, from the spikes of the layer before it."""
    p, v, fired, words, current = (
        plan.layers[layer],
        buffers.v,
        buffers.fired,
        buffers.fired_words,
        buffers.current,
    )
    neurons, early, ends = plan.neurons, buffers.early, buffers.ends
    before, mine = (layer - 1) * (plan.ahead + 1), layer * (plan.ahead + 1)
    end = p.start * plan.ahead
    ends[mine] = end
    for t in range(plan.ahead):
        if t == plan.split and p.reset_split:
            start_again(neurons, p, v)
        for j in range(max(p.n, NARROW)):
            current[j] = 0
        sent, heard = ends[before + t], ends[before + t + 1] - ends[before + t]
        if p.padded >= 0:
            add_padded(current, buffers.padded, p.padded, early, sent, heard)
        else:
            add_rows(current, p.n, w, p.w_start, early, sent, heard)
        integrate_and_fire(v, p.start, p.n, current, 0, neurons, p.subtract, fired)
        if silent.size:
            silence(neurons, p, silent, v, fired)
        phase, begin = 0 if t < plan.split else 1, end
        end += list_fired(fired, words, p.n, early, begin)
        for a in range(begin, end):
            h[phase, p.start + early[a]] += 1
        ends[mine + t + 1] = end


@borrowing
def copy_spikes(plan, layer, t, early, ends, idx, ring):  # type: ignore[no-untyped-def]
    """Copy the spikes of a step to a ring buffer; returns their number."""
    first = ends[layer * (plan.ahead + 1) + t]
    k = ends[layer * (plan.ahead + 1) + t + 1] - first
    for a in range(k):
        idx[ring + a] = early[first + a]
    return k
