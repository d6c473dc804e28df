"""`spikesim train` and `spikesim evaluate`: train a network, measure its accuracy."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from spikesim.datasets import Dataset
from spikesim.errors import DeclarationError
from spikesim.files.provenance import provenance
from spikesim.models.emstdp import build, encoder
from spikesim.models.emstdp.experiment import Experiment, from_toml, parse_settings, with_settings
from spikesim.models.emstdp.layers import title
from spikesim.models.emstdp.presets import preset
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.given import experiment_of, run_of
from spikesim.tools.epoch_curve import Observer
from spikesim.tools.pictures import draw_run
from spikesim.training.run import Run
from spikesim.training.run_folder import CONFIG
from spikesim.training.train import resume as resume_run
from spikesim.training.train import train as train_network

Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Override a setting, for example T=64 or sizes=[64,50,10]. Repeatable. `spikesim presets NAME` "
        "lists all settings.",
        metavar="KEY=VALUE",
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print the result as JSON; progress goes to standard error.")
]
CORES = len(os.sched_getaffinity(0))
Threads = Annotated[
    int,
    typer.Option(
        min=1,
        help="Threads for a batch and for evaluation; they never change a result.",
        show_default="all cores",
    ),
]


def train(
    what: Annotated[
        str | None,
        typer.Argument(help="A preset (`spikesim presets` lists them), or a .toml file.", metavar="WHAT"),
    ] = None,
    sets: Sets = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the weights, the sample order and the spikes. Default: 1.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the data. Default: those of the preset.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="New folder for the run. Default: runs/NAME-SEED.")] = None,
    resume: Annotated[
        Path | None,
        typer.Option(help="Resume the run in this folder, to its end or to --epochs.", metavar="RUN"),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing run in the folder.")
    ] = False,
    threads: Threads = CORES,
    as_json: AsJson = False,
) -> None:
    """Train a network. Ctrl-C stops at a checkpoint; --resume continues from there."""
    if (what is None) == (resume is None):
        raise DeclarationError("give either a preset (or .toml file) to train, or --resume RUN")
    display = Display(as_json)
    if resume is not None:
        if sets or out is not None or overwrite or seed is not None:
            raise DeclarationError(
                "--resume keeps the run's settings; --set, --seed, --out and --overwrite are for new runs"
            )
        experiment = experiment_of(resume)
        dataset = experiment.load()
        with display.training(experiment.title) as progress:
            run = resume_run(resume, dataset, threads, progress, epochs)
    else:
        assert what is not None
        experiment, seed = chosen(what, sets or [], epochs), 1 if seed is None else seed
        folder = out or Path("runs") / f"{experiment.name}-{seed}"
        run, dataset = begin(experiment, seed, folder, display, threads, overwrite)
    stop_if_unfinished(run, display)
    finish(run, experiment, dataset, display, threads)


def begin(
    experiment: Experiment,
    seed: int,
    folder: Path,
    display: Display,
    threads: int,
    overwrite: bool = False,
    observe: Callable[[Dataset, Observer], Observer] | None = None,
) -> tuple[Run, Dataset]:
    """Train an experiment in a new folder. Settings and folder are checked before the data are downloaded.

    `observe` makes the progress callback that is used from the data and the one that shows the progress.

    Raises:
        DeclarationError: an invalid network, or a folder that already holds a run.
        DataError: data that are not available or do not fit the network.
    """
    network = build(experiment.model, seed)
    training = experiment.training(seed)
    if not overwrite and (folder / CONFIG).exists():
        raise DeclarationError(
            f"{folder} already holds a run. Resume it: spikesim train --resume {folder}; replace it: "
            f"--overwrite; or keep it and choose another folder: --out FOLDER"
        )
    dataset = experiment.load()
    notes = {"experiment": experiment.describe()}
    coder = encoder(experiment.model)
    with display.training(experiment.title) as progress:
        shown = progress if observe is None else observe(dataset, progress)
        run = train_network(
            network, dataset, coder, training, folder, threads, shown, notes, overwrite=overwrite
        )
    return run, dataset


def stop_if_unfinished(run: Run, display: Display) -> None:
    """After Ctrl-C, print the command that resumes the run and exit with status 130."""
    if not run.finished:
        assert run.folder is not None
        display.say(f"Stopped at a checkpoint. Resume with: spikesim train --resume {run.folder.root}")
        raise typer.Exit(130)


def chosen(what: str, sets: list[str], epochs: int | None) -> Experiment:
    """The experiment of the command line: a preset or .toml file with its overrides.

    Raises:
        DeclarationError: an unknown preset or key, or a value out of range.
    """
    experiment = from_toml(what) if what.endswith(".toml") else preset(what)
    experiment = with_settings(experiment, parse_settings(sets))
    return experiment if epochs is None else replace(experiment, epochs=epochs)


def finish(
    run: Run, experiment: Experiment, dataset: Dataset, display: Display, threads: int
) -> dict[str, Any]:
    """Evaluate a run, save the result and the figures in its folder, and print the result."""
    measured = "validation" if run.training.split == "fit" else "test"
    with display.evaluating(measured) as progress:
        found = run.evaluate(dataset, measured, threads=threads, progress=progress)
    result = {
        "experiment": experiment.name,
        "dataset": dataset.name,
        "network": title(experiment.model),
        "seed": run.training.seed,
        "epochs": run.progress.epoch if run.progress else run.training.epochs,
        "train_accuracy": run.metrics[-1]["train_accuracy"] if run.metrics else None,
        f"{measured}_accuracy": found.accuracy,
        "confusion": found.confusion().tolist(),
        "spikes": found.spikes,
        "seconds": run.progress.seconds if run.progress else None,
        "weights_sha256": run.weights_sha256,
        "provenance": provenance(),
    }
    pictures: list[str] = []
    if run.folder is not None:
        with run.folder:
            run.folder.save_result(result)
        pictures = draw_run(run, dataset, found, display.say)
        result |= {"folder": str(run.folder.root), "pictures": pictures}
    display.result(result, measured, experiment.paper)
    return result


def evaluate(
    folder: Annotated[Path, typer.Argument(help="The folder of a run.", metavar="RUN")],
    split: Annotated[
        str, typer.Option(help="Samples: test, validation, train, or fit (train without validation).")
    ] = "test",
    T: Annotated[
        int | None, typer.Option("--T", min=1, help="Time steps of a trial. Default: those of the run.")
    ] = None,
    threads: Threads = CORES,
    as_json: AsJson = False,
) -> None:
    """Measure the accuracy of a trained network (from the newest intact checkpoint of its run)."""
    run, experiment = run_of(folder, "evaluate", f"run the network: `spikesim simulate {folder}`")
    dataset = experiment.load()
    display = Display(as_json)
    if run.progress is None:
        display.say("This run has no checkpoint yet; evaluating its initial weights.")
    elif not run.finished:
        display.say(f"This run is unfinished: {run.progress.epoch} of {run.progress.epochs} epochs are done.")
    with display.evaluating(split) as progress:
        found = run.evaluate(dataset, split, T, threads, progress)
    result = {
        "experiment": experiment.name,
        "split": split,
        "samples": len(found.labels),
        f"{split}_accuracy": found.accuracy,
        "spikes": found.spikes,
        "finished": run.finished,
        "weights_sha256": run.weights_sha256,
    }
    if as_json:
        print(json.dumps(result, indent=2))
    else:
        display.result(result, split, experiment.paper if split == "test" else None)
