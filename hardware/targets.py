"""Where a network can be exported to: one `ExportTarget` each, made when it is asked for.

A target writes a file, and names the readers that play it. To add one, write a module with an `ExportTarget`
and put its place into TARGETS.
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
    """A program that loads what a target has written.

    Attributes:
        name: how results call it.
        open: (path, network) -> what plays the file. The network is the one that was written, with the names
            of its populations, its window and its readout; numbers come from the file.
        refuses: network -> why this program cannot play it though the format holds it; "" where it can.
        saturates: it stops at the 24 bits that a network may have declared as its floor; where it does not,
            it is given the network without that floor, and compared with it.
    """

    name: str
    open: Callable[[Path, Network], Runner]
    saturates: bool = True
    refuses: Callable[[Network], str] = lambda network: ""


@dataclass(frozen=True)
class ExportTarget:
    """A format.

    Attributes:
        name: how commands call it.
        title: for people.
        hardware: the name in `spikesim.hardware.limits`, which says what the format holds, and whether
            networks are quantised for it unasked.
        write: (network, path); the network is for inference, and as `hardware` asks.
        readers: the target's own first.
        suffixes: of its files, where no other file of a run has them: such a file may be replaced there.
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
    """A target by name.

    Raises:
        DeclarationError: unknown; names the known ones.
    """
    if name not in TARGETS:
        raise DeclarationError(unknown("export target", name, TARGETS))
    module, _, attribute = TARGETS[name].partition(":")
    found = getattr(importlib.import_module(module), attribute)
    assert isinstance(found, ExportTarget)
    return found


def without_floors(network: Network) -> Network:
    """The same network without the floors that are a chip's 24 bits: membranes fall as far as they may."""
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
