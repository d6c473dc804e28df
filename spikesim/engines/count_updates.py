"""Weight updates by trial rules after a batch, for the engines `naive` and `stepped`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from spikesim.learning.counts import CountRule, decayed, increments, postsynaptic, presynaptic
from spikesim.learning.trial import clip_master
from spikesim.network import Masters, Network
from spikesim.synapses import Conv2d

Ints = npt.NDArray[np.int64]


def learn_from_counts(
    network: Network,
    masters: Masters,
    squares: Mapping[str, npt.NDArray[np.float64]],
    counts: Mapping[str, Ints],
    factor: float,
    clipped: dict[str, int],
    learnt: tuple[int, int],
) -> None:
    """Update the master weights in place, by the rule of each plastic projection.

    Args:
        network: the declaration.
        masters: projection -> int32, in the shape of its weights.
        squares: running variables of the rules that have one, changed in place.
        counts: population -> int64 (B, 2, n), spike counts of the trials of the batch.
        factor: factor of the learning rate schedule.
        clipped: projection -> number of updates cut by the clip range; increased in place.
        learnt: number of trials learnt before this batch, and with it.
    """
    for p in network.plastic:
        rule = p.plastic
        error = None if rule.error is None else counts[rule.error]
        pre, post, memory = counts[p.pre], counts[p.post], squares.get(p.name)
        if isinstance(p, Conv2d):
            product = p.shared(presynaptic(pre, rule.pre), postsynaptic(rule, post, error))
            added = increments(rule, product, len(pre), factor, memory)
        else:
            added = rule.increments(pre, post, error, factor, memory)
        moved = masters[p.name] + added
        inside = np.clip(moved, *clip_master(rule.clip))
        clipped[p.name] += int((moved != inside).sum())
        masters[p.name] = inside.astype(np.int32)
        if isinstance(rule, CountRule) and rule.decays(*learnt, factor):
            masters[p.name] = decayed(masters[p.name], rule.decay_bits)
