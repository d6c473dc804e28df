"""Models for imported Brian2 networks: Brian2's leaky neuron, and a list of spikes.

Brian2's default step is: integrate all -> thresholds of all -> synapses -> resets. Spikes that arrive in step
t act after the thresholds and before the resets of that step: the first threshold that sees them is that of
step t + 1, and a neuron that fires in step t loses them if its reset sets a value. Here a population receives
its input before it integrates; a delay of d in Brian2 is therefore one of d + 1, and a neuron loses the input
of the step after its spike:

input       v += I(t)                       unless `lost`
integrate   v = kept v + bias               (exact, or Euler, solution of a linear equation over a step)
fire        s = 1 where v > theta (or >=) and the neuron is not refractory
reset       v = v_reset, or v -= v_reset
refractory  for `refractory` steps after a spike the neuron does not fire

A membrane recorded here does not contain the input that Brian2 adds after the thresholds of step t: that
belongs to the next step.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from spikesim._jit import at, kernel
from spikesim.errors import DeclarationError
from spikesim.files.plain_values import plain_fields
from spikesim.neurons.description import NeuronModel, Parameter, Variable
from spikesim.neurons.population import (
    LIMIT,
    MEMBRANE,
    REFRACTORY,
    REFRACTORY_LEFT,
    Advance,
    Ints,
    NeuronState,
    Numbers,
    Sender,
    Steps,
    Values,
    check,
    check_size,
    each,
    for_kernel,
    register,
)
from spikesim.window import Phase

Reals = npt.NDArray[np.float64]


@register
@dataclass(frozen=True)
class Brian2LIF:
    """n neurons with a linear membrane equation, in Brian2's order; fields as in `Neuron`.

    A parameter is one number for all neurons, or an array of n.

    Attributes:
        theta: threshold, in the unit of weights.
        kept: factor of the membrane in a step.
        bias: added to the membrane in every step.
        v_start: initial membrane.
        strict: fire at v > theta (usual in Brian2) instead of v >= theta.
        reset: to the "value" v_reset, or by "subtract"-ing it.
        refractory: steps after a spike in which a neuron does not fire.
        held: in these steps the membrane is constant, and input is lost (`unless refractory`).
        loses_input: the input in the step of a spike is lost (Brian2's synapses act before its resets).

    Raises:
        DeclarationError: a field is out of range.
    """

    description: ClassVar[NeuronModel] = NeuronModel(
        equations="v += I; v = kept v + bias; spike at v > theta (or >=); v = v_reset or v - v_reset",
        parameters=(
            Parameter("theta", "weight"),
            Parameter("kept", "1"),
            Parameter("bias", "weight/step"),
            Parameter("v_start", "weight"),
            Parameter("v_reset", "weight"),
            REFRACTORY,
        ),
        state=(MEMBRANE, REFRACTORY_LEFT, Variable("lost", "1", "1 where the input of this step is lost")),
    )
    limit: ClassVar[float] = LIMIT

    n: int
    theta: Values
    kept: Values
    bias: Values = 0.0
    v_start: Values = 0.0
    strict: bool = True
    reset: Literal["value", "subtract"] = "value"
    v_reset: Values = 0.0
    refractory: Steps = 0
    held: bool = False
    loses_input: bool = True
    grid: None = None
    floor: None = None
    reset_at: tuple[str, ...] = ("start",)
    active_in: Phase | None = None
    gate_by: str | None = None
    offset: int | None = None

    def __post_init__(self) -> None:
        check(self)
        if self.reset not in ("value", "subtract"):
            raise DeclarationError(f"Brian2LIF: reset = {self.reset!r}; known: 'value', 'subtract'")
        if self.reset_at != ("start",) or self.active_in is not None or self.gate_by is not None:
            raise DeclarationError(
                "Brian2LIF: reset_at, active_in and gate_by need trials, which this model does not support; "
                "leave them at their defaults"
            )

    @cached_property
    def arrays(self) -> tuple[Reals, Reals, Reals]:
        """kept, bias and v_start, float64 (n,) each."""
        return each(self.kept, self.n), each(self.bias, self.n), each(self.v_start, self.n)

    @cached_property
    def _numbers(self) -> tuple[Numbers, ...]:
        """theta and v_reset float64, refractory int32; each () or (n,)."""
        return (
            np.asarray(self.theta, np.float64),
            np.asarray(self.v_reset, np.float64),
            np.asarray(self.refractory, np.int32),
        )

    def initial_state(self) -> NeuronState:
        """v float64 (n,); refractory_left and lost int32 (n,)."""
        nothing = np.zeros(self.n, np.int32)
        return {"v": self.arrays[2].copy(), "refractory_left": nothing, "lost": nothing.copy()}

    def decision(self, state: NeuronState, current: Numbers) -> tuple[Numbers, Numbers]:
        """See `Neuron`; float64 (n,)."""
        kept, bias, _ = self.arrays
        v = state["v"] + np.where(state["lost"] > 0, 0.0, current)
        moved = v * kept + bias
        v = np.where(state["refractory_left"] == 0, moved, v) if self.held else moved
        return v, np.broadcast_to(self._numbers[0], v.shape)

    def step(self, state: NeuronState, current: Numbers) -> tuple[NeuronState, Ints]:
        """One step in real numbers: v, refractory_left and lost, and the spikes int64 (n,)."""
        _, v_reset, pause = self._numbers
        v, theta = self.decision(state, current)
        awake = state["refractory_left"] == 0
        fired = (v > theta if self.strict else v >= theta) & awake
        v = np.where(fired, v_reset if self.reset == "value" else v - v_reset, v)
        left = np.where(fired, pause, np.maximum(state["refractory_left"] - 1, 0))
        lost = (fired & self.loses_input) | (~awake & self.held)
        after = {"v": v, "refractory_left": left.astype(np.int32), "lost": lost.astype(np.int32)}
        return after, fired.astype(np.int64)

    def compiled(self) -> Advance:
        """The same step in place; see `Neuron`."""
        kept, bias, _ = self.arrays
        numbers = for_kernel(self.n, *self._numbers)
        choices = (self.strict, self.reset == "subtract", self.held, self.loses_input)

        def advance(state, current, closed, fired, signs):  # type: ignore[no-untyped-def]
            v, left, lost = state["v"], state["refractory_left"], state["lost"]
            return _advance(numbers, choices, kept, bias, v, left, lost, current, fired, signs)

        return advance


@register
@dataclass(frozen=True)
class SpikeList(Sender):
    """A generator with a list of spikes (Brian2's SpikeGeneratorGroup).

    Attributes:
        n: number of neurons.
        steps: steps of the spikes, ascending.
        neurons: neurons of the spikes, in the same order.
        period: steps after which the list repeats; 0 for never.

    Raises:
        DeclarationError: lists of unequal length, decreasing steps, or unknown neurons.
    """

    description: ClassVar[NeuronModel] = NeuronModel("a list of spikes", role="generator")

    n: int
    steps: tuple[int, ...] = ()
    neurons: tuple[int, ...] = ()
    period: int = 0
    offset: int | None = None

    def __post_init__(self) -> None:
        plain_fields(self)
        check_size("SpikeList", self.n)
        steps, neurons = np.asarray(self.steps), np.asarray(self.neurons)
        if any(values.size and values.dtype.kind not in "iu" for values in (steps, neurons)):
            raise DeclarationError(
                f"SpikeList: steps of {steps.dtype}, neurons of {neurons.dtype}; whole numbers are needed"
            )
        if steps.shape != neurons.shape:
            raise DeclarationError(
                f"SpikeList: {steps.size} steps for {neurons.size} neurons; equal numbers are needed"
            )
        if steps.size and (steps[0] < 0 or (np.diff(steps) < 0).any()):
            raise DeclarationError("SpikeList: steps must be >= 0 and in ascending order; sort the spikes")
        if steps.size and (neurons.min() < 0 or neurons.max() >= self.n):
            raise DeclarationError(
                f"SpikeList: neurons from {neurons.min()} to {neurons.max()}; 0 .. {self.n - 1} are needed"
            )
        if self.period < 0 or (self.period and steps.size and steps[-1] >= self.period):
            raise DeclarationError(
                f"SpikeList: period = {self.period!r}; 0, or more than the step of the last spike, is needed"
            )

    @cached_property
    def _arrays(self) -> tuple[Any, Any]:
        return np.asarray(self.steps, np.int64), np.asarray(self.neurons, np.int32)

    def fired(self, t: int) -> npt.NDArray[np.int32]:
        """The neurons that fire in step t, int32, ascending."""
        steps, neurons = self._arrays
        first, last = np.searchsorted(steps, (t % self.period if self.period else t) + np.arange(2))
        return np.unique(neurons[first:last])


@kernel
def _advance(numbers, choices, kept, bias, v, left, lost, current, fired, signs):  # type: ignore[no-untyped-def]
    theta, v_reset, refractory = numbers
    strict, subtract, held, loses_input = choices
    count = 0
    for j in range(v.size):
        x = v[j] if lost[j] else v[j] + current[j]
        current[j] = 0.0
        awake = left[j] == 0
        if awake or not held:
            x = x * kept[j] + bias[j]
        if not abs(x) < LIMIT:
            return -1 - j
        lost[j] = 1 if held and not awake else 0
        if not awake:
            left[j] -= 1
        elif x > at(theta, j) or (x == at(theta, j) and not strict):
            x = x - at(v_reset, j) if subtract else at(v_reset, j)
            left[j] = at(refractory, j)
            lost[j] = 1 if loses_input else 0
            fired[count] = j
            signs[count] = 1
            count += 1
        v[j] = x
    return count
