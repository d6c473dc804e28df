"""A figure that a paper prints, beside what came back: literally, and with named amendments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from spikesim.files.measured_table import Cell


@dataclass(frozen=True)
class Claim:
    """One figure of a paper.

    Attributes:
        source: where the paper prints it ("Gupta 2020, table 1").
        what: the figure ("0v1, test accuracy").
        unit: of the numbers ("%", "steps", "").
        paper: the printed number; None where the paper prints none.
        literal: what the rule gives as printed; None where it was not run.
        amended: what it gives with `amendments`; None where nothing is amended.
        amendments: what was changed, each by name.
        note: why a figure falls short, and what a reader needs besides.
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
    """The claims as rows under COLUMNS."""
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
