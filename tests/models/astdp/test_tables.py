"""Tables and commands of aSTDP: rows from data, a command that writes its table, refused arguments."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from spikesim.datasets import digits
from spikesim.errors import DeclarationError
from spikesim.files.measured_table import load_table, save_table
from spikesim.hopfield.astdp.config import Astdp, DivergenceWarning
from spikesim.models.astdp import ablation, classification
from spikesim.models.astdp.measure import measure, steps_to_stable
from spikesim.models.astdp.presets import DIGITS
from spikesim.tools.commands.astdp import app

# These take minutes without compilation, so that they are not among the tests of the core.


def test_table_1_shows_the_rows_that_were_measured(tmp_path: Path) -> None:
    data = {
        "supervised-amended": {
            "seeds": [1, 2],
            "test": [97.0, 98.0],
            "seconds": [60.0, 120.0],
            "presentations": 100,
        },
        "backprop, MSE": {"seeds": [1], "test": [98.5], "presentations": 300},
    }
    table = classification.table_1(data)
    assert table.rows == (
        ("supervised", "amended", "97.50 ± 0.71", 92.0, 2, 100, 1.5),
        ("backprop, MSE", None, "98.50", 93.0, 1, 300, None),
    )
    save_table(table, tmp_path / "table1.json")
    assert classification.earlier(tmp_path / "table1.json").keys() == data.keys()
    assert classification.earlier(tmp_path / "none.json") == {}


def test_the_control_stands_below_self_supervised_learning_and_has_no_figure_of_the_paper() -> None:
    data = {
        name: {"seeds": [1], "test": [90.0], "presentations": 9}
        for name in (classification.CONTROL, "self-supervised", "supervised-literal-dz-after-the-step")
    }
    rows = classification.table_1(data).rows
    assert [row[:2] for row in rows] == [
        ("supervised", "literal, dz after the step"),
        ("self-supervised", None),
        ("self-supervised, control", None),
    ]
    assert rows[1][3] == 92.0 and rows[2][3] is None
    assert classification.STAGES[classification.CONTROL][0] == 0
    assert classification.STAGES[classification.CONTROL][1] == classification.STAGES["self-supervised"][1]


def test_runs_of_other_seeds_are_kept_if_the_row_is_the_same() -> None:
    config = {"sizes": (4, 2), "dz": "after"}
    found = {"seeds": [2], "test": [95.0], "seconds": [3.0], "presentations": 9, "config": config}
    before = {"seeds": [3, 1, 2], "test": [1.0, 2.0, 3.0], "seconds": [7.0, 8.0, 9.0], "presentations": 9}
    before["config"] = {"sizes": [4, 2]}  # as JSON has it, from before the field dz
    both = classification.joined(before, found)
    assert (both["seeds"], both["test"], both["seconds"]) == ([1, 2, 3], [2.0, 95.0, 1.0], [8.0, 3.0, 7.0])
    assert classification.joined(before | {"presentations": 8}, found) == found
    assert classification.joined(before | {"config": {"sizes": [4, 3]}}, found) == found
    assert classification.joined(None, found) == found


def test_a_row_of_table_1_is_measured_by_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each name reaches its own function, and the folder of the checkpoints is passed on."""
    seen: list[tuple[str, object]] = []
    change = monkeypatch.setattr
    change(classification, "classify", lambda row, _d, s, _runs, _say: seen.append((row.name, s)))
    change(classification, "completed", lambda _d, _s, totals, runs, _say: seen.append((runs, totals)))
    change(classification, "backprop", lambda _d, loss, s, _n, _say: seen.append((loss, s)))
    for name in classification.NAMES:
        classification.measured(name, digits(), 5, tmp_path, print)
    rows = [(row.name, [5]) for row in classification.ROWS]
    stages = [(tmp_path, totals) for totals in classification.STAGES.values()]
    assert seen == [*rows, *stages, ("mse", [5]), ("cross entropy", [5])]
    with pytest.raises(DeclarationError, match="Did you mean 'supervised-amended'"):
        classification.measured("supervised-amendet", digits(), 1, None, print)


def test_the_order_of_the_listing_is_measured_on_validation_images(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, int, dict[str, str]]] = []

    def measure(config: Astdp, _data: object, total: int, seed: int, **splits: str) -> SimpleNamespace:
        seen.append((config.dz, total, splits))
        return SimpleNamespace(test=60.0 + seed if config.dz == "after" else 40.0 - seed)

    monkeypatch.setattr(ablation, "measure", measure)
    rows = ablation.listing(digits(), (1, 2), lambda _: None).rows
    assert rows == (
        ("before the step, as listed", 38.5, 38.0, 39.0, 2),
        ("after the step", 61.5, 61.0, 62.0, 2),
    )
    assert {total for _, total, _ in seen} == {ablation.LISTED_PRESENTATIONS}
    assert all(splits == {"fit": "fit", "judge": "validation"} for *_, splits in seen)
    assert [dz for dz, *_ in seen] == ["before", "before", "after", "after"]


def test_table_2_has_the_paper_beside_it() -> None:
    table = classification.table_2({"2": {"seeds": [1], "test": [95.0], "steps": [30.0], "presentations": 9}})
    assert table.rows == (("784-512-512-10", "95.00", 95.0, 30.0, 95, 9, 1),)


def test_the_window_command_keeps_its_table(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["window", "--results", str(tmp_path)])
    assert done.exit_code == 0
    rows = load_table(tmp_path / "window.json").rows
    assert {row[4] for row in rows if row[0] == "amended"} == {"+ / -"}
    assert {row[4] for row in rows if row[0] == "literal"} == {"no"}


def test_the_train_command_trains_and_goes_on(tmp_path: Path) -> None:
    arguments = ["train", "digits", "--presentations", "320", "--out", str(tmp_path / "run.h5")]
    first = CliRunner().invoke(app, arguments)
    again = CliRunner().invoke(app, arguments)
    assert first.exit_code == again.exit_code == 0
    assert first.output.splitlines()[-1].startswith("test accuracy")
    assert first.output.splitlines()[-1] == again.output.splitlines()[-1]


@pytest.mark.parametrize("arguments", [["train", "supervized"], ["train", "digits", "--data", "mnits"]])
def test_an_unknown_name_is_refused(arguments: list[str]) -> None:
    done = CliRunner().invoke(app, arguments)
    assert isinstance(done.exception, DeclarationError)
    assert "Did you mean" in str(done.exception)


def test_steps_to_stability_end_at_the_limit_where_nothing_settles() -> None:
    data = digits()
    found = measure(DIGITS, data, 320)
    few = steps_to_stable(found.net, data.test.x[:20], limit=2)
    np.testing.assert_array_equal(few, np.full(10, 2))
    settled = steps_to_stable(found.net, data.test.x[:20])
    assert (settled > 2).all() and (settled < 200).all()


def test_every_ablation_is_one_change_and_can_be() -> None:
    """Each variant except the first is a valid configuration that differs from its base."""
    bases = (
        (ablation.SMALL_LITERAL, ablation.LITERAL_CHANGES),
        (ablation.SMALL_AMENDED, ablation.AMENDED_CHANGES),
    )
    for base, changes in bases:
        names = list(changes)
        assert replace(base, **changes[names[0]]) == base
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DivergenceWarning)
            assert all(replace(base, **changes[name]) != base for name in names[1:])
