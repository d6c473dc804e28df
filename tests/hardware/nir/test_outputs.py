"""Outputs of NIR graphs that are no spikes: membranes of integrators, and weighted sums."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import spikesim as ss
from spikesim.hardware.nir.conventions import Convention
from spikesim.hardware.nir.nodes import NirError
from spikesim.hardware.nir.read import Imported, read_nir
from spikesim.tools.cli import app

nir = pytest.importorskip("nir")
RS = np.random.default_rng(8)
STEPS = 50
W = RS.integers(-32, 64, (3, 4)) / 32
GIVEN = (RS.random((STEPS, 4)) < 0.3).astype(np.int8)


def full(n: Any, value: float) -> np.ndarray:
    return np.full(n, value)


def made(folder: Path, nodes: dict[str, Any], edges: list[tuple[str, str]], dt: float = 1.0) -> Imported:
    nir.write(folder / "a.nir", nir.NIRGraph(nodes, edges, type_check=False), compression=None)
    return read_nir(folder / "a.nir", Convention(dt=dt))


def membranes(found: Imported, given: np.ndarray = GIVEN, name: str = "i") -> dict[str, np.ndarray]:
    """The membranes of all populations that are results, (steps, n)."""
    inputs = {name: ss.from_raster(given.reshape(len(given), -1))}
    played = ss.simulate(found.network, inputs, steps=len(given), record=found.membranes)
    return {n: played.v[n][0] for n in found.membranes}


def line(*parts: tuple[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    names = [name for name, _ in parts]
    return dict(parts), list(itertools.pairwise(names))


def test_a_leaky_integrator_gives_its_membrane(tmp_path: Path) -> None:
    """tau v' = v_leak - v + r x in steps of dt = 0.5, by Euler, from 0."""
    tau, r, leak = np.array([2.0, 4.0, 5.0]), np.array([1.0, 3.0, 0.5]), np.array([0.0, -1.0, 0.25])
    nodes, edges = line(
        ("i", nir.Input(np.array([4]))),
        ("w", nir.Linear(W)),
        ("li", nir.LI(tau=tau, r=r, v_leak=leak)),
        ("o", nir.Output(np.array([3]))),
    )
    found = made(tmp_path, nodes, edges, 0.5)
    assert found.membranes == ("li",) and found.outputs == {"o": ("li",)}
    assert found.results() == ("o: membranes of li",)
    v, wanted = np.zeros(3), []
    for x in GIVEN:
        v = v + 0.5 / tau * (leak - v + r * (W @ x))
        wanted.append(v)
    np.testing.assert_allclose(membranes(found)["li"], wanted, rtol=1e-12, atol=1e-12)


def test_an_integrator_and_one_with_a_current_give_their_membranes(tmp_path: Path) -> None:
    syn, mem, r, w_in = (
        np.array(x) for x in ([2.0, 4.0, 5.0], [8.0, 3.0, 2.0], [1.0, 2.0, 3.0], [0.5, 1, 2])
    )
    nodes = {
        "i": nir.Input(np.array([4])),
        "w": nir.Affine(W, np.array([0.25, 0.0, -0.5])),
        "sum": nir.I(r=r),
        "cuba": nir.CubaLI(tau_syn=syn, tau_mem=mem, r=r, v_leak=full(3, 0.5), w_in=w_in),
        "a": nir.Output(np.array([3])),
        "b": nir.Output(np.array([3])),
    }
    edges = [("i", "w"), ("w", "sum"), ("w", "cuba"), ("sum", "a"), ("cuba", "b")]
    found = made(tmp_path, nodes, edges)
    assert found.results() == ("a: membranes of sum", "b: membranes of cuba")
    total, u, v = np.zeros(3), np.zeros(3), np.zeros(3)
    wanted: dict[str, list[np.ndarray]] = {"sum": [], "cuba": []}
    for x in GIVEN:
        y = W @ x + [0.25, 0.0, -0.5]
        total = total + r * y
        u = u + (w_in * y - u) / syn
        v = v + (0.5 - v + r * u) / mem
        wanted["sum"].append(total)
        wanted["cuba"].append(v)
    for name, values in membranes(found).items():
        np.testing.assert_allclose(values, wanted[name], rtol=1e-12, atol=1e-12)


def test_a_closing_affine_gives_sums_and_adds_what_else_reaches_the_output(tmp_path: Path) -> None:
    """o = W s + b + 2 s[:3] one step late; the neurons n fire on their own output, too."""
    nodes = {
        "i": nir.Input(np.array([4])),
        "n": nir.IF(r=full(4, 1.0), v_threshold=full(4, 0.5)),
        "w": nir.Affine(W, np.array([1.0, 0.0, 0.5])),
        "cut": nir.Linear(2.0 * np.eye(3, 4)),
        "late": nir.Delay(full(3, 1.0)),
        "o": nir.Output(np.array([3])),
        "spikes": nir.Output(np.array([4])),
    }
    edges = [
        ("i", "n"),
        ("n", "w"),
        ("w", "o"),
        ("n", "cut"),
        ("cut", "late"),
        ("late", "o"),
        ("n", "spikes"),
    ]
    found = made(tmp_path, nodes, edges)
    assert found.results() == ("o: membranes of o", "spikes: spikes of n")
    before = np.concatenate([np.zeros((1, 3)), 2.0 * GIVEN[:-1, :3]])
    wanted = GIVEN @ W.T + [1.0, 0.0, 0.5] + before
    np.testing.assert_array_equal(membranes(found)["o"], wanted)


def test_a_graph_without_neurons_is_a_sum_of_its_input(tmp_path: Path) -> None:
    conv = nir.Conv1d(5, np.arange(6.0).reshape(1, 2, 3), 1, "same", 1, 1, np.array([0.5]))
    nodes, edges = line(("i", nir.Input(np.array([2, 5]))), ("c", conv), ("o", nir.Output(np.array([1, 5]))))
    found = made(tmp_path, nodes, edges)
    given = (RS.random((20, 2, 5)) < 0.5).astype(np.int8)
    padded = np.pad(given, ((0, 0), (0, 0), (1, 1))).astype(float)
    wanted = [[(x[:, k : k + 3] * conv.weight[0]).sum() + 0.5 for k in range(5)] for x in padded]
    np.testing.assert_array_equal(membranes(found, given)["o"], wanted)


def test_a_bias_before_a_delay_begins_with_what_the_delay_holds(tmp_path: Path) -> None:
    """The delay line starts empty: b arrives from step 2 (of neuron 0), 0 and 5 on."""
    b, late = np.array([1.0, 0.5, -2.0]), np.array([2.0, 0.0, 5.0])
    nodes, edges = line(
        ("i", nir.Input(np.array([4]))),
        ("w", nir.Affine(W, b)),
        ("d", nir.Delay(late)),
        ("o", nir.Output(np.array([3]))),
    )
    found = membranes(made(tmp_path, nodes, edges))["o"]
    y = GIVEN @ W.T + b
    wanted = np.zeros((STEPS, 3))
    for k, d in enumerate(late.astype(int)):
        wanted[d:, k] = y[: STEPS - d, k]
    np.testing.assert_array_equal(found, wanted)


def test_a_delayed_bias_reaches_neurons(tmp_path: Path) -> None:
    """A bias of 1 at a threshold of 2.5 from step 3 on: three steps a spike, the first in step 5."""
    nodes, edges = line(
        ("i", nir.Input(np.array([1]))),
        ("w", nir.Affine(np.zeros((1, 1)), np.ones(1))),
        ("d", nir.Delay(full(1, 3.0))),
        ("n", nir.IF(r=full(1, 1.0), v_threshold=full(1, 2.5))),
        ("o", nir.Output(np.array([1]))),
    )
    found = made(tmp_path, nodes, edges)
    inputs = {"i": ss.from_raster(np.zeros((12, 1), np.int8))}
    spikes = ss.simulate(found.network, inputs, steps=12, record=["n"]).spikes["n"]
    assert spikes.times.tolist() == [5, 8, 11]


@pytest.mark.parametrize("after", ["linear", "neurons", "sum"])
def test_a_membrane_that_is_passed_on_is_refused_in_words(tmp_path: Path, after: str) -> None:
    nodes = {
        "i": nir.Input(np.array([3])),
        "li": nir.LI(tau=full(3, 2.0), r=full(3, 1.0), v_leak=full(3, 0.0)),
        "next": nir.Linear(np.eye(3)),
        "n": nir.IF(r=full(3, 1.0), v_threshold=full(3, 1.0)),
        "o": nir.Output(np.array([3])),
    }
    more = {
        "linear": [("li", "next"), ("next", "o"), ("i", "n")],
        "neurons": [("li", "n"), ("n", "o"), ("i", "next")],
        "sum": [("li", "o"), ("i", "n"), ("n", "o"), ("i", "next")],
    }
    with pytest.raises(NirError, match=r"li \(LI\) sends its membrane, and (o|n) .* graded value"):
        made(tmp_path, nodes, [("i", "li"), *more[after]])


def test_the_command_says_and_writes_membranes(tmp_path: Path) -> None:
    nodes, edges = line(
        ("i", nir.Input(np.array([4]))),
        ("w", nir.Linear(W)),
        ("li", nir.LI(tau=full(3, 2.0), r=full(3, 1.0), v_leak=full(3, 0.0))),
        ("o", nir.Output(np.array([3]))),
    )
    wanted = membranes(made(tmp_path, nodes, edges))["li"]
    np.savez(tmp_path / "given.npz", spikes=GIVEN)
    command = ["simulate", str(tmp_path / "a.nir"), "--dt", "1", "--steps", str(STEPS)]
    command += ["--input", str(tmp_path / "given.npz"), "--out", str(tmp_path / "out.npz")]
    result = CliRunner().invoke(app, [*command, "--json"], catch_exceptions=False)
    told = json.loads(result.stdout)
    assert told["outputs"] == ["o: membranes of li"]
    assert told["populations"][1]["membrane"]["largest"] == wanted.max()
    with np.load(tmp_path / "out.npz") as found:
        np.testing.assert_array_equal(found["li.v"], wanted)
    shown = CliRunner().invoke(app, command, catch_exceptions=False).output
    assert "output o: membranes of li" in shown and "membranes of li: from " in shown
