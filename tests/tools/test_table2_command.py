"""`spikesim reproduce emstdp-table2`: what is missing is run and stored, bad input is refused before that."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spikesim.errors import CheckpointError, DataError, DeclarationError, SpikesimError
from spikesim.models.emstdp import baselines
from spikesim.models.emstdp.baselines import BASELINES
from spikesim.models.emstdp.presets import PRESETS
from spikesim.models.emstdp.rate import RateModel
from spikesim.tools import jobs
from spikesim.tools.commands import train as train_command
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.reproduce import reproduce, seeds_of
from spikesim.tools.commands.table2 import reproduce_table_2
from spikesim.tools.epoch_curve import epoch_curve
from spikesim.training.run import Run

SW, BP = "emstdp-mnist-500-500", "bp-mnist-500-500"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Small experiments on the 8x8 digits under the names of a row, in an empty folder, without figures."""
    model = replace(PRESETS["emstdp-digits"].model, sizes=(64, 12, 12, 10), T=16)
    row = replace(PRESETS[SW], dataset="digits", model=model, samples=120, epochs=2)
    monkeypatch.setitem(PRESETS, SW, row)
    bp = replace(BASELINES[BP], dataset="digits", model=RateModel((64, 12, 10), "bp", eta=0.1), epochs=2)
    monkeypatch.setitem(BASELINES, BP, bp)
    monkeypatch.setattr(train_command, "draw_run", lambda *_given: [])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def go(seeds: str = "2", **more: Any) -> None:
    options = {"rows": "mnist-500-500", "rules": "bp,sw", **more}
    reproduce(["emstdp-table2"], seeds=seeds, runs=Path("runs"), results=Path("results"), **options)


def result(path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("results", path).read_text("utf-8"))
    return found


def test_missing_runs_are_made_and_shown(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    go("1", show=True)
    said = capsys.readouterr().out
    assert f"Missing: {BP} (seed 1), {SW} (seed 1)" in " ".join(said.split())
    assert list(small.iterdir()) == []
    go("2")
    said = capsys.readouterr().out
    assert "Nothing is missing for seeds 1, 2." in said
    spikes, rates = result(f"{SW}.json"), result(f"emstdp/{BP}.json")
    assert [run["seed"] for run in spikes["runs"]] == [run["seed"] for run in rates["runs"]] == [1, 2]
    assert (rates["variant"], rates["rule"]) == ("baseline", "BP-MLP")
    assert rates["command"] == "spikesim reproduce emstdp-table2 --rows mnist-500-500 --rules bp --seeds 1,2"
    assert spikes["command"] == f"spikesim reproduce {SW} --seeds 1,2"
    for found in (spikes, rates):  # for the curves of fig. 6
        for run in found["runs"]:
            assert [record["epoch"] for record in run["metrics"]] == [1, 2]
            assert run["metrics"][-1]["test_accuracy"] == run["test_accuracy"]


def test_a_row_of_splits_lists_each(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reproduce_table_2(("auslan",), ("bp",), [1, 2], Path("runs"), Path("results"), Display(), show=True)
    said = " ".join(capsys.readouterr().out.split())
    assert "Missing: bp-auslan (seed 1), bp-auslan (seed 2), bp-auslan-split2 (seed 1)," in said


def test_what_is_stored_is_not_run_again(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go("1")
    before = {path: path.read_bytes() for path in Path("results").rglob("*.json")}
    monkeypatch.setattr(jobs, "_run", lambda *_given: pytest.fail("a stored run was made again"))
    go("1")
    assert {path: path.read_bytes() for path in Path("results").rglob("*.json")} == before


def test_the_curve_is_that_of_the_checkpoints(small: Path) -> None:
    go("1", rules="sw")
    folder = small / "runs" / f"{SW}-1"
    curve = epoch_curve(folder)
    assert sorted(curve) == [1, 2]
    assert curve[2] == Run.open(folder).evaluate(PRESETS[SW].load()).accuracy
    (folder / "test_curve.json").write_text("{")
    with pytest.raises(CheckpointError, match="Remove it; the curve then begins anew"):
        epoch_curve(folder)


@pytest.mark.slow  # two processes that import everything
def test_of_two_processes_one_fails_and_the_other_gives_the_same(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go("1", rules="sw")
    alone = result(f"{SW}.json")["runs"][0]
    Path("results", f"{SW}.json").unlink()
    Path("runs").rename("old")
    monkeypatch.setitem(BASELINES, BP, replace(BASELINES[BP], model=RateModel((60, 12, 10), "bp")))
    with pytest.raises(SpikesimError, match=rf"1 of 2 runs failed; {BP}, seed 1: the data has 64 inputs"):
        go("1", workers=2)
    assert result(f"{SW}.json")["runs"][0]["weights_sha256"] == alone["weights_sha256"]
    assert not Path("results", "emstdp").exists()


def test_a_damaged_result_is_named_before_any_training(small: Path) -> None:
    for file, contents, error, words in (
        (f"{SW}.json", b"{", CheckpointError, "is not JSON"),
        (f"emstdp/{BP}.json", b"{}", DataError, rf"{BP}\.json lacks preset"),
    ):
        path = Path("results", file)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(contents)
        with pytest.raises(error, match=words):
            go()
        with pytest.raises(error, match=words):
            go(show=True)
        path.unlink()
    assert not Path("runs").exists()


def test_a_baseline_that_has_changed_is_not_mixed_with_its_past(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go("1", rules="bp")
    monkeypatch.setitem(BASELINES, BP, replace(BASELINES[BP], epochs=3))
    with pytest.raises(DeclarationError, match=rf"settings differ from the present baseline {BP}"):
        go("1", rules="bp")
    assert baselines.baseline(BP).epochs == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rows": "mnist-50"}, r"unknown row 'mnist-50'\. Did you mean 'mnist-500'"),
        ({"rows": ""}, "unknown row ''"),
        ({"rules": "sv"}, r"unknown rule 'sv'\. Did you mean 'sw'"),
        ({"epochs": 3}, "has the epochs of its presets"),
        ({"seeds": "0"}, "no seed"),
        ({"seeds": "1,1"}, "a seed is given twice"),
        ({"seeds": "3-1"}, "no seed"),
        ({"seeds": "some"}, "expected whole numbers separated by commas"),
    ],
)
def test_bad_input_is_refused(small: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(DeclarationError, match=words):
        go(**options)
    assert list(small.iterdir()) == []


def test_its_options_are_its_own(small: Path) -> None:
    with pytest.raises(DeclarationError, match="give it alone"):
        reproduce(["emstdp-table2", "emstdp-digits"])
    with pytest.raises(DeclarationError, match="options of emstdp-table2, not of presets"):
        reproduce(["emstdp-digits"], rows="auslan")
    with pytest.raises(
        DeclarationError, match=r"unknown preset 'emstdp-table3'\. Did you mean 'emstdp-table2'"
    ):
        reproduce(["emstdp-table3"])


def test_seeds_are_lists_ranges_and_numbers() -> None:
    assert seeds_of("3") == [3]
    assert seeds_of("3", count=True) == [1, 2, 3]
    assert seeds_of("4,2", count=True) == [4, 2]
    assert seeds_of("2-4") == seeds_of("2-4", count=True) == [2, 3, 4]
