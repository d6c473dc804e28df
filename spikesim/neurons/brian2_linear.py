"""A neuron of several variables with linear equations, in Brian2's order of a step.

The neurons of imported Brian2 networks that have more than a membrane: synaptic currents (exponential, alpha
functions), thresholds and currents that adapt. The variables x = (v, ...) of a neuron:

input       x <- x + I(t)               what Brian2's synapses added in the step before; see below
integrate   x <- kept x + bias + gain C(t)            while refractory with matrices of its own
fire        s = 1 where v > theta + raised x (or >=) and the neuron is not refractory
reset       x <- reset x + reset_bias
refractory  for `refractory` steps after a spike the neuron does not fire

Brian2's default step is: integrate all -> thresholds -> synapses -> resets. As in `Brian2LIF`, what arrives
in step t of Brian2 is received here at the beginning of step t + 1 (a delay of d in Brian2 is one of d + 1),
as Brian2 would have left it: after a spike it passes the reset, too; a variable that Brian2 holds
(`unless refractory`) receives nothing in the step of a spike and while it is refractory; and nothing has
arrived before the first step. C(t) are currents of the same step (Brian2's `TimedArray`).

Source: Stimberg, Brette & Goodman 2019, "Brian 2, an intuitive and efficient neural simulator"; the order of
a step is that of "Scheduling" in Brian2's documentation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from spikesim._jit import at, kernel
from spikesim.errors import DeclarationError
from spikesim.files.plain_values import plain
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
    Steps,
    Values,
    check,
    for_kernel,
    register,
)
from spikesim.window import Phase

Reals = npt.NDArray[np.float64]
Row = tuple[float, ...]
Array = npt.NDArray[Any]
PerNeuron = Row | tuple[Row, ...] | Array  # float (k,), or (n, k); stored as tuples
Matrix = tuple[Row, ...] | tuple[tuple[Row, ...], ...] | Array  # float (k, k), or (n, k, k)
OPEN, FIRED, WAITED, BEGUN = 0, 1, 2, 3  # how the input of a step is received
EQUATIONS = (
    "x += I; x = kept x + bias + gain C; spike at v > theta + raised x (or >=); x = reset x + reset_bias"
)
RECEIVING = Variable(
    "receiving", "1", "0 all input; 1 after a spike; 2 while refractory; 3 none, at the start"
)


@register
@dataclass(frozen=True)
class Brian2Linear:
    """n neurons of k variables with linear equations, in Brian2's order of a step; fields as in `Neuron`.

    A vector is (k,) for all neurons, or (n, k); a matrix (k, k), or (n, k, k). The receptors are the
    variables, for synapses, and then the `currents`, which act within the integration.

    Attributes:
        variables: names of the k variables; the first is the membrane, and "v" in states and monitors.
        kept: matrix of the integration of a step.
        bias: vector, added in every step.
        start: vector, the initial values.
        theta: threshold, in the unit of the membrane; None for neurons that never fire.
        raised: vector of the other variables' part in the threshold; its first number is 0.
        reset: matrix of the reset.
        reset_bias: vector, added by the reset.
        currents: names of m external currents.
        gain: their part in each variable, (k, m) or (n, k, m).
        kept_refractory, bias_refractory, gain_refractory: the same while refractory; empty for the same.
        held: for each variable, whether input is lost in the step of a spike and while refractory.
        strict: fire above the threshold instead of at it, too.
        refractory: steps after a spike in which a neuron does not fire.
        resets_last: the input that arrives in the step of a spike is reset, too.

    Raises:
        DeclarationError: a field is out of range, or of another shape.
    """

    description: ClassVar[NeuronModel] = NeuronModel(
        EQUATIONS, (Parameter("theta", "weight", optional=True), REFRACTORY), (MEMBRANE,), receptors=("v",)
    )
    limit: ClassVar[float] = LIMIT

    n: int
    variables: tuple[str, ...]
    kept: Matrix
    bias: PerNeuron
    start: PerNeuron
    theta: Values | None
    raised: PerNeuron
    reset: Matrix
    reset_bias: PerNeuron
    currents: tuple[str, ...] = ()
    gain: Matrix = ()
    kept_refractory: Matrix = ()
    bias_refractory: PerNeuron = ()
    gain_refractory: Matrix = ()
    held: tuple[bool, ...] = ()
    strict: bool = True
    refractory: Steps = 0
    resets_last: bool = True
    grid: None = None
    floor: None = None
    reset_at: tuple[str, ...] = ("start",)
    active_in: Phase | None = None
    gate_by: str | None = None
    offset: int | None = None

    def __post_init__(self) -> None:
        check(self)
        names = ("v", *self.variables[1:], *self.currents)
        if len(set(names)) != len(names) or not self.variables:
            raise DeclarationError(
                f"Brian2Linear: variables {names}; different names, at least one, are needed"
            )
        if self.reset_at != ("start",) or self.active_in is not None or self.gate_by is not None:
            raise DeclarationError(
                "Brian2Linear: reset_at, active_in and gate_by need trials, which this model does not "
                "support; leave them at their defaults"
            )
        k, m = len(self.variables), len(self.currents)
        if len(self.held) not in (0, k):
            raise DeclarationError(f"Brian2Linear: held has {len(self.held)} entries for {k} variables")
        wanted: dict[str, tuple[int, ...]] = dict.fromkeys(("kept", "reset", "kept_refractory"), (k, k))
        wanted |= dict.fromkeys(("bias", "start", "raised", "reset_bias", "bias_refractory"), (k,))
        wanted |= dict.fromkeys(("gain", "gain_refractory") if m else (), (k, m))
        for name, shape in wanted.items():
            self._check_shape(name, shape)
        others = tuple(Variable(name, "weight", "a variable of the neuron") for name in self.variables[1:])
        state = (MEMBRANE, *others, REFRACTORY_LEFT, RECEIVING)
        described = NeuronModel(EQUATIONS, type(self).description.parameters, state, receptors=names)
        object.__setattr__(self, "description", described)

    def _check_shape(self, name: str, shape: tuple[int, ...]) -> None:
        values = getattr(self, name)
        if values == () and name.endswith("_refractory"):
            return
        try:
            array = np.asarray(values, np.float64)
        except (ValueError, TypeError):
            array = np.full((), np.nan)
        if array.shape not in (shape, (self.n, *shape)) or not np.isfinite(array).all():
            raise DeclarationError(
                f"Brian2Linear: {name} has the shape {array.shape}; finite numbers of the shape {shape}, or "
                f"{(self.n, *shape)}, are needed"
            )
        object.__setattr__(self, name, plain(array))  # 1 and 1.0 are one number

    @cached_property
    def _awake(self) -> tuple[Reals, Reals, Reals]:
        """kept (1 or n, k, k), bias (1 or n, k) and gain (1 or n, k, m)."""
        return self._matrices("")

    @cached_property
    def _resting(self) -> tuple[Reals, Reals, Reals]:
        """The same while refractory."""
        return self._matrices("_refractory")

    def _matrices(self, ending: str) -> tuple[Reals, Reals, Reals]:
        k, m = len(self.variables), len(self.currents)
        shapes = {"kept": (k, k), "bias": (k,), "gain": (k, m)}
        kept, bias, gain = (
            self._array(name + ending if getattr(self, name + ending) != () else name, shape)
            for name, shape in shapes.items()
        )
        return kept, bias, gain

    def _array(self, name: str, shape: tuple[int, ...]) -> Reals:
        array = np.asarray(getattr(self, name), np.float64)
        return array.reshape(-1, *shape) if array.size else np.zeros((1, *shape))

    @cached_property
    def _rest(self) -> tuple[Reals, Reals, Reals, Any]:
        """raised (1 or n, k), reset (1 or n, k, k), reset_bias (1 or n, k) and held bool (k,)."""
        k = len(self.variables)
        held = np.zeros(k, np.bool_) | np.asarray(self.held or False)
        return (
            self._array("raised", (k,)),
            self._array("reset", (k, k)),
            self._array("reset_bias", (k,)),
            held,
        )

    @cached_property
    def _theta(self) -> Numbers:
        return np.asarray(np.inf if self.theta is None else self.theta, np.float64)

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the variables in a state: "v" and the others."""
        return ("v", *self.variables[1:])

    def initial_state(self) -> NeuronState:
        """Each variable float64 (n,); refractory_left and receiving int32 (n,)."""
        start = np.broadcast_to(self._array("start", (len(self.variables),)), (self.n, len(self.variables)))
        found: NeuronState = {key: start[:, a].copy() for a, key in enumerate(self.keys)}
        left = np.zeros(self.n, np.int32)
        return {**found, "refractory_left": left, "receiving": np.full(self.n, BEGUN, np.int32)}

    def _integrated(self, state: NeuronState, current: Numbers) -> list[Numbers]:
        """The variables after input and integration, before a reset."""
        _, reset, _, held = self._rest
        how, k = state["receiving"], len(self.variables)
        came = [np.where((how == BEGUN) | (held[a] & (how != OPEN)), 0.0, current[a]) for a in range(k)]
        if self.resets_last:
            came = [np.where(how == FIRED, _row(reset, a, came), came[a]) for a in range(k)]
        x = [state[key] + came[a] for a, key in enumerate(self.keys)]
        awake = state["refractory_left"] == 0
        moved: list[Numbers] = []
        for a in range(k):
            both = [
                _row(kept, a, x) + bias[:, a] + (_row(gain, a, current[k:]) if self.currents else 0.0)
                for kept, bias, gain in (self._awake, self._resting)
            ]
            moved.append(np.where(awake, both[0], both[1]))
        return moved

    def decision(self, state: NeuronState, current: Numbers) -> tuple[Numbers, Numbers]:
        """See `Neuron`; float64 (n,)."""
        x = self._integrated(state, current)
        return x[0], self._theta + _row(self._rest[0][:, None], 0, x)

    def step(self, state: NeuronState, current: Numbers) -> tuple[NeuronState, Ints]:
        """One step in real numbers: the variables, refractory_left and receiving; the spikes int64 (n,)."""
        raised, reset, reset_bias, _ = self._rest
        x, awake = self._integrated(state, current), state["refractory_left"] == 0
        limit = self._theta + _row(raised[:, None], 0, x)
        fired = (x[0] > limit if self.strict else x[0] >= limit) & awake
        after = [np.where(fired, _row(reset, a, x) + reset_bias[:, a], x[a]) for a in range(len(x))]
        left = np.where(fired, np.asarray(self.refractory), np.maximum(state["refractory_left"] - 1, 0))
        how = np.where(fired, FIRED, np.where(awake, OPEN, WAITED))
        found: NeuronState = dict(zip(self.keys, after, strict=True))
        found |= {"refractory_left": left.astype(np.int32), "receiving": how.astype(np.int32)}
        return found, fired.astype(np.int64)

    def compiled(self) -> Advance:
        """The same step in place; see `Neuron`."""
        numbers = (self._awake, self._resting, self._rest)
        theta, pause = for_kernel(self.n, self._theta, np.asarray(self.refractory, np.int32))
        choices = (self.strict, self.resets_last)
        work = np.zeros((2, len(self.variables)))

        def advance(state, current, closed, fired, signs):  # type: ignore[no-untyped-def]
            x = tuple(state[key] for key in self.keys)
            left, how = state["refractory_left"], state["receiving"]
            return _advance(numbers, theta, pause, choices, x, left, how, current, work, fired, signs)

        return advance


def _row(matrix: Reals, a: int, x: Any) -> Numbers:
    """Row a of matrix times x, summed in the order of the kernel."""
    total = matrix[:, a, 0] * x[0]
    for b in range(1, len(x)):
        total = total + matrix[:, a, b] * x[b]
    return total


@kernel
def _advance(numbers, theta, pause, choices, x, left, how, current, work, fired, signs):  # type: ignore[no-untyped-def]
    awake_numbers, resting_numbers, (raised, reset, reset_bias, held) = numbers
    strict, resets_last = choices
    k, count = len(x), 0
    for j in range(left.size):
        _receive(reset, held, resets_last, x, how[j], current, work, j)
        awake = left[j] == 0
        if not _integrate(awake_numbers if awake else resting_numbers, current, work, j):
            return -1 - j
        moved = work[1]
        how[j] = OPEN if awake else WAITED
        limit = at(theta, j) + _product(raised, moved, j)
        if not awake:
            left[j] -= 1
        elif moved[0] > limit or (moved[0] == limit and not strict):
            work[0, :] = moved
            bias = reset_bias[j if reset_bias.shape[0] > 1 else 0]
            for a in range(k):
                moved[a] = _product(reset[:, a], work[0], j) + bias[a]
            left[j], how[j] = at(pause, j), FIRED
            fired[count] = j
            signs[count] = 1
            count += 1
        for a in range(k):
            x[a][j] = moved[a]
    return count


@kernel
def _receive(reset, held, resets_last, x, how, current, work, j):  # type: ignore[no-untyped-def]
    """The variables of neuron j after its input, in work[0]."""
    came, after = work[1], work[0]
    for a in range(len(x)):
        lost = how == BEGUN or (held[a] and how != OPEN)
        came[a] = 0.0 if lost else current[a, j]
        current[a, j] = 0.0
    for a in range(len(x)):
        arrived = _product(reset[:, a], came, j) if resets_last and how == FIRED else came[a]
        after[a] = x[a][j] + arrived


@kernel
def _integrate(numbers, current, work, j):  # type: ignore[no-untyped-def]
    """The variables of neuron j after the integration of work[0], in work[1]; False outside the range."""
    kept, bias, gain = numbers
    k, m = kept.shape[1], gain.shape[2]
    level = bias[j if bias.shape[0] > 1 else 0]
    for a in range(k):
        moved = _product(kept[:, a], work[0], j) + level[a]
        if m:
            moved += _product(gain[:, a], current[k:, j], j)
        if not abs(moved) < LIMIT:
            return False
        work[1, a] = moved
    for c in range(m):
        current[k + c, j] = 0.0
    return True


@kernel
def _product(rows, x, j):  # type: ignore[no-untyped-def]
    """The row of neuron j, of rows (1 or n, k), times x, summed from the first entry on."""
    row = rows[j if rows.shape[0] > 1 else 0]
    total = row[0] * x[0]
    for b in range(1, row.size):
        total += row[b] * x[b]
    return total
