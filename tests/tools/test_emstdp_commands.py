"""`spikesim emstdp`: figure 6 from stored results, accuracy against T, and refused options."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from spikesim.errors import CheckpointError, DataError, DeclarationError
from spikesim.files.measured_table import load_table
from spikesim.models.emstdp import windows as windows_module
from spikesim.models.emstdp.presets import PRESETS
from spikesim.tools.commands.emstdp import figure6, windows

NAME = "emstdp-digits"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    row = PRESETS[NAME]
    model = replace(row.model, sizes=(64, 20, 10), average=0)
    monkeypatch.setitem(PRESETS, NAME, replace(row, model=model))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def go(trained: str = "16,32", tested: str = "8,16", samples: int = 100, name: str = NAME) -> None:
    windows(name, trained, tested, samples=samples, epochs=1, seeds=1, results=Path("results"))


def test_accuracy_against_T_is_stored_and_goes_on(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go("16")
    path = small / "results" / "emstdp" / "windows.json"
    first = load_table(path)
    assert set(first.data) == {"16, 1"}
    go()
    found = load_table(path)
    assert set(found.data) == {"16, 1", "32, 1"}
    assert found.data["16, 1"] == first.data["16, 1"]
    assert found.config["split"] == "fit"
    assert path.with_suffix(".png").exists()
    monkeypatch.setattr(windows_module, "train", lambda *_given: pytest.fail("measured again"))
    go()
    with pytest.raises(DeclarationError, match="holds accuracies of other settings"):
        go(samples=120)
    path.write_text("{")
    with pytest.raises(CheckpointError, match="is not JSON"):
        go()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"trained": "16,33"}, r"--trained '16,33': '33'; even numbers >= 2"),
        ({"trained": ""}, "even numbers"),
        ({"tested": "8,x"}, "'x'; whole numbers >= 2"),
        ({"tested": "0"}, "'0'; whole numbers >= 2"),
        ({"name": "emstdp-digit"}, r"unknown preset 'emstdp-digit'\. Did you mean 'emstdp-digits'"),
    ],
)
def test_bad_input_is_refused(small: Path, options: dict[str, str], words: str) -> None:
    with pytest.raises(DeclarationError, match=words):
        go(**options)  # type: ignore[arg-type]
    assert list(small.iterdir()) == []


def test_figure_6_without_results_says_what_to_run(small: Path) -> None:
    with pytest.raises(DataError, match="spikesim reproduce emstdp-table2 --rows mnist-500-500"):
        figure6(results=small, out=None)
