"""Measured figures as data: a table with its command, configuration and provenance, as one JSON file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from spikesim.errors import DataError, SpikesimError
from spikesim.files.atomic import json_bytes, read_json, write_bytes, write_failure
from spikesim.files.provenance import provenance

Cell = str | int | float | None
KINDS: Mapping[str, type] = {
    **dict.fromkeys(("title", "command", "notes"), str),
    **dict.fromkeys(("columns", "rows"), list),
    **dict.fromkeys(("config", "data", "provenance"), dict),
}


@dataclass(frozen=True)
class Table:
    """The results of a measuring command.

    Attributes:
        title: what was measured, with its source ("Gupta 2020, table 1").
        columns: names of the columns, with the units of numbers.
        rows: one tuple of cells per row; None for a missing value (a number that a paper does not state).
        command: the command that reproduces these figures.
        notes: settings that a reader needs, shortfalls and their reasons; may be empty.
        config: the complete configuration.
        data: the underlying data (values by seed, curves); may be empty.
        provenance: versions, commit, processor, time.

    Raises:
        DataError: no columns, or a row of another length.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    command: str
    notes: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=provenance)

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(self.columns))
        object.__setattr__(self, "rows", tuple(tuple(row) for row in self.rows))
        if not self.columns:
            raise DataError(f"Table {self.title!r}: no columns; at least one is needed")
        for k, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise DataError(
                    f"Table {self.title!r}: row {k} has {len(row)} cells for {len(self.columns)} columns"
                )

    def markdown(self) -> str:
        """The table in Markdown, followed by its command and its notes."""
        lines = [_line(self.columns), _line(["---", *["---:"] * (len(self.columns) - 1)])]
        lines += [_line([_shown(cell) for cell in row]) for row in self.rows]
        notes = f" {_flat(self.notes)}" if self.notes.strip() else ""
        return "\n".join([f"**{_flat(self.title)}**", "", *lines, "", f"`{_flat(self.command)}`.{notes}"])


def save_table(table: Table, path: str | os.PathLike[str]) -> None:
    """Write a table to a JSON file, atomically.

    Raises:
        SpikesimError: the file cannot be written, or a value is not finite.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise SpikesimError(write_failure(path, "the table", problem)) from problem
    write_bytes(path, json_bytes(asdict(table), what=table.title, indent=1) + b"\n", what="the table")


def load_table(path: str | os.PathLike[str]) -> Table:
    """Read a table written by `save_table`.

    Raises:
        CheckpointError: the file is missing or is not JSON.
        DataError: it is not a table.
    """
    path = Path(path)
    found = read_json(path, "Restore it, or run its command again.")
    known = {f.name for f in fields(Table)}
    if set(found) != known:
        raise DataError(f"{path}: it has the keys {sorted(found)}; a table has {sorted(known)}")
    for key, kind in KINDS.items():
        if not isinstance(found[key], kind):
            needed = {"str": "a text", "list": "a list", "dict": "a dictionary"}[kind.__name__]
            raise DataError(f"{path}: {key} = {json.dumps(found[key])[:60]}; {needed} is needed")
    for key, kind, needed in (("columns", str, "texts"), ("rows", list, "lists of cells")):
        if odd := [entry for entry in found[key] if not isinstance(entry, kind)]:
            raise DataError(f"{path}: {key} has {json.dumps(odd[0])[:60]}; {needed} are needed")
    for row in found["rows"]:
        if odd := [cell for cell in row if isinstance(cell, dict)]:
            raise DataError(f"{path}: a cell is {json.dumps(odd[0])[:60]}; a text, number or null is needed")
    return Table(**found)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_flat(cell).replace("|", "\\|") for cell in cells) + " |"


def _flat(text: str) -> str:
    return " ".join(text.split())


def _shown(cell: Cell) -> str:
    if cell is None:
        return "–"
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)
