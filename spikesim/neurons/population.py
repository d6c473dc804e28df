"""What every population declares, and the registry of the models."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from spikesim import grid
from spikesim.errors import DeclarationError
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
Values = float | Sequence[float] | npt.NDArray[Any]  # for all neurons, or for each; kept as a tuple
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
LIMIT = 2.0**53  # where float64 ends to hold every integer
MODELS: dict[str, type[Any]] = {}
M = TypeVar("M", bound=type[Any])

PHASES = ("reset_at", "active_in", "gate_by", "offset")
FIELDS = ("n", "grid", *PHASES)


class Neuron(Protocol):
    """A population that integrates: what engines and `Network` read of it.

    A model is a frozen dataclass with these fields and its own parameters, the class attribute `description`,
    and the methods below. One more method is optional, for speed:

        compiled() -> advance(state, current, closed, fired, signs) -> n_fired

    does the same step in place, for the stepped engine: `current` float64 (n,), of a model with receptors
    (receptors, n), is what has arrived, in the units of weights; it is read and set to 0. `closed` bool (n,),
    or empty, marks neurons that are held. Neurons that fire are written to `fired` int32 (n,), in ascending
    order, and their signs to `signs` int8 (n,). -1 - j says that neuron j's membrane has left the range.
    Without it the engine takes `step`.

    A model of the integrate-and-fire family also offers `linear() -> LinearNeuron`, which the hardware
    targets and file formats translate.

    Attributes:
        description: equations, parameters and state variables; see `NeuronModel`.
        n: neurons.
        grid: fractional bits: the population's numbers are multiples of 2**-grid; None where they are real.
        reset_at: when the state is set back: "split" of the window; "start" always, since trials are
            independent.
        active_in: the only phase in which the neurons are simulated, or None for both; outside it they are
            held: the membrane keeps its value, nothing arrives and nothing fires.
        gate_by: name of a population of the same size: neuron i is held unless neuron i of that population
            has a spike count above 0 in the first phase (the h' of eq. 5).
        offset: the step at which the population's own clock starts; None for the delay of the path from the
            input.
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
        """The magnitude below which the membrane is exact; in what it counts in."""
        ...

    def initial_state(self) -> NeuronState:
        """The state at the start: "v", the membrane, and the model's other variables, by name; neurons on the
        last axis.
        """
        ...

    def step(self, state: NeuronState, current: Numbers) -> tuple[NeuronState, Ints]:
        """One step: the state after it, and the spikes int64 (n,); in counts of the grid, or in float64 where
        there is none. `current` is what has arrived; the bias is the model's own. The given state stays.
        """
        ...

    def decision(self, state: NeuronState, current: Numbers) -> tuple[Numbers, Numbers]:
        """The membrane after integration and the threshold that it is compared with in this step, before any
        reset; both in the shape of "v".
        """
        ...


class Sender:
    """The attributes that a population without a membrane shares with the others; none of them acts."""

    grid: ClassVar[None] = None
    reset_at: ClassVar[tuple[str, ...]] = ()
    active_in: ClassVar[None] = None
    gate_by: ClassVar[None] = None
    replay: bool = False


def register(model: M) -> M:
    """Make a model known by its class name; a class decorator.

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
    MODELS[model.__name__] = model
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
BIAS = Parameter("bias", "weight a step", on_grid=True)
FLOOR = Parameter("floor", "weight", high=0.0, on_grid=True, optional=True)
REFRACTORY = Parameter("refractory", "steps", low=0, whole=True)
V_START = Parameter("v_start", "weight", on_grid=True)


def check_model(name: str, population: Any) -> None:
    """Check that a network's population is one: a neuron model with all of `Neuron`, or a sender.

    Raises:
        DeclarationError: it is not; names what is missing.
    """
    kind = type(population).__name__
    if isinstance(population, type):
        raise DeclarationError(
            f"{name}: the class {population.__name__}; a population is one of its instances, as "
            f"{population.__name__}(100, ...)"
        )
    if not isinstance(getattr(population, "description", None), NeuronModel):
        raise DeclarationError(
            f"{name}: {population!r:.60} is no population; take one of {', '.join(sorted(MODELS))}, or a "
            f"model of your own, with a `description` (see spikesim.neurons.population)"
        )
    integrates = population.description.role == "neuron"
    needed = (*FIELDS, "limit", "initial_state", "step") if integrates else FIELDS
    if missing := [field for field in needed if not hasattr(population, field)]:
        raise DeclarationError(
            f"{name}: {kind} has no {', '.join(missing)}; every population needs {', '.join(needed)} (see "
            f"spikesim.neurons.population)"
        )


def no_current(population: Any) -> npt.NDArray[np.float64]:
    """Room for what arrives in a step: float64 (n,), or (receptors, n) of a model with receptors."""
    receptors = len(population.description.receptors)
    return np.zeros((receptors, population.n) if receptors else population.n)


def check(population: Any) -> None:
    """Check what every integrating population declares: its size, grid, parameters and phases.

    Raises:
        DeclarationError: names the field, its value and what it has to be.
    """
    kind = type(population).__name__
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


def check_below(population: Any, lower: str, upper: str, why: str) -> None:
    """Check that one parameter lies below another, neuron by neuron.

    Raises:
        DeclarationError: it does not; names the first neuron.
    """
    a, b = (each(getattr(population, name), population.n) for name in (lower, upper))
    if (a < b).all():
        return
    k = int(np.argmin(a < b))
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
            f"{type(population).__name__}: v_start = {start[k].item()!r} of neuron {k} lies below its floor "
            f"{floor[k].item()!r}; start at the floor or above"
        )


def check_grid(population: Any) -> None:
    """Check that a model that counts in integers has a grid.

    Raises:
        DeclarationError: its grid is None.
    """
    if population.grid is None:
        raise DeclarationError(
            f"{type(population).__name__}: grid = None; this model counts in steps of a grid: give its "
            "fractional bits, or take LIF for real numbers"
        )


def scaled(values: Any, bits: int | None) -> Numbers:
    """Numbers in what a model counts in: int64 counts of 2**-bits, or float64 as they are."""
    return np.asarray(values, np.float64) if bits is None else grid.snap(values, bits)


def floors(value: Any, bits: int | None, none: float) -> Numbers:
    """A floor in what a model counts in; `none` where there is no floor."""
    return np.asarray(none, np.float64) if value is None else scaled(value, bits).astype(np.float64)


def number_type(bits: int | None) -> type[np.int64] | type[np.float64]:
    """The type of a membrane: int64 on a grid, float64 without."""
    return np.float64 if bits is None else np.int64


def for_kernel(n: int, *values: Any) -> tuple[Any, ...]:
    """Parameters for a kernel: all as numbers where none differs from neuron to neuron, else all as arrays.

    So a kernel is compiled for two signatures at the most, and for the first one reads no more memory than
    with constants.
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
        raise DeclarationError(f"{kind}: n = {n!r}; a population has at least one neuron")


def check_offset(kind: str, offset: int | None) -> None:
    """Check that a declared clock starts at a whole step, not before the trial.

    Raises:
        DeclarationError: it does not.
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
    "each",
    "floors",
    "for_kernel",
    "no_current",
    "number_type",
    "register",
    "scaled",
    "uniform",
]
