"""Graphs whose writer left the batch axis of its example input in the shapes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from spikesim.hardware.nir.nodes import Graph, Node

SHAPES = ("shape", "input_type")


def batch_size(graph: Graph) -> int | None:
    """The length of the first axis that all Inputs of several axes have in common; None without one."""
    shapes = [node.whole("shape", 1) for node in graph.nodes.values() if node.kind == "Input"]
    first = {shape[0] for shape in shapes if len(shape) > 1}
    return first.pop() if len(first) == 1 else None


def without_batch(graph: Graph, size: int) -> Graph:
    """The graph without a first axis of this length: in the shapes that Inputs, Outputs and Flattens state,
    and in the axes that a Flatten counts.
    """
    return replace(graph, nodes={name: _without(node, size) for name, node in graph.nodes.items()})


def _without(node: Node, size: int) -> Node:
    values: dict[str, Any] = dict(node.values)
    batched = True
    for key in SHAPES:
        if isinstance(values.get(key), np.ndarray):
            shape = node.whole(key)
            # A Flatten may state a batch of one where the inputs have another.
            batched = len(shape) > 1 and shape[0] in ((size, 1) if node.kind == "Flatten" else (size,))
            values[key] = np.array(shape[1:] if batched else shape, np.int64)
    if node.kind == "Flatten" and batched:
        for key in ("start_dim", "end_dim"):
            end = node.one_whole(key, -32)
            values[key] = np.array(max(end - 1, 0) if end >= 0 else end)
    return replace(node, values=values)
