"""Lava as an export target: a saved `LavaNetwork`, run in both arithmetics and by the emulator."""

from __future__ import annotations

from pathlib import Path

from spikesim.engines import Runner
from spikesim.hardware.lava.backend import lava_player
from spikesim.hardware.lava.file import read_lava, save_lava
from spikesim.hardware.loihi.emulator import Loihi
from spikesim.hardware.neurons import leaks
from spikesim.hardware.targets import ExportTarget, Reader, without_floors
from spikesim.network import Network


def _fixed(path: Path, network: Network) -> Runner:
    return lava_player(read_lava(path)[0], "fixed")


def _float(path: Path, network: Network) -> Runner:
    return lava_player(without_floors(read_lava(path)[0]), "float")


def _no_float(network: Network) -> str:
    """Why floating point cannot run a network: leaks in integers."""
    leaking = [name for name, p in network.populations.items() if leaks(p) and p.grid is not None]
    return f"{', '.join(leaking)}: a leak in Loihi's integers, which floating point rounds" if leaking else ""


def _emulator(path: Path, network: Network) -> Loihi:
    return Loihi(read_lava(path)[0])


TARGET = ExportTarget(
    "lava",
    "Lava",
    "lava-fixed",
    save_lava,
    (
        Reader("lava-fixed", _fixed),
        Reader("lava-float", _float, saturates=False, refuses=_no_float),
        Reader("loihi", _emulator),
    ),
)
