"""`spikesim reproduce`: valid results, resumed runs, and no mixing of different settings."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer

from spikesim.errors import CheckpointError, DataError, DeclarationError, SpikesimError
from spikesim.models.emstdp.presets import PRESETS, preset
from spikesim.tools.commands import train as train_command
from spikesim.tools.commands.reproduce import reproduce
from spikesim.tools.results_table import check_result, load_results, table_markdown
from spikesim.training import train
from spikesim.training.run import Run

NAME = "emstdp-digits"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A small preset under the name of a real one, in an empty folder, without figures."""
    change(monkeypatch, T=16)
    monkeypatch.setattr(train_command, "draw_run", lambda *_given: [])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def change(monkeypatch: pytest.MonkeyPatch, **model: Any) -> None:
    row = preset(NAME)
    monkeypatch.setitem(
        PRESETS,
        NAME,
        replace(row, samples=120, epochs=2, model=replace(row.model, sizes=(64, 12, 10), **model)),
    )


def go(seeds: str = "1,2", **more: Any) -> None:
    reproduce([NAME], seeds=seeds, runs=Path("runs"), results=Path("results"), **{"epochs": 1, **more})


def result() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("results", f"{NAME}.json").read_text("utf-8"))
    return found


def test_the_file_fits_the_schema_and_holds_what_the_runs_gave(small: Path) -> None:
    go()
    found = result()
    check_result(found, "emstdp-digits.json")
    assert [run["seed"] for run in found["runs"]] == [1, 2]
    assert found["command"] == "spikesim reproduce emstdp-digits --seeds 1,2 --epochs 1"
    assert found["config"] == json.loads(json.dumps(replace(preset(NAME), epochs=1).describe()))
    for entry in found["runs"]:
        run = Run.open(small / "runs" / f"{NAME}-{entry['seed']}")
        assert entry["weights_sha256"] == run.weights_sha256
        assert entry["test_accuracy"] == run.evaluate(preset(NAME).load()).accuracy
        assert [record["epoch"] for record in entry["metrics"]] == [1]
    table = table_markdown(load_results(small / "results"))
    assert "64-12-10" in table
    assert "| 1,2 | – | – |" in table  # two seeds, no figure of the paper


def test_a_second_time_changes_nothing_and_trains_nothing(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    go()
    before = {p: p.read_bytes() for p in small.rglob("*") if p.is_file() and p.name != ".lock"}

    def never(*_given: Any) -> None:
        raise AssertionError("a finished run was trained again")

    monkeypatch.setattr(train, "_learn", never)
    go()
    assert {p: p.read_bytes() for p in small.rglob("*") if p.is_file() and p.name != ".lock"} == before
    assert "emstdp-digits.json: test accuracy" in capsys.readouterr().out


def test_another_seed_joins_the_others(small: Path) -> None:
    go("2")
    first = result()["runs"][0]
    go("1")
    assert [run["seed"] for run in result()["runs"]] == [1, 2]
    assert result()["runs"][1] == first
    assert "--seeds 1,2" in result()["command"]


def test_the_full_number_of_epochs_needs_no_option(small: Path) -> None:
    go("1", epochs=None)
    assert result()["command"] == "spikesim reproduce emstdp-digits --seeds 1"
    assert result()["runs"][0]["epochs"] == 2


def test_interrupted_it_goes_on_and_gives_the_same(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go("1", epochs=2)
    whole = result()["runs"][0]["weights_sha256"]
    (small / "results" / f"{NAME}.json").unlink()
    (small / "runs").rename(small / "old")
    plain, left = train._learn, 3

    def learn(*given: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            signal.raise_signal(signal.SIGINT)
        plain(*given)

    with monkeypatch.context() as patch:
        patch.setattr(train, "CHUNK", 50)
        patch.setattr(train, "_learn", learn)
        with pytest.raises(typer.Exit) as end:
            go("1", epochs=2)
    assert end.value.exit_code == 130
    assert not (small / "results" / f"{NAME}.json").exists()
    go("1", epochs=2)
    assert result()["runs"][0]["weights_sha256"] == whole


def test_a_preset_that_has_changed_is_not_mixed_with_its_past(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go()
    before = (small / "results" / f"{NAME}.json").read_bytes()
    change(monkeypatch, T=18)
    with pytest.raises(
        DeclarationError, match=r"results/emstdp-digits\.json holds results whose settings differ"
    ):
        go()
    assert (small / "results" / f"{NAME}.json").read_bytes() == before
    (small / "results" / f"{NAME}.json").unlink()
    with pytest.raises(DeclarationError, match="runs/emstdp-digits-1 holds a run whose settings differ"):
        go()
    assert Run.open(small / "runs" / f"{NAME}-1").network.window.T == 16


def test_a_result_from_before_a_field_was_added_stays_valid(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fields that its configuration lacks have their defaults."""
    go()
    path = small / "results" / f"{NAME}.json"
    stored = json.loads(path.read_text())
    del stored["config"]["model"]["bias"], stored["config"]["model"]["conv"]
    path.write_text(json.dumps(stored))
    go("2")
    assert [run["seed"] for run in result()["runs"]] == [1, 2]
    change(monkeypatch, bias=True)
    with pytest.raises(DeclarationError, match="settings differ"):
        go()


def test_a_damaged_result_is_named_before_any_training(small: Path) -> None:
    (small / "results").mkdir()
    path = small / "results" / f"{NAME}.json"
    for contents, error, words in (
        (b"{", CheckpointError, "is not JSON"),
        (b"[]", CheckpointError, "not a dictionary"),
        (b"{}", DataError, r"emstdp-digits\.json lacks preset"),
    ):
        path.write_bytes(contents)
        with pytest.raises(error, match=words):
            go()
    assert not (small / "runs").exists()


def test_results_that_cannot_be_kept_are_refused(small: Path) -> None:
    (small / "results").write_text("a file")
    with pytest.raises(SpikesimError, match="results"):
        go("1")


@pytest.mark.parametrize("seeds", ["", "1,", "one", "1;2", "1.5"])
def test_seeds_that_are_no_numbers_are_refused(small: Path, seeds: str) -> None:
    with pytest.raises(DeclarationError, match="whole numbers separated by commas, for example 1,2,3"):
        go(seeds)
    assert list(small.iterdir()) == []


def test_an_unknown_preset_is_refused_before_the_known_ones_are_trained(small: Path) -> None:
    with pytest.raises(DeclarationError, match="unknown preset 'emstdp-digit'"):
        reproduce([NAME, "emstdp-digit"], runs=Path("runs"), results=Path("results"))
    assert list(small.iterdir()) == []
