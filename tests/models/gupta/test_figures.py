"""Figures of Gupta's rule: a form has the same style in each, and errors are finite on a logarithmic axis."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spikesim.files.measured_table import Table, save_table
from spikesim.models.gupta import figures
from spikesim.models.gupta.figures import FORMS, draw_figures

matplotlib = pytest.importorskip("matplotlib", reason="needs the extra plot (matplotlib)")


def test_a_form_looks_the_same_in_every_figure_and_no_two_alike() -> None:
    looks = [figures._look(name) for name in FORMS]
    assert len({color for color, _ in looks}) == len(FORMS)
    assert figures._look("unheard of") == figures._look("another"), "what is unknown has one look, too"
    assert figures._in_order({"unheard of": 0, "backprop": 0, "literal": 0}) == [
        "literal",
        "backprop",
        "unheard of",
    ]


def test_an_accuracy_of_100_has_a_place_on_the_axis() -> None:
    np.testing.assert_allclose(figures._error([50.0, 99.9, 100.0]), [50.0, 0.1, 0.02])


def test_figures_are_drawn_of_the_tables_that_are_there(tmp_path: Path) -> None:
    run = {"epoch": [1, 2], "train": [90.0, 95.0], "test": [80.0, 100.0]}
    data = {"0v1": {"literal": [run, run], "backprop": [run]}}
    save_table(Table("t", ("Pair",), (("0v1",),), "c", data=data), tmp_path / "pairs.json")
    made = draw_figures(tmp_path)
    assert [path.name for path in made] == ["fig4-stdp.png", "fig2-mnist.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in made)
