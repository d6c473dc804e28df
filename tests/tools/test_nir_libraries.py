"""`spikesim nir-libraries`: its table, and which changes of it fail the check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from spikesim.errors import DeclarationError
from spikesim.files.measured_table import load_table
from spikesim.tools.cli import app
from spikesim.tools.commands import nir_libraries
from spikesim.tools.commands.nir_libraries import COLUMNS, PLACE, said, worse


def row(title: str, result: str, library: str = "norse 1.1 (nir 1.0.8)") -> tuple[Any, ...]:
    return library, title, "--like norse", 7, 1e-4, result


def test_graphs_are_counted_by_outcome() -> None:
    rows = [row("a", "equal"), row("b", "refused: so"), row("c", "not exported: so")]
    assert said(rows) == "2 graphs: 1 equal, 0 rounding, 1 refused, 0 wrong"


def test_what_fails_the_check() -> None:
    known = [row("a", "equal"), row("b", "refused: so"), row("x", "equal", "sinabs 3.1")]
    assert worse(known, [row("a", "equal"), row("b", "refused: so")], quick=False) == []
    newer = row("a", "equal", "norse 1.2 (nir 1.0.9)")
    assert worse(known, [newer], quick=False) == []
    assert worse(known, [row("a", "refused: so")], quick=False) == ["norse | a | --like norse: refused: so"]
    assert worse(known, [row("b", "equal")], quick=False) == ["norse | a | --like norse: no such row"]
    assert worse(known, [row("b", "equal")], quick=True) == []
    assert worse([], [row("c", "wrong: 3 differ")], quick=True) == [
        "norse | c | --like norse: wrong: 3 differ"
    ]


def test_no_graph_of_a_library_is_played_otherwise() -> None:
    """The saved table: every graph that a library exports is equal, or refused with a reason."""
    table = load_table(PLACE)
    assert tuple(table.columns) == COLUMNS
    results = [str(row[-1]) for row in table.rows]
    assert not [r for r in results if r.startswith("wrong")]
    assert len([r for r in results if not r.startswith("not exported")]) >= 60
    assert {str(row[0]).split()[0] for row in table.rows} == {"norse", "sinabs", "snntorch", "spikingjelly"}
    assert all(row[3] and row[3] > 100 for row in table.rows if row[-1] == "equal")


def test_the_command_saves_and_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Found:
        row = row("a", "equal")

    monkeypatch.setattr(nir_libraries, "PLACE", tmp_path / "t.json")
    monkeypatch.setattr(nir_libraries, "library_graphs", lambda *_: [Found])
    asked = ["nir-libraries", "--peer", "norse=python"]
    result = CliRunner().invoke(app, [*asked, "--save"], catch_exceptions=False)
    assert result.exit_code == 0 and "1 graphs: 1 equal" in result.output
    assert [tuple(r) for r in load_table(tmp_path / "t.json").rows] == [Found.row]
    for more, said_ in (
        (["--peer", "nose=python"], "Did you mean 'norse'"),
        (["--save", "--quick"], "holds all"),
    ):
        with pytest.raises(DeclarationError, match=said_):
            CliRunner().invoke(app, [*asked, *more], catch_exceptions=False)
