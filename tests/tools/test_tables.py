"""Measured tables in the READMEs: filled by a command, and never stale."""

from __future__ import annotations

from pathlib import Path

import pytest

from spikesim.errors import DataError
from spikesim.files.measured_table import Table, save_table
from spikesim.tools.dev import tables

TABLE = Table(
    "A title", ("what", "figure"), (("a|b", 1.23456), ("c", None)), "spikesim x", "Why.", {"seed": 1}
)


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


def test_pages_of_the_documentation_are_filled_too(tmp_path: Path) -> None:
    save_table(TABLE, tmp_path / "models" / "results" / "topic" / "a.json")
    page = tmp_path / "docs" / "pages" / "papers" / "a.md"
    page.parent.mkdir(parents=True)
    page.write_text("<!-- table:topic/a -->\n<!-- end -->\n<!-- table:emstdp/table2 -->\n<!-- end -->\n")
    assert tables.main(["--root", str(tmp_path)]) == 0
    assert "| c | – |" in page.read_text("utf-8")
    assert "| MNIST | 784-500-10 | SW |" in page.read_text("utf-8"), "rows of table 2 that nobody has run"


def test_no_readme_here_is_stale(capsys: pytest.CaptureFixture[str]) -> None:
    assert all((tables.ROOT / name).exists() for name in tables.READMES), "it looks into this checkout"
    assert "docs/pages/papers/emstdp.md" in tables.documents(tables.ROOT)
    assert tables.main(["--check"]) == 0, capsys.readouterr().out
