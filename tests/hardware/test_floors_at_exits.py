"""What quantise adds, a floor for the chip's saturation, shuts no exit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikesim.engines import Naive
from spikesim.hardware.export import export
from spikesim.hardware.limits import LimitError, check
from spikesim.hardware.quantise import quantise
from spikesim.hardware.targets import without_floors
from spikesim.network import Network
from spikesim.neurons import IF, Source
from spikesim.spikes import from_raster
from spikesim.synapses import Dense
from spikesim.window import Window

T, N = 100, 150


def floored() -> Network:
    """Weights that could bring membranes below 24 bits in a trial, where every input fires in every step."""
    rs = np.random.default_rng(3)
    w = rs.normal(0.01, 0.4, (N, 10))
    network = Network(
        {"in": Source(N), "a": IF(10, 2.0, 12)}, (Dense("in", "a", np.round(w * 4096) / 4096, 1),), Window(T)
    )
    made = quantise(network, "loihi1", 8).network
    assert made.populations["a"].floor is not None
    return made


def given() -> dict[str, Any]:
    return {"in": from_raster((np.random.default_rng(4).random((1, T, N)) < 0.3).astype(np.int8))}


@pytest.mark.parametrize("to", ["lava", "netx", "nir"])
def test_a_quantised_network_is_exported_with_its_floor(to: str, tmp_path: Path) -> None:
    pytest.importorskip("lava.magma")
    pytest.importorskip("nir")
    found = export(floored(), to, tmp_path / f"a.{to}", given())
    assert found.equal and all(check.spikes > 100 for check in found.checks)


def test_a_target_without_floors_says_where_it_comes_from() -> None:
    network = floored()
    with pytest.raises(LimitError, match=r"quantise declared it, for a chip's saturation; .*without_floors"):
        check(network, "nir")
    off = without_floors(network)
    check(off, "nir")
    runs = [Naive(each).run(given(), record=("a",)) for each in (network, off)]
    assert runs[0].spikes["a"] == runs[1].spikes["a"], "no membrane came that low"


def test_a_floor_of_ones_own_stays_a_refusal() -> None:
    network = Network({"in": Source(1), "a": IF(1, 2.0, 0, floor=-3.0)}, (), Window(4))
    with pytest.raises(LimitError, match=r"floor = -3.0; .* Train with floor=None"):
        check(network, "nir")
    assert without_floors(network).populations["a"].floor == -3.0
