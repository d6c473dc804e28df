"""The discrete-time integrate-and-fire neuron without a leak (Shrestha 2019, eq. 1).

integrate   v(t) = max(v(t-1) + b + I(t), floor)
fire        s(t) = 1 where v(t) >= theta
reset       v(t) = 0 where s(t) = 1          (reset = "zero")
            v(t) = v(t) - theta              (reset = "subtract")
rest        for `refractory` steps after a spike v stays, and what arrives is lost
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
    check_grid,
    check_refractory,
    register,
)
from spikesim.window import Phase

NO_FLOOR = -(2**62)


@register
@dataclass(frozen=True)
class IF:
    """A population of n integrate-and-fire neurons; fields as in `Neuron`.

    Attributes:
        reset: to "zero" (the paper), or by "subtract"-ing the threshold.
        refractory: steps after a spike in which a neuron rests.

    Raises:
        DeclarationError: a field is out of range, or theta, bias or floor lie beside the grid.
    """

    n: int
    theta: float
    grid: int = 12
    bias: float | tuple[float, ...] = 0.0
    floor: float | None = None
    reset: Literal["zero", "subtract"] = "zero"
    reset_at: tuple[str, ...] = ("start",)
    active_in: Phase | None = None
    gate_by: str | None = None
    offset: int | None = None
    refractory: int = 0

    def __post_init__(self) -> None:
        check(self)
        check_grid(self)
        check_refractory("IF", self.refractory)
        if self.reset not in ("zero", "subtract"):
            raise DeclarationError(f"IF: reset = {self.reset!r}; known: 'zero', 'subtract'")

    @cached_property
    def numbers(self) -> Parameters:
        """The parameters in counts of the grid."""
        return Parameters(
            scale=2.0**self.grid,
            theta=int(grids.snap(self.theta, self.grid)),
            floor=NO_FLOOR if self.floor is None else int(grids.snap(self.floor, self.grid)),
            subtract=self.reset == "subtract",
            refractory=self.refractory,
        )

    @cached_property
    def _bias(self) -> Ints:
        return np.broadcast_to(grids.snap(self.bias, self.grid), (self.n,)).copy()

    def initial_state(self) -> State:
        """v int64 (n,); where neurons are refractory, refractory_left int32 (n,), in steps."""
        state: State = {"v": np.zeros(self.n, np.int64)}
        return state | ({"refractory_left": np.zeros(self.n, np.int32)} if self.refractory else {})

    def step(self, state: State, current: Numbers) -> tuple[State, Ints]:
        """One step in grid counts: v (and refractory_left), and the spikes int64 (n,)."""
        p = self.numbers
        awake = state["refractory_left"] == 0 if self.refractory else np.True_
        v = np.maximum(state["v"] + current + self._bias, p.floor)
        fired = (v >= p.theta) & awake
        v = np.where(fired, v - p.theta if p.subtract else 0, np.where(awake, v, state["v"]))
        if not self.refractory:
            return {"v": v}, fired.astype(np.int64)
        refractory_left = np.where(
            fired, self.refractory, np.maximum(state["refractory_left"] - 1, 0)
        ).astype(np.int32)
        return {"v": v, "refractory_left": refractory_left}, fired.astype(np.int64)

    def compiled(self) -> Advance:
        """The same step in place; see `Neuron`."""
        p, bias, none = self.numbers, self._bias, np.zeros(0, np.int32)

        def advance(state, current, closed, fired, signs):  # type: ignore[no-untyped-def]
            return _advance(
                p, bias, state["v"], state.get("refractory_left", none), current, closed, fired, signs
            )

        return advance


class Parameters(NamedTuple):
    """Of a population, in counts of its grid."""

    scale: float
    theta: int
    floor: int
    subtract: bool
    refractory: int


@kernel
def _advance(p, bias, v, refractory_left, current, closed, fired, signs):  # type: ignore[no-untyped-def]
    count = 0
    for j in range(v.size):
        arrived = current[j] * p.scale + bias[j]
        current[j] = 0.0
        if closed.size and closed[j]:
            continue
        if p.refractory and refractory_left[j]:
            refractory_left[j] -= 1
            continue
        x = v[j] + arrived
        if not abs(x) < LIMIT:
            return -1 - j
        x = max(x, float(p.floor))
        if x >= p.theta:
            x = x - p.theta if p.subtract else 0.0
            if p.refractory:
                refractory_left[j] = p.refractory
            fired[count] = j
            signs[count] = 1
            count += 1
        v[j] = np.int64(x)
    return count
