"""The discrete-time integrate-and-fire neuron without a leak (Shrestha 2019, eq. 1).

integrate   v(t) = max(v(t-1) + b + I(t), floor)
fire        s(t) = 1 where v(t) >= theta
reset       v(t) = 0 where s(t) = 1          (reset = "zero")
            v(t) = v(t) - theta              (reset = "subtract")
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from spikesim import grid as grids
from spikesim.errors import DeclarationError
from spikesim.neurons.population import Ints, check, register
from spikesim.window import Phase


@register
@dataclass(frozen=True)
class IF:
    """A population of n integrate-and-fire neurons; fields as in `Neuron`.

    Attributes:
        reset: to "zero" (the paper), or by "subtract"-ing the threshold.

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

    def __post_init__(self) -> None:
        check(self)
        if self.reset not in ("zero", "subtract"):
            raise DeclarationError(f"IF: reset = {self.reset!r}; known: 'zero', 'subtract'")

    def rest(self) -> Ints:
        """The membrane after a reset, int64 (n,)."""
        return np.zeros(self.n, np.int64)

    def step(self, v: Ints, current: Ints) -> tuple[Ints, Ints]:
        """One step in grid counts, bias included in the current: (v, s), int64 (n,) each."""
        theta = int(grids.snap(self.theta, self.grid))
        v = v + current
        if self.floor is not None:
            v = np.maximum(v, grids.snap(self.floor, self.grid))
        s = (v >= theta).astype(np.int64)
        v = np.where(s == 1, 0 if self.reset == "zero" else v - theta, v)
        return v, s
