"""The leaky integrate-and-fire neuron with a synaptic current (CUBA), in real numbers or Loihi's integers.

integrate   u(t) = (1 - du) u(t-1) + I(t)
            v(t) = max((1 - dv) v(t-1) + u(t) + b, floor)
fire        s(t) = 1 where v(t) >= theta
reset       v(t) = v_reset where s(t) = 1    (reset = "value")
            v(t) = v(t) - theta              (reset = "subtract")
            none                             (reset = "none")
refractory  for `refractory` steps after a spike v is constant; u is updated

With reset_delay = 1 the threshold is subtracted one step late, before the neuron fires, and does not decay:

            v(t) = max((1 - dv) v(t-1) + u(t) + b - theta [v(t-1) >= theta], floor)

as snnTorch's neurons do by default (`Leaky`, `reset_mechanism="subtract"`, `reset_delay=True`).

With du = 1 the current lasts one step only. In real numbers (grid = None) the decay is a product in float64,
and backends agree to rounding. On a grid it is Loihi's (Davies et al., "Loihi", IEEE Micro 2018): du and dv
are multiples of 1/4096, and (1 - d) x is x (4096 - 4096 d) / 4096, truncated towards zero, in counts of the
grid; all backends agree exactly. Loihi shifts weights by 6 bits: a grid of 6 with whole weights.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from spikesim._jit import at, kernel
from spikesim.errors import DeclarationError
from spikesim.files.field_versions import SINCE
from spikesim.neurons.decay import check_decay, decayed, decayed_in_kernel, kept_part, limit_of, unit_of
from spikesim.neurons.description import NeuronModel, Parameter
from spikesim.neurons.population import (
    BIAS,
    CURRENT,
    FLOOR,
    LIMIT,
    MEMBRANE,
    REFRACTORY,
    REFRACTORY_LEFT,
    V_START,
    Advance,
    Ints,
    LinearNeuron,
    NeuronState,
    Numbers,
    Steps,
    Values,
    check,
    check_below,
    check_start,
    each,
    floors,
    for_kernel,
    number_type,
    register,
    scaled,
)
from spikesim.window import Phase

THRESHOLD = Parameter("theta", "weight", on_grid=True)
U_DECAY = Parameter("u_decay", "1/step", low=0.0, high=1.0)
V_DECAY = Parameter("v_decay", "1/step", low=0.0, high=1.0)
V_RESET = Parameter("v_reset", "weight", on_grid=True)
U_START = Parameter("u_start", "weight", on_grid=True)


@register
@dataclass(frozen=True)
class LIF:
    """A population of n leaky integrate-and-fire neurons; fields as in `Neuron`.

    A parameter is one number for all neurons, or an array of n.

    Attributes:
        theta: threshold (> 0), in the unit of weights; a neuron fires at v >= theta.
        grid: None for real numbers; fractional bits for Loihi's integer decay.
        u_decay: du, the fraction of the current lost per step, in [0, 1].
        v_decay: dv, the fraction of the membrane lost per step, in [0, 1].
        bias: added to the membrane in every step, in the unit of weights.
        floor: lower bound of the membrane (<= 0); None for none.
        reset: to the "value" v_reset, by "subtract"-ing the threshold, or "none": the neuron fires in every
            step in which its membrane is at or above the threshold.
        v_reset: membrane after a spike, < theta.
        refractory: steps after a spike in which the membrane is constant.
        v_start, u_start: initial membrane and current, and those after a reset at the split.
        reset_delay: steps between a spike and the subtraction of the threshold, 0 or 1. A reset to a value
            one step late, which takes the input of that step away, is refractory = 1.
        overshoot: a membrane that is still at or above theta after the subtraction is "keep"-t, and the
            neuron fires again in the next step; or it is "refuse"-d with an EngineError, since a model with
            several spikes a step would have sent another one (sinabs's MultiSpike).
        tonic: theta may be 0 or less, and v_reset at or above theta: such a neuron fires in every step until
            its input, or the leak, brings it below.

    Raises:
        DeclarationError: a field is out of range, or does not go with the reset; on a grid, a number off the
            grid, or a decay that is not a multiple of 1/4096.

    Examples:
        >>> import spikesim as ss
        >>> network = ss.Network({"exc": ss.LIF(2, theta=1.0, v_decay=0.1, bias=(0.11, 0.2))}, [])
        >>> ss.simulate(network, steps=50, record="spikes").spikes["exc"].counts()
        array([[2, 7]])
    """

    description: ClassVar[NeuronModel] = NeuronModel(
        equations="u = (1 - u_decay) u + I; v = max((1 - v_decay) v + u + bias, floor); spike at v >= theta; "
        "v = v_reset, v - theta (in this step or the next), or v",
        parameters=(THRESHOLD, U_DECAY, V_DECAY, BIAS, FLOOR, V_RESET, REFRACTORY, V_START, U_START),
        state=(MEMBRANE, CURRENT, REFRACTORY_LEFT),
    )

    n: int
    theta: Values
    grid: int | None = None
    u_decay: Values = 1.0
    v_decay: Values = 0.0
    bias: Values = 0.0
    floor: Values | None = None
    reset: Literal["value", "subtract", "none"] = "value"
    v_reset: Values = 0.0
    refractory: Steps = 0
    reset_at: tuple[str, ...] = ("start",)
    active_in: Phase | None = None
    gate_by: str | None = None
    offset: int | None = None
    v_start: Values = field(default=0.0, metadata={SINCE: "0.2"})
    u_start: Values = field(default=0.0, metadata={SINCE: "0.2"})
    reset_delay: int = field(default=0, metadata={SINCE: "0.2"})
    overshoot: Literal["keep", "refuse"] = field(default="keep", metadata={SINCE: "0.2"})
    tonic: bool = field(default=False, metadata={SINCE: "0.2"})

    def __post_init__(self) -> None:
        check(self)
        check_start(self)
        self._check_reset()
        for name in ("u_decay", "v_decay"):
            check_decay(self, name)

    def _check_reset(self) -> None:
        lowest = each(self.theta, self.n).min().item()
        if lowest <= 0 and not self.tonic:
            raise DeclarationError(
                f"LIF: theta = {lowest!r}; a positive number is needed, or tonic = True for neurons that "
                "fire at rest"
            )
        if self.tonic and self.reset != "value":
            raise DeclarationError(f"LIF: tonic = True with reset = {self.reset!r}; it needs reset = 'value'")
        known = {
            "reset": ("value", "subtract", "none"),
            "reset_delay": (0, 1),
            "overshoot": ("keep", "refuse"),
        }
        for name, values in known.items():
            value = getattr(self, name)
            if value not in values or isinstance(value, bool):
                raise DeclarationError(
                    f"LIF: {name} = {value!r}; known: {', '.join(repr(v) for v in values)}"
                )
        if self.reset == "value":
            why = "after its first spike a neuron would fire in every step; tonic = True lets it"
            check_below(self, "v_reset", "theta", why, where=not self.tonic)
        if self.reset_delay and self.reset != "subtract":
            raise DeclarationError(
                f"LIF: reset_delay = 1 with reset = {self.reset!r}; what comes late is a subtraction. A "
                "reset to a value one step late, which takes the input of that step away, is refractory = 1"
            )
        if self.reset_delay and self._pause.any():
            raise DeclarationError(
                "LIF: reset_delay = 1 with a refractory time, in which the membrane is constant and nothing "
                "is subtracted; take refractory = 0, or reset_delay = 0"
            )
        if self.overshoot == "refuse" and (self.reset, self.reset_delay) != ("subtract", 0):
            raise DeclarationError(
                "LIF: overshoot = 'refuse' is about what the subtraction of a threshold leaves; it needs "
                "reset = 'subtract' and reset_delay = 0"
            )

    def linear(self) -> LinearNeuron:
        """The normal form; see `LinearNeuron`."""
        return LinearNeuron(
            theta=each(self.theta, self.n),
            bias=each(self.bias, self.n),
            u_decay=each(self.u_decay, self.n),
            v_decay=each(self.v_decay, self.n),
            v_reset=each(self.v_reset, self.n),
            floor=each(self.floor, self.n),
            refractory=each(self.refractory, self.n).astype(np.int64),
            v_start=each(self.v_start, self.n),
            u_start=each(self.u_start, self.n),
            subtract=self.reset == "subtract",
            reset_delay=self.reset_delay,
            resets=self.reset != "none",
        )

    @property
    def limit(self) -> float:
        """See `Neuron`."""
        return limit_of(self.grid)

    @cached_property
    def _numbers(self) -> tuple[Numbers, ...]:
        """theta, floor, v_reset in the numbers of the membrane, and the kept parts of u and v."""
        return (
            scaled(self.theta, self.grid).astype(np.float64),
            floors(self.floor, self.grid, -np.inf),
            scaled(self.v_reset, self.grid).astype(np.float64),
            kept_part(self.u_decay, self.grid),
            kept_part(self.v_decay, self.grid),
        )

    @cached_property
    def _bias(self) -> Numbers:
        return np.broadcast_to(scaled(self.bias, self.grid), (self.n,)).copy()

    @cached_property
    def _pause(self) -> Numbers:
        """The refractory time in steps, int32 () or (n,)."""
        return np.asarray(self.refractory, np.int32)

    def initial_state(self) -> NeuronState:
        """u and v (n,), int64 on a grid, else float64; with a refractory time also refractory_left, int32
        (n,), in steps.
        """
        u, v = (np.broadcast_to(scaled(x, self.grid), (self.n,)).copy() for x in (self.u_start, self.v_start))
        return {"v": v, "u": u} | (
            {"refractory_left": np.zeros(self.n, np.int32)} if self._pause.any() else {}
        )

    def _integrated(self, state: NeuronState, current: Numbers) -> tuple[Numbers, Numbers]:
        """Current and membrane after integration, before a reset."""
        theta, floor, _, u_kept, v_kept = self._numbers
        u = decayed(state["u"], u_kept, self.grid) + current
        v = decayed(state["v"], v_kept, self.grid) + u + self._bias
        if self.reset_delay:
            v = v - np.where(state["v"] >= theta, theta, 0)
        return u, np.maximum(v, floor)

    def forbidden(self, state: NeuronState) -> Numbers | None:
        """See `Neuron`; neurons that are still at or above their threshold with overshoot = "refuse"."""
        return state["v"] >= self._numbers[0] if self.overshoot == "refuse" else None

    def decision(self, state: NeuronState, current: Numbers) -> tuple[Numbers, Numbers]:
        """See `Neuron`; (n,)."""
        v = self._integrated(state, current)[1]
        return v, np.broadcast_to(self._numbers[0], v.shape)

    def step(self, state: NeuronState, current: Numbers) -> tuple[NeuronState, Ints]:
        """One step, in counts of the grid or real: u, v (and refractory_left), and the spikes int64 (n,)."""
        theta, _, v_reset, _, _ = self._numbers
        kind, left = number_type(self.grid), state.get("refractory_left")
        u, v = self._integrated(state, current)
        awake = np.True_ if left is None else left == 0
        fired = (v >= theta) & awake
        after: Numbers = {"value": v_reset, "subtract": v - theta, "none": v}[self._reset_now]
        v = np.where(fired, after, np.where(awake, v, state["v"])).astype(kind)
        if left is None:
            return {"v": v, "u": u}, fired.astype(np.int64)
        left = np.where(fired, self._pause, np.maximum(left - 1, 0)).astype(np.int32)
        return {"v": v, "u": u, "refractory_left": left}, fired.astype(np.int64)

    @property
    def _reset_now(self) -> str:
        """What happens to the membrane in the step of a spike."""
        return "none" if self.reset_delay else self.reset

    def compiled(self) -> Advance:
        """The same step in place; see `Neuron`."""
        p = Parameters(
            1.0 if self.grid is None else 2.0**self.grid,
            unit_of(self.grid),
            {"value": VALUE, "subtract": SUBTRACT, "none": NONE}[self._reset_now],
            bool(self.reset_delay),
            self.overshoot == "refuse",
            bool(self._pause.any()),
            *for_kernel(self.n, *self._numbers, self._pause),
        )
        bias, none = self._bias, np.zeros(0, np.int32)

        def advance(state, current, closed, fired, signs):  # type: ignore[no-untyped-def]
            left = state.get("refractory_left", none)
            return _advance(p, bias, state["u"], state["v"], left, current, closed, fired, signs)

        return advance


VALUE, SUBTRACT, NONE = 0, 1, 2  # resets in the step of a spike


class Parameters(NamedTuple):
    """Parameters of a population for the kernel; each field from theta on is a number or an array (n,)."""

    scale: float
    unit: float
    reset: int
    late: bool
    refuse: bool
    refractory: bool
    theta: Any
    floor: Any
    v_reset: Any
    u_kept: Any
    v_kept: Any
    pause: Any


@kernel
def _advance(p, bias, u, v, left, current, closed, fired, signs):  # type: ignore[no-untyped-def]
    count = 0
    for j in range(v.size):
        arrived = current[j] * p.scale
        current[j] = 0.0
        if closed.size and closed[j]:
            continue
        y = decayed_in_kernel(u[j], at(p.u_kept, j), p.unit) + arrived
        u[j] = y
        x = decayed_in_kernel(v[j], at(p.v_kept, j), p.unit) + y + bias[j]
        if p.late and v[j] >= at(p.theta, j):
            x -= at(p.theta, j)
        if not (abs(x) * p.unit < LIMIT and abs(y) * p.unit < LIMIT):
            return -1 - j
        if p.refractory and left[j]:
            left[j] -= 1
            continue
        x = max(x, at(p.floor, j))
        if x >= at(p.theta, j):
            if p.reset == SUBTRACT:
                x = x - at(p.theta, j)
                if p.refuse and x >= at(p.theta, j):
                    v[j] = x
                    return -1 - j
            elif p.reset == VALUE:
                x = at(p.v_reset, j)
            if p.refractory:
                left[j] = at(p.pause, j)
            fired[count] = j
            signs[count] = 1
            count += 1
        v[j] = x
    return count
