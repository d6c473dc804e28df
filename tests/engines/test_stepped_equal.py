"""The stepped engine learns what the naive one learns, over the networks of `random_nets` and
`random_structures`.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
import random_nets
import random_structures

from spikesim.engines import Naive, Stepped
from spikesim.tools.dev.fuzz import difference

pytestmark = pytest.mark.core
NETWORKS = 6 if os.environ.get("NUMBA_DISABLE_JIT") == "1" else 50


def compare(network: Any, spikes: Any, labels: Any, **options: Any) -> bool:
    """Learn on both engines, in two runs; whether weights have moved."""
    names = tuple(network.populations)
    naive, stepped = Naive(network), Stepped(network)
    for rows in (slice(0, 3), slice(3, None)):  # the second begins with learnt weights
        a, b = (
            e.run({"in": spikes[rows]}, labels[rows], names, learn=True, **options) for e in (naive, stepped)
        )
        assert difference(a, b, names) is None
    for kept in ("masters", "squares"):
        ours, theirs = getattr(naive, kept), getattr(stepped, kept)
        assert ours.keys() == theirs.keys()
        assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    return any((naive.masters[name] != m).any() for name, m in network.masters().items())


def test_emstdp_is_equal() -> None:
    learnt = 0
    for seed in range(1000, 1000 + NETWORKS):
        case = random_nets.case(seed)
        learnt += compare(
            case.network, case.spikes, case.labels, batch=case.config.batch, factor=0.5 if seed % 2 else 1.0
        )
    assert learnt > NETWORKS // 2


def test_any_structure_is_equal() -> None:
    learnt = 0
    for seed in range(1000, 1000 + NETWORKS):
        drawn = random_structures.structure(seed)
        learnt += compare(drawn.network, drawn.spikes, drawn.labels, batch=drawn.batch)
    assert learnt > NETWORKS // 2
