"""Shared by the paper commands: an option, list the seeds, read numbers, save and print a measured table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table as Shown

from spikesim.errors import DeclarationError, unknown
from spikesim.files.measured_table import Cell, Table, save_table

Results = Annotated[Path, typer.Option(help="Folder for the results.")]


def first_seeds(count: int) -> list[int]:
    """The seeds from 1 to count."""
    return list(range(1, count + 1))


def whole_numbers(option: str, text: str) -> tuple[int, ...]:
    """Whole numbers, separated by commas.

    Raises:
        DeclarationError: something else.
    """
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as problem:
        raise DeclarationError(
            f"{option} {text!r}: expected whole numbers separated by commas, for example 1,2,3"
        ) from problem


def names(option: str, text: str, known: Sequence[str]) -> tuple[str, ...]:
    """Known names, separated by commas.

    Raises:
        DeclarationError: another name.
    """
    given = tuple(part.strip() for part in text.split(","))
    for name in given:
        if name not in known:
            raise DeclarationError(f"{option}: {unknown('name', name, known)}")
    return given


def keep_table(table: Table, path: Path) -> None:
    """Save a table as JSON and print it."""
    save_table(table, path)
    show_table(table, f"Saved: {path}")


def show_table(table: Table, *after: str) -> None:
    """Print a table, its notes, and lines after them."""
    shown = Shown(title=table.title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for column in table.columns:
        shown.add_column(column)
    for row in table.rows:
        shown.add_row(*map(_shown, row))
    console = Console(highlight=False)
    console.print(shown)
    console.print("\n".join(("", table.notes, *after)), markup=False)


def _shown(cell: Cell) -> str:
    if cell is None:
        return "–"
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)
