"""`spikesim presets`: list the named experiments."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from spikesim.models.emstdp.layers import title
from spikesim.models.emstdp.presets import PRESETS, preset


def presets(
    name: Annotated[
        str | None, typer.Argument(help="A preset; prints all its settings as JSON.", metavar="NAME")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """List the named experiments with the accuracy that the paper reports."""
    if name is not None:
        print(json.dumps(preset(name).describe(), indent=2))
        return
    if as_json:
        print(json.dumps({key: row.describe() for key, row in PRESETS.items()}, indent=2))
        return
    table = Table(title="spikesim train NAME", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for heading in ("name", "network", "epochs", "paper %", "what"):
        right = heading in ("epochs", "paper %")
        table.add_column(heading, justify="right" if right else "left", no_wrap=heading != "what")
    for key, row in PRESETS.items():
        paper = "" if row.paper is None else f"{100 * row.paper:.1f}"
        table.add_row(key, title(row.model), str(row.epochs), paper, row.title)
    console = Console(highlight=False)
    console.print(table)
    console.print("\nShow all settings: spikesim presets NAME. Change one: spikesim train NAME --set T=64")
