"""Conventions: what a file does not specify, by hand for each library, and each assumption as a note."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

import spikesim as ss
from spikesim.errors import DeclarationError, EngineError
from spikesim.hardware.nir.conventions import CONVENTIONS, Convention, assumptions, chosen_step, shown
from spikesim.hardware.nir.nodes import Graph, NirError, Node
from spikesim.hardware.nir.read import Imported, read_nir
from spikesim.hardware.nir.write import write
from spikesim.tools.cli import app

nir = pytest.importorskip("nir")
RNG = np.random.default_rng(3)
W = RNG.integers(-8, 20, (6, 5)) / 16
X = (RNG.random((80, 5)) < 0.4).astype(np.int8)


def full(value: float) -> np.ndarray:
    return np.full(6, value, np.float32)


def saved(node: Any, folder: Path) -> Path:
    """Five inputs, an Affine, six neurons."""
    nodes = {"i": nir.Input(np.array([5])), "w": nir.Affine(W, np.zeros(6)), "n": node}
    nodes["o"] = nir.Output(np.array([6]))
    edges = [("i", "w"), ("w", "n"), ("n", "o")]
    nir.write(folder / "g.nir", nir.NIRGraph(nodes, edges, type_check=False), compression=None)
    return folder / "g.nir"


def lif(tau: float, r: float = 1.0, leak: float = 0.0, threshold: float = 1.0, reset: float = 0.0) -> Any:
    return nir.LIF(
        tau=full(tau), r=full(r), v_leak=full(leak), v_threshold=full(threshold), v_reset=full(reset)
    )


def raster(made: Imported) -> list[list[int]]:
    found = ss.simulate(made.network, {"i": ss.from_raster(X)}, steps=len(X), record="n")
    return found.spikes["n"].raster().tolist()


def snntorch(mechanism: str, late: bool) -> list[list[int]]:
    """mem = beta mem + x - reset thr, reset = mem_before > thr, or at once; from snnTorch's documentation."""
    mem, sent = np.zeros(6), []
    for x in X:
        reset = mem > 1
        base = 0.875 * mem + W @ x
        if late:
            base = {"subtract": base - reset, "value": base * ~reset, "none": base}[mechanism]
        mem = base
        spikes = mem > 1
        if not late:
            mem = {"subtract": mem - spikes, "value": mem * ~spikes, "none": mem}[mechanism]
        sent.append(spikes.astype(int).tolist())
    return sent


@pytest.mark.parametrize("late", [True, False], ids=["late", "at once"])
@pytest.mark.parametrize("mechanism", ["subtract", "value", "none"])
def test_resets_as_in_snntorch(tmp_path: Path, mechanism: Any, late: bool) -> None:
    path = saved(lif(8e-4, 8.0), tmp_path)
    delay = int(late and mechanism != "none")
    convention = replace(CONVENTIONS["snntorch"], reset=mechanism, reset_delay=delay)
    wanted = snntorch(mechanism, late)
    assert raster(read_nir(path, replace(convention, overshoot="keep"))) == wanted
    assert np.sum(wanted) > 40
    if mechanism == "subtract" and not late:  # snnTorch itself would give the threshold back
        with pytest.raises(EngineError, match="still at or above its threshold"):
            raster(read_nir(path, convention))


def test_the_default_is_what_snntorch_does_by_default_and_says_so(tmp_path: Path) -> None:
    made = read_nir(saved(lif(8e-4, 8.0), tmp_path), CONVENTIONS["snntorch"])
    assert raster(made) == snntorch("subtract", True) != snntorch("subtract", False)
    assert made.notes[-1] == (
        "assumed, since a NIR file does not say so: dt = 0.0001; fires at v > v_threshold; a step's decay is "
        "dt/tau; 1 - decay rounded to float32; a spike adds its weight; reset by subtracting v_threshold one "
        "step late; membranes start at 0; spikes of 1, no lower bound of v, no inhibition among the neurons "
        "of a layer"
    )
    assert made.convention == CONVENTIONS["snntorch"]


def test_norse_starts_at_v_leak_and_its_step_is_found(tmp_path: Path) -> None:
    def wanted() -> list[list[int]]:
        v, sent, decay = np.full(6, float(np.float32(0.9))), [], float(np.float32(0.125))
        for x in X:
            v = v + decay * (float(np.float32(0.9)) - v + W @ x)
            sent.append((v > 1).astype(int).tolist())
            v = np.where(v > 1, 0.0, v)
        return sent

    for tau, dt in ((8e-3, 1e-3), (8e-6, 1e-6)):
        made = read_nir(saved(lif(tau, leak=0.9), tmp_path), CONVENTIONS["norse"])
        assert made.dt == made.convention.dt == dt
        assert raster(made) == wanted()
        assert f"dt = {dt:g}, the first of 0.001, 1e-06" in made.notes[0]
        assert "membranes start at v_leak" in made.notes[-1]
    other = read_nir(saved(lif(8e-3, leak=0.9), tmp_path), replace(CONVENTIONS["norse"], start="zero"))
    assert raster(other) != wanted()


def test_a_membrane_starts_at_v_reset_in_spikingjelly(tmp_path: Path) -> None:
    made = read_nir(saved(lif(8e-4, leak=-0.5, reset=-0.5), tmp_path), CONVENTIONS["spikingjelly"])
    population: Any = made.network.populations["n"]
    assert population.v_start == -0.5 and "start at v_reset" in made.notes[-1]
    made = read_nir(saved(nir.IF(r=full(1e4), v_threshold=full(1)), tmp_path), CONVENTIONS["spikingjelly"])
    assert made.network.populations["n"] == ss.IF(6, 1.0, grid=4)


def test_several_spikes_a_step_are_refused_when_they_would_be_sent(tmp_path: Path) -> None:
    """sinabs's MultiSpike sends trunc(v / threshold) spikes; its tau is in steps, norm_input is on."""
    path = saved(lif(4.0, threshold=0.25), tmp_path)
    alpha = float(np.exp(np.float32(-0.25)))

    def sinabs(weights: np.ndarray) -> list[list[int]]:
        v, sent = np.zeros(6), []
        for x in X:
            v = alpha * v + (1 - alpha) * (weights @ x)
            spikes = (v > 0) * np.trunc(v / 0.25)
            v = v - spikes * 0.25
            sent.append(spikes.astype(int).tolist())
        return sent

    assert np.max(sinabs(W)) > 1
    with pytest.raises(EngineError, match=r"n: step \d+: neuron \d is still at or above its threshold"):
        raster(read_nir(path, CONVENTIONS["sinabs"]))
    with h5py.File(path, "a") as file:
        file["node/nodes/w/weight"][...] = W / 2
    found = raster(read_nir(path, CONVENTIONS["sinabs"]))
    assert found == sinabs(W / 2) and np.sum(found) > 40


def test_the_gain_of_norse_hangs_on_the_kind() -> None:
    norse = CONVENTIONS["norse"]
    assert [norse.gain_of(kind) for kind in ("IF", "LIF", "CubaLIF")] == ["impulse", "step", "current"]
    assert Convention(gain="current").gain_of("IF") == "current"


def test_fields_of_a_lif_for_each_reset() -> None:
    late = {"reset": "subtract", "reset_delay": 1}
    assert Convention().resets_of("LIF") == {"reset": "value"}
    assert CONVENTIONS["snntorch"].resets_of("LIF") == late
    assert CONVENTIONS["snntorch"].resets_of("Threshold") == {"reset": "value"}
    assert CONVENTIONS["sinabs"].resets_of("IF") == {"reset": "subtract", "overshoot": "refuse"}
    assert Convention(reset_delay=1).resets_of("CubaLIF") == {"reset": "value", "refractory": 1}
    assert Convention(reset="none").resets_of("LIF") == {"reset": "none"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"gain": "weights"}, "gain = 'weights'; known: step, impulse, current, weight, norse"),
        ({"reset_delay": 2}, "reset_delay = 2; known: 0, 1"),
        ({"reset_delay": True}, "reset_delay = True"),
        ({"simplify": 1}, "simplify = 1"),
        ({"reset": "none", "reset_delay": 1}, "which has no reset"),
        ({"steps": (1e-3, 0.0)}, r"dt = 0\.0; a positive number"),
    ],
)
def test_what_a_convention_cannot_be(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        Convention(**fields)


def graph_with(*nodes: Node) -> Graph:
    return Graph({node.name: node for node in nodes}, (), "", {})


def test_the_step_is_the_first_that_no_time_constant_undercuts() -> None:
    def cuba(synapse: float, membrane: float) -> Graph:
        values = {"tau_syn": np.array([synapse]), "tau_mem": np.array([membrane], np.float32)}
        return graph_with(Node("CubaLIF", "c", values))

    norse = CONVENTIONS["norse"]
    assert [norse.step(cuba(*taus), None) for taus in ((5e-3, 1e-2), (5e-6, 1e-2), (1e-9, 1.0))] == [
        1e-3,
        1e-6,
        1e-6,
    ]
    assert norse.step(graph_with(), None) == 1e-3 and norse.step(cuba(5e-6, 1.0), 2.0) == 2.0
    assert Convention().step(cuba(5e-6, 1.0), None) == 1.0
    assert Convention(dt=3.0).step(graph_with(), 2.0) == 3.0
    assert "assuming dt = 1 file time unit" in chosen_step(Convention(), 1.0)
    assert norse.step(cuba(1.0, np.float32(1e-3)), None) == 1e-3  # a float32 below 1e-3 is a step, too


def test_a_graph_without_neurons_assumes_nothing_and_kinds_are_told_apart() -> None:
    assert assumptions(graph_with(), Convention(), 1.0) == ""
    kinds = graph_with(Node("IF", "a", {}), Node("LIF", "b", {}))
    said = assumptions(kinds, CONVENTIONS["norse"], 1.0)
    assert "IF: a spike adds r x at once, LIF: a spike is a current of 1 over a step" in said
    assert "start at v_reset" in assumptions(graph_with(Node("IF", "a", {})), CONVENTIONS["norse"], 1.0)
    assert "no reset; membranes" in assumptions(kinds, Convention(reset="none"), 1.0)
    assert "a membrane still above it is an error" in assumptions(kinds, CONVENTIONS["sinabs"], 1.0)
    assert shown(Convention())["start"] == "zero"


def test_absent_fields_are_nir_s_defaults_with_a_note(tmp_path: Path) -> None:
    node = nir.CubaLIF(full(2), full(4), full(1), full(0), full(0.25), w_in=full(1))
    path = saved(node, tmp_path)
    whole = raster(read_nir(path))
    with h5py.File(path, "a") as file:
        for key in ("w_in", "v_reset"):
            del file[f"node/nodes/n/{key}"]
    made = read_nir(path)
    assert raster(made) == whole and np.sum(whole) > 20
    assert "w_in is absent in n; 1 is taken, as by nir's own reader" in made.notes
    assert "v_reset is absent in n; 0 is taken, as by nir's own reader" in made.notes
    with h5py.File(path, "a") as file:
        del file["node/nodes/n/tau_mem"]
    with pytest.raises(NirError, match="the field 'tau_mem' is missing"):
        read_nir(path)


@pytest.mark.parametrize("dt", [1.0, 1e-4])
def test_a_file_of_ours_is_read_bit_for_bit_and_assumes_nothing(tmp_path: Path, dt: float) -> None:
    decays = (1 - np.exp(-1 / np.linspace(2, 50, 40))).tolist()
    population = ss.LIF(40, 1.0, None, tuple(decays[::-1]), tuple(decays))
    w = np.random.default_rng(1).integers(-4, 9, (5, 40)) / 16
    network = ss.Network({"in": ss.Source(5), "n": population}, [ss.Dense("in", "n", w)])
    write(network, tmp_path / "a.nir", dt=dt)
    made = read_nir(tmp_path / "a.nir")
    assert made.network.populations["n"] == population and made.notes == ()
    with h5py.File(
        tmp_path / "a.nir", "a"
    ) as file:  # a decay that is not the file's time constant is ignored
        for key in list(file["node/metadata"]):
            if "sha256" in key:
                del file[f"node/metadata/{key}"]
        file["node/nodes/n/tau_mem"][...] *= 2
    found: Any = read_nir(tmp_path / "a.nir").network.populations["n"]
    np.testing.assert_allclose(found.v_decay, np.array(decays) / 2, rtol=1e-7)


def test_the_command_says_what_was_assumed(tmp_path: Path) -> None:
    path = saved(lif(8e-4, 8.0), tmp_path)
    np.savez(tmp_path / "x.npz", spikes=X)

    def simulated(*more: str) -> dict[str, Any]:
        given = ["simulate", str(path), "--input", str(tmp_path / "x.npz"), "--steps", "80", "--json", *more]
        result = CliRunner().invoke(app, given, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    late = simulated("--like", "snntorch")
    assert late["convention"]["reset_delay"] == 1 and "one step late" in late["notes"][-1]
    assert late["populations"][1]["spikes"] == np.sum(snntorch("subtract", True))
    # A reset that is named is one in the step of the spike, unless it is said to be late.
    once = simulated("--like", "snntorch", "--reset", "subtract")
    assert once["populations"][1]["spikes"] == np.sum(snntorch("subtract", False))
    again = simulated("--like", "snntorch", "--reset", "subtract", "--reset-delay", "1")
    assert again["convention"] == late["convention"]
    asked = simulated("--dt", "1e-4", "--start", "v_leak", "--rounded", "kept", "--fractions")
    assert {key: asked["convention"][key] for key in ("start", "rounded", "simplify")} == {
        "start": "v_leak",
        "rounded": "kept",
        "simplify": True,
    }
    with pytest.raises(DeclarationError, match="overshoot = 'stop'"):
        CliRunner().invoke(app, ["simulate", str(path), "--overshoot", "stop"], catch_exceptions=False)
