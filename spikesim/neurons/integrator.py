"""The leaky integrator: a membrane without a threshold, as a readout of graded values.

integrate   u(t) = (1 - du) u(t-1) + I(t)
            v(t) = (1 - dv) v(t-1) + u(t) + b

It never fires, and its membrane is the result: record it with Monitor(name, "v"), or classify with
Readout(name), which takes the largest membrane where all spike counts are equal. With dv = 1 the membrane is
the weighted sum of the spikes of this step, with dv = 0 the sum of all steps. In real numbers, or on a grid
with Loihi's integer decay; see `spikesim.neurons.decay`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np

from spikesim._jit import at, kernel
from spikesim.neurons.decay import check_decay, decayed, decayed_in_kernel, kept_part, limit_of, unit_of
from spikesim.neurons.description import NeuronModel
from spikesim.neurons.leaky import U_DECAY, U_START, V_DECAY
from spikesim.neurons.population import (
    BIAS,
    CURRENT,
    LIMIT,
    MEMBRANE,
    V_START,
    Advance,
    Ints,
    NeuronState,
    Numbers,
    Values,
    check,
    for_kernel,
    number_type,
    register,
    scaled,
)
from spikesim.window import Phase


@register
@dataclass(frozen=True)
class LeakyIntegrator:
    """A population of n leaky integrators, which send no spikes; fields as in `Neuron`.

    A parameter is one number for all neurons, or an array of n.

    Attributes:
        grid: None for real numbers; fractional bits for Loihi's integer decay.
        u_decay: du, the fraction of the current lost per step, in [0, 1].
        v_decay: dv, the fraction of the membrane lost per step, in [0, 1].
        bias: added to the membrane in every step, in the unit of weights.
        v_start, u_start: initial membrane and current, and those after a reset at the split.

    Raises:
        DeclarationError: a field is out of range; on a grid, a number off the grid, or a decay that is not a
            multiple of 1/4096.

    Examples:
        >>> import spikesim as ss
        >>> cells = {"in": ss.Source(1), "sum": ss.LeakyIntegrator(1, v_decay=0.5)}
        >>> network = ss.Network(cells, [ss.Dense("in", "sum", [[1.0]])])
        >>> spikes = ss.from_raster([[1], [1], [0]])
        >>> ss.simulate(network, {"in": spikes}, steps=3, record=["sum"]).v["sum"][0, :, 0]
        array([1.  , 1.5 , 0.75])
    """

    description: ClassVar[NeuronModel] = NeuronModel(
        equations="u = (1 - u_decay) u + I; v = (1 - v_decay) v + u + bias; no spikes",
        parameters=(U_DECAY, V_DECAY, BIAS, V_START, U_START),
        state=(MEMBRANE, CURRENT),
        spikes="none",
    )

    n: int
    grid: int | None = None
    u_decay: Values = 1.0
    v_decay: Values = 0.0
    bias: Values = 0.0
    v_start: Values = 0.0
    u_start: Values = 0.0
    reset_at: tuple[str, ...] = ("start",)
    active_in: Phase | None = None
    gate_by: str | None = None
    offset: int | None = None

    def __post_init__(self) -> None:
        check(self)
        for name in ("u_decay", "v_decay"):
            check_decay(self, name)

    @property
    def limit(self) -> float:
        """See `Neuron`."""
        return limit_of(self.grid)

    @cached_property
    def _kept(self) -> tuple[Numbers, Numbers]:
        """The kept parts of u and v, each () or (n,)."""
        return kept_part(self.u_decay, self.grid), kept_part(self.v_decay, self.grid)

    @cached_property
    def _bias(self) -> Numbers:
        return np.broadcast_to(scaled(self.bias, self.grid), (self.n,)).copy()

    def initial_state(self) -> NeuronState:
        """u and v (n,), int64 on a grid, else float64."""
        u, v = (np.broadcast_to(scaled(x, self.grid), (self.n,)).copy() for x in (self.u_start, self.v_start))
        return {"v": v, "u": u}

    def decision(self, state: NeuronState, current: Numbers) -> tuple[Numbers, Numbers]:
        """See `Neuron`; (n,). The threshold is infinite."""
        v = self.step(state, current)[0]["v"]
        return v, np.full(v.shape, np.inf)

    def step(self, state: NeuronState, current: Numbers) -> tuple[NeuronState, Ints]:
        """One step, in counts of the grid or real: u and v; and no spikes, int64 (n,)."""
        kind = number_type(self.grid)
        u = decayed(state["u"], self._kept[0], self.grid) + current
        v = decayed(state["v"], self._kept[1], self.grid) + u + self._bias
        return {"v": v.astype(kind), "u": u.astype(kind)}, np.zeros(self.n, np.int64)

    def compiled(self) -> Advance:
        """The same step in place; see `Neuron`."""
        scale = 1.0 if self.grid is None else 2.0**self.grid
        p = Parameters(scale, unit_of(self.grid), *for_kernel(self.n, *self._kept))
        bias = self._bias

        def advance(state, current, closed, fired, signs):  # type: ignore[no-untyped-def]
            return _advance(p, bias, state["u"], state["v"], current, closed)

        return advance


class Parameters(NamedTuple):
    """Parameters of a population for the kernel; the kept parts are numbers or arrays (n,)."""

    scale: float
    unit: float
    u_kept: Any
    v_kept: Any


@kernel
def _advance(p, bias, u, v, current, closed):  # type: ignore[no-untyped-def]
    for j in range(v.size):
        arrived = current[j] * p.scale
        current[j] = 0.0
        if closed.size and closed[j]:
            continue
        y = decayed_in_kernel(u[j], at(p.u_kept, j), p.unit) + arrived
        x = decayed_in_kernel(v[j], at(p.v_kept, j), p.unit) + y + bias[j]
        if not (abs(x) * p.unit < LIMIT and abs(y) * p.unit < LIMIT):
            return -1 - j
        u[j], v[j] = y, x
    return 0
