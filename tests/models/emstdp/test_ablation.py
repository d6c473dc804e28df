"""The ablation of EMSTDP: every change can be built, runs are kept and not repeated, the command."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from spikesim import datasets
from spikesim.errors import DeclarationError
from spikesim.files.measured_table import load_table
from spikesim.models.emstdp import ablation as module
from spikesim.models.emstdp import build
from spikesim.models.emstdp.ablation import BASE, CHANGES, Budget, ablation
from spikesim.tools.cli import app

SMALL = replace(BASE, sizes=(64, 12, 9, 10), T=16, eta=0.3)
BUDGET = Budget(samples=60, epochs=2)


def test_every_change_is_one_and_can_be_built() -> None:
    assert replace(BASE, **CHANGES["base"]) == BASE
    for name, changes in CHANGES.items():
        changed = replace(SMALL, **changes)
        assert name == "base" or changed != SMALL, name
        assert build(changed).plastic


def test_runs_are_kept_and_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, said = tmp_path / "ablation.json", []
    data = datasets.digits()

    def measure(*only: str, seeds: tuple[int, ...] = (1,), base: Any = SMALL) -> Any:
        return ablation(data, seeds, path, only=only, base=base, budget=BUDGET, say=said.append)

    first = measure("base")
    assert [row[0] for row in first.rows] == ["base"]
    both = measure("no gate", "base", seeds=(1, 2))
    assert [(row[0], row[-1]) for row in both.rows] == [("base", 2), ("no gate", 2)]
    assert both.data["base"]["runs"]["1"] == first.data["base"]["runs"]["1"]
    assert len(said) == 4
    assert load_table(path).rows == both.rows
    gap = both.rows[1][1] - both.rows[0][1]
    assert both.rows[1][3] == pytest.approx(gap, abs=0.011)
    assert all(0 < share < 100 for share in both.data["base"]["runs"]["2"]["activity"])

    monkeypatch.setitem(CHANGES, "no gate", {"gate": False, "bounded": True})
    assert measure("no gate").rows[-1][-1] == 1  # another change of the same name is measured again
    assert len(measure("base", base=replace(SMALL, T=12)).rows) == 1  # so is another base
    with pytest.raises(DeclarationError, match=r"unknown change 'no gates'.*no gate"):
        measure("no gates")


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def small(dataset: Any, seeds: Any, path: Path, **options: Any) -> Any:
        return ablation(dataset, seeds, path, base=SMALL, budget=BUDGET, **options)

    monkeypatch.setattr(module, "ablation", small)
    monkeypatch.setattr(datasets, "mnist", datasets.digits)
    done = CliRunner().invoke(
        app, ["ablation", "--only", "no gate", "--only", "base", "--results", str(tmp_path)]
    )
    assert done.exit_code == 0, done.output
    assert "no gate, seed 1" in done.output
    assert [row[0] for row in load_table(tmp_path / "ablation.json").rows] == ["base", "no gate"]
