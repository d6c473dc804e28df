"""The network declaration: populations, projections, window and readout, validated and ordered when built."""

from spikesim.network.declaration import Declaration, Drive, Masters, Readout
from spikesim.network.network import Network
from spikesim.synapses import Projection

__all__ = ["Declaration", "Drive", "Masters", "Network", "Projection", "Readout"]
