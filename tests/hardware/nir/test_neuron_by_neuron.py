"""NIR with parameters that differ from neuron to neuron, or from channel to channel."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import lava_nets
import numpy as np
import pytest

import spikesim as ss
from spikesim.hardware.neurons import PARAMETERS
from spikesim.hardware.nir.conventions import Convention
from spikesim.hardware.nir.read import read_nir
from spikesim.hardware.nir.target import as_read_by_nir, renamed
from spikesim.hardware.nir.write import write

nir = pytest.importorskip("nir")
RS = np.random.default_rng(5)


def on_grid(low: float, high: float, n: int, bits: int = 6) -> np.ndarray:
    return RS.integers(int(low * 2**bits), int(high * 2**bits) + 1, n) / 2.0**bits


def heterogeneous() -> ss.Network:
    """IF on a grid, LIF, and LIF with a current, all of whose parameters differ."""
    decays = RS.integers(200, 4096, (3, 7)) / 4096
    populations = {
        "in": ss.Source(6),
        "if": ss.IF(8, on_grid(0.5, 2, 8), 6, on_grid(-0.1, 0.2, 8), v_start=on_grid(-1, 1, 8)),
        "lif": ss.LIF(
            7,
            on_grid(0.5, 2, 7),
            None,
            1.0,
            decays[0],
            on_grid(-0.1, 0.2, 7),
            v_reset=on_grid(-1, 0.25, 7),
            v_start=on_grid(-1, 1, 7),
        ),
        "cuba": ss.LIF(7, on_grid(0.5, 2, 7), None, decays[1], decays[2], u_start=on_grid(-1, 1, 7)),
    }
    projections = [
        ss.Dense("in", "if", RS.integers(-20, 60, (6, 8)) / 64),
        ss.Dense("if", "lif", RS.integers(-20, 60, (8, 7)) / 64),
        ss.OneToOne("lif", "cuba", 1.0),
    ]
    return ss.Network(populations, projections, ss.Window(30), ss.network.Readout("cuba"))


@pytest.mark.parametrize("reader", ["spikesim", "nir"])
def test_every_parameter_comes_back_neuron_by_neuron(tmp_path: Path, reader: str) -> None:
    network, path = heterogeneous(), tmp_path / "a.nir"
    told = write(network, path)
    made = renamed((read_nir(path) if reader == "spikesim" else as_read_by_nir(path)).network, network)
    for name in ("if", "lif", "cuba"):
        before, after = (net.populations[name].linear() for net in (network, made))
        for parameter in PARAMETERS:
            old, new = getattr(before, parameter), getattr(after, parameter)
            if parameter == "bias":
                np.testing.assert_allclose(new, old, rtol=1e-15, err_msg=f"{name}.{parameter}")
            else:
                np.testing.assert_array_equal(new, old, f"{name}.{parameter}")
    given = {"in": ss.from_raster((RS.random((3, 30, 6)) < 0.4).astype(np.int8))}
    names = ("if", "lif", "cuba")
    found, wanted = (ss.simulate(net, given, record=names, engine="naive") for net in (made, network))
    for name in names:
        assert found.spikes[name] == wanted.spikes[name] and len(wanted.spikes[name].times) > 20
    assert sum("differ from neuron to neuron; norse and sinabs" in note for note in told.notes) == 3
    assert sum("is written as metadata, which spikesim reads" in note for note in told.notes) == 3


def graph_of(*nodes: Any) -> tuple[Any, list[str]]:
    names = [f"n{k}" for k in range(len(nodes))]
    return nir.NIRGraph(dict(zip(names, nodes, strict=True)), list(pairwise(names)), type_check=False), names


def test_others_time_constants_and_thresholds_are_read_neuron_by_neuron(tmp_path: Path) -> None:
    """Against the equations, stepped here."""
    tau, r = np.array([2.0, 4.0, 8.0]), np.array([2.0, 2.0, 4.0])
    threshold, reset, leak = np.array([0.5, 1.0, 1.5]), np.array([0.0, -0.5, 0.25]), np.array([0.5, 0.0, 1.0])
    w = (RS.integers(10, 60, (3, 4)) / 64).astype(np.float32)
    lif = nir.LIF(tau=tau, r=r, v_leak=leak, v_threshold=threshold, v_reset=reset)
    graph, _ = graph_of(nir.Input(np.array([4])), nir.Linear(w), lif, nir.Output(np.array([3])))
    nir.write(tmp_path / "a.nir", graph, compression=None)
    made = read_nir(tmp_path / "a.nir", Convention(dt=1.0)).network
    given = (RS.random((50, 4)) < 0.4).astype(np.int8)
    found = ss.simulate(made, {"n0": ss.from_raster(given)}, steps=50, record=["n2"])
    v, wanted = np.zeros(3), np.zeros((50, 3))
    for t in range(50):
        v = v + (leak - v + r * (w.astype(np.float64) @ given[t])) / tau
        wanted[t] = v > threshold
        v = np.where(wanted[t] > 0, reset, v)
    np.testing.assert_array_equal(found.spikes["n2"].raster(), wanted)
    assert (wanted.sum(axis=0) > 3).all()


def test_a_parameter_for_each_channel_is_spread(tmp_path: Path) -> None:
    threshold = np.array([1.0, 2.0]).reshape(2, 1, 1)
    graph, _ = graph_of(
        nir.Input(np.array([1, 3, 3])),
        nir.Conv2d((3, 3), np.ones((2, 1, 2, 2), np.float32), 1, 0, 1, 1, np.zeros(2, np.float32)),
        nir.IF(r=np.ones((2, 1, 1)), v_threshold=threshold),
        nir.Output(np.array([2, 2, 2])),
    )
    nir.write(tmp_path / "a.nir", graph, compression=None)
    made = read_nir(tmp_path / "a.nir", Convention(dt=1.0, fires=">="))
    assert made.shapes["n2"] == (2, 2, 2)
    assert made.network.populations["n2"].theta == (1.0,) * 4 + (2.0,) * 4


def test_networks_of_equal_neurons_are_the_files_of_before(tmp_path: Path) -> None:
    """The digest is of version 0.1."""
    told = write(lava_nets.chain(1), tmp_path / "a.nir")
    assert told.sha256 == "f4655a7921a25cff5df0d7ba87c49841d732a4649d60516b87af6d9687035ef4"
