"""Whether Lava is here; what to do where it is not."""

from __future__ import annotations

import importlib.util
import sys

from spikesim.errors import EngineError, MissingExtraError


def require() -> None:
    """Lava can be imported.

    Raises:
        MissingExtraError: it is not installed, or cannot be, on this Python.
    """
    if importlib.util.find_spec("lava") is None or importlib.util.find_spec("lava.magma") is None:
        here = f"{sys.version_info[0]}.{sys.version_info[1]}"
        why = "" if here == "3.10" else f"; it exists for Python 3.10 alone, and this is Python {here}"
        raise MissingExtraError(f"Lava (lava-nc 0.10.0{why})", "lava")


def require_hardware() -> None:
    """Lava's compiler for Loihi 2 is here, and a board was chosen.

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
