"""The count rule over a batch, projection by projection: what `naive` and `stepped` learn with."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from spikesim.learning.counts import CountRule, increments, presynaptic
from spikesim.network import Masters, Network

Ints = npt.NDArray[np.int64]


def learn_from_counts(
    network: Network,
    masters: Masters,
    squares: Mapping[str, npt.NDArray[np.float64]],
    counts: Mapping[str, Ints],
    factor: float,
    clipped: dict[str, int],
) -> None:
    """Change the masters in place, by the rule of each plastic projection.

    Args:
        network: the declaration.
        masters: projection -> int32 (n_pre, n_post).
        squares: running mean squares of normalised steps, changed in place.
        counts: population -> int64 (B, 2, n), of the presentations of the batch.
        factor: of the step size's schedule.
        clipped: projection -> updates that the clip range cut; added to.
    """
    for p in network.plastic:
        rule = p.plastic
        assert isinstance(rule, CountRule)
        pre, post = counts[p.pre], counts[p.post]
        product = presynaptic(pre, rule.pre).T @ (post[:, 1] - post[:, 0])
        added = increments(rule, product, len(pre), factor, squares.get(p.name))
        moved = masters[p.name] + added
        inside = np.clip(moved, *rule.clip_master())
        clipped[p.name] += int((moved != inside).sum())
        masters[p.name] = inside.astype(np.int32)
