"""Lava: a network as a graph of processes, in floating and fixed point; to build on, save, and run.

Lava is imported on first use: numbers and files are made on any Python.
"""

from spikesim.hardware.lava.backend import lava_fixed, lava_float
from spikesim.hardware.lava.file import load_lava, read_lava, save_lava
from spikesim.hardware.lava.network import LavaNetwork
from spikesim.hardware.lava.session import Session

__all__ = ["LavaNetwork", "Session", "lava_fixed", "lava_float", "load_lava", "read_lava", "save_lava"]
