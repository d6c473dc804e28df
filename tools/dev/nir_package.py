"""The package nir, of the extra of that name, for the developers' NIR test."""

from __future__ import annotations

from typing import Any

from spikesim.errors import MissingExtraError


def package() -> Any:
    """The module nir.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import nir
    except ImportError as problem:
        raise MissingExtraError("nir", "nir") from problem
    return nir


def nir_node(kind: str, *values: Any, **fields: Any) -> Any:
    """A node of a kind, as nir makes it."""
    return getattr(package(), kind)(*values, **fields)


def graph_of(nodes: dict[str, Any], edges: list[tuple[str, str]]) -> Any:
    """A graph as it is, without the check of nir, which knows neither groups nor what broadcasts."""
    return package().NIRGraph(nodes, edges, type_check=False)
