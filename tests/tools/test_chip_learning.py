"""`spikesim chip-learning`: its tables are measured and saved."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from spikesim.errors import DeclarationError
from spikesim.files.measured_table import load_table
from spikesim.tools.cli import app
from spikesim.tools.commands import chip_learning
from spikesim.tools.commands.measured import names, whole_numbers

RUNNER = CliRunner()


@pytest.mark.slow
def test_comparison_is_saved_and_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("lava.magma", reason="needs the extra lava, on Python 3.10")
    monkeypatch.setattr(chip_learning, "COMPARED", (((8, 10, 3), ("fa",), 4),))
    places = ["--results", str(tmp_path), "--cells", str(tmp_path / "cells")]
    found = RUNNER.invoke(app, ["chip-learning", "compare", "--arithmetics", "float", *places])
    assert found.exit_code == 0, found.output
    table = load_table(tmp_path / "chip_learning.json")
    (row,) = table.rows
    cells: dict[str, Any] = dict(zip(table.columns, row, strict=True))
    assert cells["weights that differ"] == cells["counts that differ"] == 0
    more = ["--arithmetics", "float", "--constructions", "host,device", *places]
    beside = RUNNER.invoke(app, ["chip-learning", "compare", *more])
    assert beside.exit_code == 0, beside.output
    table = load_table(tmp_path / "chip_constructions.json")
    host, device = (dict(zip(table.columns, row, strict=True)) for row in table.rows)
    assert (host["construction"], device["construction"]) == ("host", "device")
    assert device["weights that differ"] == device["counts that differ"] == 0
    assert device["changed by learning"] == host["changed by learning"] > 0
    assert float(device["trials a second"]) > 0
    assert cells["weights"] == 110
    assert cells["changed by learning"] > 20
    monkeypatch.setattr(chip_learning, "compare_learning", None)  # a cell is there
    again = RUNNER.invoke(app, ["chip-learning", "compare", "--arithmetics", "float", *places])
    assert again.exit_code == 0, again.output


def test_cost_is_modelled_beside_the_published_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rs = np.random.default_rng(0)
    few = SimpleNamespace(
        x=rs.random((5, 784)).astype(np.float32) * 0.2, y=rs.integers(0, 10, 5), index=np.arange(5)
    )
    images = SimpleNamespace(fit=SimpleNamespace(take=lambda n: few))
    monkeypatch.setattr(chip_learning.datasets, "mnist", lambda: images)
    found = RUNNER.invoke(app, ["chip-learning", "cost", "--results", str(tmp_path)])
    assert found.exit_code == 0, found.output
    table = load_table(tmp_path / "chip_cost.json")
    published = [tuple(row[-2:]) for row in table.rows[-3:]]
    assert published == [(8400.0, 20.0), (590.0, 1.5), (50.0, 0.33)]
    assert all(row[-2] > 0 and row[-1] > 0 for row in table.rows)
    assert [row[0] for row in table.rows[:2]] == ["784-100-10"] * 2
    assert "Modelled" in table.notes


@pytest.mark.parametrize(
    ("option", "value", "known"),
    [("--constructions", "cloud", "device"), ("--inputs", "light", "bias"), ("--arithmetics", "x", "float")],
)
def test_unknown_names_are_refused(option: str, value: str, known: str) -> None:
    found = RUNNER.invoke(app, ["chip-learning", "compare", option, value])
    assert isinstance(found.exception, DeclarationError)
    assert option in str(found.exception)
    assert known in str(found.exception)


def test_lists_of_an_option() -> None:
    assert names("--inputs", "bias, spikes", ("spikes", "bias")) == ("bias", "spikes")
    assert whole_numbers("--seeds", "1,2") == (1, 2)
    with pytest.raises(DeclarationError, match="--seeds '1;2': expected whole numbers"):
        whole_numbers("--seeds", "1;2")


def test_what_saturates_by_layer() -> None:
    seen = {"trace_x": 1, "trace_y": 2, "membrane": 3, "current": 4}
    whole = {
        "saturated": {"hid1": seen, "out": seen},
        "changes": {name: {"changes": 200, "cut": 20, "rounded_away": 50} for name in ("hid1", "out")},
        "at_limits": {"hid1": 8, "out": 3},
    }
    older = {"saturated": {"hid1": seen}, "changes": None, "at_limits": None}
    table = chip_learning.saturation({"1": whole, "2": older}, (8, 10, 3), "spikesim chip-learning accuracy")
    assert table.rows[0] == (1, "hid1", 10.0, 10.0, 25.0, 1, 2, 3, 4)
    assert table.rows[1][:3] == (1, "out", 10.0)
    assert table.rows[2] == (2, "hid1", None, None, None, 1, 2, 3, 4)


@pytest.mark.parametrize("inputs", ["spikes", "bias"])
def test_accuracy_and_what_saturates_are_saved(
    inputs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rs = np.random.default_rng(0)
    few = SimpleNamespace(
        x=rs.random((30, 784)).astype(np.float32), y=rs.integers(0, 10, 30), index=np.arange(30)
    )
    monkeypatch.setattr(chip_learning.datasets, "mnist", lambda: SimpleNamespace(train=few, test=few))
    command = [
        "chip-learning",
        "accuracy",
        "--hidden",
        "100",
        "--feedback",
        "fa",
        "--epochs",
        "1",
        "--seeds",
        "1",
    ]
    places = ["--results", str(tmp_path), "--cells", str(tmp_path / "cells")]
    found = RUNNER.invoke(app, [*command, "--inputs", inputs, *places])
    assert found.exit_code == 0, found.output
    name = "100_fa_stochastic" + ("_bias" if inputs == "bias" else "")
    accuracy = load_table(tmp_path / f"chip_mnist_{name}.json")
    assert accuracy.command.endswith("--inputs bias") == (inputs == "bias")
    lost = load_table(tmp_path / f"chip_saturation_{name}.json")
    assert [row[1] for row in lost.rows] == ["hid1", "out"]
    assert all(0 <= row[3] <= 100 and 0 <= row[4] <= 100 for row in lost.rows)
    assert lost.rows[0][4] > 0
