"""Nodes and edges of a NIR file: the schema of the primitives, and flattening of nested graphs.

Pedersen et al., "Neuromorphic intermediate representation", Nature Communications 15, 2024. The schema is
that of nir 1.0.4 to 1.0.8: /version, and /node, a NIRGraph of `nodes` and `edges`.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from itertools import chain, count
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.errors import DataError, unknown
from spikesim.files.untrusted_hdf5 import Tree

Array = npt.NDArray[Any]

# Fields of each primitive; those after the bar may be absent.
SCHEMA: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = MappingProxyType(
    {
        "Input": (("shape",), ()),
        "Output": (("shape",), ()),
        "Identity": ((), ("shape", "input_type")),
        "Affine": (("weight", "bias"), ()),
        "Linear": (("weight",), ()),
        "Conv1d": (("weight", "stride", "padding", "dilation", "groups", "bias"), ("input_shape",)),
        "Conv2d": (("weight", "stride", "padding", "dilation", "groups", "bias"), ("input_shape",)),
        "SumPool2d": (("kernel_size", "stride", "padding"), ()),
        "AvgPool2d": (("kernel_size", "stride", "padding"), ()),
        "Flatten": ((), ("start_dim", "end_dim", "input_type")),
        "Scale": (("scale",), ()),
        "Delay": (("delay",), ()),
        "Threshold": (("threshold",), ()),
        "I": (("r",), ()),
        "LI": (("tau", "r", "v_leak"), ()),
        "CubaLI": (("tau_syn", "tau_mem", "r", "v_leak"), ("w_in",)),
        "IF": (("r", "v_threshold"), ("v_reset",)),
        "LIF": (("tau", "r", "v_leak", "v_threshold"), ("v_reset",)),
        "CubaLIF": (("tau_syn", "tau_mem", "r", "v_leak", "v_threshold"), ("w_in", "v_reset")),
    }
)
# Values of fields that nir's own reader sets where they are absent; files of older releases lack them.
DEFAULTS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "Flatten": {"start_dim": 1, "end_dim": -1},
        "IF": {"v_reset": 0.0},
        "LIF": {"v_reset": 0.0},
        "CubaLI": {"w_in": 1.0},
        "CubaLIF": {"w_in": 1.0, "v_reset": 0.0},
    }
)
SPIKING = ("Threshold", "IF", "LIF", "CubaLIF")
ANALOG = ("I", "LI", "CubaLI")  # these send their membrane
NEURONS = (*SPIKING, *ANALOG)
ROUNDING_32, ROUNDING_64 = 2.0**-21, 2.0**-50  # relative; what two operations may have left of a number
MOST_NODES, MOST_EDGES = 1024, 20_000


def free_name(wanted: str, taken: Container[str], mark: str = "_") -> str:
    """An unused name: the wanted one, or the same with a number from 2 on appended."""
    numbered = (f"{wanted}{mark}{k}" for k in count(2))
    return next(name for name in chain([wanted], numbered) if name not in taken)


def alike(kind: str) -> str:
    """The spiking node whose membrane a node without a threshold has; its own kind for others."""
    return {"I": "IF", "LI": "LIF", "CubaLI": "CubaLIF"}.get(kind, kind)


class NirError(DataError):
    """A NIR graph cannot be read as a network, or the reverse; names the node, the reason, the way out."""


@dataclass(frozen=True, eq=False)
class Node:
    """A primitive.

    Attributes:
        kind: a name in SCHEMA.
        name: unique in the graph; nodes of a graph in the graph are OUTER.INNER.
        values: fields by name, arrays or text.
        metadata: numbers and text added by the writer, by name; not part of NIR.
    """

    kind: str
    name: str
    values: Mapping[str, Any]
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def array(self, key: str) -> npt.NDArray[np.float64]:
        """A field as float64.

        Raises:
            NirError: it is absent, or text.
        """
        value = self.values.get(key)
        if not isinstance(value, np.ndarray):
            raise NirError(f"{self.name} ({self.kind}): {key} is {type(value).__name__}; numbers are needed")
        if value.dtype.kind in "iu" and value.size and max(abs(int(value.min())), int(value.max())) > 2**53:
            raise NirError(
                f"{self.name} ({self.kind}): {key} holds whole numbers beyond 2**53, which float64 rounds"
            )
        return value.astype(np.float64)

    def rounding(self, *keys: str) -> float:
        """The relative rounding error after a few operations on the least precise of these fields."""
        kept = (self.values.get(key) for key in keys)
        rough = any(v.dtype.kind == "f" and v.itemsize < 8 for v in kept if isinstance(v, np.ndarray))
        return ROUNDING_32 if rough else ROUNDING_64

    def one_whole(self, key: str, low: int = 0) -> int:
        """A field as one whole number of at least `low`.

        Raises:
            NirError: it is not.
        """
        values = self.whole(key, low)
        if len(values) != 1:
            raise NirError(f"{self.name} ({self.kind}): {key} = {values}; one whole number is needed")
        return values[0]

    def whole(self, key: str, low: int = 0) -> tuple[int, ...]:
        """A field as whole numbers of at least `low`.

        Raises:
            NirError: they are not.
        """
        array = self.array(key).reshape(-1)
        if (
            array.size > 32
            or (array != np.floor(array)).any()
            or (array < low).any()
            or (array > 2**40).any()
        ):
            raise NirError(
                f"{self.name} ({self.kind}): {key} = {array[:8]}; whole numbers >= {low} are needed"
            )
        return tuple(int(v) for v in array)


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes by name, edges, and the metadata of the graph."""

    nodes: Mapping[str, Node]
    edges: tuple[tuple[str, str], ...]
    version: str
    metadata: Mapping[str, Any]
    notes: tuple[str, ...] = ()


def graph_of(found: Tree, where: str) -> Graph:
    """The graph of a file's contents, flattened and checked against the schema.

    Raises:
        NirError: there is no NIR graph, or it has nodes that are unknown or not supported.
    """
    for name in found.keys() - {"version", "node"}:
        raise NirError(f"{where}: {unknown('entry of a NIR file', name, ('version', 'node'))}")
    root = found.get("node")
    if not isinstance(root, dict) or root.get("type") != "NIRGraph":
        kind = root.get("type") if isinstance(root, dict) else type(root).__name__
        raise NirError(f"{where}: /node is {kind!r}; a NIRGraph is needed")
    flat, metadata = _Flat(), _metadata(root)
    flat.add(root, "")
    if "dt" not in metadata:  # a file of ours leaves out what is the default
        flat.notes += [
            f"{key} is absent in {', '.join(names)[:200]}; {default:g} is taken, as by nir's own reader"
            for (key, default), names in flat.absent.items()
        ]
    return Graph(flat.nodes, flat.joined(), str(found.get("version", "")), metadata, tuple(flat.notes))


class _Flat:
    """Flattens nested graphs: an inner Input or Output passes its input on."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.edges: list[tuple[str, str]] = []
        self.entry: dict[str, list[str]] = {}
        self.exit: dict[str, list[str]] = {}
        self.notes: list[str] = []
        self.absent: dict[tuple[str, float], list[str]] = {}

    def add(self, graph: Tree, prefix: str) -> None:
        """All nodes and edges of a graph; `prefix` is "" or ends with a dot."""
        where = prefix[:-1] or "the graph"
        entries = {"nodes", "edges", "type", "metadata", "input_type", "output_type"}
        for key in graph.keys() - entries:
            raise NirError(f"{where}: {unknown('entry of a NIRGraph', key, entries)}")
        nodes = graph.get("nodes")
        if not isinstance(nodes, dict) or "edges" not in graph:
            raise NirError(f"{where}: a NIRGraph has nodes and edges")
        for name, entry in nodes.items():
            full = f"{prefix}{name}"
            kind = entry.get("type") if isinstance(entry, dict) else None
            if full in self.nodes or full in self.entry:
                raise NirError(f"two nodes are called {full!r}")
            if kind == "NIRGraph":
                self.entry[full], self.exit[full] = [], []
                self.add(entry, f"{full}.")
            else:
                self.nodes[full] = self._node(full, kind, entry, inner=bool(prefix))
                if prefix and kind in ("Input", "Output"):
                    (self.entry if kind == "Input" else self.exit)[prefix[:-1]].append(full)
            if len(self.nodes) > MOST_NODES:
                raise NirError(f"more than {MOST_NODES:,} nodes; a graph of so many is not read")
        self._add_edges(graph["edges"], prefix, where)

    def _node(self, name: str, kind: Any, entry: Any, inner: bool) -> Node:
        if not isinstance(kind, str):
            raise NirError(f"{name}: its type is {type(kind).__name__}; the name of a NIR node is needed")
        if kind not in SCHEMA:
            raise NirError(f"{name}: {unknown('NIR node', kind, (*SCHEMA, 'NIRGraph'))}")
        required, optional = SCHEMA[kind]
        values = {key: value for key, value in entry.items() if key not in ("type", "metadata")}
        if missing := [key for key in required if key not in values]:
            raise NirError(f"{name} ({kind}): the field {missing[0]!r} is missing")
        for key, value in values.items():
            # Some writers store shapes that follow from the rest.
            if key not in (*required, *optional, "input_type", "output_type"):
                raise NirError(f"{name} ({kind}): {unknown('field', key, (*required, *optional))}")
            if not isinstance(value, np.ndarray | str):
                raise NirError(f"{name} ({kind}): {key} is {type(value).__name__}; numbers are needed")
        for key, default in DEFAULTS.get(kind, {}).items():
            if key not in values:
                values[key] = np.array(default)
                self.absent.setdefault((key, default), []).append(name)
        kind = "Identity" if inner and kind in ("Input", "Output") else kind
        return Node(kind, name, values, _metadata(entry))

    def _add_edges(self, edges: Any, prefix: str, where: str) -> None:
        if isinstance(edges, np.ndarray) and edges.size == 0:
            return
        pairs = edges if isinstance(edges, list) else None
        if pairs is None or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
            raise NirError(f"{where}: edges are pairs of names")
        if len(pairs) + len(self.edges) > MOST_EDGES:
            raise NirError(f"more than {MOST_EDGES:,} edges; a graph of so many is not read")
        self.edges += [(f"{prefix}{a}", f"{prefix}{b}") for a, b in pairs]

    def joined(self) -> tuple[tuple[str, str], ...]:
        """The edges between primitives, each once."""
        found: dict[tuple[str, str], None] = {}
        for a, b in self.edges:
            edge = self._end(a, self.exit, "Output"), self._end(b, self.entry, "Input")
            if edge in found:
                self.notes.append(f"the edge {a} -> {b} stands there twice; it is taken once")
            found[edge] = None
        return tuple(found)

    def _end(self, name: str, doors: Mapping[str, list[str]], what: str) -> str:
        if name in self.nodes:
            return name
        if name not in doors:
            raise NirError(f"an edge names {unknown('node', name, self.nodes)}")
        if len(doors[name]) != 1:
            raise NirError(
                f"{name}: a graph with {len(doors[name])} {what} nodes has an edge that names none"
            )
        return doors[name][0]


def _metadata(entry: Tree) -> dict[str, Any]:
    """The metadata of a node or graph: plain numbers, arrays and text; nested groups are ignored."""
    found = entry.get("metadata", {})
    if not isinstance(found, dict):
        raise NirError("metadata is a group of names and values")
    return {k: v.item() if isinstance(v, np.ndarray) and v.ndim == 0 else v for k, v in found.items()}
