"""The leaky integrate-and-fire neuron with a current (CUBA), in real numbers or in Loihi's integers.

integrate   u(t) = (1 - du) u(t-1) + I(t)
            v(t) = max((1 - dv) v(t-1) + u(t) + b, floor)
fire        s(t) = 1 where v(t) >= theta
reset       v(t) = v_reset where s(t) = 1    (reset = "value")
            v(t) = v(t) - theta              (reset = "subtract")
rest        for `refractory` steps after a spike v stays; u goes on

With du = 1 there is no current: what arrives acts once. In real numbers (grid = None) the decay is a product
in float64, and backends agree to rounding. On a grid it is Loihi's (Davies et al., "Loihi", IEEE Micro 2018):
du and dv are multiples of 1/4096, and (1 - d) x is x (4096 - 4096 d) / 4096, cut off towards zero, in counts
of the grid; every backend agrees exactly. Loihi shifts weights by 6 bits: a grid of 6 with whole weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np

from spikesim import grid as grids
from spikesim._jit import kernel
from spikesim.errors import DeclarationError
from spikesim.neurons.population import (
    LIMIT,
    Advance,
    Ints,
    Numbers,
    State,
    check,
    check_refractory,
    number_type,
    register,
    scaled,
)
from spikesim.window import Phase

DECAY_UNIT = 4096


@register
@dataclass(frozen=True)
class LIF:
    """A population of n leaky integrate-and-fire neurons; fields as in `Neuron`.

    Attributes:
        u_decay: du, the part of the current that is lost in a step, in [0, 1].
        v_decay: dv, the part of the membrane that is lost in a step, in [0, 1].
        grid: None for real numbers; bits for Loihi's integer decay.
        reset: to the "value" v_reset, or by "subtract"-ing the threshold.
        v_reset: below theta.
        refractory: steps after a spike in which the membrane rests.

    Raises:
        DeclarationError: a field is out of range; on a grid, a number beside it, or a decay beside 1/4096.
    """

    n: int
    theta: float
    grid: int | None = None
    u_decay: float = 1.0
    v_decay: float = 0.0
    bias: float | tuple[float, ...] = 0.0
    floor: float | None = None
    reset: Literal["value", "subtract"] = "value"
    v_reset: float = 0.0
    refractory: int = 0
    reset_at: tuple[str, ...] = ("start",)
    active_in: Phase | None = None
    gate_by: str | None = None
    offset: int | None = None

    def __post_init__(self) -> None:
        check(self)
        check_refractory("LIF", self.refractory)
        if self.reset not in ("value", "subtract"):
            raise DeclarationError(f"LIF: reset = {self.reset!r}; known: 'value', 'subtract'")
        grids.on_grid(self.v_reset, self.grid, "LIF: v_reset")
        if self.v_reset >= self.theta:
            raise DeclarationError(
                f"LIF: v_reset = {self.v_reset!r} is not below theta = {self.theta!r}: a neuron that "
                "has fired would fire for ever"
            )
        for name in ("u_decay", "v_decay"):
            self._check_decay(name, getattr(self, name))

    def _check_decay(self, name: str, decay: float) -> None:
        if not 0 <= decay <= 1:
            raise DeclarationError(f"LIF: {name} = {decay!r}; a decay is the part lost in a step, in [0, 1]")
        if self.grid is not None and decay * DECAY_UNIT != round(decay * DECAY_UNIT):
            raise DeclarationError(
                f"LIF: {name} = {decay!r} is no multiple of 1/{DECAY_UNIT}, as the integer decay on a "
                f"grid needs; the nearest is {round(decay * DECAY_UNIT)}/{DECAY_UNIT}. Take it, or "
                "grid=None for real numbers"
            )

    @cached_property
    def numbers(self) -> Parameters:
        """The parameters in what the membrane counts in: counts of the grid, or real numbers."""
        unit = 1.0 if self.grid is None else float(DECAY_UNIT)
        return Parameters(
            scale=1.0 if self.grid is None else 2.0**self.grid,
            theta=float(scaled(self.theta, self.grid)),
            floor=-np.inf if self.floor is None else float(scaled(self.floor, self.grid)),
            u_kept=(1 - self.u_decay) * unit,
            v_kept=(1 - self.v_decay) * unit,
            unit=unit,
            v_reset=float(scaled(self.v_reset, self.grid)),
            subtract=self.reset == "subtract",
            refractory=self.refractory,
        )

    @property
    def limit(self) -> float:
        """Where the membrane leaves the range: a decay on a grid multiplies by up to 4096 in between."""
        return LIMIT / self.numbers.unit

    @cached_property
    def _bias(self) -> Numbers:
        return np.broadcast_to(scaled(self.bias, self.grid), (self.n,)).copy()

    def initial_state(self) -> State:
        """u and v (n,), int64 on a grid, else float64; and refractory_left int32 (n,), where neurons are
        refractory.
        """
        kind = number_type(self.grid)
        state: State = {"v": np.zeros(self.n, kind), "u": np.zeros(self.n, kind)}
        return state | ({"refractory_left": np.zeros(self.n, np.int32)} if self.refractory else {})

    def step(self, state: State, current: Numbers) -> tuple[State, Ints]:
        """One step, in counts of the grid or real: u, v (and refractory_left), and the spikes int64 (n,)."""
        p, kind = self.numbers, number_type(self.grid)
        awake = state["refractory_left"] == 0 if self.refractory else np.True_
        u = self._kept(state["u"], p.u_kept) + current
        v = self._kept(state["v"], p.v_kept) + u + self._bias
        v = np.maximum(v, p.floor)
        fired = (v >= p.theta) & awake
        after = v - p.theta if p.subtract else p.v_reset
        v = np.where(fired, after, np.where(awake, v, state["v"])).astype(kind)
        if not self.refractory:
            return {"v": v, "u": u}, fired.astype(np.int64)
        refractory_left = np.where(
            fired, self.refractory, np.maximum(state["refractory_left"] - 1, 0)
        ).astype(np.int32)
        return {"v": v, "u": u, "refractory_left": refractory_left}, fired.astype(np.int64)

    def _kept(self, x: Numbers, kept: float) -> Numbers:
        """What is left of x after a step's decay: cut off towards zero on a grid."""
        if self.grid is None:
            return x * kept
        return np.sign(x) * (np.abs(x) * int(kept) // DECAY_UNIT)

    def compiled(self) -> Advance:
        """The same step in place; see `Neuron`."""
        p, bias, none = self.numbers, self._bias, np.zeros(0, np.int32)

        def advance(state, current, closed, fired, signs):  # type: ignore[no-untyped-def]
            refractory_left = state.get("refractory_left", none)
            return _advance(p, bias, state["u"], state["v"], refractory_left, current, closed, fired, signs)

        return advance


class Parameters(NamedTuple):
    """Of a population; `unit` is 4096 where decays are integers, 1 where they are real."""

    scale: float
    theta: float
    floor: float
    u_kept: float
    v_kept: float
    unit: float
    v_reset: float
    subtract: bool
    refractory: int


@kernel
def _advance(p, bias, u, v, refractory_left, current, closed, fired, signs):  # type: ignore[no-untyped-def]
    count = 0
    integers = p.unit > 1.0
    for j in range(v.size):
        arrived = current[j] * p.scale
        current[j] = 0.0
        if closed.size and closed[j]:
            continue
        y, x = u[j] * p.u_kept, v[j] * p.v_kept
        if integers:
            y, x = np.trunc(y / p.unit), np.trunc(x / p.unit)
        y += arrived
        u[j] = y
        x = x + y + bias[j]
        if not (abs(x) * p.unit < LIMIT and abs(y) * p.unit < LIMIT):
            return -1 - j
        if p.refractory and refractory_left[j]:
            refractory_left[j] -= 1
            continue
        x = max(x, p.floor)
        if x >= p.theta:
            x = x - p.theta if p.subtract else p.v_reset
            if p.refractory:
                refractory_left[j] = p.refractory
            fired[count] = j
            signs[count] = 1
            count += 1
        v[j] = x
    return count
