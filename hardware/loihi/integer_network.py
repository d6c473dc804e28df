"""A network in Loihi's integers: made by the compiler, run by the emulator, written by the Lava exporter.

One step of a neuron (Davies et al. 2018; the stock fixed-point LIF of Lava), all in integers:

    a    = sum over projections of (sum of W over the spikes that arrive) << weight_exp   (>> where negative)
    u    = cut(u (4096 - du) / 4096) + (a << 6)          24 bits, wraps
    v    = cut(v (4096 - dv) / 4096) + u + (bias_mant << bias_exp)    24 bits, saturates
    s    = v > (vth << 6);  v = 0 where s = 1;  then v is held for `refractory` steps

cut() truncates towards zero. `scale` is the number of units of u and v in one count of the network's grid.
Parameters are arrays over the neurons, as the chip's compartments hold them, through profiles of their core.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from spikesim.network import Network

Ints = npt.NDArray[np.int64]
SignMode = Literal["mixed", "excitatory", "inhibitory"]
Kind = Literal["dense", "one_to_one", "sparse", "conv"]
SHIFT = 6  # of synaptic input and threshold
UNITY = 4096  # of decays
TOP = 2**23  # u wraps beyond it, v saturates one below


def _none() -> Ints:
    """No neurons: the parameters of an input."""
    return np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class IntegerPopulation:
    """A population in the chip's integers.

    Attributes:
        name, n: as declared.
        start: the chip's step at which the population's own window begins (0 for the input), in its initial
            state.
        source: whether its spikes are given from outside; then the other attributes are empty.
        scale: units of u and v in a count of the declared grid: 64, or 1 where something leaks.
        bias_exp: 0 .. 7, of all neurons.
        vth: threshold mantissas, int64 (n,); fires at v > vth << 6.
        du, dv: decays, int64 (n,), 0 .. 4096 in effect (Lava adds 1 to the du that it is given).
        bias_mant: int64 (n,).
        refractory: steps after a spike in which v is held, int64 (n,).
        floored: bool (n,), neurons whose declared floor is the chip's own saturation: there it is expected.
        v_start, u_start: membrane and current at the start of a trial, in units, int64 (n,).
    """

    name: str
    n: int
    start: int = 0
    source: bool = True
    scale: int = 64
    bias_exp: int = 0
    vth: Ints = field(default_factory=_none)
    du: Ints = field(default_factory=_none)
    dv: Ints = field(default_factory=_none)
    bias_mant: Ints = field(default_factory=_none)
    refractory: Ints = field(default_factory=_none)
    floored: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    v_start: Ints = field(default_factory=_none)
    u_start: Ints = field(default_factory=_none)

    @property
    def bias(self) -> Ints:
        """The bias in units of v, int64 (n,); empty for a source."""
        return self.bias_mant << self.bias_exp


@dataclass(frozen=True, eq=False)
class IntegerProjection:
    """A projection in the chip's integers.

    Attributes:
        name, pre, post: as declared.
        kind: "dense", "one_to_one", "sparse" or "conv".
        weights: int32, in the declared shape: (n_pre, n_post), (), (n_synapses,) or (out, in, rows, columns).
        weight_exp: the sum of a step is shifted by it.
        sign_mode: "mixed" (even weights, -256 .. 254), "excitatory" (0 .. 255), "inhibitory" (-255 .. 0).
        delay: steps on the chip, at least 1.
        declared: the declared projection (for `shape`, `stride`, ... of a convolution).
        indptr, indices: of a sparse one, int64 (n_pre + 1,) and int32 (n_synapses,).
        clipped: weights that did not fit and were clipped or floored (0 unless asked for).
    """

    name: str
    pre: str
    post: str
    kind: Kind
    weights: npt.NDArray[np.int32]
    weight_exp: int
    sign_mode: SignMode
    delay: int
    declared: Any
    indptr: Ints | None = None
    indices: npt.NDArray[np.int32] | None = None
    clipped: int = 0


@dataclass(frozen=True, eq=False)
class IntegerNetwork:
    """A network in the chip's integers.

    Attributes:
        declared: the network.
        populations: name -> IntegerPopulation, in the declared order.
        projections: every delay at least 1.
    """

    declared: Network
    populations: Mapping[str, IntegerPopulation]
    projections: tuple[IntegerProjection, ...]

    @property
    def T(self) -> int:
        """Steps of a population's own window."""
        return self.declared.window.T

    @property
    def steps(self) -> int:
        """Steps of a trial on the chip: T, plus the start of the last population."""
        return self.T + max(p.start for p in self.populations.values())

    @property
    def layered(self) -> bool:
        """Whether every spike arrives at the step of the receiver's window at which it was sent: then trials
        can follow each other every T steps, with each population reset at its `start`.
        """
        start = {name: p.start for name, p in self.populations.items()}
        return all(start[p.pre] + p.delay == start[p.post] for p in self.projections)

    @cached_property
    def rows(self) -> Mapping[str, tuple[Ints, npt.NDArray[np.int32], npt.NDArray[np.int32]]]:
        """projection -> its synapses by presynaptic neuron: indptr, indices, weights (zeros left out)."""
        size = {name: p.n for name, p in self.populations.items()}
        return {p.name: _rows(p, size[p.pre], size[p.post]) for p in self.projections}

    def matrix(self, projection: IntegerProjection) -> npt.NDArray[np.int32]:
        """The weight matrix of a projection, int32 (n_pre, n_post)."""
        n_pre, n_post = self.populations[projection.pre].n, self.populations[projection.post].n
        if projection.kind == "dense":
            return projection.weights
        indptr, indices, weights = self.rows[projection.name]
        out = np.zeros((n_pre, n_post), np.int32)
        np.add.at(out, (np.repeat(np.arange(n_pre), np.diff(indptr)), indices), weights)
        return out


@dataclass(frozen=True)
class Reach:
    """Bounds of a population's state for any input, in units of u and v.

    Attributes:
        population: its name.
        u_low, u_high: of the current, from each neuron's weights; the outermost neuron.
        v_low, v_high: of the membrane before it fires, over the whole window.
        may_wrap: number of neurons whose current can leave 24 bits.
        may_saturate: number of neurons whose membrane can.
    """

    population: str
    u_low: int
    u_high: int
    v_low: int
    v_high: int
    may_wrap: int
    may_saturate: int


def reach(chip: IntegerNetwork) -> tuple[Reach, ...]:
    """The bounds of every population that integrates, from sums over each neuron's weights."""
    return tuple(_reach(chip, p) for p in chip.populations.values() if not p.source)


def _reach(chip: IntegerNetwork, population: IntegerPopulation) -> Reach:
    low, high = np.zeros(population.n, np.int64), np.zeros(population.n, np.int64)
    for p in chip.projections:
        if p.post != population.name:
            continue
        _, indices, weights = chip.rows[p.name]
        for total, part in ((low, np.minimum(weights, 0)), (high, np.maximum(weights, 0))):
            summed = np.zeros(population.n, np.int64)
            np.add.at(summed, indices, part.astype(np.int64))
            total += shifted(summed, p.weight_exp) << SHIFT
    lasting = _lasting(population.du, chip.T)
    low = low * lasting + np.minimum(population.u_start, 0)
    high = high * lasting + np.maximum(population.u_start, 0)
    bias, leak = population.bias, _lasting(population.dv, chip.T)
    v_low = np.minimum(low + bias, 0) * leak + np.minimum(population.v_start, 0)
    v_high = np.minimum(
        np.maximum(high + bias, 0) * leak + np.maximum(population.v_start, 0),
        np.maximum(population.vth << SHIFT, population.v_start) + np.maximum(high + bias, 0),
    )
    wraps = (high > TOP) | (low <= -TOP)
    saturates = (v_high > TOP - 1) | (v_low < 1 - TOP)
    return Reach(
        population.name,
        u_low=int(low.min()),
        u_high=int(high.max()),
        v_low=int(v_low.min()),
        v_high=int(v_high.max()),
        may_wrap=int(wraps.sum()),
        may_saturate=int(saturates.sum()),
    )


def _lasting(decay: Ints, T: int) -> Ints:
    """Number of steps whose input is present at once, int64 (n,): T without a decay, 1 with a full one."""
    steps = np.where(decay == 0, T, -(-UNITY // np.maximum(decay, 1)))
    return np.minimum(steps, T)


def shifted(total: Ints, exponent: int) -> Ints:
    """A sum of weights shifted by a projection's exponent; a right shift floors."""
    return total << exponent if exponent >= 0 else total >> -exponent


def _rows(
    p: IntegerProjection, n_pre: int, n_post: int
) -> tuple[Ints, npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    if p.kind == "sparse":
        assert p.indptr is not None and p.indices is not None
        return p.indptr, p.indices, np.broadcast_to(p.weights, p.indices.shape).astype(np.int32)
    if p.kind == "one_to_one":
        each = np.broadcast_to(p.weights, (n_pre,)).astype(np.int32)
        return np.arange(n_pre + 1, dtype=np.int64), np.arange(n_pre, dtype=np.int32), each
    if p.kind == "conv":
        pre, post, w, _ = p.declared.edges(p.weights)
    else:
        pre, post = np.nonzero(p.weights)
        w = p.weights[pre, post]
    order = np.argsort(pre, kind="stable")
    counts = np.bincount(pre, minlength=n_pre)
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    return indptr, post[order].astype(np.int32), w[order].astype(np.int32)
