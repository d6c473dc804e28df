"""A `Network` as a file: the declaration as JSON, its weights as arrays, in one checksummed HDF5 file."""

from __future__ import annotations

import os
from dataclasses import asdict, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim import checkpoint
from spikesim._files import json_bytes, sha256_bytes
from spikesim.errors import CheckpointError, DeclarationError, unknown
from spikesim.learning import CountRule
from spikesim.network import Network, Projection, Readout
from spikesim.neurons import MODELS
from spikesim.synapses import Dense, OneToOne, Transpose
from spikesim.window import Window

KIND = "network"
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
    projections: list[dict[str, Any]] = []
    for p in network.projections:
        entry: dict[str, Any] = {
            "type": type(p).__name__,
            "pre": p.pre,
            "post": p.post,
            "delay": p.delay,
            "name": p.name,
        }
        if isinstance(p, OneToOne):
            entry["w"] = p.w
        elif isinstance(p.w, Transpose):
            entry["transpose"] = p.w.of
        else:
            arrays[f"w/{len(projections)}"] = p.w
            entry["plastic"] = None if p.plastic is None else asdict(p.plastic)
        projections.append(entry)
    populations = [  # a list, since their order is declared, and JSON's objects are sorted
        {"name": name, "type": type(p).__name__, **asdict(p)} for name, p in network.populations.items()
    ]
    return arrays, {
        "populations": populations,
        "projections": projections,
        "window": asdict(network.window),
        "readout": None if network.readout is None else asdict(network.readout),
    }


def restore(arrays: Arrays, declaration: dict[str, Any]) -> Network:
    """The network of `describe`.

    Raises:
        DeclarationError: an unknown model or projection, or a network that cannot be.
    """
    populations = {entry["name"]: _population(entry) for entry in declaration["populations"]}
    projections = tuple(_projection(k, entry, arrays) for k, entry in enumerate(declaration["projections"]))
    readout = None if declaration["readout"] is None else Readout(**declaration["readout"])
    return Network(populations, projections, Window(**declaration["window"]), readout)


def _population(entry: dict[str, Any]) -> Any:
    values = {
        k: tuple(v) if isinstance(v, list) else v for k, v in entry.items() if k not in ("name", "type")
    }
    if entry["type"] not in MODELS:
        raise DeclarationError(unknown("neuron model", entry["type"], MODELS))
    model = MODELS[entry["type"]]
    known = {f.name for f in fields(model)}
    for key in values.keys() - known:
        raise DeclarationError(f"{entry['type']}: {unknown('field', key, known)}")
    return model(**values)


def _projection(k: int, entry: dict[str, Any], arrays: Arrays) -> Projection:
    ends = {key: entry[key] for key in ("pre", "post", "delay", "name")}
    if entry["type"] == "OneToOne":
        return OneToOne(w=entry["w"], **ends)
    if entry["type"] != "Dense":
        raise DeclarationError(unknown("projection", entry["type"], ("Dense", "OneToOne")))
    if "transpose" in entry:
        return Dense(w=Transpose(entry["transpose"]), **ends)
    rule = entry["plastic"]
    plastic = None if rule is None else CountRule(**{**rule, "clip": tuple(rule["clip"])})
    return Dense(w=np.asarray(arrays[f"w/{k}"], np.float64), plastic=plastic, **ends)
