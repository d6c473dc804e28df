"""`spikesim gupta ...`: measure the tables and figures of Gupta (2020) again and store them as data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikesim import datasets
from spikesim.models.gupta.accuracy import iris_pairs, mnist_pairs
from spikesim.models.gupta.figures import draw_figures
from spikesim.models.gupta.robustness import robustness as measure_robustness
from spikesim.models.gupta.singularity import singularity as measure_singularity
from spikesim.models.gupta.spiking_accuracy import spiking_pairs
from spikesim.models.gupta.ten_classes import ten_classes
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.measured import Results, first_seeds, keep_table

app = typer.Typer(
    help="Gupta (2020): a local spike-timing rule for rate-based networks, and its spiking form.",
    no_args_is_help=True,
)
Seeds = Annotated[int, typer.Option(min=1, help="Runs per figure, with the seeds 1 to N.", metavar="N")]
Epochs = Annotated[int, typer.Option(min=1, help="Passes over the data.")]
RESULTS = Path("models/results/gupta")


@app.command()
def pairs(seeds: Seeds = 5, epochs: Epochs = 12, results: Results = RESULTS) -> None:
    """Fig. 2, MNIST: pairs of digits; literal, amended, and backpropagation (some minutes)."""
    display = Display()
    keep_table(
        mnist_pairs(datasets.mnist(), first_seeds(seeds), epochs=epochs, say=display.say),
        results / "pairs.json",
    )


@app.command()
def iris(seeds: Seeds = 5, epochs: Epochs = 1500, results: Results = RESULTS) -> None:
    """Fig. 2, IRIS: pairs of species, repeated 5-fold cross-validation (some minutes)."""
    keep_table(iris_pairs(seeds, epochs=epochs, say=Display().say), results / "iris.json")


@app.command()
def robustness(seeds: Seeds = 5, results: Results = RESULTS) -> None:
    """Fig. 3: accuracy under FGSM, with PGD and two controls for comparison (some minutes)."""
    found = measure_robustness(datasets.mnist(), first_seeds(seeds), say=Display().say)
    keep_table(found, results / "robustness.json")


@app.command()
def singularity(seeds: Seeds = 5, epochs: Epochs = 12, results: Results = RESULTS) -> None:
    """Effect of the paper's eps: eps from 1e-9 to 1e-1, and clipping, on validation data (some minutes)."""
    found = measure_singularity(datasets.mnist(), first_seeds(seeds), epochs=epochs, say=Display().say)
    keep_table(found, results / "singularity.json")


@app.command()
def classes(seeds: Seeds = 2, epochs: Epochs = 6, results: Results = RESULTS) -> None:
    """Ten classes: one-vs-one, one-vs-rest, one layer, class codes (half an hour)."""
    found = ten_classes(datasets.mnist(), first_seeds(seeds), epochs, Display().say)
    keep_table(found, results / "classes.json")


@app.command()
def spiking(
    seeds: Seeds = 5,
    steps: Annotated[int, typer.Option(min=1, help="Time steps of a trial.")] = 20,
    epochs: Epochs = 5,
    results: Results = RESULTS,
) -> None:
    """The same rule on spike counts of integrate-and-fire neurons, run by the engines (ten minutes)."""
    found = spiking_pairs(datasets.mnist(), first_seeds(seeds), T=steps, epochs=epochs, say=Display().say)
    keep_table(found, results / "spiking.json")


@app.command()
def figures(results: Results = RESULTS) -> None:
    """Plot figs. 2, 3 and 4 from the saved tables."""
    for path in draw_figures(results):
        print(path)
