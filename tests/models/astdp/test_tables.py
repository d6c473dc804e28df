"""Tables and commands of aSTDP: rows from data, a command that writes its table, refused arguments."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from spikesim.datasets import digits
from spikesim.errors import DeclarationError
from spikesim.files.measured_table import load_table, save_table
from spikesim.hopfield.astdp.config import DivergenceWarning
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
