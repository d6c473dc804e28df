"""`spikesim presets`: what can be trained by name."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from spikesim.models.presets import PRESETS


def presets(
    name: Annotated[str | None, typer.Argument(help="One preset: print all its settings.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs to read.")] = False,
) -> None:
    """The experiments that have a name, with the paper's figure beside each."""
    if name is not None:
        from spikesim.models.presets import preset

        print(json.dumps(preset(name).describe(), indent=2))
        return
    if as_json:
        print(json.dumps({key: row.describe() for key, row in PRESETS.items()}, indent=2))
        return
    table = Table(title="Presets (spikesim train NAME)", title_justify="left")
    for heading in ("name", "what", "network", "variant", "epochs", "paper %"):
        right = heading in ("epochs", "paper %")
        table.add_column(heading, justify="right" if right else "left", no_wrap=heading == "name")
    for key, row in PRESETS.items():
        paper = "" if row.paper is None else f"{100 * row.paper:.1f}"
        table.add_row(
            key, row.title, "-".join(map(str, row.model.sizes)), row.variant, str(row.epochs), paper
        )
    Console().print(table)
