"""netx as an export target: run by lava-dl's reader and by our own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.engines import engine
from spikesim.hardware.netx.player import netx_player
from spikesim.hardware.netx.read import load_netx
from spikesim.hardware.netx.write import layers, save_netx
from spikesim.hardware.neurons import leaks
from spikesim.hardware.targets import ExportTarget, Reader
from spikesim.network import Network
from spikesim.recording import Recording
from spikesim.spikes import Spikes


class OwnReader:
    """A netx file read by `load_netx` and run on an engine, with the names of the network that was written.

    Membranes are in counts of that network's grid. The format has no floors.

    Attributes:
        network: as read, with these names.
    """

    def __init__(self, path: Path, network: Network) -> None:
        found = load_netx(path)
        given = (*network.sources, *(layer.name for layer in layers(network)))
        names = dict(zip(found.populations, given, strict=True))
        self.network = Network(
            {names[k]: p for k, p in found.populations.items()},
            tuple(_between(p, names[p.pre], names[p.post]) for p in found.projections),
            network.window,
            network.readout,
        )
        # A count of the file is 64 units of v without a leak, and one with it.
        self._counts = {
            layer.name: (1 if leaks(self.network.populations[layer.name]) else 64) / layer.unit
            for layer in layers(network)
        }
        self._engine = engine(self.network)

    def run(
        self,
        inputs: Mapping[str, Spikes],
        labels: npt.NDArray[np.int64] | None = None,
        record: Iterable[str] = (),
        learn: bool = False,
        batch: int = 1,
        factor: float = 1.0,
    ) -> Recording:
        """Run a batch of trials, as the engines do."""
        found = self._engine.run(inputs, labels, record, learn, batch, factor)
        v = {name: (held * self._counts[name]).astype(np.int64) for name, held in found.v.items()}
        return replace(found, v=v)


def _between(projection: Any, pre: str, post: str) -> Any:
    """The projection between populations of other names."""
    return replace(projection, pre=pre, post=post, name="")


TARGET = ExportTarget(
    "netx",
    "netx",
    "netx",
    save_netx,
    (Reader("netx", netx_player), Reader("netx-spikesim", OwnReader, saturates=False)),
    (".net",),
)
