"""Recurrent connections in NIR graphs of the generator, of which only one edge can close a cycle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spikesim.tools.dev import nir_nodes
from spikesim.tools.dev.nir_interpreter import Interpreter
from spikesim.tools.dev.nir_package import graph_of, nir_node
from spikesim.tools.dev.nir_structure import CELLS, SPIKING, NotPlayable, flattened, kind


def _reach(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> Any:
    """bool (n, n): a path of one edge or more leads from row to column."""
    index = {name: k for k, name in enumerate(nodes)}
    reach = np.zeros((len(nodes),) * 2, bool)
    for a, b in edges:
        reach[index[a], index[b]] = True
    for k in range(len(nodes)):
        reach |= reach[:, k, None] & reach[k]
    return reach


def clear(graph: Any, dt: float, given: Mapping[str, Any]) -> bool:
    """Whether every search in depth closes the cycles of a graph at the same edges.

    It does where each knot of cycles has one neuron by which signals enter from outside, which lies on all
    of its cycles, and which an Input reaches without a delay (not needed where it is the only neuron).
    """
    nodes, edges = flattened(graph)
    names = list(nodes)
    reach = _reach(names, edges)
    interpreter = Interpreter(graph, dt, given)
    waits = [n for n in names if kind(nodes[n]) == "Delay" and interpreter._late_by(n).min() > 0]
    at_once = _reach(names, [(a, b) for a, b in edges if b not in waits])
    inputs = [k for k, name in enumerate(names) if name in given]
    for k in range(len(names)):
        knot = [names[j] for j in range(len(names)) if reach[k, j] and reach[j, k]]
        if not knot:
            continue
        entries = {b for a, b in edges if b in knot and a not in knot}
        if len(entries) != 1:
            return False
        entry = entries.pop()
        rest = [(a, b) for a, b in edges if a in knot and b in knot and b != entry]
        if kind(nodes[entry]) not in CELLS or _reach(knot, rest).diagonal().any():
            return False
        alone = sum(kind(nodes[name]) in CELLS for name in knot) == 1
        if not alone and not at_once[inputs, names.index(entry)].any():
            return False
    return True


def loops(g: Any) -> None:
    """Add one or two recurrent connections to a growing graph where it has room for them."""
    draw = g.draw
    for _ in range(draw.integer(1, 2)):
        spiking = [name for name, node in g.nodes.items() if kind(node) in SPIKING]
        names = list(g.nodes)
        reach = _reach(names, g.edges)
        for _ in range(6):
            entry = str(draw.rs.choice(spiking))
            after = [a for a in spiking if reach[names.index(entry), names.index(a)]]
            source = str(draw.rs.choice([entry, *after]))
            before = (dict(g.nodes), list(g.edges), dict(g.shapes), dict(g.sends))
            try:
                _connect(g, source, entry)
                found = g.interpreter(g.nodes, g.edges)
                given = {name: found.inputs[name] for name in g.given}
                if clear(graph_of(g.nodes, g.edges), draw.dt, given):
                    break
            except NotPlayable:
                pass
            g.nodes, g.edges, g.shapes, g.sends = before


def _connect(g: Any, source: str, entry: str) -> None:
    """A path from a neuron to one of those before it."""
    draw, shape = g.draw, g.shapes[entry]
    draw.node()
    last = source
    if draw.chance(0.3):
        last = g.add_linear(nir_nodes.delay(draw, g.shapes[last]), [last])
    if g.shapes[last] == shape and draw.chance(0.5):
        if draw.chance(0.6):
            last = g.add_linear(nir_node("Scale", draw.weights(*draw.one(shape, ()))), [last])
    else:
        if len(shape) != 1:
            raise NotPlayable(f"no matrix leads to the shape {shape}")
        if len(g.shapes[last]) > 1:
            lead = (1,) if draw.batch else ()
            flat = nir_node("Flatten", {"input": np.array([*lead, *g.shapes[last]])}, len(lead), -1)
            last = g.add_linear(flat, [last])
        size = (shape[0], g.shapes[last][0])
        weight = draw.weights(*size)
        affine = draw.chance(0.4)
        last = g.add_linear(
            nir_node("Affine", weight, draw.bias(size[0])) if affine else nir_node("Linear", weight), [last]
        )
    if (last, entry) in g.edges:
        raise NotPlayable("the edge is there")
    g.edges.append((last, entry))
