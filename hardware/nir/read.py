"""Reader of NIR files: checks, shape inference, paths folded into projections, neurons on a grid if possible.

Linear nodes between two populations become one projection: Dense or Conv2d for a single Affine, Linear or
convolution, else the synapses of their product. Delays become delays of projections. An edge that closes a
cycle without a delay arrives a step later, as in recurrent layers of the libraries, with a note.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from spikesim import grid as grids
from spikesim.errors import DeclarationError
from spikesim.files.untrusted_hdf5 import Limits, tree
from spikesim.hardware.nir.digest import check_digest
from spikesim.hardware.nir.fold_paths import projection
from spikesim.hardware.nir.linear_ops import MOST_SYNAPSES, LinearPath, Matrix, Reals, Shape
from spikesim.hardware.nir.neurons import (
    Convention,
    Dynamics,
    dynamics,
    fires_from,
    stated,
    written_threshold,
)
from spikesim.hardware.nir.nodes import Graph, NirError, free_name, graph_of
from spikesim.hardware.nir.shapes import infer_shapes
from spikesim.hardware.nir.trace_paths import trace_paths
from spikesim.network import Network, Readout
from spikesim.neurons import IF, LIF, RegularSource, Source
from spikesim.window import Window


@dataclass(frozen=True)
class Imported:
    """The network of a NIR file, and how it was interpreted.

    Attributes:
        network: for `simulate`; without end, or with trials of T steps.
        inputs, outputs: NIR node -> population; for an output all populations that reach it.
        shapes: population -> its shape in the file, as (2, 34, 34).
        dt: length of a step, in the file's unit of time.
        version: of the nir that wrote it.
        notes: everything that was not read as stored, each in a sentence.
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
    """Read an untrusted NIR file as a network.

    Args:
        path: the file.
        convention: what NIR does not specify, dt above all; the defaults are NIR's.
        T: steps of a trial; None for the number in a file of ours, else for a network without end.
        limits: on the contents of the file.

    Raises:
        FileRefused: the file is damaged or hostile, or one of ours that was changed.
        NirError: the graph has what a network here cannot represent, by name.
        DeclarationError: the network is not valid.
    """
    found = tree(path, limits)
    check_digest(found, str(path))
    return imported(graph_of(found, str(path)), convention or Convention(), T)


def imported(graph: Graph, convention: Convention, T: int | None = None) -> Imported:
    """The network of a graph; see `read_nir`."""
    with np.errstate(over="ignore", invalid="ignore"):  # numbers beyond float64 are refused by name
        return _Import(graph, convention, T).made()


class _Import:
    """Conversion of one graph to a network."""

    def __init__(self, graph: Graph, convention: Convention, T: int | None) -> None:
        told = graph.metadata.get("dt")
        ours = float(told) if isinstance(told, float | int) and told > 0 else None
        self.dt = next(dt for dt in (convention.dt, ours, 1.0) if dt is not None)
        self.graph, self.convention = graph, convention
        steps = graph.metadata.get("steps")
        self.T = steps if T is None and isinstance(steps, int) and steps > 0 else T
        self.notes = list(graph.notes)
        if convention.dt is None and ours is None:
            self.notes.append("no dt given and none stored in the file; assuming dt = 1 file time unit")
        elif ours is not None and self.dt != ours:
            self.notes.append(f"dt = {self.dt:g}, as asked for, instead of the {ours:g} that the file states")
        self.synapses = 0
        self.always = free_name("constant", graph.nodes)
        self.laid = infer_shapes(graph)
        self.routes = trace_paths(self.laid, self.dt)
        for pre, post in sorted(self.routes.late):
            self.notes.append(
                f"{pre} -> {post} closes a cycle without a delay; its spikes arrive a step later"
            )

    def made(self) -> Imported:
        """The network with its notes."""
        populations: dict[str, Any] = {}
        projections: list[Any] = []
        for name in self.laid.populations:
            node, n, constant = self.graph.nodes[name], self._size(name), self.routes.constants[name]
            if node.kind == "Input":
                populations[name] = Source(n)
                continue
            found = dynamics(node, self.laid.shapes[name], self.dt, self.convention)
            self.notes += found.notes
            mine = [self._projection(r, found.gain) for r in self.routes.into[name]]
            bias = np.zeros(1) + found.bias
            if constant.any():
                arrived = found.gain * constant
                if (found.u_decay == 1).all():
                    bias = bias + arrived
                else:
                    populations[self.always] = RegularSource(1, 1)
                    always = LinearPath(self.always, name, (Matrix(arrived[:, None]),))
                    mine.append(self._projection(always, np.ones(1)))
            projections += mine
            populations[name] = self._population(name, n, found, bias, mine)
        if self.always in populations and self.T is not None:
            raise NirError(
                "a bias reaches neurons whose current lasts (CubaLIF); it is a source of its own here, which "
                "trials do not have. Read the file without T, in time without end"
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
        inputs = {n: n for n in self.laid.populations if self.graph.nodes[n].kind == "Input"}
        shapes = {n: self.laid.shapes[n] for n in self.laid.populations}
        for note in self.notes:
            if len(note) > 400:
                raise NirError("the graph's names are too long")
        return Imported(network, inputs, outputs, shapes, self.dt, self.graph.version, tuple(self.notes))

    def _senders(self, output: str) -> Iterator[str]:
        """The populations whose spikes reach an output unchanged."""
        stack = list(self.laid.into[output])
        while stack:
            name = stack.pop(0)
            node = self.graph.nodes[name]
            if name in self.laid.populations:
                yield name
            elif node.kind in ("Flatten", "Identity"):
                stack += self.laid.into[name]
            else:
                raise NirError(
                    f"{output} (Output) gets the numbers of {name} ({node.kind}), and a network here "
                    "sends spikes alone. End the graph with neurons"
                )

    def _size(self, name: str) -> int:
        return 1 if name == self.always else prod(self.laid.shapes[name])

    def _projection(self, route: LinearPath, gain: Reals) -> Any:
        late = (route.pre, route.post) in self.routes.late
        made = projection(route, gain, self._size(route.pre), self._size(route.post), late)
        w = np.asarray(made.w)
        self.synapses += w.size
        if self.synapses > MOST_SYNAPSES:
            raise NirError(
                f"with {route.where} there are more than {MOST_SYNAPSES:,} synapses; so many are not read"
            )
        if not np.isfinite(w).all():
            raise NirError(f"{route.where}: its weights, multiplied out, are beyond float64")
        return made

    def _population(self, name: str, n: int, found: Dynamics, bias: Reals, into: list[Any]) -> Any:
        """Neurons on a grid where they do not leak and all numbers are on one, else in real numbers."""
        node = self.graph.nodes[name]
        fires = self.convention.fires
        wrong = [t for t in found.threshold.tolist() if not t > 0 and fires_from(t, None, fires) <= 0]
        if wrong:
            raise NirError(
                f"{name} ({node.kind}): v_threshold = {wrong[0]:g}; a threshold here is a positive number"
            )
        subtract = self.convention.reset == "subtract" and node.kind != "Threshold"
        shared: dict[str, Any] = {
            "bias": _values(bias),
            "offset": stated(node, "offset") if self.T is not None else None,
            "v_start": self._start(node, "v_start", n),
        }
        if (found.u_decay == 1).all() and not found.v_decay.any() and not found.v_reset.any():
            numbers = [bias, np.asarray(shared["v_start"]), *(np.asarray(p.w) for p in into)]
            # What is subtracted is theta: on a grid this is v_threshold for ">=" alone, where it lies on it.
            bits = self._bits(node, [*numbers, found.threshold] if subtract else numbers)
            if bits is not None and (not subtract or fires == ">="):
                theta = self._theta(found, bits)
                reset: Any = "subtract" if subtract else "zero"
                try:
                    made = IF(n, theta, bits, reset=reset, **shared)
                except DeclarationError as problem:
                    raise NirError(f"{name} ({node.kind}): {problem}") from problem
                if self._provable(made, into):
                    return made
        theta, own = self._theta(found, None), stated(node, "theta")
        if own is not None and np.size(own) in (1, n):
            written = np.array([written_threshold(float(t), None) for t in np.ravel(own)])
            if (written == found.threshold).all():
                theta = _values(np.ravel(np.asarray(own, np.float64)))
        shared |= {key: _values(getattr(found, key)) for key in ("u_decay", "v_decay", "v_reset")}
        start = self._start(node, "u_start", n)
        try:
            kind: Any = "subtract" if subtract else "value"
            return LIF(n, theta, None, reset=kind, u_start=start, **shared)
        except DeclarationError as problem:
            raise NirError(f"{name} ({node.kind}): {problem}") from problem

    def _theta(self, found: Dynamics, bits: int | None) -> Any:
        """Thresholds as a population here has them, one number or a tuple."""
        fires = self.convention.fires
        return _values(np.array([fires_from(t, bits, fires) for t in found.threshold.tolist()]))

    def _start(self, node: Any, key: str, n: int) -> Any:
        """A start that a file of ours states, one number or a tuple; else 0."""
        value = stated(node, key)
        if value is None or np.size(value) not in (1, n):
            return 0.0
        return _values(np.ravel(np.asarray(value, np.float64)))

    def _bits(self, node: Any, numbers: list[Reals]) -> int | None:
        """Fractional bits of the coarsest grid for all numbers, or of a file of ours; None for none."""
        own = stated(node, "grid")
        if own is None and stated(node, "theta") is not None:
            return None  # a file of ours, in real numbers
        every = range(grids.MASTER_BITS + 1)
        tried = [int(own)] if own in every else []
        holding = (b for b in (*tried, *every) if all(_on(values, b) for values in numbers))
        return next(holding, None)

    def _provable(self, made: IF, into: list[Any]) -> bool:
        """Whether the sums of a population on its grid are proven to stay in the exact range."""
        others = {p.pre for p in into if p.pre != p.post}
        populations: dict[str, Any] = {name: Source(self._size(name)) for name in sorted(others)}
        mine = free_name("self", others)
        own = [replace(p, pre=mine if p.pre == p.post else p.pre, post=mine) for p in into]
        populations[mine] = made
        own = [replace(p, name=f"{k}", delay=max(p.delay, int(p.pre == mine))) for k, p in enumerate(own)]
        window = Window.without_end() if self.T is None else Window(self.T)
        if self.T is not None:
            populations[mine] = replace(made, offset=0)
        try:
            Network(populations, tuple(own), window)
        except DeclarationError as problem:
            self.notes.append(f"real numbers instead of a grid of 2**-{made.grid}: {problem}")
            return False
        return True


def _values(values: Reals) -> float | tuple[float, ...]:
    """One number where all are equal, else a tuple."""
    return float(values[0]) if (values == values[0]).all() else tuple(values.tolist())


def _on(values: Reals, bits: int) -> bool:
    counts = values * 2.0**bits
    return bool((counts == np.rint(counts)).all())


def _unique(projections: list[Any]) -> list[Any]:
    """Projections with names of their own."""
    taken: set[str] = set()
    made = []
    for p in projections:
        name = free_name(p.name, taken, "#")
        taken.add(name)
        made.append(p if name == p.name else replace(p, name=name))
    return made
