"""Random NIR nodes that fit behind a signal of a shape; for the generator of graphs of the NIR test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spikesim.tools.dev.nir_package import nir_node

Shape = tuple[int, ...]


@dataclass
class Draw:
    """Random numbers for nodes.

    Attributes:
        rs: where every choice comes from.
        exact: numbers of few bits, of which sums and products are exact in float64; else any numbers, half
            of the nodes with two decimals.
        dt: length of a step.
        batch: size of a first axis of Inputs, which nodes may have too; 0 without.
    """

    rs: np.random.Generator
    exact: bool
    dt: float
    batch: int
    rounded: bool = field(default=False, init=False)
    dtype: type = field(default=np.float32, init=False)

    def node(self) -> None:
        """Begin a node: its number format."""
        self.rounded = self.chance(0.5)
        self.dtype = np.float32 if self.chance(0.75) else np.float64

    def chance(self, p: float) -> bool:
        """True with probability p."""
        return bool(self.rs.random() < p)

    def one(self, *values: Any) -> Any:
        """One of some values."""
        return values[int(self.rs.integers(len(values)))]

    def integer(self, low: int, high: int) -> int:
        """A whole number from low to high."""
        return int(self.rs.integers(low, high + 1))

    def reals(self, low: float, high: float, size: Shape = ()) -> Any:
        """Numbers from low to high: eighths, two decimals, or any."""
        x = self.rs.uniform(low, high, size)
        return np.round(x * 8) / 8 if self.exact else np.round(x, 2) if self.rounded else x

    def stored(self, x: Any) -> Any:
        """Numbers as an array of the node's type; whole ones seldom as whole numbers."""
        x = np.asarray(x, np.float64)
        whole = self.exact and x.ndim and np.all(x == np.round(x)) and self.chance(0.1)
        return x.astype(np.int64 if whole else self.dtype)

    def weights(self, *size: int) -> Any:
        """Weights, of which some nodes leave out a part."""
        w = self.reals(-0.75, 1.25, size)
        return self.stored(np.where(self.rs.random(size) < self.one(0.0, 0.0, 0.4), 0.0, w))

    def bias(self, n: int) -> Any:
        """Biases; of a third of the nodes zeros."""
        return self.stored(np.zeros(n) if self.chance(0.35) else self.reals(-0.25, 0.35, (n,)))


LAYOUTS = ("each", "each", "channel", "thin channel", "uniform", "scalar", "one")


@dataclass(frozen=True)
class Layout:
    """How the parameters of a node of a shape are spread: neuron by neuron, channel by channel, or one."""

    draw: Draw
    shape: Shape
    name: str

    def __call__(self, value: Callable[[Shape], Any]) -> Any:
        """An array of what a function draws for a shape."""
        core: dict[str, Shape] = {
            "each": self.shape,
            "channel": (self.shape[0],) + (1,) * (len(self.shape) - 1),
            "thin channel": (self.shape[0],) + (1,) * (len(self.shape) - 1),
            "uniform": (),
            "scalar": (),
            "one": (1,),
        }
        x = np.asarray(value(core[self.name]))
        x = np.broadcast_to(x, self.shape) if self.name in ("channel", "uniform") else x
        lead = self.draw.batch and self.name not in ("scalar", "one") and len(self.shape) > 1
        return self.draw.stored(np.array(x[None] if lead else x))

    def spread(self, each: Any, reduce: Callable[..., Any] = np.max) -> Any:
        """One number for each value that this layout holds, out of one for each neuron."""
        each = np.reshape(each, self.shape)
        if self.name == "each":
            return each
        if self.name in ("channel", "thin channel"):
            return reduce(each, axis=tuple(range(1, len(self.shape))), keepdims=True)
        return reduce(each).reshape((1,) if self.name == "one" else ())


def layout(draw: Draw, shape: Shape) -> Layout:
    """A layout of parameters for neurons of a shape."""
    return Layout(draw, shape, str(draw.one(*LAYOUTS)))


def linear(draw: Draw, shape: Shape) -> Any:
    """A linear node without a delay, behind a signal of a shape."""
    draw.node()
    kinds: dict[int, tuple[Callable[[Draw, Shape], Any], ...]] = {
        1: (_affine, _affine, _matrix, _matrix, _scale),
        2: (_conv1d, _conv1d, _scale, _flatten, _rows),
        3: (_conv2d, _conv2d, _pool, _pool, _scale, _flatten, _flatten),
    }
    return draw.one(*kinds[len(shape)])(draw, shape)


def first(draw: Draw, shape: Shape) -> Any:
    """A linear node whose weights tell the shape of what it is given."""
    draw.node()
    return {1: _affine, 2: _conv1d, 3: _conv2d}[len(shape)](draw, shape)


def delay(draw: Draw, shape: Shape) -> Any:
    """A Delay of 0 to 4 steps: one for all, or element by element; seldom of a fraction of a step."""
    draw.node()
    low = draw.one(0, 1, 1)
    steps = layout(draw, shape)(lambda size: draw.rs.integers(low, 5, size))
    off = draw.one(0.25, -0.25) if draw.chance(0.01) else 0.0
    return nir_node("Delay", draw.stored(np.maximum(steps + off, 0) * draw.dt))


def _matrix(draw: Draw, shape: Shape) -> Any:
    return nir_node("Linear", draw.weights(draw.integer(1, 7), shape[0]))


def _affine(draw: Draw, shape: Shape) -> Any:
    m = draw.integer(1, 7)
    return nir_node("Affine", draw.weights(m, shape[0]), draw.bias(m))


def _rows(draw: Draw, shape: Shape) -> Any:
    """A matrix for each row of a two-dimensional signal; or, mostly, the rows made one."""
    if draw.chance(0.8):
        return _flatten(draw, shape)
    m = draw.integer(1, 4)
    return nir_node("Linear", draw.weights(shape[0], m, shape[1]))


def _scale(draw: Draw, shape: Shape) -> Any:
    sizes = [shape, shape, (), (1,), (shape[0],) + (1,) * (len(shape) - 1), shape[-1:]]
    return nir_node("Scale", draw.weights(*draw.one(*sizes)))


def _flatten(draw: Draw, shape: Shape) -> Any:
    lead = (draw.one(1, draw.batch),) if draw.batch else ()
    start, end = len(lead), draw.one(-1, len(lead) + len(shape) - 1)
    if len(shape) == 3 and draw.chance(0.15):
        start, end = draw.one((start, start + 1), (start + 1, -1))
    return nir_node("Flatten", {"input": np.array([*lead, *shape])}, start, end)


def _groups(draw: Draw, channels: int) -> int:
    return int(draw.one(1, 1, channels, *[g for g in range(1, channels + 1) if channels % g == 0]))


def _conv1d(draw: Draw, shape: Shape) -> Any:
    groups, k = _groups(draw, shape[0]), draw.integer(1, min(3, shape[1]))
    out = groups * draw.integer(1, 2)
    dilation = draw.integer(1, 2) if (k - 1) * 2 < shape[1] else 1
    padding, stride = draw.one("same", "valid", 0, 1, 2), draw.integer(1, 2)
    weight = draw.weights(out, shape[0] // groups, k)
    stride = 1 if padding == "same" else stride
    return nir_node("Conv1d", shape[1], weight, stride, padding, dilation, groups, draw.bias(out))


def _conv2d(draw: Draw, shape: Shape) -> Any:
    groups = _groups(draw, shape[0])
    out = groups * draw.integer(1, 2)
    square = draw.chance(0.5)
    k = [draw.integer(1, min(3, n)) for n in shape[1:]]
    k = [min(k)] * 2 if square else k
    twice = draw.chance(0.3) and all((n - 1) * 2 < size for n, size in zip(k, shape[1:], strict=True))
    dilation: Any = 2 if twice else draw.one(1, (1, 1))
    padding: Any = draw.one("same", "valid", 0, 1, (0, 1), (2, 1))
    stride: Any = 1 if padding == "same" else draw.one(1, 1, 2, (1, 2))
    weight = draw.weights(out, shape[0] // groups, *k)
    return nir_node("Conv2d", shape[1:], weight, stride, padding, dilation, groups, draw.bias(out))


def _pool(draw: Draw, shape: Shape) -> Any:
    k = [draw.integer(1, min(3, n)) for n in shape[1:]]
    k = [min(k)] * 2 if draw.chance(0.6) else k
    stride, pad = draw.one(k, [1, 1], [2, 1]), [draw.integer(0, n // 2) for n in k]
    thin = len({*k}) == len({*stride}) == len({*pad}) == 1 and draw.chance(0.3)
    made = [np.array(x[0] if thin else x) for x in (k, stride, pad)]
    if draw.exact and any(n & (n - 1) for n in k):
        return nir_node("SumPool2d", *made)
    return nir_node(draw.one("SumPool2d", "AvgPool2d"), *made)
