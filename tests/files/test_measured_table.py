"""Measured tables: written and read whole, and shown as Markdown."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from spikesim.errors import CheckpointError, DataError, SpikesimError
from spikesim.files.measured_table import Table, load_table, save_table

pytestmark = pytest.mark.core
TABLE = Table(
    "A title", ("what", "figure"), (("a|b", 1.23456), ("c", None)), "spikesim x", "Why.", {"seed": 1}
)


def test_a_table_comes_back(tmp_path: Path) -> None:
    save_table(TABLE, tmp_path / "new" / "a.json")
    again = load_table(tmp_path / "new" / "a.json")
    assert replace(again, provenance={}) == replace(TABLE, provenance={})
    assert again.provenance["spikesim"] == TABLE.provenance["spikesim"]
    lines = TABLE.markdown().splitlines()
    assert lines[0] == "**A title**"
    assert lines[2:6] == ["| what | figure |", "| --- | ---: |", "| a\\|b | 1.235 |", "| c | – |"]
    assert lines[-1] == "`spikesim x`. Why."


def test_a_table_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="row 0 has 1 cells for 2 columns"):
        Table("t", ("a", "b"), ((1,),), "c")
    with pytest.raises(DataError, match="no columns"):
        Table("t", (), (), "c")
    (tmp_path / "a.json").write_text('{"title": "x"}')
    with pytest.raises(DataError, match="a table has"):
        load_table(tmp_path / "a.json")
    with pytest.raises(CheckpointError, match=r"none\.json"):
        load_table(tmp_path / "none.json")
    with pytest.raises(SpikesimError, match="is nan"):
        save_table(replace(TABLE, rows=(("a", float("nan")),)), tmp_path / "b.json")
    assert not (tmp_path / "b.json").exists()


def test_a_table_with_other_kinds_of_values_is_refused(tmp_path: Path) -> None:
    save_table(Table("t", ("a",), ((1,),), "c", provenance={}), tmp_path / "t.json")
    sound = json.loads((tmp_path / "t.json").read_bytes())
    for changed, words in (
        ({"title": 5}, "title = 5; a text is needed"),
        ({"command": None}, "command = null; a text"),
        ({"rows": "x"}, "a list is needed"),
        ({"columns": [5]}, "columns has 5; texts are needed"),
        ({"rows": [5]}, "rows has 5; lists of cells"),
        ({"rows": [[{}]]}, "a cell is {}"),
        ({"config": []}, "a dictionary is needed"),
    ):
        (tmp_path / "t.json").write_text(json.dumps(sound | changed))
        with pytest.raises(DataError, match=words):
            load_table(tmp_path / "t.json")
