"""The discrete-time integrate-and-fire neuron without a leak (Shrestha 2019, eq. 1).

integrate   v(t) = max(v(t-1) + b + I(t), floor)
fire        s(t) = 1 where v(t) >= theta
reset       v(t) = 0 where s(t) = 1          (reset = "zero")
            v(t) = v(t) - theta              (reset = "subtract")
refractory  for `refractory` steps after a spike v is constant, and input is ignored
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from spikesim._jit import at, kernel
from spikesim.errors import DeclarationError
from spikesim.files.field_versions import SINCE
from spikesim.neurons.description import NeuronModel
from spikesim.neurons.population import (
    BIAS,
    FLOOR,
    LIMIT,
    MEMBRANE,
    REFRACTORY,
    REFRACTORY_LEFT,
    THETA,
    V_START,
    Advance,
    Ints,
    LinearNeuron,
    NeuronState,
    Numbers,
    Steps,
    Values,
    check,
    check_grid,
    check_start,
    each,
    floors,
    for_kernel,
    register,
    scaled,
)
from spikesim.window import Phase

NO_FLOOR = -(2.0**62)


@register
@dataclass(frozen=True)
class IF:
    """A population of n integrate-and-fire neurons; fields as in `Neuron`.

    A parameter is one number for all neurons, or an array of n.

    Attributes:
        theta: threshold (> 0), in the unit of weights; a neuron fires at v >= theta.
        bias: added to the membrane in every step, in the unit of weights.
        floor: lower bound of the membrane (<= 0); None for none.
        reset: to "zero" (the paper), or by "subtract"-ing the threshold.
        refractory: steps after a spike in which a neuron does not integrate or fire.
        v_start: initial membrane, and that after a reset at the split.

    Raises:
        DeclarationError: a field is out of range, or off the grid.

    Examples:
        >>> import spikesim as ss
        >>> cells = {"in": ss.Source(1), "out": ss.IF(1, theta=1.0)}
        >>> network = ss.Network(cells, [ss.Dense("in", "out", [[0.5]])])
        >>> spikes = ss.from_raster([[1], [1], [1], [1]])
        >>> ss.simulate(network, {"in": spikes}, steps=4, record="spikes").spikes["out"].times
        array([1, 3], dtype=int32)
    """

    description: ClassVar[NeuronModel] = NeuronModel(
        equations="v = max(v + bias + I, floor); spike at v >= theta; v = 0 or v - theta",
        parameters=(THETA, BIAS, FLOOR, REFRACTORY, V_START),
        state=(MEMBRANE, REFRACTORY_LEFT),
        leaky=False,
    )
    limit: ClassVar[float] = LIMIT

    n: int
    theta: Values
    grid: int = 12
    bias: Values = 0.0
    floor: Values | None = None
    reset: Literal["zero", "subtract"] = "zero"
    reset_at: tuple[str, ...] = ("start",)
    active_in: Phase | None = None
    gate_by: str | None = None
    offset: int | None = None
    refractory: Steps = 0
    v_start: Values = field(default=0.0, metadata={SINCE: "0.2"})

    def __post_init__(self) -> None:
        check(self)
        check_grid(self)
        check_start(self)
        if self.reset not in ("zero", "subtract"):
            raise DeclarationError(f"IF: reset = {self.reset!r}; known: 'zero', 'subtract'")

    def linear(self) -> LinearNeuron:
        """The normal form; see `LinearNeuron`."""
        zero, one = np.zeros(self.n), np.ones(self.n)
        return LinearNeuron(
            theta=each(self.theta, self.n),
            bias=each(self.bias, self.n),
            u_decay=one,
            v_decay=zero,
            v_reset=zero,
            floor=each(self.floor, self.n),
            refractory=each(self.refractory, self.n).astype(np.int64),
            v_start=each(self.v_start, self.n),
            u_start=zero,
            subtract=self.reset == "subtract",
        )

    @cached_property
    def _theta(self) -> Numbers:
        return scaled(self.theta, self.grid)

    @cached_property
    def _bias(self) -> Ints:
        return np.broadcast_to(scaled(self.bias, self.grid), (self.n,)).copy()

    @cached_property
    def _floor(self) -> Numbers:
        return floors(self.floor, self.grid, NO_FLOOR).astype(np.int64)

    @cached_property
    def _pause(self) -> Numbers:
        """The refractory time in steps, int32 () or (n,)."""
        return np.asarray(self.refractory, np.int32)

    def initial_state(self) -> NeuronState:
        """v int64 (n,); with a refractory time also refractory_left, int32 (n,), in steps."""
        v = np.broadcast_to(scaled(self.v_start, self.grid), (self.n,)).copy()
        return {"v": v} | ({"refractory_left": np.zeros(self.n, np.int32)} if self._pause.any() else {})

    def decision(self, state: NeuronState, current: Numbers) -> tuple[Numbers, Numbers]:
        """See `Neuron`; int64 (n,)."""
        v = np.maximum(state["v"] + current + self._bias, self._floor)
        return v, np.broadcast_to(self._theta, v.shape)

    def step(self, state: NeuronState, current: Numbers) -> tuple[NeuronState, Ints]:
        """One step in grid counts: v (and refractory_left), and the spikes int64 (n,)."""
        v, theta = self.decision(state, current)
        left = state.get("refractory_left")
        awake = np.True_ if left is None else left == 0
        fired = (v >= theta) & awake
        v = np.where(fired, v - theta if self.reset == "subtract" else 0, np.where(awake, v, state["v"]))
        if left is None:
            return {"v": v}, fired.astype(np.int64)
        left = np.where(fired, self._pause, np.maximum(left - 1, 0)).astype(np.int32)
        return {"v": v, "refractory_left": left}, fired.astype(np.int64)

    def compiled(self) -> Advance:
        """The same step in place; see `Neuron`."""
        theta, floor, pause = for_kernel(
            self.n, self._theta.astype(np.float64), self._floor.astype(np.float64), self._pause
        )
        p = Parameters(2.0**self.grid, theta, floor, pause, self.reset == "subtract", bool(self._pause.any()))
        bias, none = self._bias, np.zeros(0, np.int32)

        def advance(state, current, closed, fired, signs):  # type: ignore[no-untyped-def]
            left = state.get("refractory_left", none)
            return _advance(p, bias, state["v"], left, current, closed, fired, signs)

        return advance


class Parameters(NamedTuple):
    """Parameters of a population for the kernel, in grid counts; theta, floor, pause: numbers or (n,)."""

    scale: float
    theta: Any
    floor: Any
    pause: Any
    subtract: bool
    refractory: bool


@kernel
def _advance(p, bias, v, left, current, closed, fired, signs):  # type: ignore[no-untyped-def]
    count = 0
    for j in range(v.size):
        arrived = current[j] * p.scale + bias[j]
        current[j] = 0.0
        if closed.size and closed[j]:
            continue
        if p.refractory and left[j]:
            left[j] -= 1
            continue
        x = v[j] + arrived
        if not abs(x) < LIMIT:
            return -1 - j
        x = max(x, at(p.floor, j))
        if x >= at(p.theta, j):
            x = x - at(p.theta, j) if p.subtract else 0.0
            if p.refractory:
                left[j] = at(p.pause, j)
            fired[count] = j
            signs[count] = 1
            count += 1
        v[j] = np.int64(x)
    return count
