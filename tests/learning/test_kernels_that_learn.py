"""CountRule on Conv2d: a kernel entry changes by the sum over its places, as a plain loop finds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import random_convolutions as nets

from spikesim import grid
from spikesim.engines import engine
from spikesim.errors import DeclarationError
from spikesim.learning import STDP, CountRule
from spikesim.network import Network
from spikesim.neurons import IF, Source
from spikesim.spikes import from_raster
from spikesim.synapses import Conv2d, Dense, Transpose
from spikesim.window import Window

pytestmark = pytest.mark.core
SIZES: list[dict[str, Any]] = [
    {"shape": (1, 5, 4), "kernels": (2, 1, 3, 2)},
    {"shape": (2, 5, 6), "kernels": (3, 2, 2, 3), "stride": (2, 1), "padding": (1, 0)},
    {"shape": (4, 4, 3), "kernels": (6, 2, 3, 3), "stride": (1, 2), "padding": 2, "groups": 2},
    {"shape": (3, 2, 2), "kernels": (3, 1, 1, 1), "groups": 3},
]
RULES = [
    CountRule(0.01),
    CountRule(0.02, pre="all", error="e"),
    CountRule(0.05, pre="second", error="e", ceiling=3, clip=(-0.5, 0.5)),
]


@dataclass(frozen=True)
class Halving:
    """A trial rule of one's own, for dense weights."""

    clip: tuple[float, float] = (-1.0, 1.0)
    error: None = None

    def memory(self, shape: tuple[int, int]) -> None:
        return None

    def increments(self, pre: Any, post: Any, error: Any, factor: float, memory: Any) -> Any:
        return np.zeros((pre.shape[2], post.shape[2]), np.int64)

    def exceeds(self, T: int, batch: int, factor: float) -> bool:
        return False


def plainly(p: Conv2d, rule: CountRule, counts: Any, masters: Any) -> Any:
    """The masters after one trial, entry by entry and place by place, in Python's whole numbers."""
    (C, H, W), (O, R, K) = p.shape, p.out_shape
    pre = counts["in"][0].astype(int)
    x = {"first": pre[0], "second": pre[1], "all": pre[0] + pre[1]}[rule.pre].reshape(C, H, W)
    h = counts["a"][0].astype(int)
    d = counts["e"][0, 1].astype(int) if rule.error else h[1] - h[0]
    if rule.ceiling is not None:
        d = np.minimum(d, rule.ceiling - h[0])
    d, eta = d.reshape(O, R, K), round(rule.eta * 2**28)
    after, ins, outs = masters.copy(), C // p.groups, O // p.groups
    assert isinstance(p.stride, tuple) and isinstance(p.padding, tuple)
    for o, c, a, b in np.ndindex(*p.w.shape):
        total = 0
        for y, z in np.ndindex(R, K):
            row, column = y * p.stride[0] + a - p.padding[0], z * p.stride[1] + b - p.padding[1]
            if 0 <= row < H and 0 <= column < W:
                total += int(x[o // outs * ins + c, row, column]) * int(d[o, y, z])
        moved = int(masters[o, c, a, b]) + eta * total
        after[o, c, a, b] = min(max(moved, int(rule.clip[0] * 2**28)), int(rule.clip[1] * 2**28))
    return after


@pytest.mark.parametrize("name", ["naive", "stepped", "windowed"])
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("rule", RULES)
def test_an_update_is_the_sum_over_the_places(name: str, sizes: dict[str, Any], rule: CountRule) -> None:
    rs = np.random.default_rng(3)
    net = nets.one_layer(rs, rule, **dict(sizes))
    p: Any = net.projections[0]
    running = engine(net, name=name)
    moved = 0
    for label in (0, 1, 2):  # one trial after another, each from the weights of the one before
        before = running.masters[p.name].copy()
        raster = (rs.random((1, 8, net.populations["in"].n)) < 0.4).astype(np.int8)
        found = running.run({"in": from_raster(raster)}, np.array([label]), learn=True)
        expected = plainly(p, rule, found.counts, before)
        np.testing.assert_array_equal(running.masters[p.name], expected)
        moved += int((expected != before).sum())
        cut = np.isin(expected, rule.clip_master()).sum()
        assert found.clipped[p.name] <= cut
    assert moved > 2


def test_a_transpose_of_a_convolution_is_its_transposed_matrix() -> None:
    """Column by column: what a spike of one neuron brings to all outputs."""
    w = np.random.default_rng(1).integers(-8, 9, (3, 2, 2, 3)) / 8
    conv = Conv2d("in", "a", w, (2, 4, 5), stride=(1, 2), padding=(1, 0))
    n = int(np.prod(conv.out_shape))
    net = Network(
        {"in": Source(40), "a": IF(n, 64.0, 3), "b": IF(40, 64.0, 3)},
        (conv, Dense("a", "b", Transpose("in->a"), delay=1)),
    )
    matrix = np.zeros((40, n))
    for o, y, x in np.ndindex(*conv.out_shape):
        for c, a, b in np.ndindex(2, 2, 3):
            row, column = y + a - 1, 2 * x + b
            if 0 <= row < 4 and 0 <= column < 5:
                matrix[(c * 4 + row) * 5 + column, np.ravel_multi_index((o, y, x), conv.out_shape)] = w[
                    o, c, a, b
                ]
    np.testing.assert_array_equal(net.weights("a->b"), matrix.T)


def test_other_rules_on_kernels_are_refused() -> None:
    rs = np.random.default_rng(1)
    with pytest.raises(DeclarationError, match=r"in->a: a Halving changes Dense weights; only a CountRule"):
        nets.one_layer(rs, Halving(), **dict(SIZES[0]))
    conv = Conv2d("in", "a", np.ones((1, 1, 2, 2)), (1, 3, 3), plastic=STDP(0.1, 0.1, 8.0, 9.0, (-2.0, 2.0)))
    with pytest.raises(
        DeclarationError, match=r"in->a: STDP changes each synapse by itself.*use a CountRule"
    ):
        Network({"in": Source(9), "a": IF(4, 1.0, 8)}, (conv,))
    with pytest.raises(DeclarationError, match=r"in->a: weights from 1 to 1 start outside the clip range"):
        Network(
            {"in": Source(9), "a": IF(4, 1.0, 8)},
            (Conv2d("in", "a", np.ones((1, 1, 2, 2)), (1, 3, 3), plastic=CountRule(0.1, clip=(-0.5, 0.5))),),
            Window.halved(8),
        )


def test_the_places_count_in_the_proof_of_exactness() -> None:
    """eta T T B exceeds 2**62 only with the places of the kernel: 4 x 4 of them here."""
    rule = CountRule(2.0**-28)
    net = nets.one_layer(np.random.default_rng(1), rule, shape=(1, 5, 5), kernels=(1, 1, 2, 2))
    eta = 2.0 ** (62 - 28) / (16 * 16 * 8)  # T = 16: half of the limit, over a batch of 4, without places
    huge = nets.with_rule(net, eta=eta)
    inputs = {"in": from_raster(np.zeros((1, 8, 25), np.int8))}
    for name in ("naive", "stepped", "windowed"):
        with pytest.raises(DeclarationError, match="a batch of 4 at 16 places, exceeds the exact range"):
            engine(huge, name=name).run(inputs, np.array([0]), learn=True, batch=4)
        small = nets.with_rule(net, eta=eta / 16)
        engine(small, name=name).run(inputs, np.array([0]), learn=True, batch=4)


def test_the_proof_of_a_current_counts_the_synapses_of_a_kernel() -> None:
    """Nine synapses a neuron of at most 1 fit into 2**24 counts of 2**-20, and those of 17 do not."""

    def net(channels: int) -> Network:
        w = np.full((1, channels, 3, 3), 0.5)
        conv = Conv2d("in", "a", w, (channels, 8, 8), plastic=CountRule(0.1))
        return Network({"in": Source(channels * 64), "a": IF(36, 1.0, 20)}, (conv,), Window.halved(4))

    assert net(1).masters()["in->a"].shape == (1, 1, 3, 3)
    with pytest.raises(DeclarationError, match=r"a: the input in one step can reach 18874368"):
        net(2)
    assert 2 * 9 * 2**20 == 18874368


def test_masters_of_another_shape_are_refused() -> None:
    net = nets.one_layer(np.random.default_rng(1), RULES[0], **dict(SIZES[0]))
    masters = net.masters()
    with pytest.raises(DeclarationError, match="weights of another network"):
        engine(net, {"in->a": masters["in->a"][:1]})
    masters["in->a"][1, 0, 2, 1] = 2**29
    with pytest.raises(DeclarationError, match=r"weight \[1, 0, 2, 1\] is 536870912 counts"):
        engine(net, masters)
    changed = net.with_masters({"in->a": net.masters()["in->a"] // 2})
    np.testing.assert_array_equal(changed.masters()["in->a"], net.masters()["in->a"] // 2)
    assert grid.MASTER_BITS == 28
