"""A `Network` as a file: the declaration as JSON, its weights as arrays, in one checksummed HDF5 file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.errors import CheckpointError, DeclarationError, unknown
from spikesim.files import checkpoint
from spikesim.files.atomic import json_bytes, sha256_bytes
from spikesim.files.field_versions import declared
from spikesim.learning import RULES
from spikesim.network import Network, Readout
from spikesim.neurons import MODELS
from spikesim.neurons import brian2_lif as _read_from_brian2  # noqa: F401 - registers its models
from spikesim.synapses import Conv2d, CurrentInput, Dense, OneToOne, PoissonInput, Sparse, Transpose
from spikesim.window import Window

KIND = "network"
PROJECTIONS: dict[str, Any] = {kind.__name__: kind for kind in (Dense, Sparse, Conv2d, OneToOne)}
REGISTER = {"neuron model": "register", "rule": "register_rule"}
Arrays = dict[str, npt.NDArray[Any]]


def save_network(network: Network, path: str | os.PathLike[str]) -> str:
    """Write a network; gives the SHA-256 of its contents.

    Raises:
        CheckpointError: the file cannot be written.
    """
    arrays, declaration = describe(network)
    return checkpoint.save(path, KIND, arrays, declaration)


def load_network(path: str | os.PathLike[str]) -> Network:
    """Read a network that `save_network` has written; it is checked as if it were declared anew.

    Raises:
        CheckpointError: the file is damaged, of another kind or version, or holds no sound network.
    """
    found = checkpoint.load(path, KIND)
    try:
        return restore(found.arrays, found.meta)
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        said = f"{problem}" if isinstance(problem, DeclarationError) else repr(problem)
        raise CheckpointError(
            f"{path} is whole, but does not hold a network of this version: {said}"
        ) from problem


def digest(network: Network) -> str:
    """The SHA-256 of a declaration and its weights: two networks have one exactly when they are equal."""
    arrays, declaration = describe(network)
    return sha256_bytes(json_bytes([checkpoint.digest_arrays(arrays), declaration], what="the network"))


def describe(network: Network) -> tuple[Arrays, dict[str, Any]]:
    """A network as arrays (weights) and JSON (all the rest)."""
    arrays: Arrays = {}
    projections = [_described(k, p, arrays) for k, p in enumerate(network.projections)]
    populations = [  # a list, since their order is declared, and JSON's objects are sorted
        {"name": name, "type": type(p).__name__, **declared(p)} for name, p in network.populations.items()
    ]
    return arrays, {
        "populations": populations,
        "projections": projections,
        "window": asdict(network.window),
        "readout": None if network.readout is None else asdict(network.readout),
        "drives": [{"type": type(d).__name__, **declared(d)} for d in network.drives],
    }


def _described(k: int, p: Any, arrays: Arrays) -> dict[str, Any]:
    """A projection as JSON; its arrays go to `arrays` under the name of their field and its number."""
    entry: dict[str, Any] = {"type": type(p).__name__}
    for name, value in declared(p).items():
        if isinstance(value, Transpose):
            entry["transpose"] = value.of
        elif isinstance(value, np.ndarray):
            arrays[f"{name}/{k}"] = value
        elif name == "plastic" and value is not None:
            entry["plastic"] = {"rule": type(value).__name__, **asdict(value)}
        else:
            entry[name] = value
    return entry


def restore(arrays: Arrays, declaration: dict[str, Any]) -> Network:
    """The network of `describe`.

    Raises:
        DeclarationError: an unknown model or projection, or a network that cannot be.
    """
    populations = {entry["name"]: _population(entry) for entry in declaration["populations"]}
    projections = tuple(_projection(k, entry, arrays) for k, entry in enumerate(declaration["projections"]))
    readout = None if declaration["readout"] is None else Readout(**declaration["readout"])
    drives = tuple(
        _made(entry, {"CurrentInput": CurrentInput, "PoissonInput": PoissonInput}, "drive")
        for entry in declaration.get("drives", ())
    )
    return Network(populations, projections, Window(**declaration["window"]), readout, drives)


def _population(entry: dict[str, Any]) -> Any:
    return _made({k: v for k, v in entry.items() if k != "name"}, MODELS, "neuron model")


def _made(entry: dict[str, Any], known: Mapping[str, Any], what: str) -> Any:
    """What an entry describes; JSON's lists are tuples.

    Raises:
        DeclarationError: an unknown type or field.
    """
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items() if k != "type"}
    if entry["type"] not in known:
        said = unknown(what, entry["type"], known)
        if what in REGISTER:
            said += f"; one of your own is known once the module with its @{REGISTER[what]} is imported"
        raise DeclarationError(said)
    model = known[entry["type"]]
    names = {f.name for f in fields(model)}
    for key in values.keys() - names:
        raise DeclarationError(f"{entry['type']}: {unknown('field', key, names)}")
    return model(**values)


def _projection(k: int, entry: dict[str, Any], arrays: Arrays) -> Any:
    values = dict(entry)
    for name, array in arrays.items():
        field, _, number = name.rpartition("/")
        if number == str(k):
            values[field] = np.asarray(array, np.float64) if entry["type"] == "Dense" else array
    if "transpose" in values:
        values["w"] = Transpose(values.pop("transpose"))
    if values.get("plastic") is not None:
        rule = {"type": values["plastic"].pop("rule", "CountRule"), **values["plastic"]}
        values["plastic"] = _made(rule, RULES, "rule")
    return _made(values, PROJECTIONS, "projection")
