"""Builds the nodes and edges of a NIR graph from a network; see `nir.write`."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikesim.files.untrusted_hdf5 import Tree
from spikesim.hardware.nir.checks import MOST_BYTES
from spikesim.hardware.nir.neurons import written_threshold
from spikesim.hardware.nir.nodes import NirError, free_name
from spikesim.hardware.nir.written_neurons import (
    Gain,
    fields,
    gain,
    graded,
    lasting,
    metadata,
    node_kind,
    remarks,
    written_forms,
)
from spikesim.network import Network
from spikesim.network.scheduling import is_source
from spikesim.neurons.description import LinearNeuron
from spikesim.synapses import Conv2d, OneToOne

Reals = npt.NDArray[np.float64]
Shape = tuple[int, ...]


class GraphBuilder:
    """Builder of the NIR graph of a network.

    Attributes:
        names: population -> node.
        notes: what readers may interpret differently, each in a sentence.
    """

    def __init__(self, network: Network, dt: float, clocks: bool, where: Gain = "weights") -> None:
        self.network, self.dt, self.where = network, dt, where
        self.nodes: Tree = {}
        self.edges: list[list[str]] = []
        self.notes: list[str] = []
        self.taken: set[str] = set()
        self.names = {name: self._name(name) for name in network.populations}
        self.shapes = _shapes(network)
        self.clocks = clocks
        self.neurons = written_forms(network)
        self.gain = {name: gain(neuron, where) for name, neuron in self.neurons.items()}
        self.bias = {name: neuron.bias.copy() for name, neuron in self.neurons.items()}

    def tree(self) -> Tree:
        """The file's contents without version and digest."""
        for p in self.network.projections:
            form_of(p).write(self, p)
        for name in self.network.populations:
            self._population(name)
        sent = {p.pre for p in self.network.projections if p.pre != p.post}
        readout = self.network.readout
        neurons = list(self.neurons)
        ends = [n for n in neurons if n not in sent or (readout and n == readout.population)] or neurons
        for name in ends:
            wanted = "output" if len(ends) == 1 else f"output_{name}"
            self._add(wanted, "Output", [self.names[name]], shape=np.array(self.shapes[name], np.int64))
        metadata: Tree = {"dt": np.array(self.dt)}
        if not self.network.window.endless:
            metadata["steps"] = np.array(self.network.window.T)
        if readout is not None:
            metadata["readout"] = self.names[readout.population]
        graph = {"type": "NIRGraph", "nodes": self.nodes, "edges": self.edges, "metadata": metadata}
        return {"node": graph}

    def _name(self, wanted: str) -> str:
        """An unused name that HDF5, NIR and the modules of libraries accept."""
        plain = re.sub(r"[^0-9A-Za-z_]+", "_", wanted).strip("_")[:100] or "node"
        name = free_name(plain, self.taken)
        self.taken.add(name)
        return name

    def _add(self, wanted: str, kind: str, heard: list[str], **values: Any) -> str:
        name = self._name(wanted)
        self.nodes[name] = {"type": kind, **{k: self._lean(wanted, k, v) for k, v in values.items()}}
        self.edges += [[other, name] for other in heard]
        return name

    def _lean(self, node: str, key: str, value: Any) -> Any:
        """Real numbers as float32 if that is exact, else as float64, with a note."""
        if not isinstance(value, np.ndarray) or value.dtype != np.float64:
            return value
        small = value.astype(np.float32)
        if (small == value).all():
            return small
        if key not in ("tau", "tau_syn", "tau_mem", "r", "w_in", "v_leak"):
            self.notes.append(
                f"{node}: {key} is written as float64, since float32 does not hold it; readers that "
                "compute in float32 round it"
            )
        return value

    def _delay(self, p: Any, steps: int) -> str:
        """The node that sends the spikes of a projection's `pre`, `steps` steps later."""
        name = self.names[p.pre]
        hop = self.network.offsets[p.post] - self.network.offsets[p.pre]
        if self.clocks and not self.network.window.endless:
            if steps < hop:
                raise NirError(
                    f"{p.name}: arrives {steps} steps after its spikes, {hop} steps lie between the clocks"
                )
            steps -= hop
        if steps == 0:
            return name
        shape = self.shapes[p.pre]
        wanted = f"{self.names[p.pre]}_delay_{steps}"
        if wanted not in self.nodes:
            return self._add(wanted, "Delay", [name], delay=np.full(shape, steps * self.dt))
        return wanted

    def _flat(self, p: Any, sender: str) -> str:
        """The sender, flattened to a vector."""
        shape = self.shapes[p.pre]
        if len(self.shapes[p.post]) > 1:
            raise NirError(
                f"{p.name}: {p.post} has the shape {self.shapes[p.post]} by a convolution, and what "
                f"comes over {p.name} is a vector; NIR has no node that gives a vector a shape. Let "
                f"{p.post} get one kind only"
            )
        if len(shape) == 1:
            return sender
        wanted = f"{sender}_flat"
        if wanted in self.nodes:
            return wanted
        ends = {"start_dim": np.array(0), "end_dim": np.array(-1)}
        return self._add(wanted, "Flatten", [sender], input_type=np.array(shape, np.int64), **ends)

    def matrices(self, p: Any) -> None:
        """A projection of any kind as an Affine for each delay."""
        pre, post = self.network.shape(p)
        if pre * post * 4 > MOST_BYTES:
            raise NirError(
                f"{p.name}: NIR knows no sparse weights, and {pre} x {post} written out are more than "
                f"{MOST_BYTES:,} bytes"
            )
        for delay, matrix in p.pieces(self.network.weights(p.name)):
            whole = matrix
            if matrix.shape != (pre, post):
                whole = np.zeros((pre, post))
                whole[: matrix.shape[0], : matrix.shape[1]] = matrix
            self._affine(p, delay, whole)

    def _affine(self, p: Any, delay: int, w: Reals) -> None:
        heard = self._flat(p, self._delay(p, delay))
        factor = self.gain[p.post]
        weight, extra = _divided(np.ascontiguousarray(w.T), factor[:, None])
        bias = self._spent_bias(p.post) / factor
        made = self._add(p.name, "Affine", [heard], weight=weight, bias=bias, **extra)
        self.edges.append([made, self.names[p.post]])

    def one_to_one(self, p: OneToOne) -> None:
        """A Scale, or an edge where the weight is 1."""
        heard = self._delay(p, p.delay)
        if len(self.shapes[p.pre]) != len(self.shapes[p.post]):
            heard = self._flat(p, heard)
        factor = self.gain[p.post]
        if p.w == 1 and (factor == 1).all() and [heard, self.names[p.post]] not in self.edges:
            self.edges.append([heard, self.names[p.post]])
            return
        self._scale(p, heard, np.full(factor.shape, float(p.w)))

    def _scale(self, p: Any, heard: str, w: Reals) -> None:
        """Factors for each neuron, divided by its gain."""
        scale, extra = _divided(w, self.gain[p.post])
        made = self._add(p.name, "Scale", [heard], scale=scale.reshape(self.shapes[p.post]), **extra)
        self.edges.append([made, self.names[p.post]])

    def convolution(self, p: Conv2d) -> None:
        """A Conv2d, with the bias of each channel."""
        assert isinstance(p.stride, tuple) and isinstance(p.padding, tuple)
        planes = self.bias[p.post].reshape(p.out_shape[0], -1)
        bias = np.zeros(p.out_shape[0])
        if (planes == planes[:, :1]).all() and not lasting(self.neurons[p.post]):
            bias = self._spent_bias(p.post).reshape(planes.shape)[:, 0]
        factor = self.gain[p.post].reshape(planes.shape)
        uniform = bool((factor == factor[:, :1]).all())
        each = factor[:, 0] if uniform else np.ones(len(factor))  # else a Scale divides
        weight, extra = _divided(_ungrouped(p), each[:, None, None, None])
        made = self._add(
            p.name,
            "Conv2d",
            [self._delay(p, p.delay)],
            input_shape=np.array(p.shape[1:], np.int64),
            weight=weight,
            stride=np.array(p.stride, np.int64),
            padding=np.array(p.padding, np.int64),
            dilation=np.ones(2, np.int64),
            groups=np.array(1),
            bias=bias / each,
            **extra,
        )
        if uniform:
            self.edges.append([made, self.names[p.post]])
        else:
            self._scale(p, made, np.ones(factor.size))

    def _spent_bias(self, post: str) -> Reals:
        """The bias of a population for its first weights, then zeros; zeros where its current lasts."""
        bias = self.bias[post]
        if lasting(self.neurons[post]):
            return np.zeros_like(bias)
        self.bias[post] = np.zeros_like(bias)
        return bias

    def _population(self, name: str) -> None:
        p, shape = self.network.populations[name], self.shapes[name]
        node = self.names[name]
        if is_source(p):
            self.nodes[node] = {"type": "Input", "shape": np.array(shape, np.int64)}
            return
        neuron, left = self.neurons[name], self.bias[name]
        found = fields(neuron, left, self.dt, self.where)
        if left.any() and "v_leak" not in found:
            raise NirError(
                f"{name}: no Affine or Conv2d can hold its bias: nothing dense leads to it, or its "
                "bias differs within a channel. Give it a Dense projection (of zeros), or a bias for "
                "each channel"
            )
        if not graded(neuron):
            found["v_threshold"] = self._threshold(name, neuron, p.grid)
        if neuron.v_reset.any():
            found["v_reset"] = neuron.v_reset
        self.notes += remarks(name, neuron, found.get("v_leak", left) * neuron.v_decay, left, self.where)
        made = {k: self._lean(name, k, v.reshape(shape).copy()) for k, v in found.items()}
        # Several delays of a projection are read as several projections, of which none alone sets the clock.
        several = any(q.longest_delay > q.delay for q in self.network.incoming(name))
        starts = several and not self.network.window.endless
        kept = metadata(neuron, p.grid, self.network.offsets[name] if starts else p.offset)
        self.nodes[node] = {"type": node_kind(neuron), **made, "metadata": kept}

    def _threshold(self, name: str, neuron: LinearNeuron, grid: int | None) -> Reals:
        threshold = np.array([written_threshold(theta, grid) for theta in neuron.theta.tolist()])
        rounded = threshold.astype(np.float32) != threshold
        if rounded.any():
            k = int(np.argmax(rounded))
            raise NirError(
                f"{name}[{k}]: theta = {neuron.theta[k]} minus half a step of 2**-{grid} is "
                f"{float(threshold[k])!r}, which float32 does not hold, so that readers would differ. Take a "
                f"coarser grid (quantise it with bits <= 16)"
            )
        return threshold


def _divided(w: Reals, factor: Reals) -> tuple[Reals, Tree]:
    """Weights divided by a gain; and the weights themselves as metadata, where multiplying does not give them
    back.
    """
    made = w / factor
    if (made * factor == w).all():
        return made, {}
    return made, {"metadata": {"exact": w}}


class ProjectionForm(NamedTuple):
    """How a kind of projection is written.

    Attributes:
        write: (builder, projection).
        shapes: the shapes that it gives to its populations; None for vectors.
        carries: it carries the shape of `pre` over to `post`.
    """

    write: Callable[[GraphBuilder, Any], None]
    shapes: Callable[[Any], tuple[Shape, Shape]] | None = None
    carries: bool = False


# Kinds with a node of their own; all others are matrices, by their `pieces`.
FORMS: dict[type, ProjectionForm] = {
    Conv2d: ProjectionForm(GraphBuilder.convolution, lambda p: (p.shape, p.out_shape)),
    OneToOne: ProjectionForm(GraphBuilder.one_to_one, carries=True),
}


def form_of(p: Any) -> ProjectionForm:
    """How a projection is written."""
    return FORMS.get(type(p), ProjectionForm(GraphBuilder.matrices))


def _ungrouped(p: Conv2d) -> Reals:
    """The kernels of a convolution as those of one group: other groups' are zero. nir 1.0.8 takes the shape
    of its input from them, and refuses groups.
    """
    ins, outs = p.w.shape[1], p.w.shape[0] // p.groups
    full = np.zeros((p.w.shape[0], p.shape[0], *p.w.shape[2:]))
    for g in range(p.groups):
        full[g * outs : (g + 1) * outs, g * ins : (g + 1) * ins] = p.w[g * outs : (g + 1) * outs]
    return full


def _shapes(network: Network) -> dict[str, Shape]:
    """The shape of each population: as convolutions say, carried over one-to-one ones; else a vector."""
    found: dict[str, Shape] = {}
    forms = [(p, form_of(p)) for p in network.projections]
    for p, form in forms:
        if form.shapes is not None:
            for name, shape in zip((p.pre, p.post), form.shapes(p), strict=True):
                if found.setdefault(name, shape) != shape:
                    raise NirError(
                        f"{p.name}: {name} is {shape} here and {found[name]} elsewhere; NIR has one shape"
                    )
    for _ in forms:
        for p, form in forms:
            if form.carries and p.pre in found:
                found.setdefault(p.post, found[p.pre])
    made = {name: found.get(name, (p.n,)) for name, p in network.populations.items()}
    assert all(prod(shape) == network.populations[name].n for name, shape in made.items())
    return made
