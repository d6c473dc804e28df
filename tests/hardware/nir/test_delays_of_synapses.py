"""Delays synapse by synapse go to NIR and come back, with trials and without an offset of one's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spikesim import connect
from spikesim.engines import Naive
from spikesim.hardware.export import export
from spikesim.hardware.nir.read import read_nir
from spikesim.hardware.nir.write import write
from spikesim.network import Network
from spikesim.neurons import IF, Source
from spikesim.spikes import from_raster
from spikesim.synapses import Dense
from spikesim.window import Window


def network() -> Network:
    """Delays 2, 2, 5 and 9 into a, and from there on to b: the clock of a begins at its earliest delay."""
    link = connect.from_coordinates(
        "in",
        "a",
        [0, 0, 1, 2],
        [0, 1, 1, 0],
        np.array([3.0, 2.0, 4.0, 2.0]),
        n_pre=3,
        delay=2,
        delays=np.array([0, 0, 3, 7]),
    )
    populations = {"in": Source(3), "a": IF(2, 5.0, 0), "b": IF(1, 2.0, 0)}
    return Network(populations, (link, Dense("a", "b", np.ones((2, 1)), 1)), Window(30))


def test_the_clocks_are_as_they_were(tmp_path: Path) -> None:
    made = network()
    write(made, tmp_path / "a.nir")
    again = read_nir(tmp_path / "a.nir").network
    assert again.offsets == made.offsets == {"in": 0, "a": 2, "b": 3}
    given = {"in": from_raster((np.random.default_rng(1).random((2, 30, 3)) < 0.5).astype(np.int8))}
    wanted, found = (Naive(each).run(given, record=("a", "b")) for each in (made, again))
    for name in ("a", "b"):
        assert wanted.spikes[name] == found.spikes[name] and len(wanted.spikes[name].times) > 5


def test_the_export_is_equal(tmp_path: Path) -> None:
    pytest.importorskip("nir")
    given = {"in": from_raster((np.random.default_rng(1).random((2, 30, 3)) < 0.5).astype(np.int8))}
    found = export(network(), "nir", tmp_path / "a.nir", given)
    assert found.equal and all(check.spikes > 10 for check in found.checks)
