"""netx as a backend: a file, loaded by lava-dl's own reader and run in Lava's fixed point."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from spikesim.errors import EngineError
from spikesim.hardware.lava.player import Part, Player, Stage
from spikesim.hardware.netx.torch_stubs import reader
from spikesim.hardware.netx.write import NetxLayer, layers, save_netx
from spikesim.network import Network
from spikesim.recording import Recording


class NetxBackend:
    """Runs a network for inference through a netx file of its own, that it writes for every run.

    Attributes:
        network: the declaration.

    Raises:
        LimitError: what the format cannot hold.
        MissingExtraError: Lava or lava-dl is not installed.
    """

    def __init__(self, network: Network) -> None:
        layers(network)
        reader()
        self.network = network
        self.masters = network.masters()

    def run(self, *args: Any, **kwargs: Any) -> Recording:
        """Present a batch of spikes; arguments and result as for the engines."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.net"
            save_netx(self.network, path)
            return netx_player(path, self.network).run(*args, **kwargs)


def netx_player(path: str | os.PathLike[str], network: Network) -> Player:
    """What runs a netx file as lava-dl's `netx.hdf5.Network` reads it.

    Args:
        path: the file. Its numbers are what runs.
        network: what it was written from: for the names of its layers, the window and the readout.

    Raises:
        LimitError: `network` is none that netx can hold.
        MissingExtraError: Lava or lava-dl is not installed.
    """
    declared = layers(network)
    reader()
    return Player(network, lambda: _stage(os.fspath(path), network, declared))


def _stage(path: str, network: Network, declared: tuple[NetxLayer, ...]) -> Stage:
    """The processes that lava-dl makes of a file. Presentations begin in its step 1."""
    loaded = reader().Network(net_config=path, reset_interval=network.window.T, reset_offset=1)
    if len(loaded.layers) != len(declared):
        raise EngineError(
            f"netx: lava-dl reads {len(loaded.layers)} layers of {path}, and {len(declared)} were declared; "
            f"the file is of another network"
        )
    parts = {}
    for layer, made in zip(declared, loaded.layers, strict=True):
        port = made.neuron.s_out
        if len(port.shape) == 3:  # (columns, rows, channels)
            port = port.transpose((2, 1, 0)).flatten()
        parts[layer.name] = (Part(port, made.neuron.v),)
    (source,) = network.sources
    starts = {source: 1} | {layer.name: 2 + k for k, layer in enumerate(declared)}
    first = declared[0].convolution

    def connect(name: str, port: Any) -> None:
        if first is not None:
            port = port.reshape(first.shape).transpose((2, 1, 0))
        port.connect(loaded.inp)

    units = {layer.name: layer.unit for layer in declared}
    return Stage(loaded, connect, parts, starts, units, True)
