"""`spikesim sweep`: a sweep of two trials by the command, its best configuration, bad input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spikesim.models.emstdp.experiment import from_toml
from spikesim.tools.cli import app
from spikesim.tools.commands import sweep

pytest.importorskip("optuna")
pytest.importorskip("distributed")

SPEC = """
[sweep]
base = "emstdp-digits"
trials = 2
[settings]
epochs = 1
samples = 60
sizes = [64, 12, 10]
T = 16
[space]
eta = { low = 0.01, high = 0.1, log = true }
"""


def test_two_trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tiny.toml").write_text(SPEC)
    first = CliRunner().invoke(app, ["sweep", "tiny.toml"])
    assert first.exit_code == 0, first.output
    assert "1 left" in first.output and "0 left" in first.output
    again = CliRunner().invoke(app, ["sweep", "tiny.toml", "--json"])  # nothing is left to run
    found = json.loads(again.stdout)
    assert [t["number"] for t in found["trials"]] == [0, 1]
    best = from_toml("runs/tiny-best.toml")
    assert best.model.eta == found["best"]["settings"]["eta"]
    assert best.model.sizes == (64, 12, 10)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["sweep", str(tmp_path / "none.toml")])
    assert found.exit_code != 0
    assert "none.toml cannot be read" in str(found.exception)
    assert sweep.sweep.__doc__ is not None
