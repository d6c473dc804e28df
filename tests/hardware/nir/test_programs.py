"""NIR as a program of the verifier, the libraries' settings, and the graph that they are given."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spikesim.engines import Naive
from spikesim.errors import DeclarationError, EngineError
from spikesim.hardware.nir import libraries
from spikesim.hardware.nir.external_simulators import NirProgram
from spikesim.hardware.nir.graph_builder import GraphBuilder
from spikesim.hardware.nir.libraries import PEERS, SETTINGS, call, leaking
from spikesim.network import Network, Readout
from spikesim.neurons import IF, LIF, Source
from spikesim.spikes import from_raster
from spikesim.synapses import Conv2d, Dense, OneToOne
from spikesim.window import Window


def pair() -> Network:
    w = np.random.default_rng(1).integers(-2, 6, (3, 2)) / 4
    return Network(
        {"in": Source(3), "a": IF(2, 1.0, grid=4)}, (Dense("in", "a", w),), Window(10), Readout("a")
    )


def test_our_own_reader_plays_what_the_engine_plays() -> None:
    spikes = from_raster((np.random.default_rng(2).random((3, 10, 3)) < 0.5).astype(np.int8))
    expected = Naive(pair()).run({"in": spikes}, record=["a"])
    found = NirProgram(pair(), "nir-spikesim").run({"in": spikes}, record=["a"])
    assert found.spikes["a"] == expected.spikes["a"] and len(expected.spikes["a"].times) > 5
    with pytest.raises(EngineError, match="nir-spikesim"):
        NirProgram(pair(), "nir-spikesim").run({"in": spikes}, learn=True)
    with pytest.raises(DeclarationError, match="norse"):
        NirProgram(pair(), "norze")


def test_every_library_has_settings_and_those_with_which_it_agrees_come_last() -> None:
    assert {setting.peer for setting in SETTINGS} == set(PEERS)
    last = {peer: [s for s in SETTINGS if s.peer == peer][-1] for peer in PEERS}
    assert last["snntorch"].leaky and not last["sinabs"].plain
    cell = leaking(IF(2, 1.5, grid=4))
    assert isinstance(cell, LIF) and cell.grid is None and np.float32(1) - np.float32(1e-14) == 1
    assert leaking(Source(2)) == Source(2)
    biased = leaking(IF(2, (1.5, 2.0), grid=4, bias=(0.25, 0.5)))
    assert (biased.theta, biased.bias) == ((1.5, 2.0), (0.25, 0.5))
    leaky = LIF(2, 1.5, v_decay=0.5)
    assert leaking(leaky) is leaky
    assert libraries.SCRIPT.is_file()


def test_a_library_is_not_asked_for_starts_that_it_does_not_read() -> None:
    populations = {**pair().populations, "a": IF(2, 1.0, grid=4, v_start=0.5)}
    network = replace(pair(), populations=populations)
    inputs = {"in": from_raster(np.ones((1, 10, 3), np.int8))}
    with pytest.raises(EngineError, match=r"trials of a start at other than 0 .*norse does not read"):
        NirProgram(network, "norse").run(inputs)
    found = NirProgram(network, "nir-spikesim").run(inputs, record=["a"])
    assert found.spikes["a"] == Naive(network).run(inputs, record=["a"]).spikes["a"]


def test_a_library_that_is_not_there_has_a_last_word(tmp_path: Path) -> None:
    said = call(sys.executable, "play", "nobody", str(tmp_path))
    assert "invalid choice" in said or "nobody" in said
    assert "FileNotFoundError" in call(str(tmp_path / "python"), "play", "norse", "x")


def test_a_graph_has_a_node_for_each_part_and_names_that_files_take() -> None:
    kernel = np.ones((2, 1, 2, 2)) / 4
    network = Network(
        {"in put": Source(9), "in_put": IF(8, 1.0, grid=4), "b": IF(8, 1.0, grid=4)},
        (Conv2d("in put", "in_put", kernel, (1, 3, 3)), OneToOne("in_put", "b", 0.5)),
        Window(5),
        Readout("b"),
    )
    builder = GraphBuilder(network, 1.0, clocks=False)
    graph = builder.tree()["node"]
    assert builder.names == {"in put": "in_put", "in_put": "in_put_2", "b": "b"}
    kinds = [n["type"] for n in graph["nodes"].values()]
    assert kinds.count("Input") == kinds.count("Output") == kinds.count("Conv2d") == 1
    assert {a for edge in graph["edges"] for a in edge} <= set(graph["nodes"])
    assert graph["metadata"]["readout"] == "b" and graph["metadata"]["steps"] == 5
