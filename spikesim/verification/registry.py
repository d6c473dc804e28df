"""Registry of the backends that run a `Network`: engines, other simulators, hardware targets; by name.

Backends are entry points of the group "spikesim.backends" (in pyproject.toml, or in that of any installed
package), so that this package imports none of them. A backend is built as backend(network) and has one or
both of the methods

    run(inputs, labels, record, learn) -> Recording                           a batch of trials
    advance(steps, inputs, signals, record, state, learn) -> Recording        a continuous simulation

A backend whose attribute `trains` is true accepts networks that learn; the others accept networks returned by
`Network.inference`. A backend without `advance` is given a continuous simulation as one trial.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import metadata
from inspect import signature
from typing import Any

from spikesim.errors import DeclarationError, unknown

GROUP = "spikesim.backends"


def names() -> list[str]:
    """Names of all registered backends, whether their dependencies are installed or not."""
    return sorted({entry.name for entry in metadata.entry_points(group=GROUP)})


def program(name: str) -> Callable[..., Any]:
    """The constructor of a backend, to be called with a network.

    Args:
        name: one of `names()`; "name:choice" for a backend with several variants ("nir:norse").

    Raises:
        DeclarationError: the backend is unknown, or has no variants.
    """
    plain, _, choice = name.partition(":")
    found = [entry for entry in metadata.entry_points(group=GROUP) if entry.name == plain]
    if not found:
        raise DeclarationError(unknown("backend", plain, names()))
    constructor: Callable[..., Any] = found[0].load()
    if choice and "choice" not in signature(constructor).parameters:
        raise DeclarationError(f"{name}: the backend {plain} has no variants; use {plain!r}")
    return partial(constructor, choice=choice) if choice else constructor


def trains(name: str) -> bool:
    """Whether a backend accepts networks that learn."""
    return bool(getattr(_without_choice(program(name)), "trains", False))


def continuous(constructor: Callable[..., Any]) -> bool:
    """Whether a backend runs continuous networks, by a method `advance`; argument as `program` returns it."""
    return hasattr(_without_choice(constructor), "advance")


def _without_choice(constructor: Callable[..., Any]) -> Callable[..., Any]:
    """The class or function of a backend."""
    return constructor.func if isinstance(constructor, partial) else constructor
