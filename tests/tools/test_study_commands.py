"""`spikesim depth` and `spikesim continual` with tiny settings: files that are written, bad input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from spikesim.errors import DataError, DeclarationError
from spikesim.files.measured_table import load_table
from spikesim.tools.cli import app
from spikesim.tools.commands import continual, depth


def invoke(*arguments: object) -> Any:
    """A command's result; what it raises is raised."""
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)


DEPTH = {"width": 8, "depths": 1, "points": "0,20", "measured": 20, "feedbacks": "dfa", "rules": "remedied"}
CONTINUAL = {"hidden": 8, "per-task": 10, "stream": 20, "learners": "DFA,perceptron", "seeds": 1}


@pytest.mark.parametrize(("name", "rows"), [("depth", 1), ("continual", 2)])
def test_a_study_is_run_and_kept(tmp_path: Path, name: str, rows: int) -> None:
    pytest.importorskip("matplotlib")
    where = ("--dataset", "digits", "--cells", tmp_path / "cells", "--save", tmp_path / "x.json")
    options = (f"--{key}={value}" for key, value in (DEPTH if name == "depth" else CONTINUAL).items())
    said = invoke(name, *options, *where)
    assert said.exit_code == 0 and "Saved" in said.output
    found = load_table(tmp_path / "x.json")
    assert len(found.rows) == rows and found.command.startswith(f"spikesim {name} --dataset digits")
    assert found.data["cells"] and (tmp_path / "x.png").exists()
    assert {depth.SAVED.name, continual.SAVED.name} == {"depth.json", "continual.json"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("depth", "--depths", "one"), "--depths 'one': expected whole numbers"),
        (("depth", "--rules", "literal"), "known: remedied, paper"),
        (("depth", "--width", "0"), "width = 0"),
        (("continual", "--hidden", "a,b"), "--hidden 'a,b'"),
        (("continual", "--learners", "SGD"), "known: SW, DFA"),
        (("continual", "--stream", "0"), "stream = 0"),
    ],
)
def test_bad_settings_are_refused(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        invoke(*arguments)


@pytest.mark.parametrize("name", ["depth", "continual"])
def test_an_unknown_dataset_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="mnist"):
        invoke(name, "--dataset", "mnisst", "--cells", tmp_path)
