"""What every population declares, and the registry of the models."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from spikesim import grid
from spikesim.errors import DeclarationError
from spikesim.window import Phase

Ints = npt.NDArray[np.int64]
MODELS: dict[str, type[Any]] = {}
M = TypeVar("M", bound=type[Any])


class Neuron(Protocol):
    """A population that integrates: what engines and `Network` read of it.

    Attributes:
        n: neurons.
        theta: threshold; a neuron fires at v >= theta.
        grid: the population's numbers are multiples of 2**-grid.
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
    grid: int
    bias: float | tuple[float, ...]
    reset_at: tuple[str, ...]
    active_in: Phase | None
    gate_by: str | None
    floor: float | None
    offset: int | None

    def rest(self) -> Ints:
        """The membrane after a reset."""
        ...

    def step(self, v: Ints, current: Ints) -> tuple[Ints, Ints]:
        """One step in grid counts: the membrane after a reset, and the spikes."""
        ...


def register(model: M) -> M:
    """Make a model known by its class name; a class decorator."""
    MODELS[model.__name__] = model
    return model


def check(population: Any) -> None:
    """The checks that every integrating population shares.

    Raises:
        DeclarationError: names the field, its value and what it has to be.
    """
    kind = type(population).__name__
    check_size(kind, population.n)
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
