"""The adaptive leaky integrate-and-fire neuron (ALIF): spikes raise its threshold and an adaptation current.

integrate   u(t) = (1 - du) u(t-1) + I(t)
            v(t) = max((1 - dv) v(t-1) + u(t) - c(t-1) + b, floor)
fire        s(t) = 1 where v(t) >= theta + a(t-1)
reset       v(t) = v_reset where s(t) = 1
adapt       a(t) = (1 - da) a(t-1) + a_jump s(t)
            c(t) = (1 - dc) c(t-1) + c_jump s(t)
refractory  for `refractory` steps after a spike v is constant; u, a and c are updated

With c_jump = 0 only the threshold adapts (Bellec et al. 2018, "Long short-term memory and learning-to-learn
in networks of spiking neurons"), with a_jump = 0 only the current (spike-triggered adaptation, as in Brette
and Gerstner 2005 without its exponential and subthreshold terms). Decays on a grid are Loihi's; see
`spikesim.neurons.decay`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np

from spikesim._jit import at, kernel
from spikesim.neurons.decay import check_decay, decayed, decayed_in_kernel, kept_part, limit_of, unit_of
from spikesim.neurons.description import NeuronModel, Parameter, Variable
from spikesim.neurons.leaky import U_DECAY, V_DECAY, V_RESET
from spikesim.neurons.population import (
    BIAS,
    CURRENT,
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

DECAYS = ("u_decay", "v_decay", "a_decay", "c_decay")


@register
@dataclass(frozen=True)
class AdaptiveLIF:
    """A population of n adaptive leaky integrate-and-fire neurons; fields as in `Neuron`.

    A parameter is one number for all neurons, or an array of n.

    Attributes:
        theta: threshold without adaptation (> 0), in the unit of weights.
        grid: None for real numbers; fractional bits for Loihi's integer decay.
        u_decay, v_decay: fractions of current and membrane lost per step, in [0, 1].
        a_jump, a_decay: increase of the threshold at a spike (>= 0), and the fraction of it lost per step.
        c_jump, c_decay: increase of the adaptation current at a spike, and the fraction of it lost per step.
        bias, floor, v_reset, refractory, v_start: as in `LIF`.

    Raises:
        DeclarationError: a field is out of range; on a grid, a number off the grid, or a decay that is not a
            multiple of 1/4096.

    Examples:
        >>> import numpy as np
        >>> import spikesim as ss
        >>> cell = ss.AdaptiveLIF(1, theta=1.0, bias=0.3, a_jump=0.5, a_decay=0.02)
        >>> spikes = ss.simulate(ss.Network({"cell": cell}, []), steps=40, record="spikes").spikes["cell"]
        >>> np.diff(spikes.times)  # each spike raises the threshold
        array([5, 7, 8, 9], dtype=int32)
    """

    description: ClassVar[NeuronModel] = NeuronModel(
        equations="u = (1 - u_decay) u + I; v = max((1 - v_decay) v + u - c + bias, floor); spike at "
        "v >= theta + a; v = v_reset; a = (1 - a_decay) a + a_jump s; c = (1 - c_decay) c + c_jump s",
        parameters=(
            THETA,
            U_DECAY,
            V_DECAY,
            Parameter("a_jump", "weight", low=0.0, on_grid=True),
            Parameter("a_decay", "1/step", low=0.0, high=1.0),
            Parameter("c_jump", "weight", on_grid=True),
            Parameter("c_decay", "1/step", low=0.0, high=1.0),
            BIAS,
            FLOOR,
            V_RESET,
            REFRACTORY,
            V_START,
        ),
        state=(
            MEMBRANE,
            CURRENT,
            Variable("a", "weight", "rise of the threshold"),
            Variable("c", "weight", "adaptation current"),
            REFRACTORY_LEFT,
        ),
    )

    n: int
    theta: Values
    grid: int | None = None
    u_decay: Values = 1.0
    v_decay: Values = 0.0
    a_jump: Values = 0.0
    a_decay: Values = 0.0
    c_jump: Values = 0.0
    c_decay: Values = 0.0
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
        """The kept parts of u, v, a and c, each () or (n,)."""
        return tuple(kept_part(getattr(self, name), self.grid) for name in DECAYS)

    @cached_property
    def _levels(self) -> tuple[Numbers, ...]:
        """theta, floor, v_reset, bias, a_jump, c_jump in the numbers of the membrane, each () or (n,)."""
        theta, v_reset, bias, a_jump, c_jump = (
            scaled(x, self.grid) for x in (self.theta, self.v_reset, self.bias, self.a_jump, self.c_jump)
        )
        return theta, floors(self.floor, self.grid, -np.inf), v_reset, bias, a_jump, c_jump

    def initial_state(self) -> NeuronState:
        """v, u, a and c (n,), int64 on a grid, else float64; refractory_left int32 (n,), in steps."""
        zero = np.zeros(self.n, number_type(self.grid))
        v = np.broadcast_to(scaled(self.v_start, self.grid), (self.n,)).copy()
        left = np.zeros(self.n, np.int32)
        return {"v": v, "u": zero, "a": zero.copy(), "c": zero.copy(), "refractory_left": left}

    def _integrated(self, state: NeuronState, current: Numbers) -> tuple[Numbers, Numbers]:
        """Current and membrane after integration, before a reset."""
        u = decayed(state["u"], self._kept[0], self.grid) + current
        v = decayed(state["v"], self._kept[1], self.grid) + u - state["c"] + self._levels[3]
        return u, np.maximum(v, self._levels[1])

    def decision(self, state: NeuronState, current: Numbers) -> tuple[Numbers, Numbers]:
        """See `Neuron`; (n,). The threshold is theta + a."""
        return self._integrated(state, current)[1], self._levels[0] + state["a"]

    def step(self, state: NeuronState, current: Numbers) -> tuple[NeuronState, Ints]:
        """One step, in counts of the grid or real: the state after it, and the spikes int64 (n,)."""
        theta, _, v_reset, _, a_jump, c_jump = self._levels
        kind, left = number_type(self.grid), state["refractory_left"]
        u, v = self._integrated(state, current)
        awake = left == 0
        fired = (v >= theta + state["a"]) & awake
        after = {
            "v": np.where(fired, v_reset, np.where(awake, v, state["v"])),
            "u": u,
            "a": decayed(state["a"], self._kept[2], self.grid) + a_jump * fired,
            "c": decayed(state["c"], self._kept[3], self.grid) + c_jump * fired,
        }
        found = {key: value.astype(kind) for key, value in after.items()}
        found["refractory_left"] = np.where(
            fired, np.asarray(self.refractory), np.maximum(left - 1, 0)
        ).astype(np.int32)
        return found, fired.astype(np.int64)

    def compiled(self) -> Advance:
        """The same step in place; see `Neuron`."""
        levels = [np.asarray(x, np.float64) for x in self._levels]
        pause = np.asarray(self.refractory, np.int32)
        scale = 1.0 if self.grid is None else 2.0**self.grid
        p = Parameters(scale, unit_of(self.grid), *for_kernel(self.n, *levels, *self._kept, pause))

        def advance(state, current, closed, fired, signs):  # type: ignore[no-untyped-def]
            variables = tuple(state[key] for key in ("u", "v", "a", "c", "refractory_left"))
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
    a_jump: Any
    c_jump: Any
    u_kept: Any
    v_kept: Any
    a_kept: Any
    c_kept: Any
    pause: Any


@kernel
def _advance(p, variables, current, closed, fired, signs):  # type: ignore[no-untyped-def]
    u, v, a, c, left = variables
    count = 0
    for j in range(v.size):
        arrived = current[j] * p.scale
        current[j] = 0.0
        if closed.size and closed[j]:
            continue
        y = decayed_in_kernel(u[j], at(p.u_kept, j), p.unit) + arrived
        x = decayed_in_kernel(v[j], at(p.v_kept, j), p.unit) + y - c[j] + at(p.bias, j)
        theta = at(p.theta, j) + a[j]
        rise = decayed_in_kernel(a[j], at(p.a_kept, j), p.unit)
        slow = decayed_in_kernel(c[j], at(p.c_kept, j), p.unit)
        if not max(abs(x), abs(y), abs(rise), abs(slow)) * p.unit < LIMIT:
            return -1 - j
        u[j] = y
        if left[j]:
            left[j] -= 1
        else:
            x = max(x, at(p.floor, j))
            if x >= theta:
                x = at(p.v_reset, j)
                rise += at(p.a_jump, j)
                slow += at(p.c_jump, j)
                left[j] = at(p.pause, j)
                fired[count] = j
                signs[count] = 1
                count += 1
            v[j] = x
        a[j], c[j] = rise, slow
    return count
