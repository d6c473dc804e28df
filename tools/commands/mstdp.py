"""`spikesim mstdp ...`: train an mSTDP network, and measure the tables and figures of the paper again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table as Shown

from spikesim import datasets
from spikesim.errors import DeclarationError, unknown
from spikesim.files.measured_table import Table, save_table
from spikesim.hopfield.mstdp.training import load
from spikesim.models.mstdp.ablation import amended_down, literal_up
from spikesim.models.mstdp.classification import CONFIGS, chosen, classify_mnist, named
from spikesim.models.mstdp.config import AMENDED, sized
from spikesim.models.mstdp.engine_agreement import engine_agreement
from spikesim.models.mstdp.figures import draw_figures
from spikesim.models.mstdp.generation import generation_table
from spikesim.models.mstdp.runs import run
from spikesim.models.mstdp.search import search as search_settings
from spikesim.models.mstdp.search import search_table
from spikesim.models.mstdp.spiking_agreement import spiking_agreement
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.measured import Results

app = typer.Typer(
    help="mSTDP: a continuous Hopfield network that learns from momentum, to classify and to generate.",
    no_args_is_help=True,
)
RESULTS = Path("models/results/mstdp")
Runs = Annotated[Path, typer.Option(help="Folder of the checkpoints; existing ones are continued.")]
TABLES = ("classification", "literal-up", "amended-down", "generation", "spiking", "engine", "search")


@app.command()
def train(
    out: Annotated[Path, typer.Option(help="Checkpoint file (HDF5), continued if it exists.")],
    config: Annotated[str, typer.Option(help=f"Configuration, one of {', '.join(CONFIGS)}.")] = "amended",
    hidden: Annotated[int, typer.Option(min=1, help="Number of hidden neurons.")] = 512,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the samples.")] = 10,
    samples: Annotated[
        int | None, typer.Option(min=1, help="Number of training images. Default: all.")
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of the weights, the states and the sample order.")
    ] = 1,
) -> None:
    """Train on MNIST and print the test accuracy."""
    display = Display()
    data = datasets.mnist()
    out.parent.mkdir(parents=True, exist_ok=True)
    found = run(
        sized(named(config), hidden),
        data.train,
        data.test,
        seed=seed,
        epochs=epochs,
        samples=samples,
        save_to=out,
    )
    display.say(f"{out}: test {found.test:.2f} %, training {found.train:.2f} % {found.note}")


@app.command()
def table(
    name: Annotated[str, typer.Argument(help=f"Table to measure, one of {', '.join(TABLES)}.")],
    only: Annotated[
        list[str] | None,
        typer.Option(help="Of classification, measure only this row, e.g. half-range. Repeatable."),
    ] = None,
    seed: Annotated[
        list[int] | None,
        typer.Option(min=0, help="Of classification, run only this seed. Repeatable; others are kept."),
    ] = None,
    results: Results = RESULTS,
    runs: Runs = Path("runs/mstdp"),
) -> None:
    """Measure one of the tables and save it (minutes to an hour).

    `generation` uses the networks that `classification` has trained.
    """
    if name not in TABLES:
        raise DeclarationError(unknown("table", name, TABLES))
    say = Display().say
    path = results / f"{name}.json"
    if name == "search":
        _keep(search_table(results / "search-trials.json"), path)
        return
    if name == "spiking":
        _keep(spiking_agreement(datasets.digits(), path, say=say), path)
        return
    if name == "engine":
        _keep(engine_agreement(datasets.digits(), say=say), path)
        return
    data = datasets.mnist()
    if name == "classification":
        runs.mkdir(parents=True, exist_ok=True)
        found = classify_mnist(data, path, runs, chosen(only, seed), say=say)
    elif name == "generation":
        places = [(seed, runs / f"amended-512-{seed}.h5") for seed in (1, 2, 3)]
        found = generation_table(data, places, results, say=say)
    else:
        found = (literal_up if name == "literal-up" else amended_down)(data, say=say)
    _keep(found, path)


@app.command()
def search(
    hidden: Annotated[int, typer.Option(min=1, help="Number of hidden neurons.")] = 256,
    seconds: Annotated[float, typer.Option(min=1, help="Duration of the search in seconds.")] = 1000.0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the search and of each training.")] = 1,
    results: Results = RESULTS,
) -> None:
    """Search for settings of the amended network on validation images, and record every attempt."""
    results.mkdir(parents=True, exist_ok=True)
    path = results / "search-trials.json"
    search_settings(
        datasets.mnist(), sized(AMENDED, hidden), path, seconds=seconds, seed=seed, say=Display().say
    )
    _keep(search_table(path), results / "search.json")


@app.command()
def figures(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint written by `spikesim mstdp train`.")],
    results: Results = RESULTS,
) -> None:
    """Plot fig. 1 (fixed points), fig. 2 (response in time) and fig. 3 (generated digits) of a network."""
    made = draw_figures(load(checkpoint).tested(), datasets.mnist().test, results)
    for path in made:
        Display().say(f"{path}: written")


def _keep(found: Table, path: Path) -> None:
    """Save a table as JSON and print it."""
    save_table(found, path)
    shown = Shown(title=found.title)
    for column in found.columns:
        shown.add_column(column)
    for row in found.rows:
        shown.add_row(*("–" if cell is None else str(cell) for cell in row))
    Console().print(shown)
