"""Measured tables: written and read whole, shown in the READMEs, and never stale there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from spikesim.errors import DataError, SpikesimError
from spikesim.files.measured_table import Table, load_table, save_table
from spikesim.tools.dev import tables

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
    with pytest.raises(SpikesimError, match="is nan"):
        save_table(replace(TABLE, rows=(("a", float("nan")),)), tmp_path / "b.json")


def test_a_readme_is_filled_and_then_fresh(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_table(TABLE, tmp_path / "models" / "results" / "topic" / "a.json")
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- table:topic/a -->\n<!-- end -->\nafter\n", encoding="utf-8")
    assert tables.main(["--root", str(tmp_path), "--check"]) == 1
    assert "is stale" in capsys.readouterr().out
    assert tables.main(["--root", str(tmp_path)]) == 0
    assert "| c | – |" in readme.read_text("utf-8")
    assert tables.main(["--root", str(tmp_path), "--check"]) == 0
    with pytest.raises(DataError, match="has no <!-- end -->"):
        tables.filled("<!-- table:topic/a -->\n", tmp_path, "README.md")
    readme.write_text("<!-- table:topic/b -->\n<!-- end -->\n", encoding="utf-8")
    assert tables.main(["--root", str(tmp_path)]) == 2


def test_no_readme_here_is_stale(capsys: pytest.CaptureFixture[str]) -> None:
    assert tables.main(["--check"]) == 0, capsys.readouterr().out
