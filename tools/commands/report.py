"""`spikesim report`: one HTML page of a run, or of several side by side."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from spikesim.errors import DeclarationError
from spikesim.files.atomic import write_bytes
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.given import run_of
from spikesim.tools.report_page import page
from spikesim.tools.report_sections import Reported, sections


def report(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs.", metavar="RUN...")],
    out: Annotated[Path, typer.Option(help="File of the page.")] = Path("report.html"),
    split: Annotated[str, typer.Option(help="Samples to evaluate on: test, validation or train.")] = "test",
    samples: Annotated[
        int, typer.Option(min=1, help="Test samples for costs, quantisation and verification.")
    ] = 50,
    bits: Annotated[int, typer.Option(min=2, max=8, help="Bits of a weight on the chip.")] = 8,
) -> None:
    """Write a page with all of a run: settings, curves, rasters, weights, cost, what was proved.

    The page is one file that needs no network. Several runs stand side by side.
    """
    if out.suffix != ".html":
        raise DeclarationError(f"--out {out}: the page is HTML; name a file that ends with .html")
    display = Display()
    names = _names(runs)
    with tempfile.TemporaryDirectory() as folder:
        reported: list[Reported] = []
        for name, path in zip(names, runs, strict=True):
            run, experiment = run_of(path, "report", "see what it is with `spikesim simulate`")
            data = experiment.load()
            with display.evaluating(split) as progress:
                found = run.evaluate(data, split, progress=progress)
            place = Path(folder) / str(len(reported))
            place.mkdir()
            reported.append(Reported(name, run, experiment, data, found, place))
        title = f"spikesim: {', '.join(names)}"
        text = page(title, names, sections(reported, samples, bits))
    write_bytes(out, text.encode())
    display.say(f"Report: {out} ({len(text.encode()) / 1e6:.1f} MB)")


def _names(runs: list[Path]) -> list[str]:
    """Short names: the folders' own, or their paths where those are the same."""
    short = [path.resolve().name for path in runs]
    return short if len(set(short)) == len(short) else [str(path) for path in runs]
