"""The two-channel error neuron (Shrestha 2019, section 3.2 and eq. 9), in two declared forms.

ternary  one membrane:    v += I;  s = +1 where v >= theta, -1 where v <= -theta;  v = 0 where s != 0
pair     two IF neurons:  v+ += I, v- -= I;  s+ where v+ >= theta, s- where v- >= theta;  each resets alone;
                          s = s+ - s-

They are different networks. A pair is what stock processes of neuromorphic hardware do. In a pair both
channels cannot fire in one step: v+ + v- starts at 0 and only resets change it, downwards.
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
class ErrorIF:
    """A population of n error neurons with spikes of -1, 0 and +1; fields as in `Neuron`.

    Attributes:
        form: "ternary" or "pair", see above.

    Raises:
        DeclarationError: a field is out of range, or theta, bias or floor lie beside the grid.
    """

    n: int
    theta: float
    grid: int = 12
    form: Literal["ternary", "pair"] = "ternary"
    bias: float | tuple[float, ...] = 0.0
    floor: float | None = None
    reset_at: tuple[str, ...] = ("start",)
    active_in: Phase | None = None
    gate_by: str | None = None
    offset: int | None = None

    def __post_init__(self) -> None:
        check(self)
        if self.form not in ("ternary", "pair"):
            raise DeclarationError(f"ErrorIF: form = {self.form!r}; known: 'ternary', 'pair'")
        if self.floor is not None or np.any(np.asarray(self.bias) != 0):
            raise DeclarationError("ErrorIF: an error neuron has neither bias nor floor (section 3.2)")

    def rest(self) -> Ints:
        """The membrane after a reset: int64 (n,), or (2, n) for a pair."""
        return np.zeros(self.n if self.form == "ternary" else (2, self.n), np.int64)

    def step(self, v: Ints, current: Ints) -> tuple[Ints, Ints]:
        """One step in grid counts: the membrane, and the spikes int64 (n,) of -1, 0 and +1."""
        theta = int(grids.snap(self.theta, self.grid))
        if self.form == "ternary":
            v = v + current
            s = (v >= theta).astype(np.int64) - (v <= -theta)
            return np.where(s != 0, 0, v), s
        v = v + np.stack([current, -current])
        fired = v >= theta
        return np.where(fired, 0, v), fired[0].astype(np.int64) - fired[1]
