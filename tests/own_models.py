"""A neuron model as a user writes it, in one file: for the tests of every way out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from spikesim.neurons import NeuronModel, NeuronState, Parameter, Variable, register
from spikesim.neurons.population import BIAS, FLOOR, LIMIT, MEMBRANE, THETA, check, scaled


@register
@dataclass(frozen=True)
class Tiring:
    """v += I + b; fires at v >= theta + a; each spike raises a by `rise`, each step lowers it by 1 count."""

    description: ClassVar[NeuronModel] = NeuronModel(
        "v += I + b; a = max(a - 1, 0); spike at v >= theta + a; v = 0, a += rise",
        (THETA, Parameter("rise", "weight", low=0, on_grid=True), BIAS, FLOOR),
        (MEMBRANE, Variable("a", "weight", "threshold's rise")),
    )
    limit: ClassVar[float] = LIMIT

    n: int
    theta: float
    grid: int = 8
    rise: float = 0.25
    bias: float | tuple[float, ...] = 0.0
    floor: float | None = None
    reset_at: tuple[str, ...] = ("start",)
    active_in: Any = None
    gate_by: str | None = None
    offset: int | None = None

    def __post_init__(self) -> None:
        check(self)

    def initial_state(self) -> NeuronState:
        return {"v": np.zeros(self.n, np.int64), "a": np.zeros(self.n, np.int64)}

    def step(self, state: NeuronState, current: Any) -> tuple[NeuronState, Any]:
        a = np.maximum(state["a"] - 1, 0)
        v = state["v"] + current + scaled(self.bias, self.grid)
        fired = v >= scaled(self.theta, self.grid) + a
        return {"v": np.where(fired, 0, v), "a": a + fired * scaled(self.rise, self.grid)}, fired.astype(
            np.int64
        )
