"""Parts of a NIR graph put into graphs of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spikesim.tools.dev.nir_nodes import Draw, Shape
from spikesim.tools.dev.nir_package import graph_of, nir_node
from spikesim.tools.dev.nir_structure import PORTS, kind

Edges = list[tuple[str, str]]


def _parts(nodes: Mapping[str, Any], edges: Sequence[tuple[str, str]]) -> list[tuple[str, str, list[str]]]:
    """(first, last, names) of the parts that signals enter by one node and leave by one."""
    found = []
    inner = [name for name, node in nodes.items() if kind(node) not in (*PORTS, "NIRGraph")]
    ahead = {name: [b for a, b in edges if a == name] for name in nodes}
    behind = {name: [a for a, b in edges if b == name] for name in nodes}
    for start in inner:
        part = [start]
        while len(part) < 8:
            enters = {b for a, b in edges if b in part and a not in part}
            leaves = {a for a, b in edges if a in part and b not in part}
            if len(enters) == len(leaves) == 1:
                found.append((enters.pop(), leaves.pop(), list(part)))
            near = {x for name in part for x in (*ahead[name], *behind[name])}
            grown = [x for x in inner if x in near and x not in part]
            if not grown:
                break
            part.append(grown[0])
    return found


def nested(
    draw: Draw, nodes: dict[str, Any], edges: Edges, shapes: dict[str, Shape], own: str
) -> tuple[dict[str, Any], Edges]:
    """A graph with a part of it, and seldom a part of that part, in a graph of its own, called `own`.

    Args:
        shapes: node -> shape of what it sends; that of the new graph is added.
    """
    parts = _parts(nodes, edges)
    if not parts or len(own) > 8:
        return nodes, edges
    first, last, part = parts[draw.integer(0, len(parts) - 1)]
    arriving = next(a for a, b in edges if b == first and a not in part)
    lead = (1,) if draw.batch else ()
    names = ["input", "output"] if draw.chance(0.7) else ["in", "out"]
    if any(name in part for name in names):
        return nodes, edges
    inner = {name: nodes[name] for name in part}
    inner[names[0]] = nir_node("Input", {"input": np.array([*lead, *shapes[arriving]])})
    inner[names[1]] = nir_node("Output", {"output": np.array([*lead, *shapes[last]])})
    within = [(a, b) for a, b in edges if a in part and b in part]
    within += [(names[0], first), (last, names[1])]
    if draw.chance(0.3):
        more = {**shapes, names[0]: shapes[arriving], names[1]: shapes[last]}
        inner, within = nested(draw, inner, within, more, f"{own}b")
    outside = {name: node for name, node in nodes.items() if name not in part}
    shapes[own] = shapes[last]
    outside[own] = graph_of(inner, within)
    kept = [(a, b) for a, b in edges if not (a in part and b in part)]
    return outside, list(dict.fromkeys((own if a in part else a, own if b in part else b) for a, b in kept))
