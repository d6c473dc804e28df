"""`spikesim train` and `spikesim evaluate`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from spikesim.models.emstdp import build, encoder
from spikesim.models.experiment import Experiment, from_toml, parse_setting, restore, with_settings
from spikesim.models.presets import preset
from spikesim.tools.commands.display import Display
from spikesim.tools.pictures import draw_run

from spikesim.errors import CheckpointError, DeclarationError
from spikesim.provenance import provenance
from spikesim.run import Run
from spikesim.training import resume as resume_run
from spikesim.training import train as train_network

Sets = Annotated[
    list[str] | None,
    typer.Option("--set", help="A setting, key=value; may be repeated.", metavar="KEY=VALUE"),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print the result as JSON; progress goes to standard error.")
]
Threads = Annotated[int, typer.Option(min=1, help="Workers that share a batch; they never change a result.")]


def train(
    what: Annotated[
        str | None, typer.Argument(help="A preset (`spikesim presets`), or a .toml file.")
    ] = None,
    sets: Sets = None,
    seed: Annotated[int, typer.Option(help="Of the weights, the order and the spikes.")] = 1,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the data.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="A new folder for the run; runs/NAME-seed where not given.")
    ] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with this run instead.")] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace a run that is in the folder.")] = False,
    threads: Threads = 1,
    as_json: AsJson = False,
) -> None:
    """Train a network; Ctrl-C ends at a checkpoint, and --resume goes on from there."""
    if (what is None) == (resume is None):
        raise DeclarationError("name a preset or a .toml file, or --resume RUN (one of the two)")
    display = Display(as_json)
    if resume is not None:
        if sets or out is not None or overwrite:
            raise DeclarationError(
                "--resume goes on with a run as it began: --set, --out and --overwrite are for new ones"
            )
        folder, experiment = resume, experiment_of(resume)
        dataset = experiment.load()
        with display.training(experiment.title) as progress:
            run = resume_run(resume, dataset, threads, progress, epochs)
    else:
        assert what is not None
        experiment = chosen(what, sets or [], epochs)
        folder = out or Path("runs") / f"{experiment.name}-{seed}"
        network = build(experiment.model, seed)
        dataset = experiment.load()
        with display.training(experiment.title) as progress:
            run = train_network(
                network,
                dataset,
                encoder(experiment.model),
                experiment.training(seed),
                folder,
                threads,
                progress,
                {"experiment": experiment.describe()},
                overwrite,
            )
    if not run.finished:
        display.say(f"Stopped at a checkpoint. Go on with: spikesim train --resume {folder}")
        raise typer.Exit(130)
    finish(run, experiment, dataset, display, threads)


def chosen(what: str, sets: list[str], epochs: int | None) -> Experiment:
    """The experiment that the command line asks for.

    Raises:
        DeclarationError: an unknown preset or key, or a value out of range.
    """
    experiment = from_toml(what) if what.endswith(".toml") else preset(what)
    experiment = with_settings(experiment, dict(parse_setting(text) for text in sets))
    return experiment if epochs is None else replace(experiment, epochs=epochs)


def experiment_of(folder: Path) -> Experiment:
    """The experiment that a run folder was made with.

    Raises:
        CheckpointError: no run, or one that was not made by this command.
    """
    config = Run.open(folder).folder.config  # type: ignore[union-attr]
    if "experiment" not in config:
        raise CheckpointError(
            f"{folder}: this run was made from Python, and its data is not known here; "
            f"use spikesim.training.resume and Run.evaluate with the data"
        )
    return restore(config["experiment"])


def finish(run: Run, experiment: Experiment, dataset: Any, display: Display, threads: int) -> dict[str, Any]:
    """Evaluate, save the result, draw the pictures, and say what came of it."""
    measured = "validation" if run.training.split == "fit" else "test"
    with display.evaluating(measured) as progress:
        found = run.evaluate(dataset, measured, threads=threads, progress=progress)
    result = {
        "experiment": experiment.name,
        "dataset": dataset.name,
        "network": "-".join(map(str, experiment.model.sizes)),
        "seed": run.training.seed,
        "epochs": run.standing.epoch if run.standing else run.training.epochs,
        "train_accuracy": run.metrics[-1]["train_accuracy"] if run.metrics else None,
        f"{measured}_accuracy": found.accuracy,
        "confusion": found.confusion().tolist(),
        "spikes": found.spikes,
        "seconds": run.standing.seconds if run.standing else None,
        "weights_sha256": run.weights_sha256,
        "provenance": provenance(),
    }
    pictures: list[str] = []
    if run.folder is not None:
        run.folder.save_result(result)
        pictures = draw_run(run, dataset, found, display.say)
        result |= {"folder": str(run.folder.root), "pictures": pictures}
    display.result(result, measured, experiment.paper)
    return result


def evaluate(
    folder: Annotated[Path, typer.Argument(help="A run folder.", metavar="RUN")],
    split: Annotated[str, typer.Option(help="test, validation, train or fit.")] = "test",
    T: Annotated[
        int | None, typer.Option("--T", min=1, help="Steps of a presentation, if not the run's.")
    ] = None,
    threads: Threads = 1,
    as_json: AsJson = False,
) -> None:
    """Classify with what a run has learnt (its newest sound checkpoint)."""
    run, experiment = Run.open(folder), experiment_of(folder)
    dataset = experiment.load()
    display = Display(as_json)
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
