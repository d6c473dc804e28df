"""File of a `LavaNetwork`: the declaration, the arithmetic, and a digest of the numbers for Lava.

It is a checkpoint (checksummed HDF5 and JSON, no pickle) of the exported network. Loading builds the
processes anew and compares the digest, so that the same numbers run as were verified.
"""

from __future__ import annotations

import os
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from spikesim.errors import CheckpointError, DeclarationError, SpikesimError, unknown
from spikesim.files import checkpoint
from spikesim.files.atomic import json_bytes, sha256_bytes
from spikesim.hardware.lava.graph import Arithmetic, LavaGraph
from spikesim.hardware.lava.network import BUILDERS, LavaNetwork
from spikesim.network import Network
from spikesim.network.file import describe, restore

KIND = "lava"
LATER = ("v_start", "u_start", "mixed")  # not in the digest where they are 0: files of version 0.1 have none


def save_lava(network: Network, path: str | os.PathLike[str], arithmetic: Arithmetic = "fixed") -> str:
    """Write a network for Lava, and return the SHA-256 of the contents. Lava is not needed.

    Raises:
        CheckpointError: the file cannot be written.
        DeclarationError: an unknown arithmetic.
        EngineError, LimitError: what Lava, or Loihi's integers, cannot hold.
    """
    if arithmetic not in BUILDERS:
        raise DeclarationError(f"save_lava: {unknown('arithmetic', arithmetic, BUILDERS)}")
    arrays, declaration = describe(network)
    graph = BUILDERS[arithmetic](network)
    meta = {"network": declaration, "arithmetic": arithmetic, "graph": graph_digest(graph)}
    return checkpoint.save(path, KIND, arrays, meta)


def load_lava(path: str | os.PathLike[str]) -> LavaNetwork:
    """The connected processes of a saved network; sources are open.

    Raises:
        CheckpointError: the file is damaged, of another kind, or gives other numbers in this version.
        EngineError: its trials start at other than 0; run it with `lava_fixed` or `lava_float`.
        MissingExtraError: Lava is not installed.
    """
    network, arithmetic = read_lava(path)
    return LavaNetwork(network, arithmetic)


def read_lava(path: str | os.PathLike[str]) -> tuple[Network, Arithmetic]:
    """The declaration and the arithmetic of a saved network, checked as in `load_lava`; without Lava.

    Raises:
        CheckpointError: see `load_lava`.
    """
    found = checkpoint.load(path, KIND)
    try:
        arithmetic = found.meta["arithmetic"]
        network = restore(found.arrays, found.meta["network"])
        digest = graph_digest(BUILDERS[arithmetic](network))
    except (SpikesimError, KeyError, TypeError, AttributeError, ValueError) as problem:
        said = str(problem) if isinstance(problem, SpikesimError) else repr(problem)
        raise CheckpointError(
            f"{path} is whole, but this version makes no Lava network of it: {said}"
        ) from problem
    if digest != found.meta.get("graph"):
        raise CheckpointError(
            f"{path}: this version of spikesim gives Lava other numbers than the one that wrote it; export "
            f"the run again"
        )
    return network, arithmetic


def graph_digest(graph: LavaGraph) -> str:
    """The SHA-256 of all numbers of a graph."""
    arrays: dict[str, Any] = {}
    return sha256_bytes(json_bytes([_plain(graph, "graph", arrays), checkpoint.digest_arrays(arrays)]))


def _plain(value: Any, name: str, arrays: dict[str, Any]) -> Any:
    """A value as JSON; its arrays are added to `arrays` in order."""
    if is_dataclass(value):
        held = {f.name: getattr(value, f.name) for f in fields(value)}
        return {k: _plain(v, f"{name}.{k}", arrays) for k, v in held.items() if k not in LATER or np.any(v)}
    if isinstance(value, dict):
        return {k: _plain(v, f"{name}.{k}", arrays) for k, v in value.items()}
    if isinstance(value, tuple):
        return [_plain(v, f"{name}.{k}", arrays) for k, v in enumerate(value)]
    if hasattr(value, "indptr"):
        return [
            _plain(getattr(value, part), f"{name}.{part}", arrays) for part in ("data", "indices", "indptr")
        ]
    if isinstance(value, np.ndarray):
        arrays[str(len(arrays))] = value
        return [name, list(value.shape)]
    return value.item() if isinstance(value, np.generic) else value
