"""The leaky integrate-and-fire neuron with two synaptic currents, each with its own decay.

integrate   u_exc(t) = (1 - d_exc) u_exc(t-1) + I_exc(t)
            u_inh(t) = (1 - d_inh) u_inh(t-1) + I_inh(t)
            v(t) = max((1 - dv) v(t-1) + u_exc(t) + u_inh(t) + b, floor)
fire        s(t) = 1 where v(t) >= theta
reset       v(t) = v_reset where s(t) = 1
refractory  for `refractory` steps after a spike v is constant; the currents are updated

A projection connects to the receptor that it names (`receptor="exc"`, the default, or `"inh"`); inhibitory
weights are negative. The model is PyNN's IF_curr_exp in discrete time: a decay is 1 - exp(-dt / tau). Decays
on a grid are Loihi's; see `spikesim.neurons.decay`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np

from spikesim._jit import at, kernel
from spikesim.neurons.decay import check_decay, decayed, decayed_in_kernel, kept_part, limit_of, unit_of
from spikesim.neurons.description import NeuronModel, Parameter, Variable
from spikesim.neurons.leaky import V_DECAY, V_RESET
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
    NeuronState,
    Numbers,
    Steps,
    Values,
    check,
    check_below,
    check_start,
    floors,
    for_kernel,
    number_type,
    register,
    scaled,
)
from spikesim.window import Phase

DECAYS = ("exc_decay", "inh_decay", "v_decay")


@register
@dataclass(frozen=True)
class TwoCurrentLIF:
    """A population of n leaky integrate-and-fire neurons with the receptors "exc" and "inh".

    Fields as in `Neuron`. A parameter is one number for all neurons, or an array of n.

    Attributes:
        theta: threshold (> 0), in the unit of weights.
        grid: None for real numbers; fractional bits for Loihi's integer decay.
        exc_decay, inh_decay, v_decay: fractions of currents and membrane lost per step, in [0, 1].
        bias, floor, v_reset, refractory, v_start: as in `LIF`.

    Raises:
        DeclarationError: a field is out of range; on a grid, a number off the grid, or a decay that is not a
            multiple of 1/4096.

    Examples:
        >>> import spikesim as ss
        >>> cells = ss.TwoCurrentLIF(1, theta=1.0, exc_decay=0.2, inh_decay=0.05, v_decay=0.1)
        >>> network = ss.Network(
        ...     {"in": ss.Source(1), "cells": cells}, [ss.Dense("in", "cells", [[0.5]], receptor="exc")]
        ... )
        >>> spikes = ss.from_events([0], [0], T=10, n=1)
        >>> ss.simulate(network, {"in": spikes}, steps=10, record="spikes").spikes["cells"].times
        array([2], dtype=int32)
    """

    description: ClassVar[NeuronModel] = NeuronModel(
        equations="u_exc = (1 - exc_decay) u_exc + I_exc; u_inh = (1 - inh_decay) u_inh + I_inh; "
        "v = max((1 - v_decay) v + u_exc + u_inh + bias, floor); spike at v >= theta; v = v_reset",
        parameters=(
            THETA,
            Parameter("exc_decay", "1/step", low=0.0, high=1.0),
            Parameter("inh_decay", "1/step", low=0.0, high=1.0),
            V_DECAY,
            BIAS,
            FLOOR,
            V_RESET,
            REFRACTORY,
            V_START,
        ),
        state=(
            MEMBRANE,
            Variable("u_exc", "weight", "excitatory current"),
            Variable("u_inh", "weight", "inhibitory current"),
            REFRACTORY_LEFT,
        ),
        receptors=("exc", "inh"),
    )

    n: int
    theta: Values
    grid: int | None = None
    exc_decay: Values = 1.0
    inh_decay: Values = 1.0
    v_decay: Values = 0.0
    bias: Values = 0.0
    floor: Values | None = None
    v_reset: Values = 0.0
    refractory: Steps = 0
    v_start: Values = 0.0
    reset_at: tuple[str, ...] = ("start",)
    active_in: Phase | None = None
    gate_by: str | None = None
    offset: int | None = None

    def __post_init__(self) -> None:
        check(self)
        check_start(self)
        check_below(self, "v_reset", "theta", "after its first spike a neuron would fire in every step")
        for name in DECAYS:
            check_decay(self, name)

    @property
    def limit(self) -> float:
        """See `Neuron`."""
        return limit_of(self.grid)

    @cached_property
    def _kept(self) -> tuple[Numbers, ...]:
        """The kept parts of u_exc, u_inh and v, each () or (n,)."""
        return tuple(kept_part(getattr(self, name), self.grid) for name in DECAYS)

    @cached_property
    def _levels(self) -> tuple[Numbers, ...]:
        """theta, floor, v_reset and bias in the numbers of the membrane, each () or (n,)."""
        theta, v_reset, bias = (scaled(x, self.grid) for x in (self.theta, self.v_reset, self.bias))
        return theta, floors(self.floor, self.grid, -np.inf), v_reset, bias

    def initial_state(self) -> NeuronState:
        """v, u_exc and u_inh (n,), int64 on a grid, else float64; refractory_left int32 (n,), in steps."""
        zero = np.zeros(self.n, number_type(self.grid))
        v = np.broadcast_to(scaled(self.v_start, self.grid), (self.n,)).copy()
        left = np.zeros(self.n, np.int32)
        return {"v": v, "u_exc": zero, "u_inh": zero.copy(), "refractory_left": left}

    def _integrated(self, state: NeuronState, current: Numbers) -> tuple[Numbers, Numbers, Numbers]:
        """Both currents and the membrane after integration, before a reset."""
        exc = decayed(state["u_exc"], self._kept[0], self.grid) + current[0]
        inh = decayed(state["u_inh"], self._kept[1], self.grid) + current[1]
        v = decayed(state["v"], self._kept[2], self.grid) + exc + inh + self._levels[3]
        return exc, inh, np.maximum(v, self._levels[1])

    def decision(self, state: NeuronState, current: Numbers) -> tuple[Numbers, Numbers]:
        """See `Neuron`; (n,)."""
        v = self._integrated(state, current)[2]
        return v, np.broadcast_to(self._levels[0], v.shape)

    def step(self, state: NeuronState, current: Numbers) -> tuple[NeuronState, Ints]:
        """One step, in counts of the grid or real: the state after it, and the spikes int64 (n,)."""
        theta, _, v_reset, _ = self._levels
        kind, left = number_type(self.grid), state["refractory_left"]
        exc, inh, v = self._integrated(state, current)
        awake = left == 0
        fired = (v >= theta) & awake
        v = np.where(fired, v_reset, np.where(awake, v, state["v"]))
        left = np.where(fired, np.asarray(self.refractory), np.maximum(left - 1, 0)).astype(np.int32)
        after = {"v": v.astype(kind), "u_exc": exc.astype(kind), "u_inh": inh.astype(kind)}
        return {**after, "refractory_left": left}, fired.astype(np.int64)

    def compiled(self) -> Advance:
        """The same step in place; see `Neuron`."""
        levels = [np.asarray(x, np.float64) for x in self._levels]
        pause = np.asarray(self.refractory, np.int32)
        scale = 1.0 if self.grid is None else 2.0**self.grid
        p = Parameters(scale, unit_of(self.grid), *for_kernel(self.n, *levels, *self._kept, pause))

        def advance(state, current, closed, fired, signs):  # type: ignore[no-untyped-def]
            variables = tuple(state[key] for key in ("u_exc", "u_inh", "v", "refractory_left"))
            return _advance(p, variables, current, closed, fired, signs)

        return advance


class Parameters(NamedTuple):
    """Parameters of a population for the kernel; each field from theta on is a number or an array (n,)."""

    scale: float
    unit: float
    theta: Any
    floor: Any
    v_reset: Any
    bias: Any
    exc_kept: Any
    inh_kept: Any
    v_kept: Any
    pause: Any


@kernel
def _advance(p, variables, current, closed, fired, signs):  # type: ignore[no-untyped-def]
    u_exc, u_inh, v, left = variables
    count = 0
    for j in range(v.size):
        arrived, against = current[0, j] * p.scale, current[1, j] * p.scale
        current[0, j] = current[1, j] = 0.0
        if closed.size and closed[j]:
            continue
        y = decayed_in_kernel(u_exc[j], at(p.exc_kept, j), p.unit) + arrived
        z = decayed_in_kernel(u_inh[j], at(p.inh_kept, j), p.unit) + against
        x = decayed_in_kernel(v[j], at(p.v_kept, j), p.unit) + y + z + at(p.bias, j)
        if not max(abs(x), abs(y), abs(z)) * p.unit < LIMIT:
            return -1 - j
        u_exc[j], u_inh[j] = y, z
        if left[j]:
            left[j] -= 1
            continue
        x = max(x, at(p.floor, j))
        if x >= at(p.theta, j):
            x = at(p.v_reset, j)
            left[j] = at(p.pause, j)
            fired[count] = j
            signs[count] = 1
            count += 1
        v[j] = x
    return count
