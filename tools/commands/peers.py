"""The option --peer of commands that run NIR graphs in other libraries, and the library of a table's row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from spikesim.errors import DeclarationError, unknown
from spikesim.hardware.nir.libraries import PEERS

Peers = Annotated[
    list[str],
    typer.Option(help="NAME=PYTHON: a library and its interpreter; " + ", ".join(PEERS) + ". Repeatable."),
]


def interpreters(peer: Sequence[str]) -> dict[str, str]:
    """Library -> its interpreter, from NAME=PYTHON.

    Raises:
        DeclarationError: an unknown library; the message lists similar names.
    """
    pythons = dict(entry.partition("=")[::2] for entry in peer)
    for name in pythons:
        if name not in PEERS:
            raise DeclarationError(unknown("library", name, PEERS))
    return pythons


def library_of(row: Sequence[Any]) -> str:
    """The library of a table's row, without its release."""
    return str(row[0]).split()[0]
