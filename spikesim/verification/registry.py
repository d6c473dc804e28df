"""The programs that run a `Network`: our engines, other simulators, hardware targets; found by name.

They register themselves as entry points of the group "spikesim.backends" (in pyproject.toml, or in that of
any installed package), so that this package imports none of them. A program is made as program(network) and
offers

    run(inputs, labels, record, learn) -> Recording                           presentations
    advance(steps, inputs, signals, record, state, learn) -> Recording        a network that runs without end

or one of the two. One whose attribute `trains` is true takes networks that teach and learn; the others take
what `Network.inference` gives.
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
    """The known programs, whether what they need is installed or not."""
    return sorted({entry.name for entry in metadata.entry_points(group=GROUP)})


def program(name: str) -> Callable[..., Any]:
    """What makes a program: called with a network.

    Args:
        name: one of `names()`; "name:choice" where a program has several forms ("nir:norse").

    Raises:
        DeclarationError: an unknown program.
    """
    plain, _, choice = name.partition(":")
    found = [entry for entry in metadata.entry_points(group=GROUP) if entry.name == plain]
    if not found:
        raise DeclarationError(unknown("program", plain, names()))
    made: Callable[..., Any] = found[0].load()
    if choice and "choice" not in signature(made).parameters:
        raise DeclarationError(f"{name}: {plain} has no choices; name it without {choice!r}")
    return partial(made, choice=choice) if choice else made


def trains(name: str) -> bool:
    """Whether a program takes networks that teach and learn."""
    made = program(name)
    return bool(getattr(made.func if isinstance(made, partial) else made, "trains", False))
