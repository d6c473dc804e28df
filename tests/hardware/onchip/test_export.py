"""A trained network as a folder that learns on in Lava."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onchip_nets
import pytest
from typer.testing import CliRunner

from spikesim.errors import CheckpointError, DataError, DeclarationError, EngineError
from spikesim.hardware.onchip.declare import learner
from spikesim.hardware.onchip.export import TEXT, export_learner, learn_file, learn_on, with_weights
from spikesim.hardware.onchip.twin import Twin
from spikesim.network.file import load_network, save_network
from spikesim.tools.cli import app
from spikesim.tools.commands.export_learning import LEARNING

X = np.random.default_rng(0).random((6, 8)).astype(np.float32)
Y = np.array([0, 1, 2, 0, 1, 2])


@pytest.mark.slow
def test_the_command_writes_a_folder_whose_script_learns_on(tmp_path: Path) -> None:
    pytest.importorskip("lava.magma", reason="needs the extra lava, on Python 3.10")
    save_network(onchip_nets.network(), tmp_path / "net.h5")
    out = tmp_path / "learner"
    command = ["export", str(tmp_path / "net.h5"), "--to", LEARNING, "--out", str(out), "--samples", "4"]
    found = CliRunner().invoke(app, [*command, "--json"])
    assert found.exit_code == 0, found.output
    assert json.loads(found.output[found.output.index("{\n") :])["equal"]
    np.savez(tmp_path / "samples.npz", x=X, y=Y)
    place = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, str(out / "learn.py"), str(tmp_path / "samples.npz")],
        env=place, capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    assert "6 trials learnt" in done.stdout
    np.savez(tmp_path / "wrong.npz", x=X, y=Y + 1)
    for arguments, said in (
        ([], "python learn.py samples.npz [device]"),
        ([str(tmp_path / "wrong.npz"), "device"], "error: on-chip learning: label 3 of trial 2"),
    ):
        failed = subprocess.run(
            [sys.executable, str(out / "learn.py"), *arguments],
            env=place, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert failed.returncode == 1
        assert said in failed.stderr
        assert "Traceback" not in failed.stderr
    before, after = load_network(out / "network.h5"), load_network(out / "learnt.h5")
    moved = [(before.masters()[name] != w).sum() for name, w in after.masters().items()]
    assert all(n > 0 for n in moved)
    again = CliRunner().invoke(app, command)
    assert isinstance(again.exception, DeclarationError)
    assert "no empty folder" in str(again.exception)


def test_learnt_weights_return_to_the_network() -> None:
    network = onchip_nets.network()
    one = learner(network, "fixed", nearest_eta=True)
    spikes, labels = onchip_nets.trials(one, 10)
    twin = Twin(one)
    twin.train(spikes, labels)
    learnt = learner(with_weights(network, one, twin.weights), "float", nearest_eta=True)
    for layer, w in zip(learnt.layers, twin.weights, strict=True):
        assert (layer.w == w.astype(np.int64) << 22).all()  # counts of 2**-6 as counts of 2**-28


def test_what_cannot_be_exported_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="h_pre"):
        export_learner(onchip_nets.network(h_pre="first"), tmp_path / "no", X, Y)
    assert not (tmp_path / "no").exists()


def test_samples_that_do_not_fit(tmp_path: Path) -> None:
    save_network(onchip_nets.network(), tmp_path / "network.h5")
    (tmp_path / "settings.json").write_text('{"arithmetic": "fixed", "encoder": {"type": "Regular"}}')
    for x, y, said in (
        (X, Y + 0.5, "type float64; integers"),
        (X, Y[:2], r"shape \(2,\)"),
        (X[:, :5], Y, "trials of 5 inputs"),
        (X[:0], Y[:0], "no trials were given"),
        (X * 300, Y, r"is not in \[0, 1\]"),
    ):
        with pytest.raises(DataError, match=said):
            learn_on(tmp_path, x, y)
    np.savez(tmp_path / "samples.npz", a=X, y=Y)
    with pytest.raises(DataError, match="holds a, y, and no x; x, intensities"):
        learn_file(tmp_path, str(tmp_path / "samples.npz"))
    assert "learn_file" in TEXT


def test_a_damaged_folder(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text("{}")
    with pytest.raises(CheckpointError, match="damaged"):
        learn_on(tmp_path, X, Y)
