"""Writer of NIR files, which readers with v > v_threshold and with v >= v_threshold run alike.

populations   Source -> Input; IF -> IF; LIF -> LIF, or CubaLIF where its current lasts;
              LeakyIntegrator -> I, LI or CubaLI
projections   Conv2d -> Conv2d; OneToOne -> Scale, or an edge; all others -> Affine, one for each delay
delays        Delay, before the weights
bias          in an Affine or Conv2d before the neurons; where the current lasts, as v_leak
gain          of a LIF or LI in the weights that lead to it, with r = 1; see `written_neurons`

Parameters are arrays, one value for each neuron. The threshold is theta minus half a step of the grid, which
no membrane equals; without a grid, the float32 just below theta. The unit of time is a step (dt = 1) by
default. v_reset is left out where it is zero, since nir 1.0.4 does not know it. Metadata of the graph are dt,
T and a digest, of nodes theta, grid, decays, bias and starts, of weights those before a division that rounds;
other readers ignore them.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import h5py
import numpy as np

from spikesim.errors import SpikesimError
from spikesim.files.atomic import write_bytes
from spikesim.files.untrusted_hdf5 import Tree
from spikesim.hardware.nir.checks import check
from spikesim.hardware.nir.digest import DIGEST, digest
from spikesim.hardware.nir.graph_builder import GraphBuilder
from spikesim.hardware.nir.nodes import NirError
from spikesim.hardware.nir.written_neurons import Gain
from spikesim.network import Network

FORMAT = "1.0.4"  # the oldest release of nir that reads what is written here


@dataclass(frozen=True)
class Written:
    """Report of a written file.

    Attributes:
        sha256: digest of the graph, as stored in the file.
        names: population -> node.
        notes: what readers may interpret differently, each in a sentence.
    """

    sha256: str
    names: dict[str, str]
    notes: tuple[str, ...]


def write(
    network: Network,
    path: str | os.PathLike[str],
    dt: float = 1.0,
    clocks: bool = False,
    gain: Gain = "weights",
) -> Written:
    """Write a network as a NIR file, atomically: an existing file is replaced once the new one is complete.

    Args:
        network: for inference (`network.inference(T)`), or one without end.
        path: the file.
        dt: length of a step, in the reader's unit of time: 1 for a step, 1e-4 for snnTorch and spikingjelly.
        clocks: leave out delays that only shift the clocks of the populations after them, in networks with
            trials, where each population has its own clock: its spikes on that clock stay the same.
        gain: of a LIF in the "weights" that lead to it, as norse needs it, or in its "r".

    Raises:
        EngineError: a neuron model without a normal form.
        NirError: NIR cannot hold the network; names what, and the way out.
        SpikesimError: the file cannot be written.
    """
    if not (np.isfinite(dt) and dt > 0):
        raise NirError(f"NIR: dt = {dt!r}; a positive number is needed")
    check(network)
    builder = GraphBuilder(network, dt, clocks, gain)
    found = builder.tree()
    node = found["node"]
    node["metadata"][DIGEST] = digest(node)
    write_bytes(path, _contents(found), what="the NIR file")
    return Written(node["metadata"][DIGEST], dict(builder.names), tuple(builder.notes))


def _contents(found: Tree) -> bytes:
    """A tree as an HDF5 file, in memory: an error of the disk inside the library could not be undone."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver=("earliest", "v108")) as file:
        _put(file, {"version": _release(), **found})
    return buffer.getvalue()


def _put(group: h5py.Group, found: Tree) -> None:
    for name, value in found.items():
        if isinstance(value, dict):
            _put(group.create_group(name), value)
        elif isinstance(value, np.ndarray):
            group.create_dataset(name, data=value, track_times=False)
        else:
            pairs: Any = value if value != [] else np.zeros((0, 2), object)
            group.create_dataset(name, data=pairs, dtype=h5py.string_dtype(), track_times=False)


def _release() -> str:
    try:
        return version("nir")
    except PackageNotFoundError:
        return FORMAT


def read_back(path: str | os.PathLike[str]) -> Any:
    """The graph as the package nir reads it, its types checked.

    Raises:
        MissingExtraError: nir is not installed.
        SpikesimError: nir does not read it.
    """
    from spikesim.errors import MissingExtraError

    try:
        import nir
    except ImportError as problem:
        raise MissingExtraError("nir", "nir") from problem
    try:
        return nir.read(str(path))
    except (ValueError, AssertionError, KeyError, TypeError, OSError) as problem:
        raise SpikesimError(f"{path}: nir {nir.version} does not read it: {problem}") from problem
