"""Random networks declared by hand, a function of a seed: what a builder of EMSTDP never wires.

Delays of each projection, declared clocks, a loss on any layer, feedback from any error population before,
gates, layers that do not learn, a split anywhere, and a readout of any layer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim import grid
from spikesim.learning import CountRule
from spikesim.network import Network, Projection, Readout
from spikesim.neurons import IF, ErrorIF, Source, Target
from spikesim.spikes import Spikes, from_raster
from spikesim.synapses import Dense, OneToOne, Transpose
from spikesim.window import Window

PRESENTATIONS = 6


@dataclass(frozen=True)
class Structure:
    """A network, what it is shown, and how it learns."""

    network: Network
    spikes: Spikes
    labels: npt.NDArray[np.int64]
    batch: int
    threads: int


@dataclass
class Draw:
    """A network in the making.

    Attributes:
        rs: where every choice comes from.
        sizes: neurons of the input and of each layer.
        bits: grid of every population.
        tidy: the input is replayed and every layer cleared at the split, so that the second phase may repeat
            the first.
        strange: populations may have clocks of their own.
    """

    rs: np.random.Generator
    sizes: list[int]
    bits: int
    tidy: bool
    strange: bool
    populations: dict[str, Any] = field(default_factory=dict)
    projections: list[Projection] = field(default_factory=list)

    def chance(self, p: float) -> bool:
        return bool(self.rs.random() < p)

    def one_of(self, *choices: Any) -> Any:
        return choices[int(self.rs.integers(len(choices)))]

    def count(self, low: int, high: int) -> int:
        """A whole number in [low, high]."""
        return int(self.rs.integers(low, high + 1))

    def positive(self, largest: float) -> float:
        """A number on the grid, at least one step."""
        return self.count(1, int(largest * 2**self.bits)) * 2.0**-self.bits

    def clock(self, latest: int) -> int | None:
        return self.count(0, latest) if self.strange and self.chance(0.25) else None


def structure(seed: int, largest: int = 12) -> Structure:
    """The structure of a seed; one in four has layers of up to `largest` neurons."""
    rs = np.random.default_rng([seed, 7])
    top = largest if rs.random() < 0.25 else 12
    sizes = [int(n) for n in rs.integers(1, top + 1, rs.integers(2, 5))]
    d = Draw(rs, sizes, int(rs.integers(3, 10)), tidy=bool(rs.random() < 0.7), strange=bool(rs.integers(2)))
    first = d.count(2, 12)
    T = 2 * first if d.chance(0.7) else first + d.count(1, first)
    replay = d.tidy or d.chance(0.5)
    d.populations["in"] = Source(sizes[0], replay, d.clock(2))
    for layer in range(1, len(sizes)):
        add_layer(d, layer)
    loss = d.one_of(len(sizes) - 1, d.count(1, len(sizes) - 1))
    add_errors(d, loss)
    span = d.one_of("first", "first", "second", "all")
    readout = Readout(f"l{d.count(1, len(sizes) - 1)}", span) if d.chance(0.9) else None
    network = Network(d.populations, tuple(d.projections), Window(T, first), readout)
    shape = (PRESENTATIONS, first if replay else T, sizes[0])
    spikes = from_raster((rs.random(shape) < rs.uniform(0.05, 0.9)).astype(np.int8))
    labels = rs.integers(0, sizes[loss], PRESENTATIONS)
    return Structure(network, spikes, labels, d.one_of(1, 1, 3), d.count(1, 2))


def add_layer(d: Draw, layer: int) -> None:
    """A layer and the projection into it."""
    n_pre, n = d.sizes[layer - 1], d.sizes[layer]
    bias = d.rs.normal(0, 0.1, n if d.chance(0.5) else 1) * d.chance(0.4)
    bias = grid.rounded(bias, d.bits).tolist()
    d.populations[f"l{layer}"] = IF(
        n,
        d.positive(2.0),
        d.bits,
        bias=tuple(bias) if len(bias) == n else bias[0],
        floor=-d.positive(2.0) if d.chance(0.5) else None,
        reset=d.one_of("zero", "subtract"),
        reset_at=("start", "split") if d.tidy or d.chance(0.5) else ("start",),
        offset=d.clock(4) if layer > 1 else None,
    )
    w = np.clip(d.rs.normal(0.1, 1 / np.sqrt(n_pre), (n_pre, n)), -2, 2)
    low, high = -d.rs.uniform(2, 2.5), d.rs.uniform(2, 2.5)
    every = d.one_of(None, None, 3, 4)
    rule = CountRule(
        d.rs.uniform(0.001, 0.05), d.one_of("first", "second", "all"), (low, high), decay_every=every
    )
    plastic = d.chance(0.85)
    w = grid.rounded(w, grid.MASTER_BITS if plastic else d.bits)
    pre = "in" if layer == 1 else f"l{layer - 1}"
    d.projections.append(Dense(pre, f"l{layer}", w, d.one_of(0, 0, 1, 2), rule if plastic else None))


def add_errors(d: Draw, loss: int) -> None:
    """A target, the loss of a layer, and error populations of some of the others."""
    n = d.sizes[loss]
    d.populations["target"] = Target(n, d.rs.uniform(0.1, 1), d.clock(3))
    add_error(d, loss)
    sign = -1 if d.chance(0.8) else 1
    d.projections.append(OneToOne("target", f"e{loss}", d.positive(2.0), d.count(0, 2)))
    d.projections.append(OneToOne(f"l{loss}", f"e{loss}", sign * d.positive(2.0), d.count(0, 2)))
    known = [loss]
    for layer in reversed(range(1, len(d.sizes))):
        if layer == loss or d.chance(0.2):
            continue
        add_error(d, layer)
        above = d.one_of(*known)
        w: Any = Transpose(f"l{layer}->l{above}")
        if above != layer + 1 or d.chance(0.4):
            w = grid.rounded(d.rs.normal(0, 0.6, (d.sizes[above], d.sizes[layer])), d.bits)
        d.projections.append(Dense(f"e{above}", f"e{layer}", w, d.one_of(0, 1, 1, 2)))
        known.append(layer)
    for layer in known:
        if d.chance(0.9):
            d.projections.append(OneToOne(f"e{layer}", f"l{layer}", d.positive(2.0), d.count(1, 3)))


def add_error(d: Draw, layer: int) -> None:
    d.populations[f"e{layer}"] = ErrorIF(
        d.sizes[layer],
        d.positive(2.0),
        d.bits,
        d.one_of("ternary", "pair"),
        active_in="second",
        gate_by=(gate := f"l{layer}" if d.chance(0.4) else None),
        offset=d.clock(9),
        gate_below=d.count(2, 6) if gate and d.chance(0.4) else None,
    )
