"""Several synapses between the same two neurons, in Lava's fixed point.

The chip holds each as a synapse of its own; a process of Lava holds one weight of 8 bits for a pair. Where
these bits hold the sums of all pairs, the sums take their place; otherwise the projection becomes several
processes, the k-th synapses of all pairs in the k-th, whose currents Lava adds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from spikesim.hardware.loihi.integer_network import IntegerProjection, SignMode

Ints = npt.NDArray[np.int64]
RANGES: dict[SignMode, tuple[int, int]] = {
    "mixed": (-256, 254),
    "excitatory": (0, 255),
    "inhibitory": (-255, 0),
}


def single_synapses(p: IntegerProjection, n_post: int) -> Iterator[IntegerProjection]:
    """A sparse projection as one or more in which no two synapses connect the same neurons.

    Args:
        p: any; only sparse ones can have several synapses of a pair.
        n_post: neurons of the postsynaptic population.
    """
    if p.kind != "sparse":
        yield p
        return
    assert p.indptr is not None and p.indices is not None
    rows = np.repeat(np.arange(len(p.indptr) - 1), np.diff(p.indptr))
    pairs, pair, count = np.unique(rows * n_post + p.indices, return_inverse=True, return_counts=True)
    if len(pairs) == len(rows):
        yield p
        return
    w = np.broadcast_to(p.weights, p.indices.shape).astype(np.int64)
    summed = np.zeros(len(pairs), np.int64)
    np.add.at(summed, pair, w)
    low, high = RANGES[p.sign_mode]
    if low <= summed.min() and summed.max() <= high:
        yield _part(p, p.name, pairs // n_post, pairs % n_post, summed)
        return
    turn = _turns(pair, count)
    for k in range(int(count.max())):
        mine = turn == k
        name = p.name if k == 0 else f"{p.name}*{k + 1}"
        yield _part(p, name, rows[mine], p.indices[mine], w[mine])


def _turns(pair: Ints, count: Ints) -> Ints:
    """The how-manieth of its pair each synapse is, from 0."""
    order = np.argsort(pair, kind="stable")
    turn = np.empty(len(pair), np.int64)
    turn[order] = np.arange(len(pair)) - np.repeat(np.cumsum(count) - count, count)
    return turn


def _part(p: IntegerProjection, name: str, rows: Ints, columns: Ints, w: Ints) -> IntegerProjection:
    """Synapses in ascending order of their rows."""
    assert p.indptr is not None
    counts = np.bincount(rows, minlength=len(p.indptr) - 1)
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    return replace(p, name=name, weights=w.astype(np.int32), indptr=indptr, indices=columns.astype(np.int32))
