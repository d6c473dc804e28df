"""Faults to put into NIR graphs in HDF5 files, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import h5py
import numpy as np

PARAMETERS = (
    "r",
    "tau",
    "tau_mem",
    "tau_syn",
    "v_leak",
    "v_threshold",
    "threshold",
    "delay",
    "weight",
    "bias",
)
NEEDED = (*PARAMETERS, "scale", "kernel_size", "stride", "padding", "dilation", "groups", "shape", "type")
Group = Any  # an h5py.Group
Fault = Callable[
    [Group, Any], Sequence[str] | None
]  # changes a file; what the error has to name, one of them


def _nodes(group: Group, prefix: str = "") -> Iterator[tuple[str, Group]]:
    """(name, group) of all nodes, those of nested graphs with their path."""
    for name, node in group["nodes"].items():
        yield prefix + name, node
        if "nodes" in node:
            yield from _nodes(node, f"{prefix}{name}.")


def _field(
    root: Group, rs: Any, fields: Sequence[str], kinds: Sequence[str] = ()
) -> tuple[str, Group, str] | None:
    """(name of the node, its group, field): one at random that is there, of nodes of some kinds."""
    found = [
        (name, node, field)
        for name, node in _nodes(root)
        for field in fields
        if field in node and (not kinds or _kind(node) in kinds)
    ]
    return found[int(rs.integers(len(found)))] if found else None


def _kind(node: Group) -> str:
    value = node["type"][()] if "type" in node else b""
    return value.decode() if isinstance(value, bytes) else str(value)


def _replaced(node: Group, field: str, value: Any) -> None:
    del node[field]
    node.create_dataset(field, data=value)


def _fields(fields: Sequence[str], change: Callable[[Any, Any], Any], kinds: Sequence[str] = ()) -> Fault:
    """A fault of one field: its new value, a function of the old one; None leaves the field out."""

    def fault(root: Group, rs: Any) -> Sequence[str] | None:
        chosen = _field(root, rs, fields, kinds)
        if chosen is None:
            return None
        name, node, field = chosen
        value = change(node[field][()], rs)
        if value is None:
            del node[field]
        else:
            _replaced(node, field, value)
        return [name]

    return fault


def _one(x: Any, rs: Any, value: float) -> Any:
    """An array with one element set."""
    x = np.array(x, np.float64)
    x.flat[int(rs.integers(x.size))] = value
    return x


def _longer(x: Any, rs: Any) -> Any:
    """An array with one row more; where it has one row, one of a shape that no node of the generator has."""
    x = np.asarray(x)
    return np.concatenate([x, x[:1]]) if x.ndim and x.shape[0] > 1 else np.ones((89, 97), x.dtype) * x.flat[0]


def _edges(change: Callable[[Any, Any, list[str]], tuple[Any, Sequence[str]]]) -> Fault:
    """A fault of the edges: new edges, and what the error has to name."""

    def fault(root: Group, rs: Any) -> Sequence[str] | None:
        edges = [(a.decode(), b.decode()) for a, b in root["edges"][()]]
        new, named = change(edges, rs, list(root["nodes"]))
        _replaced(root, "edges", np.array(new, dtype=h5py.string_dtype()))
        return named

    return fault


def _loop(root: Group, rs: Any) -> Sequence[str] | None:
    """Two linear nodes that feed each other, behind an Input and before what it feeds."""
    edges = [(a.decode(), b.decode()) for a, b in root["edges"][()]]
    start = next(a for a, _ in edges if _kind(root["nodes"][a]) == "Input")
    after = next(b for a, b in edges if a == start)
    shape = np.asarray(root["nodes"][start]["shape"][()])
    for name in ("loop_1", "loop_2"):
        node = root["nodes"].create_group(name)
        node.create_dataset("type", data="Scale", dtype=h5py.string_dtype())
        node.create_dataset("scale", data=np.full(shape, 0.5, np.float32))
    more = [(start, "loop_1"), ("loop_1", "loop_2"), ("loop_2", "loop_1"), ("loop_2", after)]
    _replaced(root, "edges", np.array([*edges, *more], dtype=h5py.string_dtype()))
    return ["loop_1", "loop_2"]


def _without(field: str) -> Fault:
    def fault(root: Group, rs: Any) -> Sequence[str] | None:
        del root[field]
        return [field]

    return fault


# Rows of the table, and what the faults of each are called.
GROUPS = {
    "fields and kinds": (
        "field missing",
        "kind unknown",
        "kind is a number",
        "text for numbers",
        "complex numbers",
    ),
    "shapes": ("one row more", "empty array", "shape of an Output", "shape of an Input"),
    "numbers": ("NaN", "infinite", "negative time constant", "time constant of 0", "negative delay"),
    "windows": (
        "stride of 0 or less",
        "negative padding",
        "padding unknown",
        "dilation of 0",
        "groups that do not divide",
        "kernel beyond its input",
        "fraction of a stride",
    ),
    "edges": (
        "edge to nothing",
        "edge from nothing",
        "edges of three",
        "loop of linear nodes",
        "no edges",
        "no nodes",
    ),
}
CONVOLUTIONS, POOLS = ("Conv1d", "Conv2d"), ("SumPool2d", "AvgPool2d")
TAUS = ("tau", "tau_mem", "tau_syn")
FAULTS: dict[str, Fault] = {
    "field missing": _fields(NEEDED, lambda x, rs: None),
    "kind unknown": _fields(["type"], lambda x, rs: str(rs.choice(["Sigmoid", "lif", "Lif", "NIRNode", ""]))),
    "kind is a number": _fields(["type"], lambda x, rs: 7),
    "one row more": _fields([*PARAMETERS, "scale"], _longer),
    "empty array": _fields([*PARAMETERS, "scale"], lambda x, rs: np.zeros((0,), np.float32)),
    "NaN": _fields([*PARAMETERS, "scale"], lambda x, rs: _one(x, rs, np.nan)),
    "infinite": _fields(["weight", "bias", "scale", "r", *TAUS, "delay"], lambda x, rs: _one(x, rs, np.inf)),
    "negative time constant": _fields(TAUS, lambda x, rs: _one(x, rs, -2.0)),
    "time constant of 0": _fields(TAUS, lambda x, rs: _one(x, rs, 0.0)),
    "negative delay": _fields(["delay"], lambda x, rs: _one(x, rs, -1.0)),
    "text for numbers": _fields([*PARAMETERS, "scale", "stride", "groups"], lambda x, rs: "many"),
    "complex numbers": _fields([*PARAMETERS, "scale"], lambda x, rs: np.asarray(x) + 1j),
    "stride of 0 or less": _fields(["stride"], lambda x, rs: np.asarray(x) * 0 - rs.integers(0, 2)),
    "negative padding": _fields(["padding"], lambda x, rs: -1, CONVOLUTIONS),
    "padding unknown": _fields(["padding"], lambda x, rs: "mirror", CONVOLUTIONS),
    "dilation of 0": _fields(["dilation"], lambda x, rs: 0, CONVOLUTIONS),
    "groups that do not divide": _fields(["groups"], lambda x, rs: 7, CONVOLUTIONS),
    "kernel beyond its input": _fields(["kernel_size"], lambda x, rs: np.array([40, 40]), POOLS),
    "fraction of a stride": _fields(["stride"], lambda x, rs: np.asarray(x) + 0.5),
    "shape of an Output": _fields(["shape"], lambda x, rs: np.append(x, 3), ["Output"]),
    "shape of an Input": _fields(["shape"], lambda x, rs: -np.asarray(x), ["Input"]),
    "edge to nothing": _edges(lambda e, rs, n: ([*e, (n[int(rs.integers(len(n)))], "gone")], ["gone"])),
    "edge from nothing": _edges(lambda e, rs, n: ([("gone", n[int(rs.integers(len(n)))]), *e], ["gone"])),
    "edges of three": _edges(lambda e, rs, n: ([(a, b, a) for a, b in e], ["edges"])),
    "loop of linear nodes": _loop,
    "no edges": _without("edges"),
    "no nodes": _without("nodes"),
}
