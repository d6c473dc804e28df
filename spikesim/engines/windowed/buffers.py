"""Working arrays of the windowed engine's kernels, one set for each thread."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from spikesim._jit import kernel
from spikesim.engines.windowed.input_layer import make_input_buffers
from spikesim.engines.windowed.plan import NARROW


class Buffers(NamedTuple):
    """Working arrays of one thread. Populations are numbered: layers 0 .. L, then the error populations."""

    v: Any  # int32 (N,): membranes of layers 1 .. L, of error neurons, of minus channels of error neurons
    idx: Any  # int32 (populations * slots * widest,): neurons that fired, in rings of spikes in transit
    sign: Any  # float32, same length: their signs
    k: Any  # int64 (populations * slots,): number of spikes per slot
    current: Any  # float32 (widest,)
    fired: Any  # uint8 (widest up to a multiple of 8,): who fires in this step
    fired_words: Any  # uint64, the same memory
    early: Any  # int32 (plan.ahead * neurons of layers + 1,): spikes of the first steps, layer after layer
    ends: Any  # int64 (layers * (plan.ahead + 1),): where each step's spikes end in `early`
    padded: Any  # float32: rows of weights into narrow layers, see `pad_rows`
    by_place: Any  # float32 (widest,): currents of a convolution, place by place
    train: (
        Any  # uint8 (split, n): first-phase spikes of the layer that the loss reads; used if the plan repeats
    )


@kernel
def make_buffers(plan):  # type: ignore[no-untyped-def]
    """Allocate the buffers of one thread."""
    layers, errors = plan.layers, plan.errors
    widest, neurons, padded = NARROW, 0, 0
    for layer in range(1, layers.size):
        widest = max(widest, layers[layer].n)
        neurons += layers[layer].n
        if layers[layer].padded >= 0:
            padded += layers[layer - 1].n * NARROW
    each = neurons
    for e in range(errors.size):
        widest = max(widest, errors[e].n)
        neurons += 2 * errors[e].n
    fired = np.zeros((widest + 7) // 8 * 8, np.uint8)
    rings = (layers.size + errors.size) * plan.slots
    return (
        Buffers(
            np.zeros(neurons, np.int32),
            np.zeros(rings * widest, np.int32),
            np.ones(rings * widest, np.float32),
            np.zeros(rings, np.int64),
            np.zeros(widest, np.float32),
            fired,
            fired.view(np.uint64),
            np.zeros(plan.ahead * each + 1, np.int32),
            np.zeros(layers.size * (plan.ahead + 1), np.int64),
            np.zeros(padded, np.float32),
            np.zeros(widest, np.float32),
            np.zeros((plan.split, layers[errors[plan.loss].layer].n if plan.repeats else 0), np.uint8),
        ),
        make_input_buffers(plan.T, layers[0].n, layers[1].n),
    )


@kernel
def kernel_buffers(plan):  # type: ignore[no-untyped-def]
    """Working arrays for updates of kernels: presynaptic counts, products; empty without convolutions."""
    pre, size = 0, 0
    for layer in range(1, plan.layers.size):
        if plan.layers[layer].conv:
            pre, size = max(pre, plan.layers[layer - 1].n), max(size, plan.layers[layer].entries)
    return np.zeros(pre, np.int32), np.zeros(size, np.int64)
