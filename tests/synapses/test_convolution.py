"""Convolutions: against scipy, against loops, as matrices; shapes that do not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.signal

from spikesim.engines import simulate
from spikesim.errors import DeclarationError
from spikesim.network import Network
from spikesim.neurons import IF, ErrorIF, Source
from spikesim.spikes import from_raster
from spikesim.synapses import Conv2d, OneToOne

pytestmark = pytest.mark.core


def sums(p: Conv2d, raster: Any, name: str, signed: bool = False) -> Any:
    """What arrives in every step, (T, out channels, rows, columns): the changes of a membrane that never
    fires.
    """
    n, T = int(np.prod(p.shape)), len(raster)
    populations: dict[str, Any] = {"in": Source(n), "a": IF(int(np.prod(p.out_shape)), 1024.0, 3)}
    links: tuple[Any, ...] = (p,)
    if signed:
        populations["e"] = ErrorIF(n, 1.0, 3)
        links = (OneToOne("in", "e", -1.0), p)
    net = Network(populations, links)
    found = simulate(net, {"in": from_raster(raster[None])}, steps=T, record="a", engine=name)
    return np.diff(found.v["a"][0] / 8, axis=0, prepend=0).reshape(T, *p.out_shape)


def loops(p: Conv2d, image: Any) -> Any:
    """The equation of the module, one place after the other."""
    assert isinstance(p.stride, tuple) and isinstance(p.padding, tuple)
    C, H, W = p.shape
    out = np.zeros(p.out_shape)
    ins, outs = C // p.groups, p.out_shape[0] // p.groups
    for o, y, x in np.ndindex(*p.out_shape):
        for c, a, b in np.ndindex(*p.w.shape[1:]):
            row, column = y * p.stride[0] + a - p.padding[0], x * p.stride[1] + b - p.padding[1]
            if 0 <= row < H and 0 <= column < W:
                out[o, y, x] += p.w[o, c, a, b] * image[o // outs * ins + c, row, column]
    return out


@pytest.mark.parametrize("name", ["naive", "stepped"])
def test_a_plain_convolution_is_scipy_s(name: str) -> None:
    rs = np.random.default_rng(1)
    w = rs.integers(-8, 9, (2, 3, 3, 2)) / 8
    p = Conv2d("in", "a", w, (3, 6, 5))
    assert p.out_shape == (2, 4, 4)
    raster = (rs.random((3, 90)) < 0.5).astype(np.int8)
    found = sums(p, raster, name)
    for t in range(3):
        image = raster[t].reshape(3, 6, 5)
        for o in range(2):
            expected = sum(scipy.signal.correlate2d(image[c], w[o, c], "valid") for c in range(3))
            assert np.allclose(found[t, o], expected, rtol=0, atol=1e-9)


CASES = [  # out channels, shape, kernel, stride, padding, groups, delay
    (1, (1, 1, 1), (1, 1), 1, 0, 1, 0),
    (4, (2, 5, 4), (3, 3), 1, 1, 2, 0),
    (2, (2, 7, 6), (3, 2), (2, 3), (1, 0), 1, 2),
    (6, (3, 4, 4), (2, 2), 2, 0, 3, 1),
    (2, (1, 3, 5), (5, 1), (1, 2), (2, 3), 1, 0),
    (2, (2, 2, 2), (1, 1), 3, 2, 1, 0),
]


@pytest.mark.parametrize("name", ["naive", "stepped"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("signed", [False, True])
def test_any_convolution_is_its_loops(case: Any, name: str, signed: bool) -> None:
    out, shape, kernel, stride, padding, groups, delay = case
    rs = np.random.default_rng(2)
    w = rs.integers(-8, 9, (out, shape[0] // groups, *kernel)) / 8
    p = Conv2d("e" if signed else "in", "a", w, shape, stride, padding, groups, delay)
    raster = (rs.random((5, int(np.prod(shape)))) < 0.5).astype(np.int8)
    found = sums(p, raster, name, signed)
    assert not found[:delay].any()
    for t in range(5 - delay):
        image = raster[t].reshape(shape) * (-1 if signed else 1)
        assert np.array_equal(found[t + delay], loops(p, image))
        (late, matrix), = p.pieces(p.w)  # fmt: skip
        assert late == delay
        assert np.array_equal(image.reshape(-1) @ matrix, loops(p, image).reshape(-1))
    bound = p.reach(p.w, int(np.prod(p.out_shape)))
    assert (np.abs(p.pieces(p.w)[0][1]).sum(axis=0) <= bound).all()


GOOD: dict[str, Any] = {"w": np.ones((2, 1, 2, 2)), "shape": (1, 4, 4)}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"w": np.ones((2, 2))}, r"w has the shape \(2, 2\); \(out, in / groups, rows, columns\)"),
        ({"w": np.ones((0, 1, 2, 2))}, "w has the shape"),
        ({"shape": (4, 4)}, r"shape = \(4, 4\); \(channels, rows, columns\)"),
        ({"shape": 16}, "shape = 16"),
        ({"shape": (1, 4, 0)}, "shape = "),
        ({"w": np.ones((2, 3, 2, 2))}, "w has 3 input channels per group; 1 channels in 1 groups need 1"),
        ({"groups": 2}, "groups = 2; it must divide the 1 input and 2 output channels"),
        ({"groups": 0}, "groups = 0"),
        ({"stride": 0}, "stride = 0; whole numbers >= 1"),
        ({"stride": (1, 1.5)}, "stride = "),
        ({"padding": -1}, "padding = -1; whole numbers >= 0"),
        ({"padding": (1, 1, 1)}, "padding = "),
        (
            {"w": np.ones((2, 1, 5, 2))},
            r"a kernel of \(5, 2\) does not fit into \(4, 4\).*smaller kernel or more pad",
        ),
        ({"delay": -1}, "delay = -1"),
    ],
)
def test_what_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(DeclarationError, match=f"in->a: {said}"):
        Conv2d("in", "a", **(GOOD | change))


@pytest.mark.parametrize(
    ("n_pre", "n_post", "change", "said"),
    [
        (15, 18, {}, r"the shapes are \(1, 4, 4\) = 16 and \(2, 3, 3\) = 18 neurons; in has 15 and a has 18"),
        (16, 9, {}, "in has 16 and a has 9"),
        (16, 18, {"w": np.full((2, 1, 2, 2), 0.1)}, "w: 0.1 lies .* off the grid"),
        (16, 18, {"w": np.full((2, 1, 2, 2), np.inf)}, "w: holds inf"),
    ],
)
def test_networks_refuse_what_does_not_fit(
    n_pre: int, n_post: int, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(DeclarationError, match=said):
        Network({"in": Source(n_pre), "a": IF(n_post, 1.0, 3)}, (Conv2d("in", "a", **(GOOD | change)),))
