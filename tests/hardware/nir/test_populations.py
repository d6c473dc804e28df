"""Populations of NIR nodes: on a grid where it holds all numbers, else in real ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import spikesim as ss
from spikesim.hardware.nir.conventions import Convention
from spikesim.hardware.nir.neurons import Dynamics
from spikesim.hardware.nir.nodes import NirError, Node
from spikesim.hardware.nir.populations import PopulationReader
from spikesim.synapses import Dense

ONE, NONE = np.ones(1), np.zeros(1)
IF = Dynamics(np.full(1, 0.75), ONE, NONE, NONE, NONE, ONE, NONE, ())


def made(found: Dynamics, kind: str = "IF", w: float = 0.25, **more: Any) -> Any:
    """Two neurons that hear one over weights w."""
    told = {
        "window": ss.Window.without_end(),
        "convention": Convention(),
        "metadata": {},
        "ours": False,
    } | more
    reader = PopulationReader(told["convention"], told["window"], [], told["ours"])
    node = Node(kind, "n", {}, told["metadata"])
    return reader.made(node, 2, found, found.bias, [Dense("i", "n", np.full((1, 2), w))], {"i": 1}.get)


def test_neurons_without_a_leak_are_on_the_coarsest_grid() -> None:
    found = made(IF)
    assert isinstance(found, ss.IF) and found.grid == 2
    assert found.theta == 1.0, "v > 0.75 on a grid of 1/4"
    assert made(IF, convention=Convention(fires=">=")).theta == 0.75
    assert made(IF, w=0.1).grid is None, "no grid holds 0.1"


def test_thresholds_of_zero_and_below_and_resets_above_are_tonic() -> None:
    below = made(replace(IF, threshold=np.array([-0.5, 1.0])))
    assert isinstance(below, ss.LIF) and below.tonic and below.theta[0] < 0
    above = made(replace(IF, v_reset=np.full(1, 2.0)))
    assert above.tonic and above.v_reset == 2.0 and above.theta == np.nextafter(0.75, 1)
    assert not made(replace(IF, v_reset=np.full(1, -2.0))).tonic


def test_nodes_without_a_threshold_are_integrators() -> None:
    found = made(replace(IF, v_decay=np.full(1, 0.5), bias=np.full(1, 0.1)), "LI")
    assert found == ss.LeakyIntegrator(2, None, 1.0, 0.5, 0.1)
    assert made(IF, "I", metadata={"grid": 4}).grid == 4
    assert made(IF, "I", 0.1, metadata={"grid": 4}).grid is None


def test_clocks_are_one_but_in_files_of_ours() -> None:
    trials = ss.Window(5)
    assert made(IF, window=trials).offset == 0
    assert made(IF, window=trials, ours=True).offset is None
    assert made(IF, window=trials, ours=True, metadata={"offset": 3}).offset == 3
    assert made(IF, metadata={"offset": 3}).offset is None, "without end there are no clocks"


def test_starts_are_those_of_a_file_of_ours_or_the_assumed_ones() -> None:
    leaking = replace(IF, v_decay=np.full(1, 0.5), v_start=np.full(1, 0.5))
    assert made(leaking, "LIF").v_start == 0.5
    told = made(leaking, "LIF", metadata={"v_start": np.array([0.1, 0.2]), "u_start": 1.0})
    assert told.v_start == (0.1, 0.2) and told.u_start == 1.0
    with pytest.raises(NirError, match=r"n \(LIF\): LIF: v_decay"):
        made(replace(leaking, v_decay=np.full(1, 1.5)), "LIF")
