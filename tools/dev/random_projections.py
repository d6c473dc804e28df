"""Random projections on the grid: the part of `random_networks` that connects populations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim import grid
from spikesim.learning import CountRule
from spikesim.network import Projection
from spikesim.network.scheduling import is_source
from spikesim.synapses import Conv2d, Dense, OneToOne, Sparse, Transpose
from spikesim.window import Window

Shape = tuple[int, int, int]
CLIP = 4.0  # of weights that learn


@dataclass
class Draw:
    """A network in the making.

    Attributes:
        rs: where every choice comes from.
        largest: neurons of a population.
        longest_delay: steps, of a projection.
        bits: a grid that populations may share.
        shapes: population that integrates -> (channels, rows, columns).
        window: of a network with presentations, else None.
    """

    rs: np.random.Generator
    largest: int
    longest_delay: int
    bits: int = 0
    populations: dict[str, Any] = field(default_factory=dict)
    projections: list[Projection] = field(default_factory=list)
    shapes: dict[str, Shape] = field(default_factory=dict)
    window: Window | None = None

    def __post_init__(self) -> None:
        self.bits = self.count(0, 12)

    def chance(self, p: float) -> bool:
        """True with probability p."""
        return bool(self.rs.random() < p)

    def one_of(self, *choices: Any) -> Any:
        """One of the choices."""
        return choices[int(self.rs.integers(len(choices)))]

    def count(self, low: int, high: int) -> int:
        """A whole number in [low, high]."""
        return int(self.rs.integers(low, high + 1))

    def clock(self, p: float) -> int | None:
        """A declared offset with probability p."""
        return self.count(0, 4) if self.chance(p) else None

    def shuffled(self) -> dict[str, Any]:
        """The populations in any order of declaration."""
        names = list(self.populations)
        return {names[k]: self.populations[names[k]] for k in self.rs.permutation(len(names))}

    def shape_of(self, name: str) -> Shape:
        """The shape of a population; senders are a line."""
        return self.shapes.get(name, (1, 1, self.populations[name].n))

    def new_shape(self, before: tuple[str, ...]) -> Shape:
        """A line, a plane, or what a convolution of an earlier population gives."""
        kind = self.count(0, 3)
        if kind == 0:
            channels, rows, columns = self.count(1, 2), self.count(1, 3), self.count(1, 3)
            return channels, rows, columns
        if kind == 1:
            return self.shape_of(self.one_of(*before))
        return 1, 1, self.count(1, self.largest)


def connect(d: Draw, pre: str, post: str, delay: int) -> None:
    """One projection of a kind that fits both populations."""
    options: dict[str, Any] = {"delay": delay, "name": f"{pre}->{post} {len(d.projections)}"}
    if receptors := d.populations[post].description.receptors:
        options["receptor"] = d.one_of(None, *receptors)
    if (mirrored := _transposable(d, pre, post)) and d.chance(0.6):
        d.projections.append(Dense(pre, post, Transpose(d.one_of(*mirrored)), **options))
        return
    kinds = [_dense, _sparse, _convolution]
    if d.populations[pre].n == d.populations[post].n:
        kinds.append(_one_to_one)
    d.projections.append(d.one_of(*kinds)(d, pre, post, options))


def _transposable(d: Draw, pre: str, post: str) -> list[str]:
    """The dense projections from `post` to `pre`, if both are on one grid."""
    if is_source(d.populations[pre]) or d.populations[pre].grid != d.populations[post].grid:
        return []
    dense = [p for p in d.projections if isinstance(p, Dense) and p.follows is None]
    return [p.name for p in dense if (p.pre, p.post) == (post, pre)]


def scale_of(population: Any) -> float:
    """What the weights into a population are measured by: its threshold, or the mean of them."""
    return float(np.mean(population.theta))


def on_grid(values: Any, bits: int | None) -> Any:
    """Values rounded to a grid; as they are without one."""
    return np.asarray(values, np.float64) if bits is None else grid.rounded(values, bits)


def weights(d: Draw, shape: tuple[int, ...], post: str, fan_in: float) -> npt.NDArray[np.float64]:
    """Weights of the scale of the threshold, on the grid of `post`."""
    p = d.populations[post]
    mean, spread = d.rs.uniform(0.1, 1.2), d.rs.uniform(0.2, 1.2)
    return on_grid(d.rs.normal(mean, spread, shape) * scale_of(p) / np.sqrt(fan_in), p.grid)


def _dense(d: Draw, pre: str, post: str, options: dict[str, Any]) -> Projection:
    n_pre, n_post = d.populations[pre].n, d.populations[post].n
    bits = d.populations[post].grid
    w = weights(d, (n_pre, n_post), post, n_pre)
    if d.window is None or not (np.abs(w) < CLIP).all() or d.chance(0.4):
        return Dense(pre, post, w, **options)
    span: Any = d.one_of("first", "second", "all") if d.window.split is not None else "first"
    low, high = -d.rs.uniform(CLIP, CLIP + 1), d.rs.uniform(CLIP, CLIP + 1)
    every = d.one_of(None, None, 1, 3)
    rule = CountRule(
        d.rs.uniform(0.001, 0.1), span, (low, high), decay_every=every, decay_bits=d.count(1, 12)
    )
    w = np.clip(w + d.rs.uniform(-0.5, 0.5, w.shape) * 2.0**-bits, -CLIP, CLIP)
    return Dense(pre, post, grid.rounded(w, grid.MASTER_BITS), plastic=rule, **options)


def _sparse(d: Draw, pre: str, post: str, options: dict[str, Any]) -> Projection:
    """Single synapses, several between two neurons too, some neurons without any."""
    n_pre, n_post = d.populations[pre].n, d.populations[post].n
    counts = d.rs.integers(0, 2 * n_post, n_pre)
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    n = int(indptr[-1])
    w: Any = weights(d, (n,), post, n_post)
    kind = d.count(0, 2)
    if kind == 0:
        w = float(weights(d, (1,), post, n_post)[0])
    elif kind == 1:
        w = w.astype(np.float32)
    delays = d.rs.integers(0, d.longest_delay + 1, n).astype(np.uint16) if d.chance(0.5) else None
    indices = d.rs.integers(0, n_post, n).astype(np.int32)
    return Sparse(pre, post, indptr, indices, w, delays=delays, **options)


def _one_to_one(d: Draw, pre: str, post: str, options: dict[str, Any]) -> Projection:
    return OneToOne(pre, post, float(weights(d, (1,), post, 1)[0]), **options)


def _convolution(d: Draw, pre: str, post: str, options: dict[str, Any]) -> Projection:
    """A convolution whose output has the shape of `post`, or dense weights where none fits."""
    (C, H, W), (O, Y, X) = d.shape_of(pre), d.shape_of(post)
    rows, columns = _along(d, H, Y), _along(d, W, X)
    if rows is None or columns is None:
        return _dense(d, pre, post, options)
    groups = d.one_of(*(g for g in range(1, min(C, O) + 1) if C % g == 0 and O % g == 0))
    shape = (O, C // groups, rows[0], columns[0])
    return Conv2d(
        pre,
        post,
        weights(d, shape, post, C // groups * rows[0] * columns[0]),
        (C, H, W),
        (rows[1], columns[1]),
        (rows[2], columns[2]),
        groups,
        **options,
    )


def _along(d: Draw, size: int, out: int) -> tuple[int, int, int] | None:
    """(kernel, stride, padding) that lead from `size` to `out` places; None where no small ones do."""
    found = [
        (k, stride, padding)
        for k in range(1, 4)
        for stride in range(1, 4)
        for padding in range(3)
        if size + 2 * padding >= k and (size + 2 * padding - k) // stride + 1 == out
    ]
    return d.one_of(*found) if found else None
