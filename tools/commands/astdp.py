"""`spikesim astdp ...`: measure aSTDP's tables, figures and toy experiments again and store them as data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikesim import datasets
from spikesim.datasets.dataset import Dataset
from spikesim.errors import DeclarationError, unknown
from spikesim.models.astdp import ablation as ablations
from spikesim.models.astdp import classification, generation
from spikesim.models.astdp import search as searching
from spikesim.models.astdp.measure import measure, steps_to_stable
from spikesim.models.astdp.order import order_table
from spikesim.models.astdp.pictures import draw_figures
from spikesim.models.astdp.presets import preset
from spikesim.models.astdp.rivalry import adaptation_table, rivalry_table
from spikesim.models.astdp.window import window_table
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.measured import Results, first_seeds, keep_table

app = typer.Typer(
    help="aSTDP: two rate-based Hopfield networks that learn from their difference; tables and toy examples.",
    no_args_is_help=True,
)
Seeds = Annotated[int, typer.Option(min=1, help="Runs per figure, with the seeds 1 to N.", metavar="N")]
Chosen = Annotated[
    list[int] | None,
    typer.Option("--seed", min=0, help="Run only this seed instead of 1 to N. Repeatable; others are kept."),
]
Runs = Annotated[Path, typer.Option(help="Folder of the checkpoints; existing ones are continued.")]
RESULTS, RUNS = Path("models/results/astdp"), Path("runs/astdp")
SEARCHES = {1: (searching.search, "search"), 3: (searching.search_3, "search-3")}
DATASETS = {"mnist": datasets.mnist, "digits": datasets.digits}


@app.command()
def train(
    name: Annotated[
        str, typer.Argument(help="A preset: supervised, unsupervised, deep-2, digits, literal ...")
    ],
    presentations: Annotated[int, typer.Option(min=1, help="Total number of training trials.")] = 60_000,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of the weights, the sample order and the fake targets.")
    ] = 1,
    data: Annotated[
        str, typer.Option(help="Dataset: mnist or digits. Default: digits for the preset digits, else mnist.")
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option(help="Checkpoint file, continued if it exists. Default: runs/astdp/NAME-SEED.h5."),
    ] = None,
) -> None:
    """Train a network. Repeat the command to continue an interrupted run from its checkpoint."""
    display, config = Display(), preset(name)
    dataset = _dataset(data or ("digits" if name == "digits" else "mnist"))
    path = out or RUNS / f"{name}-{seed}.h5"
    found = measure(config, dataset, presentations, seed, path=path, say=display.say)
    settled = steps_to_stable(found.net, dataset.test.x[:200])
    display.say(f"test accuracy {found.test:.2f} %, stable after {settled.mean():.1f} steps; saved in {path}")


@app.command()
def table1(
    only: Annotated[
        list[str] | None, typer.Option(help="Measure only this row, e.g. supervised-amended. Repeatable.")
    ] = None,
    seeds: Seeds = 3,
    seed: Chosen = None,
    results: Results = RESULTS,
    runs: Runs = RUNS,
) -> None:
    """Table 1: learning methods and backpropagation (about an hour; saved after each run)."""
    display, path, dataset = Display(), results / "table1.json", datasets.mnist()
    for name in only or classification.NAMES:
        for number in seed or first_seeds(seeds):
            found = classification.measured(name, dataset, number, runs, display.say)
            before = classification.earlier(path)
            row = classification.joined(before.get(name), found)
            keep_table(classification.table_1(before | {name: row}), path)


@app.command()
def table2(
    layers: Annotated[
        list[int] | None, typer.Option(min=1, max=3, help="Number of hidden layers. Repeatable.")
    ] = None,
    seeds: Seeds = 3,
    seed: Chosen = None,
    results: Results = RESULTS,
    runs: Runs = RUNS,
) -> None:
    """Table 2: accuracy and steps to a stable state by depth (about an hour; saved after each run)."""
    display, path, dataset = Display(), results / "table2.json", datasets.mnist()
    for n in layers or (1, 2, 3):
        for number in seed or first_seeds(seeds):
            found = classification.depth(dataset, n, [number], runs, display.say)
            before = classification.earlier(path)
            row = classification.joined(before.get(str(n)), found)
            keep_table(classification.table_2(before | {str(n): row}), path)


@app.command()
def ablation(seeds: Seeds = 2, results: Results = RESULTS) -> None:
    """Ablation: which choice in the paper lowers the accuracy (14x14 images, one change at a time)."""
    keep_table(
        ablations.ablation(datasets.mnist(), first_seeds(seeds), Display().say), results / "ablation.json"
    )


@app.command()
def listing(seeds: Seeds = 4, results: Results = RESULTS) -> None:
    """The order of the paper's listing: dz before or after the step of the states (a minute)."""
    keep_table(
        ablations.listing(datasets.digits(), first_seeds(seeds), Display().say), results / "listing.json"
    )


@app.command()
def search(
    seeds: Seeds = 2,
    layers: Annotated[int, typer.Option(help="Number of hidden layers: 1 or 3.")] = 1,
    results: Results = RESULTS,
) -> None:
    """Parameter search: one change at a time, measured on validation samples (some minutes)."""
    if layers not in SEARCHES:
        raise DeclarationError(f"search: layers = {layers}; known: {', '.join(map(str, SEARCHES))}")
    searched, name = SEARCHES[layers]
    keep_table(searched(datasets.mnist(), first_seeds(seeds), Display().say), results / f"{name}.json")


@app.command()
def generate(
    presentations: Annotated[int, typer.Option(min=1, help="Number of training trials.")] = 6_000,
    results: Results = RESULTS,
) -> None:
    """Fig. 2: digits generated from labels, scored by a separate classifier."""
    display = Display()
    keep_table(
        generation.generation_table(datasets.mnist(), presentations, results, display.say),
        results / "generation.json",
    )


@app.command()
def order(seeds: Seeds = 5, results: Results = RESULTS) -> None:
    """Tables 3 and 4: accuracy in the training order and in a different order (some minutes)."""
    keep_table(order_table(first_seeds(seeds)), results / "order.json")


@app.command()
def window(results: Results = RESULTS) -> None:
    """Fig. 6: STDP window of two neurons, literal and amended (seconds)."""
    keep_table(window_table(), results / "window.json")


@app.command()
def rivalry(seeds: Seeds = 8, results: Results = RESULTS) -> None:
    """Fig. 3: switching between two patterns presented at once (a minute)."""
    keep_table(rivalry_table(first_seeds(seeds)), results / "rivalry.json")


@app.command()
def adaptation(seeds: Seeds = 8, results: Results = RESULTS) -> None:
    """Fig. 4: overshoot at the onset and offset of a pattern (a minute)."""
    keep_table(adaptation_table(first_seeds(seeds)), results / "adaptation.json")


@app.command()
def figures(results: Results = RESULTS) -> None:
    """Plot figs. 3, 4, 5 and 6 and the ablation."""
    for path in draw_figures(results):
        print(path)


def _dataset(name: str) -> Dataset:
    if name not in DATASETS:
        raise DeclarationError(unknown("dataset", name, DATASETS))
    return DATASETS[name]()
