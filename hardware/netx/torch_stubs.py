"""Stubs of modules that lava-dl's netx reader imports but does not use, for when PyTorch is not installed.

lava-dl includes a training library (slayer) on PyTorch, of several gigabytes, from which the reader needs one
function for resonate-and-fire neurons. `pip install --no-deps lava-dl` installs the reader alone; these empty
modules take the place of the library. If PyTorch is installed nothing is replaced.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

from spikesim.errors import EngineError, MissingExtraError
from spikesim.hardware.lava.install import require

SLAYER = ("lava.lib.dl.slayer", "lava.lib.dl.slayer.neuron", "lava.lib.dl.slayer.neuron.rf")
MODULES = "lava.lib.dl.netx.sequential_modules"


class NoReaderError(MissingExtraError):
    """lava-dl is not installed; no extra installs it, since it depends on PyTorch."""

    def __init__(self) -> None:
        ImportError.__init__(
            self,
            "lava-dl, whose reader runs netx files, is not installed. Install it beside Lava, "
            "without its training library: pip install --no-deps lava-dl==0.6.0",
        )


def reader() -> Any:
    """The module `lava.lib.dl.netx.hdf5`.

    Raises:
        MissingExtraError: Lava is not installed. NoReaderError: lava-dl is not.
    """
    require()
    place = _place()
    if place is None:
        raise NoReaderError
    if importlib.util.find_spec("torch") is None:
        for name in (*SLAYER, MODULES):
            if name not in sys.modules:
                sys.modules[name] = _stub(name, place)
    return importlib.import_module("lava.lib.dl.netx.hdf5")


def _place() -> str | None:
    """A file of lava-dl's reader; None where it is not installed."""
    try:
        found = importlib.util.find_spec("lava.lib.dl.netx")
    except ModuleNotFoundError:
        return None
    return None if found is None else found.origin


def _stub(name: str, place: str) -> ModuleType:
    module = ModuleType(name, "A stub: lava-dl's reader imports this module, and does not use it.")
    # Lava's compiler executes every file beside a module: so its place is that of lava-dl's own files.
    module.__file__ = place
    module.__path__ = []
    if name.endswith(".rf"):
        module.neuron_params = _refuse  # type: ignore[attr-defined]
    return module


def _refuse(neuron: object) -> None:
    raise EngineError(
        "netx: resonate-and-fire neurons need lava-dl with PyTorch: pip install lava-dl (without --no-deps)"
    )
