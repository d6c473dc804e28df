"""Network files: the declaration as JSON and the weights as arrays, in one checksummed HDF5 file."""

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
from spikesim.files.plain_values import canonical
from spikesim.learning import RULES
from spikesim.network import Network, Readout
from spikesim.neurons import MODELS
from spikesim.neurons import brian2_lif as _read_from_brian2  # noqa: F401 - registers its models
from spikesim.neurons import brian2_linear as _read_too  # noqa: F401 - registers its model
from spikesim.neurons.timed_input import TimedInput
from spikesim.synapses import Conv2d, CurrentInput, Dense, OneToOne, PoissonInput, Sparse, Transpose
from spikesim.synapses.unsized import SEED
from spikesim.window import Window

KIND = "network"
PROJECTIONS: dict[str, Any] = {kind.__name__: kind for kind in (Dense, Sparse, Conv2d, OneToOne)}
DRIVES: dict[str, Any] = {kind.__name__: kind for kind in (CurrentInput, PoissonInput, TimedInput)}
REGISTER = {"neuron model": "register", "rule": "register_rule"}
Arrays = dict[str, npt.NDArray[Any]]


def save_network(network: Network, path: str | os.PathLike[str]) -> str:
    """Write a network to a file, and return the SHA-256 (hex) of its contents.

    Raises:
        CheckpointError: the file cannot be written.

    Examples:
        >>> import spikesim as ss
        >>> network = ss.Network({"exc": ss.LIF(3, theta=1.0)}, [])
        >>> len(ss.save_network(network, "net.h5"))  # SHA-256, in hexadecimal digits
        64
    """
    arrays, declaration = describe(network)
    return checkpoint.save(path, KIND, arrays, declaration)


def load_network(path: str | os.PathLike[str]) -> Network:
    """Read a network written by `save_network`, with the checks of a new declaration.

    Raises:
        CheckpointError: the file is damaged, of another kind or version, or not a valid network.

    Examples:
        >>> import spikesim as ss
        >>> network = ss.Network({"exc": ss.LIF(3, theta=1.0)}, [])
        >>> digest = ss.save_network(network, "net.h5")
        >>> ss.load_network("net.h5") == network
        True
    """
    found = checkpoint.load(path, KIND)
    try:
        return restore(found.arrays, found.meta)
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        reason = f"{problem}" if isinstance(problem, DeclarationError) else repr(problem)
        raise CheckpointError(
            f"{path} is undamaged, but not a valid network of this version: {reason}"
        ) from problem


def digest(network: Network) -> str:
    """SHA-256 (hex) of a declaration and its weights; equal exactly for networks of equal values.

    Numbers count by value, in whatever array they were given; float32 weights of `Sparse` are others than
    float64 weights, because they are saved as such.
    """
    return _digest(*describe(network))


def digest_in_file(path: str | os.PathLike[str]) -> str:
    """The digest of a network file as it was written.

    It differs from that of the loaded network only in files of version 0.1.0 with whole numbers in place of
    real ones (theta=1), which counted as others there.

    Raises:
        CheckpointError: the file is damaged, or of another kind or version.
    """
    found = checkpoint.load(path, KIND)
    return _digest(found.arrays, found.meta)


def _digest(arrays: Arrays, declaration: dict[str, Any]) -> str:
    return sha256_bytes(json_bytes([checkpoint.digest_arrays(arrays), declaration], what="the network"))


def describe(network: Network) -> tuple[Arrays, dict[str, Any]]:
    """A network as arrays (weights) and JSON (everything else)."""
    arrays: Arrays = {}
    projections = [_described(k, p, arrays) for k, p in enumerate(network.projections)]
    populations = [  # a list, because their order matters and JSON objects are sorted
        {"name": name, "type": type(p).__name__, **canonical(p)} for name, p in network.populations.items()
    ]
    return arrays, {
        "populations": populations,
        "projections": projections,
        "window": asdict(network.window),
        "readout": None if network.readout is None else asdict(network.readout),
        "drives": [{"type": type(d).__name__, **canonical(d)} for d in network.drives],
        **{k: v for k, v in declared(network).items() if k == "seed"},
    }


def _described(k: int, p: Any, arrays: Arrays) -> dict[str, Any]:
    """A projection as JSON; its arrays are added to `arrays` as "<field>/<number of the projection>"."""
    entry: dict[str, Any] = {"type": type(p).__name__}
    for name, value in canonical(p).items():
        if isinstance(value, Transpose):
            entry["transpose"] = value.of
        elif isinstance(value, np.ndarray):
            arrays[f"{name}/{k}"] = value
        elif name == "plastic" and value is not None:
            entry["plastic"] = {"rule": type(value).__name__, **canonical(value)}
        else:
            entry[name] = value
    return entry


def restore(arrays: Arrays, declaration: dict[str, Any]) -> Network:
    """The network from the output of `describe`.

    Raises:
        DeclarationError: an unknown model or projection, or an invalid network.
    """
    populations = {entry["name"]: _population(entry) for entry in declaration["populations"]}
    projections = tuple(_projection(k, entry, arrays) for k, entry in enumerate(declaration["projections"]))
    readout = None if declaration["readout"] is None else Readout(**declaration["readout"])
    drives = tuple(_build(entry, DRIVES, "drive") for entry in declaration.get("drives", ()))
    window, seed = Window(**declaration["window"]), declaration.get("seed", SEED)
    return Network(populations, projections, window, readout, drives, seed)


def _population(entry: dict[str, Any]) -> Any:
    return _build({k: v for k, v in entry.items() if k != "name"}, MODELS, "neuron model")


def _build(entry: dict[str, Any], known: Mapping[str, Any], what: str) -> Any:
    """The object that a JSON entry describes; lists become tuples.

    Raises:
        DeclarationError: an unknown type or field.
    """
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items() if k != "type"}
    if entry["type"] not in known:
        message = unknown(what, entry["type"], known)
        if what in REGISTER:
            message += f"; for a custom one, import the module that has its @{REGISTER[what]} first"
        raise DeclarationError(message)
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
        values["plastic"] = _build(rule, RULES, "rule")
    return _build(values, PROJECTIONS, "projection")
