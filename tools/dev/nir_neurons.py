"""Random NIR neurons that fit behind a signal, with thresholds that they reach; for the generator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from spikesim.tools.dev.nir_nodes import Draw, Layout, Shape, layout
from spikesim.tools.dev.nir_package import nir_node


@dataclass(frozen=True)
class Cell:
    """A neuron whose threshold is not set yet.

    Attributes:
        kind: name of its node.
        spread: layout of its parameters.
        numbers: what it has beside levels (leak, reset, threshold).
    """

    kind: str
    spread: Layout
    numbers: dict[str, Any]

    @property
    def levels(self) -> tuple[str, ...]:
        """Its parameters in the unit of the membrane."""
        return {
            "I": (),
            "LI": ("v_leak",),
            "CubaLI": ("v_leak",),
            "IF": ("v_reset", "v_threshold"),
            "LIF": ("v_leak", "v_reset", "v_threshold"),
            "CubaLIF": ("v_leak", "v_reset", "v_threshold"),
            "Threshold": ("threshold",),
        }[self.kind]

    def node(self, **levels: Any) -> Any:
        """The node with some levels; those not named are 0, a threshold out of reach."""
        like = self.spread(lambda size: np.zeros(size))
        given = {name: like + (1e30 if "threshold" in name else 0) for name in self.levels}
        return nir_node(self.kind, **self.numbers, **{**given, **levels})


def cell(draw: Draw, shape: Shape, kind: str) -> Cell:
    """A neuron of a kind behind a signal of a shape: time constants, resistances and input weights."""
    draw.node()
    spread = layout(draw, shape)
    dt, numbers = draw.dt, {}

    def tau(size: Shape) -> Any:
        few = draw.rs.choice([1.0, 2.0, 4.0], size, p=[0.15, 0.45, 0.4])
        return dt * (few if draw.exact else draw.reals(1.5, 20, size))

    def r(size: Shape) -> Any:
        sign = -1 if draw.chance(0.03) else 1
        unit = 1 / dt if kind in ("I", "IF") else 1.0
        return sign * unit * draw.reals(0.5, 3, size)

    if kind != "Threshold":
        numbers["r"] = spread(r)
    if kind in ("LI", "LIF"):
        numbers["tau"] = spread(tau)
    if kind in ("CubaLI", "CubaLIF"):
        numbers.update(tau_mem=spread(tau), tau_syn=spread(tau))
        numbers["w_in"] = spread(lambda s: np.ones(s) if draw.chance(0.5) else draw.reals(0.25, 2, s))
    return Cell(kind, spread, numbers)


def levels(draw: Draw, made: Cell, free: Any) -> dict[str, Any]:
    """Leak, reset and threshold of a neuron at which it fires.

    Args:
        made: the neuron.
        free: (T, *shape), its membrane (or, for a Threshold, its input) without a threshold.
    """
    top = free.max(axis=0)
    size = float(np.abs(free).max()) or 1.0
    top = np.where(top > 0, top, size)
    grid = 2.0 ** (np.floor(np.log2(size)) - 4)

    def stored(x: Any) -> Any:
        step = grid if draw.exact else 0.01 if draw.rounded and size > 0.5 else 0.0
        return draw.stored(np.round(x / step) * step if step else x)

    like = made.spread.spread(np.zeros(top.shape))
    highest = made.spread.spread(top, np.min)
    threshold = highest * draw.rs.uniform(0.1, 0.7, like.shape)
    if draw.exact and draw.chance(0.5):  # one that is met
        met = np.unique(np.abs(free[free != 0])) if np.any(free) else np.array([size])
        threshold = np.where(draw.rs.random(like.shape) < 0.5, draw.rs.choice(met), threshold)
    if draw.chance(0.1):
        threshold = draw.one(0.0 if draw.exact else -0.15, -0.3) * size + 0 * threshold
    lower = draw.rs.uniform(-0.6, 0.4, like.shape) * size
    reset = np.minimum(lower, threshold - size / 8) if draw.chance(0.95) else lower
    reset = reset if draw.chance(0.45) or (np.any(threshold <= 0) and draw.chance(0.8)) else 0 * reset
    leak = draw.rs.uniform(-0.4, 0.5, like.shape) * size * draw.chance(0.45)
    known = {"v_leak": leak, "v_reset": reset, "v_threshold": threshold, "threshold": threshold}
    node = made.node()
    shapes = {name: vars(node)[name].shape for name in made.levels}
    return {name: np.array(np.broadcast_to(stored(known[name]), shape)) for name, shape in shapes.items()}
