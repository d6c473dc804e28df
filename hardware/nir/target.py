"""NIR as an export target: read back by the package nir and by our own reader.

nir reads files but does not run them: its graph is run here, by NIR's own rule (v > v_threshold). How other
programs run a file is in the table of `spikesim nir-table`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from spikesim.engines import Runner, engine
from spikesim.hardware.nir.conventions import Convention
from spikesim.hardware.nir.graph_builder import GraphBuilder
from spikesim.hardware.nir.nodes import graph_of
from spikesim.hardware.nir.read import Imported, imported, read_nir
from spikesim.hardware.nir.write import Written, read_back, write
from spikesim.hardware.nir.written_neurons import library_settings, written_forms
from spikesim.hardware.targets import ExportTarget, Reader, without_floors
from spikesim.network import Network


def as_read_by_nir(path: Path, convention: Convention | None = None) -> Imported:
    """The network of a NIR file as read by the package nir, with its type checks and without ours.

    Raises:
        MissingExtraError: nir is not installed.
        SpikesimError: nir does not read the file, or the graph cannot be a network.
    """
    found = _plain(read_back(path).to_dict())
    return imported(graph_of({"version": "", "node": found}, str(path)), convention or Convention())


def _plain(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A dictionary of nir in the form of our reader's: arrays, text, lists of text."""
    made: dict[str, Any] = {}
    for key, value in entry.items():
        if isinstance(value, Mapping):
            made[key] = _plain(value)
        elif key == "edges":
            made[key] = [list(pair) for pair in value]
        elif value is not None and key not in ("input_type", "output_type"):
            made[key] = value if isinstance(value, str) else np.asarray(value)
    return made


def renamed(found: Network, network: Network) -> Network:
    """A network that was read, with the names of the one that was written."""
    nodes = GraphBuilder(network, 1.0, clocks=False).names
    names = {node: name for name, node in nodes.items()}
    populations = {name: found.populations[nodes[name]] for name in network.populations}
    read: tuple[Any, ...] = found.projections
    links = tuple(replace(p, pre=names[p.pre], post=names[p.post]) for p in read)
    return Network(populations, links, network.window, network.readout)


def _write(network: Network, path: Path) -> Written:
    written = write(without_floors(network), path)
    return replace(written, notes=(*written.notes, *library_settings(written_forms(network))))


def _by_nir(path: Path, network: Network) -> Runner:
    return engine(renamed(as_read_by_nir(path).network, network))


def _by_spikesim(path: Path, network: Network) -> Runner:
    return engine(renamed(read_nir(path).network, network))


TARGET = ExportTarget(
    "nir",
    "NIR",
    "nir",
    _write,
    (Reader("nir", _by_nir, saturates=False), Reader("nir-spikesim", _by_spikesim, saturates=False)),
    (".nir",),
    lambda written: tuple(written.notes),
)
