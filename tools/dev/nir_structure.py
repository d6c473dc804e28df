"""What a NIR graph consists of: kinds of nodes, and a graph without nested graphs."""

from __future__ import annotations

from typing import Any

SPIKING = ("IF", "LIF", "CubaLIF", "Threshold")
CELLS = (*SPIKING, "I", "LI", "CubaLI")
PORTS = ("Input", "Output")


class NotPlayable(Exception):
    """A graph that these rules do not play; the message says why."""


def kind(node: Any) -> str:
    """A node's kind: the name of its class."""
    return type(node).__name__


def flattened(graph: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Nodes and edges without nested graphs: nodes of a nested graph g are called g.name.

    Raises:
        NotPlayable: an edge to nothing, or to a nested graph without a single port.
    """
    nodes: dict[str, Any] = {}
    edges: list[tuple[str, str]] = []
    ports: dict[tuple[str, str], str] = {}
    for name, node in graph.nodes.items():
        if kind(node) != "NIRGraph":
            nodes[name] = node
            continue
        inner, within = flattened(node)
        nodes.update({f"{name}.{k}": n for k, n in inner.items()})
        edges += [(f"{name}.{a}", f"{name}.{b}") for a, b in within]
        for port in PORTS:
            found = [k for k, n in node.nodes.items() if kind(n) == port]
            if len(found) != 1:
                raise NotPlayable(f"nested graph {name!r} has {len(found)} nodes {port}")
            ports[name, port] = f"{name}.{found[0]}"
    for a, b in graph.edges:
        ends = (ports.get((a, "Output"), a), ports.get((b, "Input"), b))
        if not all(end in nodes for end in ends):
            raise NotPlayable(f"edge ({a!r}, {b!r}) leads to no node")
        edges.append(ends)
    return nodes, edges
