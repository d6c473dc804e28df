"""Checks that Lava, and its compiler for hardware, are installed."""

from __future__ import annotations

import importlib.util
import multiprocessing
import sys

from spikesim.errors import EngineError, MissingExtraError

INFRASTRUCTURE = "lava.magma.runtime.message_infrastructure.multiprocessing"


class NoLavaError(MissingExtraError):
    """Lava does not exist for this Python; no extra installs it."""

    def __init__(self) -> None:
        ImportError.__init__(
            self,
            f"Lava (lava-nc 0.10.0) exists for Python 3.10 alone, and this is Python {sys.version_info[0]}."
            f"{sys.version_info[1]}. Run this on Python 3.10; the emulator (loihi), netx and NIR work here",
        )


def require() -> None:
    """Check that Lava can be imported.

    Raises:
        MissingExtraError: it is not installed, or does not exist for this Python.
        EngineError: this program uses a start method of multiprocessing that Lava cannot use.
    """
    if importlib.util.find_spec("lava") is None or importlib.util.find_spec("lava.magma") is None:
        if sys.version_info[:2] != (3, 10):
            raise NoLavaError()
        raise MissingExtraError("Lava (lava-nc 0.10.0)", "lava")
    _let_it_fork()


def _let_it_fork() -> None:
    """Make sure that Lava's import can set multiprocessing's start method to "fork"."""
    if INFRASTRUCTURE in sys.modules:
        return
    method = multiprocessing.get_start_method(allow_none=True)
    if method not in (None, "fork"):
        raise EngineError(
            f"Lava starts its processes by fork, and this program has told multiprocessing to {method} them. "
            f"Import Lava first, or run it in a program of its own"
        )
    if method == "fork":
        multiprocessing.set_start_method(None, force=True)  # undecided again: Lava's import decides on fork


def require_hardware() -> None:
    """Check that Lava's compiler for Loihi 2 is installed, and that a board was chosen.

    Raises:
        MissingExtraError: Lava is not installed.
        EngineError: the compiler for the chip is not installed, or no board was chosen.
    """
    require()
    from lava.utils import loihi

    way_out = "leave hardware=True out to run the same graph on the CPU"
    if not loihi.is_installed():
        raise EngineError(
            "hardware=True asks for Loihi 2, and lava-loihi, its compiler (for members of Intel's "
            f"neuromorphic research community), is not installed. Install it, or {way_out}"
        )
    if loihi.host is None:
        raise EngineError(
            "hardware=True asks for Loihi 2, and no board was chosen. Call lava.utils.loihi.use_slurm_host() "
            f"or use_ethernet_host() first, or {way_out}"
        )
