"""Graphs of libraries against the libraries' spikes: equal, rounding, wrong, refused, not exported."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikesim.errors import EngineError
from spikesim.hardware.nir.library_spikes import compare, library_graphs, shares

nir = pytest.importorskip("nir")
GIVEN = {"vector": (np.random.default_rng(4).random((2, 50, 5)) < 0.4).astype(np.uint8)}
W = np.random.default_rng(5).integers(-8, 20, (6, 5)) / 16
DECAY = float(np.float32(0.1))
ABOUT = {"title": "LIF", "options": {}, "input": "vector", "versions": {"norse": "1.1", "nir": "1.0.8"}}


def norse(start: float = 0.0, readout: bool = False) -> np.ndarray:
    """dv = 0.1 (x - v), fires at v > 1; or its membrane without a threshold. float32 (B, T, 6)."""
    sent = []
    for raster in GIVEN["vector"]:
        v, rows = np.full(6, start), []
        for x in raster:
            v = v + DECAY * (W * 4 @ x - v)
            rows.append(v.copy() if readout else v > 1)
            v = v if readout else np.where(v > 1, 0.0, v)
        sent.append(rows)
    return np.array(sent, np.float32)


def saved(folder: Path, wanted: np.ndarray, node: Any = None, **about: Any) -> Path:
    """A graph with the spikes that a library is said to have sent."""
    f = lambda v: np.full(6, v, np.float32)  # noqa: E731
    cell = node or nir.LIF(tau=f(1e-5), r=f(1), v_leak=f(0), v_threshold=f(1), v_reset=f(0))
    nodes = {"i": nir.Input(np.array([5])), "w": nir.Affine(W * 4, np.zeros(6)), "n": cell}
    nodes["o"] = nir.Output(np.array([6]))
    graph = nir.NIRGraph(nodes, [("i", "w"), ("w", "n"), ("n", "o")], type_check=False)
    nir.write(folder / "norse-00-lif.nir", graph, compression=None)
    np.savez(folder / "norse-00-lif.npz", about=np.array(json.dumps({**ABOUT, **about})), **{"0": wanted})
    return folder / "norse-00-lif"


def test_spikes_that_are_equal_have_a_margin(tmp_path: Path) -> None:
    wanted = norse()
    found = compare("norse", saved(tmp_path, wanted), GIVEN)
    assert (found.result, found.spikes, found.options) == ("equal", int(wanted.sum()), "--like norse")
    assert found.spikes > 40 and found.margin is not None and 0 < found.margin < 0.1
    assert found.row[:2] == ("norse 1.1 (nir 1.0.8)", "LIF") and found.row[-1] == "equal"


def test_the_first_spike_that_differs_is_named_with_its_distance(tmp_path: Path) -> None:
    wanted = norse()
    b, t, j = (int(k) for k in np.argwhere(wanted == 1)[7])
    wanted[b, t, j] = 0
    found = compare("norse", saved(tmp_path, wanted), GIVEN)
    assert found.result.startswith(f"wrong: 1 differ, first trial {b}, step {t}, n[{j}], a membrane ")
    wanted[b, t, j] = 2  # two spikes in a step
    assert compare("norse", saved(tmp_path, wanted), GIVEN).result.startswith("wrong: 1 differ")


def test_a_difference_at_the_threshold_is_rounding(tmp_path: Path) -> None:
    """v_threshold one float32 below the membrane of a first spike: a library in float32 may not send it."""
    wanted = norse()
    t, j = (int(k) for k in np.argwhere(wanted[0] == 1)[0])
    v = np.zeros(6)
    for x in GIVEN["vector"][0][: t + 1]:
        v = v + DECAY * (W * 4 @ x - v)
    f = lambda value: np.full(6, value, np.float32)  # noqa: E731
    threshold = f(1e9)
    threshold[j] = np.nextafter(np.float32(v[j]), np.float32(0))
    node = nir.LIF(tau=f(1e-5), r=f(1), v_leak=f(0), v_threshold=threshold, v_reset=f(0))
    silent = np.zeros_like(wanted[:1, : t + 1])
    found = compare("norse", saved(tmp_path, silent, node), {"vector": GIVEN["vector"][:1, : t + 1]})
    assert (
        found.result.startswith(f"rounding: 1 differ, first trial 0, step {t}, n[{j}]") or v[:].max() > v[j]
    )
    assert found.margin is not None and found.margin < 1e-6


def test_membranes_of_a_readout_are_compared_to_a_tolerance(tmp_path: Path) -> None:
    f = lambda v: np.full(6, v, np.float32)  # noqa: E731
    node = nir.LI(tau=f(1e-5), r=f(1), v_leak=f(0))
    wanted = norse(readout=True)
    found = compare("norse", saved(tmp_path, wanted, node), GIVEN)
    assert (found.result, found.spikes) == ("equal", 0)
    wanted[1, 20, 3] += 0.1
    assert compare("norse", saved(tmp_path, wanted, node), GIVEN).result.startswith(
        "wrong: 1 differ, first trial 1"
    )


def test_options_are_those_of_the_convention_and_of_the_command(tmp_path: Path) -> None:
    found = compare(
        "norse", saved(tmp_path, norse(), options={"reset": "subtract", "overshoot": "keep"}), GIVEN
    )
    assert found.options == "--like norse --reset subtract --overshoot keep"
    assert found.result.startswith("wrong")


def test_what_is_refused_or_not_exported_says_why(tmp_path: Path) -> None:
    place = saved(tmp_path, norse(), options={"gain": "weight"})
    found = compare("norse", place, GIVEN)
    assert found.result.startswith("refused: n (LIF): r dt/tau = 0.1") and found.margin is None
    found = compare("norse", saved(tmp_path, norse(), not_exported="no word for it"), GIVEN)
    assert found.result == "not exported: no word for it" and found.spikes is None
    assert shares(["equal", "equal", "refused: n", "wrong: 3", "not exported: x", "rounding: 1"]) == {
        "equal": 2,
        "rounding": 1,
        "refused": 1,
        "wrong": 1,
    }


def test_a_python_without_the_library_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="could not make its graphs"):
        list(library_graphs("norse", sys.executable, tmp_path))
    with pytest.raises(EngineError, match="no/such/python"):
        list(library_graphs("norse", "/no/such/python", tmp_path, quick=True))
