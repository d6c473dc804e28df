"""Results files fit the schema, and the README's table matches them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import checkout
import pytest

from spikesim.errors import DataError
from spikesim.tools import results_table
from spikesim.tools.results_table import (
    check_result,
    duration,
    is_stale,
    load_results,
    readme_part,
    table_markdown,
    update_readme,
)

pytestmark = pytest.mark.core

ROOT = checkout.ROOT
RESULTS = ROOT / "models" / "results"
README = "# spikesim\n\n<!-- results:begin -->\nold\n<!-- results:end -->\n\nMore – text.\n"


def one_run(seed: int, test_accuracy: float, seconds: float = 250.0) -> dict[str, Any]:
    return {
        "seed": seed,
        "test_accuracy": test_accuracy,
        "train_accuracy": 0.99,
        "seconds": seconds,
        "epochs": 14,
        "metrics": [{"epoch": 1, "train_accuracy": 0.9}],
        "weights_sha256": "0123456789abcdef" * 4,
        "provenance": {"python": "3.10"},
    }


def a_result(**changes: Any) -> dict[str, Any]:
    return {
        "preset": "emstdp-mnist-500",
        "title": "MNIST, one hidden layer",
        "dataset": "MNIST",
        "network": "784-500-10",
        "rule": "SW",
        "variant": "amended",
        "paper": 0.97,
        "config": {"T": 100},
        "runs": [one_run(1, 0.975), one_run(2, 0.977), one_run(3, 0.976)],
        "command": "spikesim train emstdp-mnist-500",
        "notes": "",
        **changes,
    }


@pytest.fixture
def place(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "a.json").write_text(json.dumps(a_result()))
    (tmp_path / "README.md").write_text(README, encoding="utf-8")
    return tmp_path / "README.md", tmp_path / "results"


# the project's own


def test_every_result_of_the_project_fits_the_schema() -> None:
    assert load_results(RESULTS), "models/results holds no result"


def test_the_tables_of_the_page_are_not_stale() -> None:
    assert not is_stale(ROOT / results_table.PAGE, RESULTS), "run: python -m spikesim.tools.results_table"


# the table


def test_a_row_has_mean_spread_paper_and_difference() -> None:
    row = table_markdown([a_result()]).splitlines()[2]
    # mean of 97.5, 97.7, 97.6 is 97.6; the deviations are -.1, .1, 0, so s = sqrt(.02 / 2) = .1
    accuracy = "**97.60** ± 0.10 (97.50–97.70)"
    what = "MNIST, one hidden layer | 784-500-10 | amended"
    assert row == f"| {what} | {accuracy} | 1,2,3 | 97.0 | +0.60 | 4 min 10 s | `emstdp-mnist-500` |"


def test_one_seed_has_no_spread_and_a_missing_number_no_difference() -> None:
    row = table_markdown([a_result(runs=[one_run(1, 0.5)], paper=None)]).splitlines()[2]
    assert row.endswith("| **50.00** | 1 | – | – | 4 min 10 s | `emstdp-mnist-500` |")


def test_notes_stand_below_the_table_each_once() -> None:
    told = [a_result(notes="T halved.\nSee table 2."), a_result(title="Two | three", preset="other")]
    told += [
        a_result(preset="third", notes="T halved. See table 2."),
        a_result(notes="MNIST, one hidden layer"),
    ]
    table = table_markdown(told)
    assert table.endswith("\n- `emstdp-mnist-500`, `third`: T halved. See table 2.")
    rows = [line for line in table.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {10}


def test_without_results_the_table_says_so() -> None:
    assert table_markdown([]) == "No results yet."


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 00 min"),
        (7499, "2 h 05 min"),
    ],
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text


# the README


def test_the_readme_is_stale_until_it_is_updated(place: tuple[Path, Path]) -> None:
    readme, results = place
    assert is_stale(readme, results)
    assert update_readme(readme, results)
    assert not is_stale(readme, results)
    assert not update_readme(readme, results)
    text = readme.read_text(encoding="utf-8")
    assert text.replace(readme_part(results), "old") == README
    assert table_markdown([a_result()]) in text
    (results / "a.json").write_text(json.dumps(a_result(paper=0.96)))
    assert is_stale(readme, results)


@pytest.mark.parametrize(
    "text", ["", "<!-- results:begin -->", README + README, "<!-- results:end --><!-- results:begin -->"]
)
def test_a_readme_without_both_marks_once_is_refused(place: tuple[Path, Path], text: str) -> None:
    place[0].write_text(text)
    with pytest.raises(DataError, match="needs one <!-- results:begin -->"):
        update_readme(*place)
    assert place[0].read_text() == text


def test_the_command_writes_checks_and_reports(
    place: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--readme", str(place[0]), "--results", str(place[1])]
    assert results_table.main(["--check", *options]) == 1
    assert "is stale. Run: python -m spikesim.tools.results_table" in capsys.readouterr().out
    assert place[0].read_text(encoding="utf-8") == README
    assert results_table.main(options) == 0
    assert "is now up to date" in capsys.readouterr().out
    assert results_table.main(["--check", *options]) == 0
    place[0].unlink()
    assert results_table.main(["--check", *options]) == 2
    assert "cannot be read" in capsys.readouterr().err


# the schema


def change(path: list[Any], value: Any) -> Callable[[dict[str, Any]], None]:
    def apply(result: dict[str, Any]) -> None:
        target: Any = result
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = value

    return apply


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            change(["paper"], 97.3),
            r"paper is 97\.3; expected null or a fraction from 0 to 1 \(97\.3 % is 0\.973\)",
        ),
        (change(["paper"], True), "paper is True"),
        (change(["variant"], "other"), "variant is 'other'; expected amended or literal or baseline"),
        (change(["title"], " "), "title is ' '; expected a non-empty string"),
        (change(["config"], {}), "config is {}"),
        (change(["runs"], []), "at least one run"),
        (change(["runs", 1], 3), r"runs\[1\] is a int; expected a dictionary"),
        (change(["runs", 1, "test_accuracy"], 97.0), r"runs\[1\]: test_accuracy is 97\.0"),
        (change(["runs", 1, "train_accuracy"], float("nan")), "train_accuracy is nan"),
        (change(["runs", 1, "seed"], 1.5), r"seed is 1\.5"),
        (change(["runs", 1, "seed"], 1), "each may occur only once"),
        (change(["runs", 0, "epochs"], -1), "epochs is -1"),
        (change(["runs", 0, "weights_sha256"], "ABC"), "64 lower-case hex digits"),
        (change(["runs", 0, "metrics"], [3]), "a list of dictionaries"),
        (change(["extra"], 1), "has unknown keys: extra"),
        (lambda result: result.pop("command"), "lacks command"),
        (lambda result: result["runs"][2].pop("seconds"), r"runs\[2\] lacks seconds"),
    ],
)
def test_a_result_that_does_not_fit_names_file_key_and_value(
    spoil: Callable[[dict[str, Any]], Any], words: str
) -> None:
    result = a_result()
    check_result(copy.deepcopy(result), "a.json")
    spoil(result)
    with pytest.raises(DataError, match=rf"^a\.json.*{words}"):
        check_result(result, "a.json")


def test_a_file_that_is_not_json_is_named(place: tuple[Path, Path]) -> None:
    (place[1] / "b.json").write_text("{")
    with pytest.raises(DataError, match=r"b\.json cannot be read as JSON"):
        load_results(place[1])


def test_a_preset_in_two_files_is_refused(place: tuple[Path, Path]) -> None:
    (place[1] / "b.json").write_text(json.dumps(a_result()))
    with pytest.raises(DataError, match=r"emstdp-mnist-500 \(amended\) is in more than one file"):
        load_results(place[1])


def test_the_order_does_not_depend_on_file_names(place: tuple[Path, Path]) -> None:
    (place[1] / "0.json").write_text(json.dumps(a_result(variant="literal")))
    (place[1] / "z.json").write_text(json.dumps(a_result(dataset="Auslan", preset="p")))
    found = [(r["dataset"], r["variant"]) for r in load_results(place[1])]
    assert found == [("Auslan", "amended"), ("MNIST", "amended"), ("MNIST", "literal")]
