"""`spikesim nir-libraries`: run graphs that libraries export, and compare with the libraries' spikes."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from spikesim.errors import DeclarationError, EngineError
from spikesim.files.measured_table import Table, load_table, save_table
from spikesim.hardware.nir.libraries import PEERS
from spikesim.hardware.nir.library_spikes import library_graphs, shares
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.peers import Peers, interpreters, library_of

PLACE = Path(__file__).resolve().parents[2] / "models" / "results" / "hardware" / "nir_libraries.json"
COLUMNS = ("library", "neurons", "options", "spikes", "margin", "result")


def nir_libraries(
    peer: Peers,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the input spikes.")] = 1,
    quick: Annotated[bool, typer.Option(help="A few graphs of each library.")] = False,
    save: Annotated[bool, typer.Option(help="Write the table to models/results.")] = False,
    check: Annotated[
        bool, typer.Option(help="Fail if spikes differ, or a row that is equal in models/results is not.")
    ] = False,
) -> None:
    """Let libraries make and run graphs as they come, and run the same graphs here: equal, or refused."""
    pythons = interpreters(peer)
    if save and quick:
        raise DeclarationError("nir-libraries: --save with --quick; the table holds all graphs")
    display = Display(False)
    rows: list[tuple[Any, ...]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, python in pythons.items():
            for found in library_graphs(name, python, Path(folder), seed, quick):
                display.say("  ".join(str(cell) for cell in found.row))
                rows.append(found.row)
    display.say(said(rows))
    known = [tuple(row) for row in load_table(PLACE).rows] if PLACE.exists() else []
    if check and (lost := worse(known, rows, quick)):
        raise EngineError(f"graphs of libraries: {'; '.join(lost)}")
    if save:
        rows += [row for row in known if library_of(row) not in pythons]
        asked = " ".join(f"--peer {name}=PYTHON" for name in PEERS)
        notes = (
            f"{said(rows)}. 3 x 100 steps of random spikes (2 x 100 for images), every spike of every layer. "
            "The margin is the least distance of a membrane from its threshold, relative to the threshold; "
            "libraries compute in float32. 64ths: weights in multiples of 1/64; all others are as the "
            "library draws them, times a factor. Graphs: hardware/nir/peers/library_graphs.py."
        )
        title = "NIR: graphs of libraries as they come, against their own spikes"
        command = f"spikesim nir-libraries {asked} --save"
        save_table(Table(title, COLUMNS, tuple(rows), command, notes, {"seed": seed}), PLACE)


def said(rows: Sequence[Sequence[Any]]) -> str:
    """The number of graphs by outcome, in words."""
    found = shares([str(row[-1]) for row in rows])
    return f"{sum(found.values())} graphs: {', '.join(f'{n} {kind}' for kind, n in found.items())}"


def worse(known: Sequence[Sequence[Any]], found: Sequence[Sequence[Any]], quick: bool) -> list[str]:
    """Graphs with other spikes than in the library, and graphs that are equal in `known` but not in `found`.

    Args:
        known, found: rows of tables; of `known`, those of libraries that are in `found`.
        quick: `found` holds a few graphs of each library; others of `known` are skipped.
    """
    now = {(library_of(row), row[1], row[2]): str(row[-1]) for row in found}
    asked = {library for library, _, _ in now}
    equal = [
        key for row in known if row[-1] == "equal" and (key := (library_of(row), row[1], row[2]))[0] in asked
    ]
    lost = {key: result for key, result in now.items() if result.startswith("wrong")}
    lost |= {key: now.get(key, "no such row") for key in equal if key in now or not quick}
    return [f"{' | '.join(key)}: {result}" for key, result in lost.items() if result != "equal"]
