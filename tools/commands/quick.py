"""`spikesim reproduce --quick`: test every claim of the four papers in short runs, as one table."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from pathlib import Path

from spikesim.files.measured_table import Table, save_table
from spikesim.models.claims import COLUMNS, Claim, rows
from spikesim.tools.commands.display import Display

PAPERS = {
    "EMSTDP": "spikesim.models.emstdp.quick",
    "Gupta": "spikesim.models.gupta.quick",
    "mSTDP": "spikesim.models.mstdp.quick",
    "aSTDP": "spikesim.models.astdp.quick",
}


def reproduce_quickly(seed: int, save: Path | None, display: Display) -> list[Claim]:
    """Run the short form of every paper; print the paper's, literal and amended figures side by side.

    Args:
        seed: seed of all runs.
        save: JSON file for the table; None to save nothing.
        display: prints the table.
    """
    claims: list[Claim] = []
    seconds: dict[str, int] = {}
    for paper, module in PAPERS.items():
        begun = time.perf_counter()
        display.say(f"{paper} ...")
        quick: Callable[[int], list[Claim]] = importlib.import_module(module).quick
        claims += quick(seed)
        seconds[paper] = round(time.perf_counter() - begun)
    spent = ", ".join(f"{paper} {s} s" for paper, s in seconds.items())
    table = Table(
        "Every claim in its quick form: the paper, as printed, and amended",
        COLUMNS,
        tuple(rows(claims)),
        f"spikesim reproduce --quick --seeds {seed}",
        f"Short runs ({spent}); the full runs have their own commands and tables.",
        {"seed": seed},
        {"seconds": seconds},
    )
    display.say("\n" + table.markdown())
    if save is not None:
        save_table(table, save)
    return claims
