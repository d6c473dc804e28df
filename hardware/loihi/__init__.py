"""Loihi's arithmetic: a network compiled to the chip's integers, and an emulator that runs them."""

from spikesim.hardware.loihi.chip import ChipNetwork, reach
from spikesim.hardware.loihi.compile import compile_network
from spikesim.hardware.loihi.emulator import Loihi, OverflowOnChip

__all__ = ["ChipNetwork", "Loihi", "OverflowOnChip", "compile_network", "reach"]
