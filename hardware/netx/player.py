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
    """Runs a network for inference through a temporary netx file.

    Attributes:
        network: the declaration.

    Raises:
        EngineError: a neuron model without a normal form.
        LimitError: the format cannot hold the network.
        MissingExtraError: Lava or lava-dl is not installed.
    """

    def __init__(self, network: Network) -> None:
        layers(network)
        reader()
        self.network = network
        self.masters = network.masters()

    def run(self, *args: Any, **kwargs: Any) -> Recording:
        """Run a batch of trials; arguments and result as for the engines."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.net"
            save_netx(self.network, path)
            return netx_player(path, self.network).run(*args, **kwargs)


def netx_player(path: str | os.PathLike[str], network: Network) -> Player:
    """A backend that runs a netx file as read by lava-dl's `netx.hdf5.Network`.

    Args:
        path: the file, whose numbers run.
        network: from which it was written: for the names of its layers, the window and the readout.

    Raises:
        LimitError: netx cannot hold `network`.
        MissingExtraError: Lava or lava-dl is not installed.
    """
    declared = layers(network)
    reader()
    return Player(network, lambda: _stage(os.fspath(path), network, declared))


def _stage(path: str, network: Network, declared: tuple[NetxLayer, ...]) -> Stage:
    """The processes that lava-dl makes from a file. Trials begin in its step 1."""
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
