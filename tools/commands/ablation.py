"""`spikesim ablation`: which amendment of EMSTDP matters, measured on validation samples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikesim import datasets
from spikesim.models.emstdp import ablation as ablations
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.measured import first_seeds, keep_table


def ablation(
    seeds: Annotated[int, typer.Option(min=1, help="Runs per row, with the seeds 1 to N.", metavar="N")] = 1,
    only: Annotated[
        list[str] | None, typer.Option(help='Measure only this row, e.g. "no gate". Repeatable.')
    ] = None,
    results: Annotated[
        Path, typer.Option(help="Folder for the results; runs in it are not repeated.")
    ] = Path("models/results/emstdp"),
) -> None:
    """EMSTDP beyond the paper, one choice taken away or changed at a time (each run takes about a minute)."""
    path, display = results / "ablation.json", Display()
    found = ablations.ablation(datasets.mnist(), first_seeds(seeds), path, only=only, say=display.say)
    keep_table(found, path)
