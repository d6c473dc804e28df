"""naive, stepped and windowed agree on random convolutional networks that learn, bit for bit."""

from __future__ import annotations

import os
from collections import Counter

import numpy as np
import pytest
import random_convolutions
from random_nets import same

from spikesim.engines.naive.engine import Naive
from spikesim.engines.stepped.engine import Stepped
from spikesim.engines.windowed.convolution import (
    add_moves,
    add_spike,
    add_transposed,
    store_all,
    sum_products,
)
from spikesim.engines.windowed.engine import Windowed
from spikesim.engines.windowed.plan import LAYER, compile_plan
from spikesim.learning import CountRule

pytestmark = pytest.mark.core
NOT_COMPILED = os.environ.get("NUMBA_DISABLE_JIT") == "1"
CASES = 1 if NOT_COMPILED else 24


def compare(seed: int, seen: Counter[str]) -> None:
    """Learn one case on three engines; the windowed one twice, since it records on another path."""
    case = random_convolutions.case(seed)
    names, inputs = tuple(case.network.populations), {"in": case.spikes}
    engines = [
        Naive(case.network),
        Stepped(case.network),
        *(Windowed(case.network, threads=case.threads) for _ in range(2)),
    ]
    for record in (names, names[1:2]):  # the second run begins with learnt weights
        found = [e.run(inputs, case.labels, record, True, case.config.batch) for e in engines[:3]]  # type: ignore[attr-defined]
        bare = engines[3].run(inputs, case.labels, (), True, case.config.batch)  # type: ignore[attr-defined]
        for other in found[1:]:
            same(found[0], other)
        for name, counts in bare.counts.items():
            assert np.array_equal(found[0].counts[name], counts), name
        assert np.array_equal(found[0].predictions, bare.predictions) and found[0].clipped == bare.clipped
        for name, masters in engines[0].masters.items():
            for other in engines[1:]:
                assert np.array_equal(masters, other.masters[name]), name
        seen["clips"] += sum(bare.clipped.values())
    declared = case.network.masters()
    for k in range(1, len(case.config.conv) + 1):
        name = next((n for n in declared if n.endswith(f"->conv{k}")), "")
        seen[f"conv{k} moved"] += bool(name) and bool((engines[0].masters[name] != declared[name]).any())
        error = found[0].counts.get(f"err_conv{k}")
        seen[f"errors of conv{k}"] += 0 if error is None else int(np.abs(error).sum())
    seen["fixed kernels"] += case.config.kernels == "random"
    seen["online"] += case.config.batch == 1 and case.config.step == "plain"


def test_the_engines_agree_on_convolutions_that_learn() -> None:
    seen: Counter[str] = Counter()
    for seed in range(CASES):
        compare(seed, seen)
    if not NOT_COMPILED:
        wanted = ("conv1 moved", "conv2 moved", "errors of conv1", "errors of conv2", "clips", "online")
        assert all(seen[what] > 0 for what in (*wanted, "fixed kernels")), seen


@pytest.mark.parametrize("groups", [1, 2])
def test_the_kernels_of_the_engine_give_the_matrix_products(groups: int) -> None:
    """Currents, transposed currents and sums of products of one layer, against its matrix."""
    rs = np.random.default_rng(groups)
    net = random_convolutions.one_layer(
        rs,
        CountRule(0.01),
        shape=(4, 5, 6),
        kernels=(2 * groups, 4 // groups, 3, 2),
        stride=(2, 1),
        padding=(1, 1),
        groups=groups,
    )
    p, conv = compile_plan(net).plan.layers[1], net.projections[0]
    assert p.dtype.names == LAYER.names and p.conv == 1 and p.entries == conv.w.size
    counts = net.propagating("in->a", net.masters())
    ((_, matrix),) = conv.pieces(counts)
    w = np.zeros(2 * p.entries, np.float32)
    store_all(w, p, counts.ravel())
    by_place = np.zeros(p.n, np.float32)
    for neuron, sign in ((0, 1), (77, -1), (119, 1)):
        add_spike(by_place, 0, w, p, neuron, np.float32(sign))
    out = by_place.reshape(*conv.out_shape[1:], -1).transpose(2, 0, 1).ravel()  # type: ignore[attr-defined]
    np.testing.assert_array_equal(out, matrix[0] - matrix[77] + matrix[119])
    fired = np.array([9, 3, p.n - 1], np.int32)
    back, signs = np.zeros(120, np.float32), np.array([9, -1, 1], np.float32)
    add_transposed(back, w, p, fired, signs, 1, 2, np.zeros(120, np.float32))
    np.testing.assert_array_equal(back, matrix[:, p.n - 1] - matrix[:, 3])
    h, d = rs.integers(0, 9, 120).astype(np.int32), rs.integers(-4, 5, p.n).astype(np.int32)
    product = np.zeros(p.entries, np.int64)
    sum_products(product, p, h, d)
    np.testing.assert_array_equal(product.reshape(conv.w.shape), conv.shared(h[None], d[None]))  # type: ignore[attr-defined]
    master = np.zeros(p.entries, np.int32)
    assert add_moves(w, master, p, 3, product, -100, 100, 4) == int((np.abs(3 * product) > 100).sum())
    np.testing.assert_array_equal(master, np.clip(3 * product, -100, 100))
    expected = np.where(product != 0, np.floor(master / 16 + 0.5), counts.ravel())
    both = np.zeros(2 * p.entries, np.float32)
    store_all(both, p, expected)
    np.testing.assert_array_equal(w, both)
