"""Random NIR graphs with their input: all nodes of NIR, as the specification allows them to be connected.

A graph is a function of its seed. It grows from one to three Inputs, node by node, up to a depth of about 15:
linear nodes, delays, neurons whose parameters differ from neuron to neuron or from channel to channel, joins
and branches. Thresholds are set where the neurons, as they are driven, reach them. Then come recurrent
connections, Outputs, nested graphs, and an order of the nodes and edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spikesim.tools.dev import nir_neurons, nir_nodes
from spikesim.tools.dev.nir_interpreter import Interpreter, Played
from spikesim.tools.dev.nir_nesting import nested
from spikesim.tools.dev.nir_nodes import Draw, Shape
from spikesim.tools.dev.nir_package import graph_of, nir_node
from spikesim.tools.dev.nir_recurrence import clear, loops
from spikesim.tools.dev.nir_structure import SPIKING, NotPlayable, kind

NEURONS = ("IF", "LIF", "CubaLIF", "Threshold", "LI", "CubaLI", "I")
SHARES = (0.3, 0.3, 0.2, 0.08, 0.05, 0.04, 0.03)


@dataclass(frozen=True)
class Graph:
    """A graph of the generator and what it is given.

    Attributes:
        seed: which it is.
        exact: its numbers have few bits.
        graph: the `nir.NIRGraph`.
        dt: length of a step.
        inputs: Input -> bool (2, T, *shape), spikes of two trials; without the batch axis of the file.
        batch: size of the batch axis in the file's Inputs; 0 without.
    """

    seed: int
    exact: bool
    graph: Any
    dt: float
    inputs: dict[str, Any]
    batch: int

    @property
    def steps(self) -> int:
        """Steps of a trial."""
        return int(next(iter(self.inputs.values())).shape[1])

    def play(self, trial: int, number: Any = np.float64) -> Played:
        """What the interpreter makes of a trial."""
        given = {name: _led(x[trial], self.batch) for name, x in self.inputs.items()}
        return Interpreter(self.graph, self.dt, given, number).play()


def _led(x: Any, batch: int) -> Any:
    """(T, *shape) with the batch axis of one sample."""
    return x[:, None] if batch else x


@dataclass
class Growth:
    """A graph while it grows.

    Attributes:
        draw: the numbers.
        given: Input -> (T, *shape), spikes that drive it.
        nodes, edges: as in NIR.
        shapes: node -> shape of what it sends, without the batch axis.
        sends: node -> "spikes", "current", "biased" (a current with a constant) or "membrane".
    """

    draw: Draw
    given: dict[str, Any]
    nodes: dict[str, Any] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    shapes: dict[str, Shape] = field(default_factory=dict)
    sends: dict[str, str] = field(default_factory=dict)
    style: int = 0

    def name(self, what: str) -> str:
        """A name for a new node."""
        k = len(self.nodes)
        return (f"{what.lower()}_{k}", str(k), f"net.{k}", f"{what}{k}", f"Schicht ä {k}")[self.style]

    def interpreter(self, nodes: dict[str, Any], edges: Sequence[tuple[str, str]]) -> Interpreter:
        """The interpreter of these nodes."""
        graph = graph_of(dict(nodes), list(edges))
        given = {name: _led(x, self.draw.batch) for name, x in self.given.items()}
        return Interpreter(graph, self.draw.dt, given)

    def add(self, node: Any, sources: Sequence[str], sends: str) -> str:
        """Add a node behind others.

        Raises:
            NotPlayable: it leaves nothing (an empty output).
        """
        for key, value in vars(node).items():
            if isinstance(value, np.ndarray) and not value.ndim:
                setattr(node, key, value[()])  # nir compresses arrays, and HDF5 none without axes
        name = self.name(kind(node))
        edges = [*self.edges, *((a, name) for a in sources)]
        shape = self.interpreter({**self.nodes, name: node}, edges).shapes[name]
        shape = shape[1:] if self.draw.batch else shape
        if not 0 < int(np.prod(shape)) <= 150 or not shape:
            raise NotPlayable(f"a signal of shape {shape}")
        self.nodes[name], self.edges = node, edges
        self.shapes[name], self.sends[name] = shape, sends
        return name

    def add_linear(self, node: Any, sources: Sequence[str]) -> str:
        """Add a linear node."""
        constant = kind(node) in ("Affine", "Conv1d", "Conv2d") and bool(np.any(node.bias))
        before = [self.sends[a] for a in sources]
        passes = kind(node) == "Flatten" and before == ["spikes"]
        biased = constant or "biased" in before
        return self.add(node, sources, "biased" if biased else "spikes" if passes else "current")

    def add_cell(self, what: str, sources: Sequence[str]) -> str:
        """Add a neuron, with the threshold at which it fires."""
        made = nir_neurons.cell(self.draw, self.shapes[sources[0]], what)
        trial = self.name(what)
        interpreter = self.interpreter(
            {**self.nodes, trial: made.node()}, [*self.edges, *((a, trial) for a in sources)]
        )
        if what == "Threshold":
            steps = range(len(next(iter(self.given.values()))))
            free = np.array([interpreter._sum(trial, t, trial, False) for t in steps])
        else:
            free = interpreter.play().membranes[trial]
        free = free[:, 0] if self.draw.batch else free
        node = made.node(**nir_neurons.levels(self.draw, made, free))
        if self.draw.chance(0.05):
            node.metadata = {"note": "made at random", "number": 3}
        return self.add(node, sources, "spikes" if what in SPIKING else "membrane")

    def leaves(self) -> list[str]:
        """Nodes that send to nobody."""
        busy = {a for a, _ in self.edges}
        return [name for name in self.nodes if name not in busy]


def _inputs(g: Growth, steps: int) -> None:
    draw = g.draw
    ranks = draw.rs.choice([1, 2, 3], p=[0.5, 0.15, 0.35], size=draw.one(1, 1, 1, 1, 2, 3))
    for rank in ranks:
        shape = {
            1: (draw.integer(1, 8),),
            2: (draw.integer(1, 3), draw.integer(3, 8)),
            3: (draw.integer(1, 3), draw.integer(3, 6), draw.integer(3, 6)),
        }[int(rank)]
        name = g.name("Input")
        g.given[name] = draw.rs.random((steps, *shape)) < draw.rs.uniform(0.15, 0.6)
        declared = (draw.batch, *shape) if draw.batch else shape
        g.nodes[name] = nir_node("Input", {"input": np.array(declared)})
        g.shapes[name], g.sends[name] = shape, "spikes"


def _extended(g: Growth, base: str) -> str:
    """One more node behind a node; its name."""
    draw, sends = g.draw, g.sends[base]
    sources = [base]
    like = [a for a in g.nodes if g.shapes[a] == g.shapes[base] and a != base and g.sends[a] != "membrane"]
    if like and sends != "membrane" and draw.chance(0.3):
        sources += [str(a) for a in draw.rs.choice(like, draw.integer(1, min(2, len(like))), replace=False)]
    cells, delays = {
        "spikes": (0.2, 0.1),
        "current": (0.5, 0.1),
        "biased": (0.6, 0.02),
        "membrane": (0.4, 0),
    }[sends]
    if draw.batch > 1 and not g.edges:  # what follows has to tell the size of the batch
        return g.add_linear(nir_nodes.first(draw, g.shapes[base]), sources)
    u = draw.rs.random()
    if u < cells:
        return g.add_cell(str(draw.rs.choice(NEURONS, p=SHARES)), sources)
    if u < cells + delays:
        return g.add_linear(nir_nodes.delay(draw, g.shapes[base]), sources)
    return g.add_linear(nir_nodes.linear(draw, g.shapes[base]), sources)


def _grown(g: Growth, length: int) -> None:
    """Nodes, most of them behind the last."""
    draw, last = g.draw, next(iter(g.nodes))
    for _ in range(length):
        membrane = g.sends[last] == "membrane" and not draw.chance(0.15)
        if membrane or draw.chance(0.2):
            last = str(draw.rs.choice([a for a in g.nodes if g.sends[a] != "membrane" or draw.chance(0.05)]))
        try:
            last = _extended(g, last)
        except NotPlayable:
            continue
    for name in g.leaves():
        if kind(g.nodes[name]) == "Input":
            name = g.add_linear(nir_nodes.first(draw, g.shapes[name]), [name])
        if g.sends[name] in ("current", "biased") and draw.chance(0.7):
            g.add_cell(str(draw.rs.choice(NEURONS, p=SHARES)), [name])
    if not any(kind(node) in SPIKING for node in g.nodes.values()):
        g.add_cell(str(draw.one("IF", "LIF", "CubaLIF")), [next(a for a in g.nodes if a in g.given)])


def _outputs(g: Growth) -> None:
    draw = g.draw
    leaves = g.leaves()
    shown = [a for a in leaves if draw.chance(0.93)] or leaves[-1:]
    shown += [a for a in g.nodes if a not in leaves and g.sends[a] != "biased" and draw.chance(0.08)]
    made: dict[str, str] = {}
    for a in dict.fromkeys(shown):
        shape = g.shapes[a]
        same = [
            out for out, b in made.items() if g.shapes[b] == shape and g.sends[b] == g.sends[a] == "spikes"
        ]
        if same and draw.chance(0.2):
            g.edges.append((a, same[0]))
            continue
        name = g.name("Output")
        lead = draw.batch and draw.chance(0.5)
        g.nodes[name] = nir_node("Output", {"output": np.array((draw.batch, *shape) if lead else shape)})
        g.edges.append((a, name))
        g.shapes[name], g.sends[name] = shape, g.sends[a]
        made[name] = a


def _made(seed: int, attempt: int) -> Graph:
    rs = np.random.default_rng([seed, attempt])
    exact = seed % 2 == 0
    dt = float(rs.choice([1.0, 0.5, 2.0**-10] if exact else [1.0, 0.1, 1e-3, 1e-4]))
    batch = int(rs.choice([0, 1, 16, 256], p=[0.88, 0.06, 0.03, 0.03]))
    draw = Draw(rs, exact, dt, batch)
    steps = draw.integer(12, 20)
    g = Growth(draw, {}, style=int(rs.choice([0, 0, 1, 2, 3, 4])))
    _inputs(g, steps)
    if batch > 1:
        for name in list(g.given):
            g.add_linear(nir_nodes.first(draw, g.shapes[name]), [name])
    _grown(g, draw.integer(1, 18))
    if draw.chance(0.45):
        loops(g)
    _outputs(g)
    order = [list(g.nodes)[k] for k in rs.permutation(len(g.nodes))]
    edges = [g.edges[k] for k in rs.permutation(len(g.edges))]
    nodes = {name: g.nodes[name] for name in order}
    for k in range(int(rs.choice([0, 1, 2], p=[0.65, 0.25, 0.1]))):
        nodes, edges = nested(draw, nodes, edges, g.shapes, f"part{k}")
    graph = graph_of(nodes, edges)
    if not clear(graph, dt, {name: _led(x, batch) for name, x in g.given.items()}):
        raise NotPlayable("a cycle that can be closed in two ways")
    inputs = {name: np.stack([x, rs.random(x.shape) < x.mean()]) for name, x in g.given.items()}
    return Graph(seed, exact, graph, dt, inputs, batch)


def drawn(seed: int) -> Graph:
    """The graph of a seed, in which at least one neuron spikes."""
    for attempt in range(100):
        try:
            made = _made(seed, attempt)
            if made.play(0).total:
                return made
        except NotPlayable:
            continue
    raise NotPlayable(f"seed {seed}: no graph in 100 attempts")
