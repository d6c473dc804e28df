"""netx, lava-dl's file format: written and read with h5py alone, run by lava-dl's own reader."""

from spikesim.hardware.netx.player import NetxBackend
from spikesim.hardware.netx.read import load_netx
from spikesim.hardware.netx.write import save_netx

__all__ = ["NetxBackend", "load_netx", "save_netx"]
