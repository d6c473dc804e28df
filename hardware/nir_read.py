"""A NIR graph as a network: shapes, paths between populations, projections, on a grid where there is one.

Linear nodes between two populations become one projection: of one Affine, Linear or convolution a Dense or
Conv2d, else the synapses of their product. Delays become delays of projections. An edge that closes a cycle
without a delay arrives a step later, as recurrent layers of the libraries do; that is noted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim import grid as grids
from spikesim.errors import DeclarationError
from spikesim.hardware.nir_digest import check_digest
from spikesim.hardware.nir_guard import Limits, tree
from spikesim.hardware.nir_linear import MOST_NEURONS, Late, Matrix, Shape, Step, out_shape, step
from spikesim.hardware.nir_neurons import (
    Convention,
    Dynamics,
    dynamics,
    fires_from,
    stated,
    written_threshold,
)
from spikesim.hardware.nir_nodes import SPIKING, Graph, NirError, graph_of
from spikesim.hardware.nir_paths import Route, projection
from spikesim.network import Network, Readout
from spikesim.neurons import IF, LIF, RegularSource, Source
from spikesim.window import Window

Reals = npt.NDArray[np.float64]
MOST_VALUES = 1 << 24
MOST_PATHS = 4096
ALWAYS = "constant"


@dataclass(frozen=True)
class Imported:
    """What a NIR file came to.

    Attributes:
        network: for `simulate`; without end, or of windows of T steps.
        inputs, outputs: NIR node -> population; an output's are all that reach it.
        shapes: population -> its shape in the file, as (2, 34, 34).
        dt: length of a step, in the file's unit of time.
        version: of the nir that wrote it.
        notes: all that was read otherwise than it stands there, each in a sentence.
    """

    network: Network
    inputs: Mapping[str, str]
    outputs: Mapping[str, tuple[str, ...]]
    shapes: Mapping[str, Shape]
    dt: float
    version: str
    notes: tuple[str, ...]


def read(path: str | os.PathLike[str], convention: Convention | None = None, T: int | None = None) -> Network:
    """The network of a NIR file; see `read_nir`."""
    return read_nir(path, convention, T).network


def read_nir(
    path: str | os.PathLike[str],
    convention: Convention | None = None,
    T: int | None = None,
    limits: Limits | None = None,
) -> Imported:
    """Read a NIR file, guarded, as a network.

    Args:
        path: the file.
        convention: what NIR leaves open, dt above all; the defaults are NIR's.
        T: steps of a presentation; None takes what a file of ours states, else time without end.
        limits: what the file may claim.

    Raises:
        FileRefused: the file is damaged or hostile, or, one of ours, was changed since.
        NirError: the graph holds what a network here cannot, each by name.
        DeclarationError: the network that it says cannot be.
    """
    found = tree(path, limits)
    check_digest(found, str(path))
    return imported(graph_of(found, str(path)), convention or Convention(), T)


def imported(graph: Graph, convention: Convention, T: int | None = None) -> Imported:
    """The network of a graph; see `read_nir`."""
    return _Import(graph, convention, T).made()


class _Import:
    """One graph on its way to a network."""

    def __init__(self, graph: Graph, convention: Convention, T: int | None) -> None:
        told = graph.metadata.get("dt")
        ours = float(told) if isinstance(told, float | int) and told > 0 else 1.0
        self.dt = convention.dt if convention.dt is not None else ours
        self.graph, self.convention = graph, convention
        steps = graph.metadata.get("steps")
        self.T = steps if T is None and isinstance(steps, int) and steps > 0 else T
        self.notes = list(graph.notes)
        self.into: dict[str, list[str]] = {name: [] for name in graph.nodes}
        for a, b in graph.edges:
            if graph.nodes[b].kind == "Input" or graph.nodes[a].kind == "Output":
                raise NirError(f"the edge {a} -> {b} enters an Input or leaves an Output")
            self.into[b].append(a)
        self.populations = [n for n, node in graph.nodes.items() if node.kind in ("Input", *SPIKING)]
        if not self.populations:
            raise NirError("the graph has neither Input nor neurons")
        self.order: list[str] = []  # linear nodes, each after what it hears
        self.shapes = self._shapes()

    def _shapes(self) -> dict[str, Shape]:
        """The shape that each node sends, as far as it follows from inputs and parameters."""
        shapes: dict[str, Shape] = {}
        for name in self.populations:
            node = self.graph.nodes[name]
            if node.kind == "Input":
                shapes[name] = node.whole("shape", 1)
            else:
                key = "threshold" if node.kind == "Threshold" else "v_threshold"
                own = max((node.array(k).shape for k in (key, "r") if k in node.values), key=prod)
                if prod(own) > 1:
                    shapes[name] = own
        waiting = [name for name in self.graph.nodes if name not in shapes]
        self._check_sizes(shapes)
        while waiting:
            ready = [n for n in waiting if self._heard(n, shapes)]
            if not ready:
                raise NirError(self._stuck(waiting))
            for name in ready:
                node, heard = self.graph.nodes[name], shapes[self._heard(name, shapes)[0]]
                shapes[name] = heard if node.kind in SPIKING else out_shape(node, heard)
                if node.kind not in SPIKING:
                    self.order.append(name)
            waiting = [n for n in waiting if n not in shapes]
            self._check_sizes(shapes)
        self._check_sizes(shapes)
        self._check_inputs(shapes)
        return shapes

    def _heard(self, name: str, shapes: Mapping[str, Shape]) -> list[str]:
        """The nodes before one, where all that is needed of them is known: all for a linear node, one for
        neurons that have one parameter for all.
        """
        known = [a for a in self.into[name] if a in shapes]
        whole = self.graph.nodes[name].kind in SPIKING or len(known) == len(self.into[name])
        return known if whole else []

    def _stuck(self, waiting: list[str]) -> str:
        deaf = [n for n in waiting if not self.into[n]]
        if deaf:
            node = self.graph.nodes[deaf[0]]
            return (
                f"{node.name} ({node.kind}) hears nothing, and its shape does not follow from its parameters"
            )
        return (
            f"{', '.join(waiting[:8])}: a cycle of linear nodes without neurons, which has no order in a step"
        )

    def _check_sizes(self, shapes: Mapping[str, Shape]) -> None:
        for name, shape in shapes.items():
            if prod(shape) > MOST_NEURONS:
                raise NirError(f"{name}: a shape of {shape}; {MOST_NEURONS:,} values a node are read")
        if sum(prod(shape) for shape in shapes.values()) > MOST_VALUES:
            raise NirError(f"the nodes send more than {MOST_VALUES:,} values together, which is not read")

    def _check_inputs(self, shapes: Mapping[str, Shape]) -> None:
        """All that a node hears has its size."""
        for a, b in self.graph.edges:
            node = self.graph.nodes[b]
            first = shapes[self.into[b][0]]
            wanted = prod(shapes[b]) if node.kind in SPIKING else prod(first)
            if prod(shapes[a]) != wanted:
                raise NirError(
                    f"{b} ({node.kind}) hears {shapes[a]} from {a}, and {wanted} values are needed"
                )

    def made(self) -> Imported:
        """The network, and what is to be said of it."""
        routes, constants = self._routes()
        populations: dict[str, Any] = {}
        projections: list[Any] = []
        late = self._closing(routes)
        for name in self.populations:
            node, n = self.graph.nodes[name], prod(self.shapes[name])
            if node.kind == "Input":
                populations[name] = Source(n)
                continue
            found = dynamics(node, n, self.dt, self.convention)
            self.notes += found.notes
            mine = [self._projection(r, found.gain, late) for r in routes[name]]
            bias = np.zeros(1) + found.bias
            if constants[name].any():
                arrived = found.gain * constants[name]
                if found.u_decay == 1:
                    bias = bias + arrived
                else:
                    populations[ALWAYS] = RegularSource(1, 1)
                    always = Route(ALWAYS, name, (Matrix(arrived[:, None]),))
                    mine.append(self._projection(always, np.ones(1), late))
            projections += mine
            populations[name] = self._population(name, n, found, bias, mine)
        if ALWAYS in populations and self.T is not None:
            raise NirError(
                "a bias reaches neurons whose current lasts (CubaLIF); it is a source of its own here, which "
                "presentations do not have. Read the file without T, in time without end"
            )
        return self._finished(populations, _unique(projections))

    def _finished(self, populations: dict[str, Any], projections: list[Any]) -> Imported:
        outputs = {
            name: tuple(self._senders(name))
            for name, node in self.graph.nodes.items()
            if node.kind == "Output"
        }
        told, readout = self.graph.metadata.get("readout"), None
        if self.T is not None and isinstance(told, str) and told in populations:
            readout = Readout(told)
        window = Window.without_end() if self.T is None else Window(self.T)
        network = Network(populations, tuple(projections), window, readout)
        inputs = {n: n for n in self.populations if self.graph.nodes[n].kind == "Input"}
        shapes = {n: self.shapes[n] for n in self.populations}
        for note in self.notes:
            if len(note) > 400:
                raise NirError("the graph's names are too long")
        return Imported(network, inputs, outputs, shapes, self.dt, self.graph.version, tuple(self.notes))

    def _senders(self, output: str) -> Iterator[str]:
        """The populations whose spikes an output gets, unchanged."""
        stack = list(self.into[output])
        while stack:
            name = stack.pop(0)
            node = self.graph.nodes[name]
            if name in self.populations:
                yield name
            elif node.kind in ("Flatten", "Identity"):
                stack += self.into[name]
            else:
                raise NirError(
                    f"{output} (Output) gets the numbers of {name} ({node.kind}), and a network here "
                    "sends spikes alone. End the graph with neurons"
                )

    def _routes(self) -> tuple[dict[str, list[Route]], dict[str, Reals]]:
        """For each spiking node the paths into it, and the constant that linear nodes bring to it."""
        routes: dict[str, list[Route]] = {n: [Route(n, n, ())] for n in self.populations}
        constants: dict[str, Reals] = {}
        for name in self.order:
            if self.graph.nodes[name].kind == "Output":
                continue
            before = self.shapes[self.into[name][0]]
            made, bias = step(self.graph.nodes[name], before, self.dt)
            paths, constant = self._gathered(name, routes, constants)
            routes[name] = [p if made is None else replace(p, steps=(*p.steps, made)) for p in paths]
            constants[name] = self._passed(name, made, constant, bias)
        arriving = {n: self._gathered(n, routes, constants) for n in self.populations}
        ends = {n: [replace(p, post=n) for p in paths] for n, (paths, _) in arriving.items()}
        return ends, {n: constant for n, (_, constant) in arriving.items()}

    def _gathered(
        self, name: str, routes: Mapping[str, list[Route]], constants: Mapping[str, Reals]
    ) -> tuple[list[Route], Reals]:
        paths = [p for a in self.into[name] for p in routes[a]]
        if len(paths) > MOST_PATHS:
            raise NirError(f"{name}: more than {MOST_PATHS:,} paths lead to it, which is not read")
        constant = np.zeros(1)
        for before in self.into[name]:
            constant = constant + constants.get(before, 0.0)
        return paths, constant

    def _passed(self, name: str, made: Step | None, constant: Reals, bias: Reals | None) -> Reals:
        """What a linear node sends of a constant, with its own bias."""
        if isinstance(made, Late):
            if constant.any() and made.steps.any():
                raise NirError(
                    f"{name} (Delay) comes after a bias, which would begin later than the first step. "
                    "Put the delay before the weights"
                )
        elif made is not None and constant.any():
            constant = made.on(np.broadcast_to(constant, (prod(self.shapes[self.into[name][0]]),)))
        else:
            constant = constant if made is None else np.zeros(1)
        return constant if bias is None else constant + bias

    def _closing(self, routes: Mapping[str, list[Route]]) -> set[tuple[str, str]]:
        """Pairs of populations whose undelayed paths close a cycle, in the order of the first arrival."""
        now: dict[str, list[str]] = {n: [] for n in self.populations}
        for post, paths in routes.items():
            for p in paths:
                if p.earliest() == 0 and post not in now[p.pre] and self.graph.nodes[post].kind != "Input":
                    now[p.pre].append(post)
        late: set[tuple[str, str]] = set()
        done: set[str] = set()
        starts = sorted(self.populations, key=lambda n: self.graph.nodes[n].kind != "Input")
        for start in starts:
            stack = [] if start in done else [(start, iter(now[start]))]
            path = {start: None} if stack else {}
            while stack:
                name, following = stack[-1]
                nearest = next(following, None)
                if nearest is None:
                    stack.pop()
                    path.pop(name, None)
                    done.add(name)
                elif nearest in path:
                    late.add((name, nearest))
                elif nearest not in done:
                    stack.append((nearest, iter(now[nearest])))
                    path[nearest] = None
        for pre, post in sorted(late):
            self.notes.append(
                f"{pre} -> {post} closes a cycle without a delay; its spikes arrive a step later"
            )
        return late

    def _projection(self, route: Route, gain: Reals, late: set[tuple[str, str]]) -> Any:
        extra = int((route.pre, route.post) in late and route.earliest() == 0)
        n_pre = 1 if route.pre == ALWAYS else prod(self.shapes[route.pre])
        return projection(route, gain, n_pre, prod(self.shapes[route.post]), extra)

    def _population(self, name: str, n: int, found: Dynamics, bias: Reals, into: list[Any]) -> Any:
        """Neurons on a grid where they do not leak and all numbers lie on one, else in real numbers."""
        node = self.graph.nodes[name]
        if not found.threshold > 0 and fires_from(found.threshold, None, self.convention.fires) <= 0:
            raise NirError(
                f"{name} ({node.kind}): v_threshold = {found.threshold:g}; a threshold here is a positive "
                f"number"
            )
        subtract = self.convention.reset == "subtract" and node.kind != "Threshold"
        shared = float(bias[0]) if (bias == bias[0]).all() else tuple(bias.tolist())
        if (found.u_decay, found.v_decay) == (1.0, 0.0) and found.v_reset == 0:
            bits = self._bits(node, [bias, *(np.asarray(p.w) for p in into)])
            if bits is not None:
                theta = fires_from(found.threshold, bits, self.convention.fires)
                made = IF(n, theta, bits, shared, reset="subtract" if subtract else "zero")
                if self._provable(made, into):
                    return made
        theta, own = fires_from(found.threshold, None, self.convention.fires), stated(node, "theta")
        if own is not None and written_threshold(own, None) == found.threshold:
            theta = float(own)
        reset = "subtract" if subtract else "value"
        return LIF(n, theta, None, found.u_decay, found.v_decay, shared, None, reset, found.v_reset)  # type: ignore[arg-type]

    def _bits(self, node: Any, numbers: list[Reals]) -> int | None:
        """The coarsest grid that holds all numbers, or the one that a file of ours states; None for none."""
        own = stated(node, "grid")
        if own is None and stated(node, "theta") is not None:
            return None  # a file of ours, of real numbers
        every = range(grids.MASTER_BITS + 1)
        tried = [int(own)] if own in every else []
        holding = (b for b in (*tried, *every) if all(_on(values, b) for values in numbers))
        return next(holding, None)

    def _provable(self, made: IF, into: list[Any]) -> bool:
        """Whether the sums of a population on its grid stay in the exact range."""
        n_pre = {p.pre: self.shapes.get(p.pre, (1,)) for p in into if p.pre != p.post}
        populations: dict[str, Any] = {name: Source(prod(shape)) for name, shape in n_pre.items()}
        own = [replace(p, pre="self" if p.pre == p.post else p.pre, post="self") for p in into]
        populations["self"] = made
        own = [replace(p, name=f"{k}", delay=max(p.delay, int(p.pre == "self"))) for k, p in enumerate(own)]
        window = Window.without_end() if self.T is None else Window(self.T)
        if self.T is not None:
            populations["self"] = replace(made, offset=0)
        try:
            Network(populations, tuple(own), window)
        except DeclarationError as problem:
            self.notes.append(f"real numbers instead of a grid of 2**-{made.grid}: {problem}")
            return False
        return True


def _on(values: Reals, bits: int) -> bool:
    counts = values * 2.0**bits
    return bool((counts == np.rint(counts)).all())


def _unique(projections: list[Any]) -> list[Any]:
    """Projections with names of their own."""
    seen: dict[str, int] = {}
    made = []
    for p in projections:
        count = seen[p.name] = seen.get(p.name, 0) + 1
        made.append(p if count == 1 else replace(p, name=f"{p.name}#{count}"))
    return made
