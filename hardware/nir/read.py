"""Reader of NIR files: checks, shape inference, paths folded into projections, neurons on a grid if possible.

Linear nodes between two populations become one projection: Dense or Conv2d for a single Affine, Linear or
convolution, else the synapses of their product. Delays become delays of projections. An edge that closes a
cycle without a delay arrives a step later, as in recurrent layers of the libraries, with a note.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np

from spikesim.files.untrusted_hdf5 import Limits, tree
from spikesim.hardware.nir.batch_axis import batch_size, without_batch
from spikesim.hardware.nir.conventions import Convention, assumptions, chosen_step
from spikesim.hardware.nir.digest import check_digest
from spikesim.hardware.nir.fold_paths import projection
from spikesim.hardware.nir.linear_ops import MOST_SYNAPSES, Late, LinearOp, LinearPath, Matrix, Reals, Shape
from spikesim.hardware.nir.neurons import Dynamics, dynamics, stated
from spikesim.hardware.nir.nodes import ROUNDING_64, Graph, NirError, free_name, graph_of
from spikesim.hardware.nir.populations import PopulationReader
from spikesim.hardware.nir.shapes import GraphShapes, infer_shapes, senders
from spikesim.hardware.nir.trace_paths import Constants, trace_paths
from spikesim.network import Network, Readout
from spikesim.neurons import IF, LeakyIntegrator, RegularSource, Source
from spikesim.window import Window

DEPTH = 128  # groups in groups: two for each graph in a graph


@dataclass(frozen=True)
class Imported:
    """The network of a NIR file, and how it was interpreted.

    Attributes:
        network: for `simulate`; without end, or with trials of T steps.
        inputs, outputs: NIR node -> population; for an output all populations that reach it.
        shapes: population -> its shape in the file, as (2, 34, 34).
        dt: length of a step, in the file's unit of time.
        version: of the nir that wrote it.
        notes: everything that was not read as stored, and what was assumed, each in a sentence.
        convention: what was assumed, with `dt`.
        membranes: populations that send no spikes, whose membranes are results: LI, CubaLI and I, and outputs
            that are sums of weighted spikes.
    """

    network: Network
    inputs: Mapping[str, str]
    outputs: Mapping[str, tuple[str, ...]]
    shapes: Mapping[str, Shape]
    dt: float
    version: str
    notes: tuple[str, ...]
    convention: Convention = field(default_factory=Convention)
    membranes: tuple[str, ...] = ()

    def results(self) -> tuple[str, ...]:
        """What each output gives, in words: the spikes or the membranes of which population."""
        return tuple(
            f"{output}: {'membranes' if name in self.membranes else 'spikes'} of {name}"
            for output, names in self.outputs.items()
            for name in names
        )


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
        T: steps of a trial; None for the number in a file of ours, else for a network without end. In trials
            of other graphs all populations share one clock, which begins with the input.
        limits: on the contents of the file.

    Raises:
        FileRefused: the file is damaged or hostile, or one of ours that was changed.
        NirError: the graph has what a network here cannot represent, by name.
        DeclarationError: the network is not valid.
    """
    found = tree(path, limits or Limits(depth=DEPTH))
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
        self.dt = convention.step(graph, ours)
        self.graph, self.convention = graph, convention
        steps = graph.metadata.get("steps")
        self.T = steps if T is None and isinstance(steps, int) and steps > 0 else T
        self.notes = list(graph.notes)
        if convention.dt is None and ours is None:
            self.notes.append(chosen_step(convention, self.dt))
        elif ours is not None and self.dt != ours:
            self.notes.append(f"dt = {self.dt:g}, as asked for, instead of the {ours:g} that the file states")
        self.assumed = (
            "" if ours is not None and convention == Convention() else assumptions(graph, convention, self.dt)
        )
        self.window = Window.without_end() if self.T is None else Window(self.T)
        self.synapses = 0
        self.always = free_name("constant", graph.nodes)
        self.laid = self._laid()
        self.routes = trace_paths(self.laid, self.dt)
        self.notes += self.routes.notes
        for pre, post in sorted(self.routes.late):
            self.notes.append(
                f"{pre} -> {post} closes a cycle without a delay; its spikes arrive a step later"
            )

    def made(self) -> Imported:
        """The network with its notes."""
        populations: dict[str, Any] = {}
        projections: list[Any] = []
        reader = PopulationReader(self.convention, self.window, self.notes, "dt" in self.graph.metadata)
        for name in self.laid.populations:
            node, n, constant = self.graph.nodes[name], self._size(name), self.routes.constants[name]
            if node.kind == "Input":
                populations[name] = Source(n)
                continue
            found = dynamics(node, self.laid.shapes[name], self.dt, self.convention)
            self.notes += found.notes
            mine = [self._projection(r, found.gain) for r in self.routes.into[name]]
            bias, lasting = self._bias(name, found, constant)
            if lasting:
                populations[self.always] = self._steady()
                mine += [self._projection(path, np.ones(1)) for path in lasting]
            projections += mine
            populations[name] = reader.made(node, n, found, bias, mine, self._size)
        return self._finished(populations, _unique(projections))

    def _laid(self) -> GraphShapes:
        """The graph with its shapes; without the batch axis of its writer, where it fits without alone."""
        try:
            return infer_shapes(self.graph)
        except NirError as problem:
            size = batch_size(self.graph)
            if size is None:
                raise
            try:
                laid = infer_shapes(without_batch(self.graph, size))
            except NirError as other:
                raise NirError(
                    f"{problem}. Nor does the graph fit with the first axis of its inputs, of {size}, taken "
                    f"as that of a batch: {other}"
                ) from None
        self.graph = laid.graph
        self.notes.append(
            f"the first axis of the inputs, of {size}, is taken as that of a batch, and left out"
        )
        return laid

    def _steady(self) -> Any:
        """One neuron that fires in every step: trials have no generators."""
        if self.window.endless:
            return RegularSource(1, 1)
        return IF(1, 1.0, 0, bias=1.0, offset=0)

    def _bias(self, name: str, found: Dynamics, constant: Constants) -> tuple[Reals, list[LinearPath]]:
        """What is added to the membranes of a population in every step, (1,) or (n,); and the paths from the
        source that fires in every step, where a constant input begins later, or goes through a current.
        """
        bias, paths = np.zeros(1) + found.bias, []
        own = stated(self.graph.nodes[name], "bias")
        for begin, values in constant.items():
            arrived = found.gain * values
            if not arrived.any():
                continue
            if begin == 0 and (found.u_decay == 1).all():
                bias = bias + arrived
                continue
            arrived = np.broadcast_to(arrived, (self._size(name),))
            ops: tuple[LinearOp, ...] = (Matrix(arrived[:, None]), Late(np.full(arrived.shape, begin)))
            paths.append(LinearPath(self.always, name, ops if begin else ops[:1]))
        if own is not None and (np.abs(own - bias) <= ROUNDING_64 * np.abs(own)).all():
            bias = np.ravel(own) + np.zeros(
                1
            )  # of a file of ours, where a division by the gain has rounded it
        return bias, paths

    def _finished(self, populations: dict[str, Any], projections: list[Any]) -> Imported:
        ends = [name for name, node in self.graph.nodes.items() if node.kind == "Output"]
        outputs = {
            name: (name,) if name in self.laid.sums else tuple(senders(self.graph, self.laid.into, name))
            for name in ends
        }
        membranes = tuple(name for name, p in populations.items() if isinstance(p, LeakyIntegrator))
        told, readout = self.graph.metadata.get("readout"), None
        if self.T is not None and isinstance(told, str) and told in populations:
            readout = Readout(told)
        network = Network(populations, tuple(projections), self.window, readout)
        inputs = {n: n for n in self.laid.populations if self.graph.nodes[n].kind == "Input"}
        shapes = {n: self.laid.shapes[n] for n in self.laid.populations}
        for note in self.notes:
            if len(note) > 400:
                raise NirError("the graph's names are too long")
        notes = (*self.notes, self.assumed) if self.assumed else tuple(self.notes)
        convention = replace(self.convention, dt=self.dt)
        version = self.graph.version
        return Imported(network, inputs, outputs, shapes, self.dt, version, notes, convention, membranes)

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


def _unique(projections: list[Any]) -> list[Any]:
    """Projections with names of their own."""
    taken: set[str] = set()
    made = []
    for p in projections:
        name = free_name(p.name, taken, "#")
        taken.add(name)
        made.append(p if name == p.name else replace(p, name=name))
    return made
