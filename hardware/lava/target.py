"""Lava as a target of `spikesim export`: a saved `LavaNetwork`, in both arithmetics, and by the emulator."""

from __future__ import annotations

from pathlib import Path

from spikesim.hardware.lava.backend import lava_player
from spikesim.hardware.lava.file import read_lava, save_lava
from spikesim.hardware.lava.player import Player
from spikesim.hardware.loihi.emulator import Loihi
from spikesim.hardware.targets import Reader, Target, without_floors
from spikesim.network import Network


def _fixed(path: Path, network: Network) -> Player:
    return lava_player(read_lava(path)[0], "fixed")


def _float(path: Path, network: Network) -> Player:
    return lava_player(without_floors(read_lava(path)[0]), "float")


def _emulator(path: Path, network: Network) -> Loihi:
    return Loihi(read_lava(path)[0])


TARGET = Target(
    "lava",
    "Lava",
    "lava-fixed",
    save_lava,
    (Reader("lava-fixed", _fixed), Reader("lava-float", _float, saturates=False), Reader("loihi", _emulator)),
)
