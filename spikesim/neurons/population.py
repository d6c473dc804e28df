"""The interface of populations, checks of their parameters, and the registry of neuron models."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from spikesim import grid
from spikesim._values import named_arguments
from spikesim.errors import DeclarationError
from spikesim.files.plain_values import plain_fields
from spikesim.neurons.description import (
    LinearNeuron,
    NeuronModel,
    Parameter,
    Variable,
    check_parameters,
    each,
    uniform,
)
from spikesim.window import Phase

Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[Any]
NeuronState = dict[str, Numbers]
Values = float | Sequence[float] | npt.NDArray[Any]  # for all neurons, or one per neuron (stored as a tuple)
Steps = int | Sequence[int] | npt.NDArray[Any]
Advance = Callable[
    [
        NeuronState,
        npt.NDArray[np.float64],
        npt.NDArray[np.bool_],
        npt.NDArray[np.int32],
        npt.NDArray[np.int8],
    ],
    int,
]
LIMIT = 2.0**53  # up to here float64 represents every integer
MODELS: dict[str, type[Any]] = {}
M = TypeVar("M", bound=type[Any])

PHASES = ("reset_at", "active_in", "gate_by", "offset")
FIELDS = ("n", "grid", *PHASES)


class Neuron(Protocol):
    """The interface of a population of neurons, as `Network` and the engines use it.

    A model is a frozen dataclass with these fields and its own parameters, the class attribute `description`,
    and the methods below. Optional, for speed:

        compiled() -> advance(state, current, closed, fired, signs) -> n_fired

    performs the same step in place, for the stepped engine: `current`, float64 (n,), or (receptors, n) for a
    model with receptors, is the input current in the unit of weights; it is read and set to 0. `closed`, bool
    (n,) or empty, marks neurons that keep their state. Neurons that fire are written to `fired`, int32 (n,),
    in ascending order, and their signs to `signs`, int8 (n,). The result -1 - j means that the membrane of
    neuron j has left its range. Without `compiled` the engine uses `step`.

    `forbidden(state) -> bool (n,) or None`, also optional, marks neurons in a state that stops the simulation
    with an error; the compiled step returns -1 - j for them, too, after it has written their membrane.

    A model of the integrate-and-fire family also has `linear() -> LinearNeuron`, which hardware targets and
    file formats translate.

    Attributes:
        description: equations, parameters and state variables; see `NeuronModel`.
        n: number of neurons.
        grid: number of fractional bits: all numbers are multiples of 2**-grid; None for real numbers.
        reset_at: when the state is reset: at the "split" of the window, and always at its "start", since
            trials are independent.
        active_in: the only phase in which the neurons are simulated, or None for both; in the other phase
            they keep their state, receive no input and do not fire.
        gate_by: name of a population of the same size: neuron i is simulated only if the signed spike count
            of neuron i of that population in the first phase is above 0: spikes of -1 are subtracted (the h'
            of eq. 5, whose counts are of spikes of +1); error neurons may have an upper end, `gate_below`.
        offset: the step at which the window of the population begins; None for the delay of the path from
            the input.
    """

    description: ClassVar[NeuronModel]

    n: int
    grid: int | None
    reset_at: tuple[str, ...]
    active_in: Phase | None
    gate_by: str | None
    offset: int | None

    @property
    def limit(self) -> float:
        """The magnitude below which the membrane is exact, in the numbers of the state."""
        ...

    def initial_state(self) -> NeuronState:
        """The initial state: "v", the membrane, and the other variables of the model; neurons on the last
        axis.
        """
        ...

    def step(self, state: NeuronState, current: Numbers) -> tuple[NeuronState, Ints]:
        """One step: the state after it, and the spikes int64 (n,).

        Numbers are counts of the grid, or float64 without a grid. `current` is the input current; the model
        adds its bias. `state` is not changed.
        """
        ...

    def decision(self, state: NeuronState, current: Numbers) -> tuple[Numbers, Numbers]:
        """The membrane after integration, before any reset, and the threshold with which it is compared in
        this step; both in the shape of "v".
        """
        ...


class Sender:
    """Attributes of a population without a membrane that it shares with `Neuron`; none has an effect."""

    grid: ClassVar[None] = None
    reset_at: ClassVar[tuple[str, ...]] = ()
    active_in: ClassVar[None] = None
    gate_by: ClassVar[None] = None
    replay: bool = False


def register(model: M) -> M:
    """Register a model by its class name; a class decorator.

    A model of version 0.1.0 (without `description`, with `rest`) gets both, with a warning.
    """
    if not hasattr(model, "initial_state") and hasattr(model, "rest"):
        _warn(model, "rest() is now initial_state()")
        model.initial_state = model.rest
    if not hasattr(model, "description"):
        _warn(model, "a model declares itself with `description = NeuronModel(...)`")
        model.description = _described(model)
    if model.description.role == "neuron" and not hasattr(model, "limit"):
        model.limit = LIMIT
    MODELS[model.__name__] = named_arguments(model)
    return model


def _warn(model: type[Any], what: str) -> None:
    warnings.warn(
        f"{model.__name__}: {what} (see spikesim.neurons.population); the old form ends with the next "
        "release",
        DeprecationWarning,
        stacklevel=3,
    )


def _described(model: type[Any]) -> NeuronModel:
    """A description of a model of version 0.1.0: its numeric fields are parameters for all neurons."""
    if not hasattr(model, "step"):
        return NeuronModel("not described", role="generator")
    own = [f for f in fields(model) if f.name not in FIELDS] if is_dataclass(model) else []
    shared = {
        "theta": Parameter("theta", "weight", positive=True, on_grid=True),
        "bias": BIAS,
        "floor": FLOOR,
    }
    parameters = tuple(shared[f.name] for f in own if f.name in shared)
    return NeuronModel("not described", parameters, (MEMBRANE,))


MEMBRANE = Variable("v", "weight", "membrane")
CURRENT = Variable("u", "weight", "synaptic current")
REFRACTORY_LEFT = Variable("refractory_left", "steps", "steps until the neuron can fire again")

THETA = Parameter("theta", "weight", positive=True, on_grid=True)
BIAS = Parameter("bias", "weight/step", on_grid=True)
FLOOR = Parameter("floor", "weight", high=0.0, on_grid=True, optional=True)
REFRACTORY = Parameter("refractory", "steps", low=0, whole=True)
V_START = Parameter("v_start", "weight", on_grid=True)


def check_model(name: str, population: Any) -> None:
    """Check that a population of a network is a neuron model with all members of `Neuron`, or a sender.

    Raises:
        DeclarationError: it is not; names the missing members.
    """
    kind = type(population).__name__
    if isinstance(population, type):
        raise DeclarationError(
            f"{name}: the class {population.__name__}; an instance is needed, for example "
            f"{population.__name__}(100, ...)"
        )
    if not isinstance(getattr(population, "description", None), NeuronModel):
        raise DeclarationError(
            f"{name}: {population!r:.60} is not a population; use one of {', '.join(sorted(MODELS))}, or a "
            f"custom model with a `description` (see spikesim.neurons.population)"
        )
    integrates = population.description.role == "neuron"
    needed = (*FIELDS, "limit", "initial_state", "step") if integrates else FIELDS
    if missing := [field for field in needed if not hasattr(population, field)]:
        raise DeclarationError(
            f"{name}: {kind} has no {', '.join(missing)}; every population needs {', '.join(needed)} (see "
            f"spikesim.neurons.population)"
        )


def closed_gates(population: Any, counts: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Neurons whose gate is closed, bool (n,), by the signed counts of their partners in the first phase."""
    closed = counts <= 0
    below = getattr(population, "gate_below", None)
    return closed if below is None else closed | (counts >= below)


def no_current(population: Any) -> npt.NDArray[np.float64]:
    """An input current of 0: float64 (n,), or (receptors, n) for a model with receptors."""
    receptors = len(population.description.receptors)
    return np.zeros((receptors, population.n) if receptors else population.n)


def check(population: Any) -> None:
    """Check size, grid, parameters and phases of a population of neurons.

    Raises:
        DeclarationError: names the field, its value and the allowed values.
    """
    kind = type(population).__name__
    plain_fields(population, without=(p.name for p in population.description.parameters))
    check_size(kind, population.n)
    if population.grid is not None:
        grid.check_bits(population.grid, kind)
    check_parameters(population)
    check_offset(kind, population.offset)
    if not set(population.reset_at) <= {"start", "split"}:
        raise DeclarationError(f"{kind}: reset_at = {population.reset_at!r}; known: 'start', 'split'")
    if population.active_in not in (None, "first", "second"):
        raise DeclarationError(
            f"{kind}: active_in = {population.active_in!r}; known: None, 'first', 'second'"
        )


def check_below(population: Any, lower: str, upper: str, why: str, where: Any = True) -> None:
    """Check that one parameter is below another, for each neuron of `where`, bool (n,).

    Raises:
        DeclarationError: it does not; names the first neuron.
    """
    a, b = (each(getattr(population, name), population.n) for name in (lower, upper))
    fine = (a < b) | ~np.broadcast_to(where, a.shape)
    if fine.all():
        return
    k = int(np.argmin(fine))
    which = "" if uniform(a) and uniform(b) else f" of neuron {k}"
    raise DeclarationError(
        f"{type(population).__name__}: {lower} = {a[k].item()!r}{which} is not below {upper} = "
        f"{b[k].item()!r}: {why}"
    )


def check_start(population: Any) -> None:
    """Check that the membrane starts at or above its floor.

    Raises:
        DeclarationError: it does not; names the first neuron.
    """
    start, floor = each(population.v_start, population.n), each(population.floor, population.n)
    if (start < floor).any():
        k = int(np.argmax(start < floor))
        raise DeclarationError(
            f"{type(population).__name__}: v_start = {start[k].item()!r} of neuron {k} is below its floor "
            f"{floor[k].item()!r}; use v_start >= floor"
        )


def check_grid(population: Any) -> None:
    """Check that a model that needs a grid has one.

    Raises:
        DeclarationError: its grid is None.
    """
    if population.grid is None:
        raise DeclarationError(
            f"{type(population).__name__}: grid = None; this model needs a grid: give its fractional bits, "
            "or use LIF for real numbers"
        )


def scaled(values: Any, bits: int | None) -> Numbers:
    """Values in the numbers of a model: int64 counts of 2**-bits, or float64 without a grid."""
    return np.asarray(values, np.float64) if bits is None else grid.snap(values, bits)


def floors(value: Any, bits: int | None, none: float) -> Numbers:
    """A floor in the numbers of a model, as float64; `none` if there is no floor."""
    return np.asarray(none, np.float64) if value is None else scaled(value, bits).astype(np.float64)


def number_type(bits: int | None) -> type[np.int64] | type[np.float64]:
    """The dtype of a membrane: int64 with a grid, float64 without."""
    return np.float64 if bits is None else np.int64


def for_kernel(n: int, *values: Any) -> tuple[Any, ...]:
    """Parameters for a kernel: all as numbers if none differs from neuron to neuron, else all as arrays.

    A kernel is thus compiled for two signatures at most, and with the first one reads no arrays.
    """
    arrays = [np.asarray(value) for value in values]
    if all(uniform(array) for array in arrays):
        return tuple(array.flat[0].item() for array in arrays)
    return tuple(np.array(np.broadcast_to(array, (n,))) for array in arrays)  # writable: one signature


def check_size(kind: str, n: int) -> None:
    """Check that a population has at least one neuron.

    Raises:
        DeclarationError: it has not.
    """
    if not grid.whole(n, 1):
        raise DeclarationError(f"{kind}: n = {n!r}; a whole number of neurons, at least 1, is needed")


def check_offset(kind: str, offset: int | None) -> None:
    """Check that an offset is None or a whole number of steps >= 0.

    Raises:
        DeclarationError: it is not.
    """
    if offset is not None and not grid.whole(offset):
        raise DeclarationError(
            f"{kind}: offset = {offset!r}; None, or a whole number of steps >= 0, is needed"
        )


__all__ = [
    "BIAS",
    "CURRENT",
    "FIELDS",
    "FLOOR",
    "LIMIT",
    "MEMBRANE",
    "MODELS",
    "REFRACTORY",
    "REFRACTORY_LEFT",
    "THETA",
    "V_START",
    "Advance",
    "Ints",
    "LinearNeuron",
    "Neuron",
    "NeuronState",
    "Numbers",
    "Sender",
    "Steps",
    "Values",
    "check",
    "check_below",
    "check_grid",
    "check_model",
    "check_offset",
    "check_size",
    "check_start",
    "closed_gates",
    "each",
    "floors",
    "for_kernel",
    "no_current",
    "number_type",
    "register",
    "scaled",
    "uniform",
]
