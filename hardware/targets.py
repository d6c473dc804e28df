"""Registry of export targets: file formats, each with the programs that run its files.

To add one, write a module with an `ExportTarget` and enter its place into TARGETS; it is imported on use.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from spikesim.engines import Runner
from spikesim.errors import DeclarationError, unknown
from spikesim.hardware.limits import saturation
from spikesim.hardware.neurons import normal_form
from spikesim.network import Network
from spikesim.network.scheduling import is_source

TARGETS: dict[str, str] = {
    "lava": "spikesim.hardware.lava.target:TARGET",
    "netx": "spikesim.hardware.netx.target:TARGET",
    "nir": "spikesim.hardware.nir.target:TARGET",
}


@dataclass(frozen=True)
class Reader:
    """A program that loads and runs the files of a target.

    Attributes:
        name: as used in results.
        open: (path, network) -> what runs the file. The network is the one that was written: for the names of
            its populations, its window and its readout; all numbers come from the file.
        refuses: network -> why this program cannot run it though the format holds it; "" where it can.
        saturates: its membranes saturate at 24 bits, which a network may declare as its floor; otherwise the
            comparison is with the network without that floor.
    """

    name: str
    open: Callable[[Path, Network], Runner]
    saturates: bool = True
    refuses: Callable[[Network], str] = lambda network: ""


@dataclass(frozen=True)
class ExportTarget:
    """A format.

    Attributes:
        name: as used by commands.
        title: for messages.
        hardware: name of its limits in `spikesim.hardware.limits`; they also say whether networks are
            quantised by default.
        write: (network, path); the network is for inference, within these limits.
        readers: the target's own first.
        suffixes: of its files; an existing file with one of them may be replaced in a run's folder.
        notes: what `write` returned -> sentences on what other readers may take differently.
    """

    name: str
    title: str
    hardware: str
    write: Callable[[Network, Path], Any]
    readers: tuple[Reader, ...]
    suffixes: tuple[str, ...] = ()
    notes: Callable[[Any], tuple[str, ...]] = lambda written: ()


def target(name: str) -> ExportTarget:
    """An export target by name.

    Raises:
        DeclarationError: an unknown name; suggests similar ones.
    """
    if name not in TARGETS:
        raise DeclarationError(unknown("export target", name, TARGETS))
    module, _, attribute = TARGETS[name].partition(":")
    found = getattr(importlib.import_module(module), attribute)
    assert isinstance(found, ExportTarget)
    return found


def without_floors(network: Network) -> Network:
    """The network without the floors that stand for a chip's saturation at 24 bits."""
    populations = {
        name: replace(p, floor=None) if _saturates(name, p) else p for name, p in network.populations.items()
    }
    return replace(network, populations=populations)


def _saturates(name: str, population: Any) -> bool:
    """Whether a population has floors, and all of them are the chip's saturation."""
    if is_source(population) or population.grid is None:
        return False
    floor = normal_form("export", name, population).floor
    return bool(np.isfinite(floor).any() and (floor[np.isfinite(floor)] == saturation(population)).all())
