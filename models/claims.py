"""Claims: a figure that a paper prints, with its literal and its amended reproduction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from spikesim.files.measured_table import Cell


@dataclass(frozen=True)
class Claim:
    """One figure of a paper and its reproduction.

    Attributes:
        source: where the paper prints it ("Gupta 2020, table 1").
        what: name of the figure ("0v1, test accuracy").
        unit: of the numbers ("%", "steps", "").
        paper: the printed number; None if the paper prints none.
        literal: result of the rule as printed; None if it was not run.
        amended: result with `amendments`; None if nothing is amended.
        amendments: names of the changes.
        note: conditions of the run, and why a figure is not reached.
    """

    source: str
    what: str
    unit: str
    paper: float | None
    literal: float | None
    amended: float | None
    amendments: str = ""
    note: str = ""


COLUMNS = ("Source", "Figure", "Paper", "Literal", "Amended", "Amendments", "Note")


def rows(claims: Sequence[Claim]) -> list[tuple[Cell, ...]]:
    """Claims as table rows in the order of COLUMNS."""
    return [
        (
            c.source,
            f"{c.what} ({c.unit})" if c.unit else c.what,
            c.paper,
            c.literal,
            c.amended,
            c.amendments,
            c.note,
        )
        for c in claims
    ]
