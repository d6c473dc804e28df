"""What every population declares, and the registry of the models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from spikesim import grid
from spikesim.errors import DeclarationError
from spikesim.window import Phase

Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[Any]
State = dict[str, Numbers]
Advance = Callable[
    [State, npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.int32], npt.NDArray[np.int8]], int
]
LIMIT = 2.0**53  # where float64 ends to hold every integer
MODELS: dict[str, type[Any]] = {}
M = TypeVar("M", bound=type[Any])


FIELDS = ("n", "theta", "grid", "bias", "reset_at", "active_in", "gate_by", "floor", "offset")


class Neuron(Protocol):
    """A population that integrates: what engines and `Network` read of it.

    A model is a frozen dataclass with these fields, `initial_state` and `step`. One more method is
    optional, for speed:

        compiled() -> advance(state, current, closed, fired, signs) -> n_fired

    does the same step in place, for the stepped engine: `current` float64 (n,) is what has arrived, in the
    units of theta; it is read and set to 0. `closed` bool (n,), or empty, marks neurons that are held.
    Neurons that fire are written to `fired` int32 (n,), in ascending order, and their signs to `signs` int8
    (n,). -1 - j says that neuron j's membrane has left the range. Without it the engine takes `step`.

    Attributes:
        n: neurons.
        theta: threshold; a neuron fires at v >= theta.
        grid: the population's numbers are multiples of 2**-grid; None where they are real.
        bias: added to the membrane in every live step; a number or n numbers.
        reset_at: when the membrane is cleared: "split" of the window; "start" always, since presentations are
            drained.
        active_in: the only phase in which the neurons live, or None for both; outside it they are held as
            they are: the membrane keeps its value, nothing arrives and nothing fires.
        gate_by: name of a population of the same size: neuron i is held at rest unless neuron i of that
            population has fired in the first phase (the h' of eq. 5).
        floor: the membrane never falls below it; None for no floor.
        offset: the step at which the population's own clock starts; None for the hops behind the input.
    """

    n: int
    theta: float
    grid: int | None
    bias: float | tuple[float, ...]
    reset_at: tuple[str, ...]
    active_in: Phase | None
    gate_by: str | None
    floor: float | None
    offset: int | None

    def initial_state(self) -> State:
        """The state at rest: "v", the membrane, and what else the model carries, by name; neurons on the last
        axis.
        """
        ...

    def step(self, state: State, current: Numbers) -> tuple[State, Ints]:
        """One step: the state after it, and the spikes int64 (n,); in counts of the grid, or in float64 where
        there is none. `current` is what has arrived; the bias is the model's own. The given state stays.
        """
        ...


def register(model: M) -> M:
    """Make a model known by its class name; a class decorator."""
    MODELS[model.__name__] = model
    return model


def check_model(name: str, population: Any) -> None:
    """What a network calls a population is one: it integrates, with all of `Neuron`, or it only sends.

    Raises:
        DeclarationError: it is not; names what is missing.
    """
    kind = type(population).__name__
    if isinstance(population, type):
        raise DeclarationError(
            f"{name}: the class {population.__name__}; a population is one of its instances, as "
            f"{population.__name__}(100, ...)"
        )
    integrates = hasattr(population, "theta")
    if not integrates and not any(hasattr(population, way) for way in ("fired", "train", "replay")):
        raise DeclarationError(
            f"{name}: {population!r:.60} is no population; take one of {', '.join(sorted(MODELS))}, or a "
            f"model of your own (see spikesim.neurons)"
        )
    needed = (*FIELDS, "initial_state", "step") if integrates else ("n", "offset")
    if missing := [field for field in needed if not hasattr(population, field)]:
        raise DeclarationError(
            f"{name}: {kind} has no {', '.join(missing)}; every population needs {', '.join(needed)} (see "
            f"spikesim.neurons)"
        )


def check(population: Any) -> None:
    """The checks that every integrating population shares.

    Raises:
        DeclarationError: names the field, its value and what it has to be.
    """
    kind = type(population).__name__
    check_size(kind, population.n)
    if population.grid is not None:
        grid.check_bits(population.grid, kind)
    if not population.theta > 0:
        raise DeclarationError(f"{kind}: theta = {population.theta!r}; a threshold is a positive number")
    grid.on_grid(population.theta, population.grid, f"{kind}: theta")
    grid.on_grid(population.bias, population.grid, f"{kind}: bias")
    if np.ndim(population.bias) and len(population.bias) != population.n:
        raise DeclarationError(f"{kind}: bias has {len(population.bias)} values for {population.n} neurons")
    if population.floor is not None:
        grid.on_grid(population.floor, population.grid, f"{kind}: floor")
        if population.floor > 0:
            raise DeclarationError(
                f"{kind}: floor = {population.floor!r}; a floor lies at or below the rest of 0"
            )
    check_offset(kind, population.offset)
    if not set(population.reset_at) <= {"start", "split"}:
        raise DeclarationError(f"{kind}: reset_at = {population.reset_at!r}; known: 'start', 'split'")
    if population.active_in not in (None, "first", "second"):
        raise DeclarationError(
            f"{kind}: active_in = {population.active_in!r}; known: None, 'first', 'second'"
        )


def check_grid(population: Any) -> None:
    """A model that counts in integers has a grid.

    Raises:
        DeclarationError: its grid is None.
    """
    if population.grid is None:
        raise DeclarationError(
            f"{type(population).__name__}: grid = None; this model counts in steps of a grid: give its "
            "bits, or take LIF for real numbers"
        )


def scaled(values: Any, bits: int | None) -> Numbers:
    """Numbers in what a model counts in: int64 counts of 2**-bits, or float64 as they are."""
    return np.asarray(values, np.float64) if bits is None else grid.snap(values, bits)


def number_type(bits: int | None) -> type[np.int64] | type[np.float64]:
    """The type of a membrane: int64 on a grid, float64 without."""
    return np.float64 if bits is None else np.int64


def check_refractory(kind: str, steps: int) -> None:
    """A refractory time is a whole number of steps.

    Raises:
        DeclarationError: it is not.
    """
    if not grid.whole(steps):
        raise DeclarationError(f"{kind}: refractory = {steps!r}; a whole number of steps >= 0 is needed")


def check_size(kind: str, n: int) -> None:
    """A population has at least one neuron.

    Raises:
        DeclarationError: it has not.
    """
    if not grid.whole(n, 1):
        raise DeclarationError(f"{kind}: n = {n!r}; a population has at least one neuron")


def check_offset(kind: str, offset: int | None) -> None:
    """A declared clock starts at a whole step, not before the presentation.

    Raises:
        DeclarationError: it does not.
    """
    if offset is not None and not grid.whole(offset):
        raise DeclarationError(
            f"{kind}: offset = {offset!r}; None, or a whole number of steps >= 0, is needed"
        )
