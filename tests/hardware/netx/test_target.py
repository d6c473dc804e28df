"""netx's second reader: our own, under the names and in the counts of what was written."""

from __future__ import annotations

from pathlib import Path

import lava_nets
import numpy as np

from spikesim.engines import Naive
from spikesim.hardware.netx.target import TARGET, OwnReader
from spikesim.hardware.netx.write import save_netx
from spikesim.spikes import from_raster


def test_the_file_is_played_as_the_network_that_was_written(tmp_path: Path) -> None:
    network = lava_nets.chain(1)
    save_netx(network, tmp_path / "a.net")
    reader = OwnReader(tmp_path / "a.net", network)
    assert set(reader.network.populations) == set(network.populations)
    n = network.populations["in"].n
    spikes = from_raster((np.random.default_rng(1).random((2, network.window.T, n)) < 0.3).astype(np.int8))
    moving = [name for name in network.order if name != "in"]
    expected = Naive(network).run({"in": spikes}, record=moving)
    found = reader.run({"in": spikes}, record=moving)
    for name in moving:
        assert found.spikes[name] == expected.spikes[name]
        np.testing.assert_array_equal(found.v[name], expected.v[name])
    assert sum(len(expected.spikes[name].times) for name in moving) > 0


def test_two_readers_check_an_export() -> None:
    assert [reader.name for reader in TARGET.readers] == ["netx", "netx-spikesim"]
