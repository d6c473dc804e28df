"""Loihi: a compiler of networks to the chip's integers, and an emulator that runs them."""

from spikesim.hardware.loihi.compile import compile_network
from spikesim.hardware.loihi.emulator import Loihi, OverflowOnChip
from spikesim.hardware.loihi.integer_network import IntegerNetwork, reach

__all__ = ["IntegerNetwork", "Loihi", "OverflowOnChip", "compile_network", "reach"]
