"""What commands are given: six commands take runs, saved networks, NIR and netx files, or say which does."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import spikesim as ss
from spikesim.errors import CheckpointError, DataError, DeclarationError, EngineError
from spikesim.files.measured_table import load_table
from spikesim.hardware.netx.write import save_netx
from spikesim.hardware.nir.write import write as save_nir
from spikesim.tools.cli import app
from spikesim.tools.commands import quantise, verify
from spikesim.tools.commands.given import kind_of, opened, run_of
from spikesim.tools.commands.typed import typed

NAMES = {"run": "run", "network": "n.h5", "nir": "n.nir", "netx": "n.net"}
COMMANDS = {
    "evaluate": (),
    "verify": ("--samples", 2, "--steps", 20),
    "export": ("--to", "nir", "--samples", 2, "--T", 8, "--out", "OUT"),
    "quantise": ("--T", 8),
    "energy": ("--samples", 2, "--T", 8, "--sanafe", 0),
    "simulate": ("--steps", 20),
}
TRAINED = ("sizes=[64,6,10]", "samples=10", "T=8", "reset=zero")


def invoke(*arguments: object) -> Any:
    """A command's result; what it raises is raised."""
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)


def small() -> ss.Network:
    populations = {"in": ss.Source(4), "a": ss.IF(3, theta=1.0)}
    return ss.Network(populations, (ss.Dense("in", "a", np.full((4, 3), 0.25), delay=1),), ss.Window(8))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one of each."""
    folder = tmp_path_factory.mktemp("given")
    ss.save_network(small(), folder / "n.h5")
    save_nir(small(), folder / "n.nir")
    save_netx(ss.quantise(small(), "netx", 8).network, folder / "n.net")
    sets = [word for text in TRAINED for word in ("--set", text)]
    assert invoke("train", "emstdp-digits", *sets, "--epochs", 1, "--out", folder / "run").exit_code == 0
    return folder


def test_each_is_told_by_its_contents(place: Path, tmp_path: Path) -> None:
    for kind, name in NAMES.items():
        assert kind_of(place / name) == kind
        (tmp_path / f"{kind}.any").symlink_to(place / name)
        assert kind_of(tmp_path / f"{kind}.any") == kind, "the name does not count"


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_takes_each_or_says_which_does(
    place: Path, tmp_path: Path, command: str, kind: str
) -> None:
    given = [tmp_path / "out.nir" if word == "OUT" else word for word in COMMANDS[command]]
    if command == "evaluate" and kind != "run":
        with pytest.raises(
            DeclarationError, match=rf"{NAMES[kind]} is a.*`spikesim simulate .*{NAMES[kind]}`"
        ):
            invoke(command, place / NAMES[kind])
        return
    said = invoke(command, place / NAMES[kind], *given)
    assert said.exit_code == 0
    wanted = {
        "evaluate": "accuracy",
        "verify": " 0 differ",
        "export": "0 and 0 differ",
        "quantise": "rms error",
    }
    assert wanted.get(command, "spikes") in said.stdout
    assert (tmp_path / "out.nir").exists() == (command == "export")


def test_files_that_are_no_networks_are_told_by_name(place: Path, tmp_path: Path) -> None:
    network = ss.Network(small().populations, small().projections)
    spikes = ss.from_raster(np.zeros((5, 4), np.int8))
    found = ss.simulate(network, {"in": spikes}, steps=5, to=tmp_path / "r.h5", record="spikes")
    assert found.state is not None
    found.state.save(tmp_path / "s.h5")
    checkpoint = next((place / "run" / "checkpoints").iterdir())
    for path, said in (
        (tmp_path / "r.h5", "is a recording, and no network: read it with spikesim.RecordingFile"),
        (tmp_path / "s.h5", "is a saved state, and no network"),
        (checkpoint, "is a checkpoint of a run, and no network: give the folder of its run"),
    ):
        with pytest.raises(DeclarationError, match=said):
            opened(path, "verify")
    (tmp_path / "text").write_text("no network")
    np.savez(tmp_path / "a.npz", x=np.arange(3))
    os.mkfifo(tmp_path / "fifo")
    for name, said in (
        ("text", "neither a run folder nor a network"),
        ("a.npz", "neither a run folder nor a network"),
        ("missing", "no such file or folder"),
        ("fifo", "is a FIFO"),
    ):
        with pytest.raises(CheckpointError, match=said):
            kind_of(tmp_path / name)
    with pytest.raises(CheckpointError, match="no run in"):
        opened(tmp_path, "verify")
    with pytest.raises(DeclarationError, match="give the folder of its run, or try this"):
        run_of(place / "n.nir", "evaluate", "try this")


def test_learning_and_quantising_exclude_each_other(place: Path) -> None:
    for name in ("run", "n.h5"):
        with pytest.raises(EngineError, match="--learn trains on both backends, and --bits 8 quantises"):
            invoke("verify", place / name, "--bits", 8, "--learn")
    run, data = ss.Run.open(place / "run"), ss.datasets.digits()
    with pytest.raises(EngineError, match="loihi does not train"):
        verify.play(run, data, 1, "loihi", True)
    with pytest.raises(EngineError, match="a quantised network does not learn"):
        verify.play(run, data, 1, "naive", True, bits=8)


def test_reports_name_the_command_that_was_typed(place: Path, tmp_path: Path) -> None:
    words = ["energy", str(place / "run"), "--samples", "2", "--T", "8", "--sanafe", "0"]
    said = invoke(*words, "--save", tmp_path / "table.json", "--json")
    assert said.exit_code == 0 and load_table(tmp_path / "table.json").command == shlex.join(
        ["spikesim", *words]
    )
    words = ["quantise", str(place / "run"), "--samples", "5", "--bits", "8,6"]
    said = invoke(*words)
    assert f"`{shlex.join(['spikesim', *words])}`" in said.stdout
    assert typed("--bits") == shlex.join(["spikesim", *words[:-2]])


def test_networks_without_data_have_no_accuracy_to_compare(place: Path, tmp_path: Path) -> None:
    out = tmp_path / "q.h5"
    assert invoke("quantise", place / "n.nir", "--T", 8, "--bits", 4, "--out", out, "--json").exit_code == 0
    assert kind_of(out) == "network" and ss.load_network(out).window.T == 8
    with pytest.raises(DeclarationError, match=r"n\.nir is a NIR file, which comes without data"):
        invoke("quantise", place / "n.nir", place / "run")
    with pytest.raises(DataError, match="no trial length; set the time steps of a trial with --T"):
        invoke("energy", _endless(tmp_path))
    assert quantise._widths("8,6") == [8, 6]


def _endless(folder: Path) -> Path:
    network = ss.Network({"in": ss.Source(4), "a": ss.IF(3, theta=1.0)}, small().projections)
    ss.save_network(network, folder / "endless.h5")
    return folder / "endless.h5"


def test_simulate_names_file_and_entry_and_what_was_filled_up(place: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "short.npz", spikes=np.ones((5, 4), np.int8))
    np.savez(tmp_path / "three.npz", spikes=np.full((5, 4), 3))
    np.savez(tmp_path / "far.npz", **{"in.events": np.array([[1, 9]])})
    said = invoke("simulate", place / "n.h5", "--steps", 20, "--input", tmp_path / "short.npz")
    assert "short.npz: in has 5 steps; the other 15 of 20 (--steps) have no input" in said.stdout
    for name, message in (
        ("three.npz", r"--input .*three\.npz: in: raster: value .*3"),
        ("far.npz", r"--input .*far\.npz: in\.events: event 0: neuron 9 is not in \[0, 4\)"),
    ):
        with pytest.raises(DataError, match=message):
            invoke("simulate", place / "n.h5", "--steps", 20, "--input", tmp_path / name)
    with pytest.raises(DeclarationError, match=r"5 spikes per step and neuron; a rate lies in 0 \.\. 1"):
        invoke("simulate", place / "n.h5", "--input", "poisson 5")
    with pytest.raises(DeclarationError, match="--like, --dt and the options on leaks"):
        invoke("simulate", place / "n.net", "--dt", 1)
    network = ss.Network(small().populations, small().projections, drives=(ss.CurrentInput("a"),))
    ss.save_network(network, tmp_path / "driven.h5")
    with pytest.raises(DeclarationError, match="external current inputs, which are not stored"):
        invoke("simulate", tmp_path / "driven.h5")
