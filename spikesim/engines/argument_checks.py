"""Argument type checks of the public API, with hints how to build the right object."""

from __future__ import annotations

from collections.abc import Mapping

from spikesim.errors import DataError, DeclarationError
from spikesim.network import Network
from spikesim.spikes import Spikes

HINTS: Mapping[type, str] = {
    Network: "spikesim.models.emstdp.build(config) builds one from a configuration",
    Spikes: "spikesim.from_raster(array) builds them from an array of 0 and 1, an encoder from intensities",
}


def expect(where: str, kind: type, hints: Mapping[type, str] = HINTS, **given: object) -> None:
    """Check that every argument is an instance of `kind`.

    Args:
        where: name of the called function, for the message.
        kind: a key of `hints`.
        hints: type -> how to build an instance.
        given: the arguments by name.

    Raises:
        DataError: a wrong type where data is expected.
        DeclarationError: a wrong type elsewhere.
    """
    for name, value in given.items():
        if not isinstance(value, kind):
            error = DeclarationError if kind.__name__ in ("Network", "Training") else DataError
            wanted = "Spikes are" if kind is Spikes else f"a {kind.__name__} is"
            raise error(f"{where}: {name} is {described(value)}; {wanted} needed: {hints[kind]}")


def described(value: object) -> str:
    """The type of a wrong argument, as text for an error message."""
    return f"the class {value.__name__}" if isinstance(value, type) else f"of type {type(value).__name__}"
