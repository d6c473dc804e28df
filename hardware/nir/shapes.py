"""Shape inference of a NIR graph: inputs and output shape of each node, and the order of linear nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from spikesim.hardware.nir.broadcast import joined, partial, spreads
from spikesim.hardware.nir.linear_ops import MOST_NEURONS, Shape
from spikesim.hardware.nir.nodes import ANALOG, NEURONS, SCHEMA, Graph, NirError, Node
from spikesim.hardware.nir.parse_linear import out_shape

MOST_VALUES = 1 << 22


@dataclass(frozen=True)
class GraphShapes:
    """A graph with consistent shapes.

    Attributes:
        graph: the graph.
        into: node -> its input nodes, in the order of the edges.
        populations: the nodes that become populations: inputs, neurons, and the outputs that are sums.
        sums: the outputs that linear nodes lead to: weighted sums of spikes, not spikes.
        shapes: node -> its output shape.
        order: linear nodes, each after its inputs.
    """

    graph: Graph
    into: Mapping[str, list[str]]
    populations: tuple[str, ...]
    sums: tuple[str, ...]
    shapes: Mapping[str, Shape]
    order: tuple[str, ...]


def infer_shapes(graph: Graph) -> GraphShapes:
    """Infer all shapes of a graph from its inputs and parameters, along the edges.

    Raises:
        NirError: shapes are inconsistent, cannot be inferred, or are too large; an invalid edge.
    """
    into: dict[str, list[str]] = {name: [] for name in graph.nodes}
    for a, b in graph.edges:
        if graph.nodes[b].kind == "Input" or graph.nodes[a].kind == "Output":
            raise NirError(f"the edge {a} -> {b} enters an Input or leaves an Output")
        into[b].append(a)
    moving = tuple(n for n, node in graph.nodes.items() if node.kind in ("Input", *NEURONS))
    if not moving:
        raise NirError("the graph has neither Input nor neurons")
    _check_loops(graph, into, moving)
    shapes = _stated(graph, moving)
    order: list[str] = []
    waiting = [name for name in graph.nodes if name not in shapes]
    _check_sizes(shapes)
    while waiting:
        ready = [n for n in waiting if _heard(graph, into, n, shapes)]
        alone = [] if ready else [n for n in waiting if graph.nodes[n].kind in NEURONS]
        if alone:  # nothing else gives the number of neurons: that of its parameters
            own = _own(graph.nodes[alone[0]])
            shapes[alone[0]] = own if prod(own) > 1 else (1,)
        elif not ready:
            raise NirError(_stuck(graph, into, waiting))
        for name in ready:
            node, heard = graph.nodes[name], shapes[_heard(graph, into, name, shapes)[0]]
            shapes[name] = _fitted(node, heard) if node.kind in NEURONS else out_shape(node, heard)
            if node.kind not in NEURONS:
                order.append(name)
        waiting = [n for n in waiting if n not in shapes]
        _check_sizes(shapes)
    sums = tuple(n for n, node in graph.nodes.items() if node.kind == "Output" and _is_sum(graph, into, n))
    populations = tuple(n for n in graph.nodes if n in moving or n in sums)
    made = GraphShapes(graph, into, populations, sums, shapes, tuple(order))
    _check_inputs(made)
    return made


def _stated(graph: Graph, populations: tuple[str, ...]) -> dict[str, Shape]:
    """The shapes of inputs, and of neurons with a parameter for each."""
    shapes: dict[str, Shape] = {}
    for name in populations:
        node = graph.nodes[name]
        if node.kind == "Input":
            shapes[name] = node.whole("shape", 1)
        else:
            own = _own(node)
            if prod(own) > 1 and not partial(own):
                shapes[name] = own
    return shapes


def _own(node: Node) -> Shape:
    """The shape of the parameters of neurons together."""
    required, optional = SCHEMA[node.kind]
    return joined([node.array(key).shape for key in (*required, *optional) if key in node.values])


def _fitted(node: Node, heard: Shape) -> Shape:
    """The shape of neurons whose parameters do not tell it alone: that of their input, where they fit it."""
    own = _own(node)
    if prod(own) == 1 or (spreads(own, heard) and prod(own) != prod(heard)):
        return heard
    return own


def senders(graph: Graph, into: Mapping[str, list[str]], output: str) -> list[str]:
    """The nodes whose values reach an Output unchanged, but for their shape."""
    found: dict[str, None] = {}
    seen, stack = {output}, list(into[output])
    while stack:
        name = stack.pop(0)
        if name in seen:
            continue
        seen.add(name)
        if graph.nodes[name].kind in ("Flatten", "Identity"):
            stack += into[name]
        else:
            found[name] = None
    return list(found)


def _is_sum(graph: Graph, into: Mapping[str, list[str]], output: str) -> bool:
    """Whether an Output gets weighted sums; or membranes and something else, which add up."""
    kinds = [graph.nodes[name].kind for name in senders(graph, into, output)]
    linear = any(kind not in ("Input", *NEURONS) for kind in kinds)
    return linear or (len(kinds) > 1 and any(kind in ANALOG for kind in kinds))


def _heard(graph: Graph, into: Mapping[str, list[str]], name: str, shapes: Mapping[str, Shape]) -> list[str]:
    """The nodes before one, where all that is needed of them is known: all for a linear node, one for
    neurons that have one parameter for all.
    """
    known = [a for a in into[name] if a in shapes]
    whole = graph.nodes[name].kind in NEURONS or len(known) == len(into[name])
    return known if whole else []


def _stuck(graph: Graph, into: Mapping[str, list[str]], waiting: list[str]) -> str:
    deaf = [n for n in waiting if not into[n]]
    if deaf:
        node = graph.nodes[deaf[0]]
        return f"{node.name} ({node.kind}) has no input, and its shape does not follow from its parameters"
    return f"{', '.join(waiting[:8])}: the shapes do not follow from the inputs and the parameters"


def _check_loops(graph: Graph, into: Mapping[str, list[str]], moving: tuple[str, ...]) -> None:
    """Check that every cycle has neurons in it."""
    linear = set(graph.nodes) - set(moving)
    after: dict[str, list[str]] = {name: [] for name in linear}
    left = dict.fromkeys(linear, 0)
    for name in linear:
        for a in into[name]:
            if a in linear:
                after[a].append(name)
                left[name] += 1
    ready = [name for name, count in left.items() if count == 0]
    for name in ready:  # grows
        for b in after[name]:
            left[b] -= 1
            if left[b] == 0:
                ready.append(b)
    held = linear - set(ready)
    if held:
        name = min(held)
        loop: list[str] = []
        while name not in loop:  # backwards along nodes that are held back: it ends in a cycle
            loop.append(name)
            name = next(a for a in into[name] if a in held)
        loop = loop[loop.index(name) :][::-1]
        raise NirError(
            f"{' -> '.join(loop[:8])} -> ...: a cycle of linear nodes; a network here has neurons in every "
            f"cycle"
        )


def _check_sizes(shapes: Mapping[str, Shape]) -> None:
    for name, shape in shapes.items():
        if prod(shape) > MOST_NEURONS:
            raise NirError(f"{name}: a shape of {shape}; {MOST_NEURONS:,} values a node are read")
    if sum(prod(shape) for shape in shapes.values()) > MOST_VALUES:
        raise NirError(f"the nodes send more than {MOST_VALUES:,} values together, which is not read")


def _check_inputs(made: GraphShapes) -> None:
    """Check that every input of a node has its size, and its shape where both have several axes."""
    for a, b in made.graph.edges:
        node = made.graph.nodes[b]
        wanted = made.shapes[b] if node.kind in NEURONS else made.shapes[made.into[b][0]]
        axes = [[n for n in shape if n > 1] for shape in (made.shapes[a], wanted)]
        if prod(made.shapes[a]) != prod(wanted) or (min(map(len, axes)) > 1 and axes[0] != axes[1]):
            raise NirError(f"{b} ({node.kind}) receives {made.shapes[a]} from {a}; {wanted} is needed")
