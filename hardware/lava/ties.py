"""Links without synapses, for networks of parts that nothing ties together: Lava runs what is connected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from spikesim.hardware.lava.graph import Cells, Link


def ties(cells: Mapping[str, Cells], links: Iterable[Link]) -> tuple[Link, ...]:
    """A link without synapses from the first neuron process to each part that is apart from it.

    Args:
        cells: neuron processes by name.
        links: between them, and from sources; processes that hear one source are tied by it.
    """
    part = {name: name for name in cells}

    def root(name: str) -> str:
        while part[name] != name:
            name = part[name]
        return name

    for link in links:
        part.setdefault(link.pre, link.pre)
        part[root(link.post)] = root(link.pre)
    first, *others = cells or ("",)
    made: list[Link] = []
    for name in others:
        if root(name) != root(first):
            part[root(name)] = root(first)
            nothing = _empty(cells[name].n, cells[first].n)
            made.append(Link(f"tie:{first}->{name}", first, name, nothing, 1, graded=cells[first].ternary))
    return tuple(made)


def _empty(n_post: int, n_pre: int) -> Any:
    """A scipy CSR matrix without entries."""
    from scipy.sparse import csr_matrix

    return csr_matrix((n_post, n_pre))
