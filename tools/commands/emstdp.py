"""`spikesim emstdp ...`: figure 6 of the EMSTDP paper, and accuracy against the time window."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from spikesim.errors import DeclarationError
from spikesim.files.measured_table import load_table
from spikesim.models.emstdp.experiment import describes
from spikesim.models.emstdp.figure6 import draw_figure_6
from spikesim.models.emstdp.presets import preset
from spikesim.models.emstdp.windows import WINDOWS, Data, draw_windows, measure_windows, windows_table
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.measured import first_seeds, keep_table
from spikesim.tools.results_table import load_table_2

app = typer.Typer(help="EMSTDP (Shrestha 2019): figures that are made of many runs.", no_args_is_help=True)
Results = Annotated[Path, typer.Option(help="Folder of the results.")]
RESULTS = Path("models/results")


@app.command()
def figure6(
    results: Results = RESULTS, out: Annotated[Path | None, typer.Option(help="The figure.")] = None
) -> None:
    """Fig. 6: accuracy by epoch, from the stored runs of table 2 (`spikesim reproduce emstdp-table2`)."""
    path, display = out or results / "emstdp" / "figure6.png", Display()
    without = draw_figure_6(load_table_2(results), path)
    display.say(f"Figure: {path}")
    if without:
        display.say(f"No test curve is stored of: {'; '.join(without)}")


@app.command()
def windows(
    name: Annotated[str, typer.Argument(help="A preset.", metavar="PRESET")] = "emstdp-mnist-500",
    trained: Annotated[str, typer.Option(help="T of the training, separated by commas.")] = ",".join(
        map(str, WINDOWS)
    ),
    tested: Annotated[str, typer.Option(help="T of the test, separated by commas.")] = ",".join(
        map(str, WINDOWS)
    ),
    samples: Annotated[int, typer.Option(min=1, help="Samples of an epoch.")] = 10_000,
    epochs: Annotated[int, typer.Option(min=1, help="Number of epochs.")] = 3,
    seeds: Annotated[int, typer.Option(min=1, help="Runs, with the seeds 1 to N.", metavar="N")] = 1,
    results: Results = RESULTS,
) -> None:
    """Accuracy against T: train with each T, read each network with every T (validation samples).

    Each network is stored as it ends; the same command goes on.
    """
    experiment = replace(preset(name), samples=samples, epochs=epochs, split="fit")
    path = results / "emstdp" / "windows.json"
    both = _windows("trained", trained), _windows("tested", tested)
    command = f"spikesim emstdp windows {name} --samples {samples} --epochs {epochs} --seeds {seeds}"
    known: Data = {}
    if path.exists():
        before = load_table(path)
        if not describes(before.config, experiment):
            raise DeclarationError(
                f"{path} holds accuracies of other settings; move it away, or choose another folder with "
                f"--results"
            )
        known = {key: dict(values) for key, values in before.data.items()}

    def keep(data: Data) -> None:
        keep_table(windows_table(experiment, data, command), path)

    data = measure_windows(experiment, *both, first_seeds(seeds), known, keep)
    draw_windows(data, path.with_suffix(".png"))
    Display().say(f"Figure: {path.with_suffix('.png')}")


def _windows(name: str, text: str) -> list[int]:
    """Time windows, separated by commas.

    Raises:
        DeclarationError: a part that is no whole number >= 2, or, of the training, not even.
    """
    found = []
    for part in text.split(","):
        if not part.strip().isdecimal() or int(part) < 2 or (name == "trained" and int(part) % 2):
            even = "even numbers" if name == "trained" else "whole numbers"
            raise DeclarationError(
                f"--{name} {text!r}: {part!r}; {even} >= 2, separated by commas, are needed"
            )
        found.append(int(part))
    return sorted(set(found))
