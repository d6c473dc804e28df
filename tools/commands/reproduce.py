"""`spikesim reproduce`: train presets with several seeds, store the results, resume interrupted runs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from spikesim.errors import DeclarationError, SpikesimError
from spikesim.files.atomic import json_bytes, read_json, write_bytes, write_failure
from spikesim.models.emstdp.experiment import Experiment
from spikesim.models.emstdp.presets import preset
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.quick import reproduce_quickly
from spikesim.tools.commands.train import begin, experiment_of, finish, stop_if_unfinished
from spikesim.tools.results_table import check_result
from spikesim.training.run import Run
from spikesim.training.run_folder import CONFIG
from spikesim.training.train import resume as resume_run

KEPT = ("epoch", "train_accuracy", "validation_accuracy", "seconds", "clipped")


def reproduce(
    names: Annotated[list[str] | None, typer.Argument(help="Names of presets.", metavar="PRESET...")] = None,
    seeds: Annotated[str, typer.Option(help="Seeds, separated by commas.")] = "1",
    runs: Annotated[Path, typer.Option(help="Folder of the runs; existing ones are continued.")] = Path(
        "runs"
    ),
    results: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("models/results"),
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Number of epochs. Default: that of the preset.")
    ] = None,
    threads: Annotated[
        int, typer.Option(min=1, help="Threads for evaluation; they never change a result.")
    ] = 1,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Test every claim of the four papers in short runs (some minutes)."),
    ] = False,
    save: Annotated[
        Path | None, typer.Option(help="With --quick: write the table to this JSON file.")
    ] = None,
) -> None:
    """Train presets with several seeds and write accuracies with their provenance to models/results."""
    try:
        numbers = [int(seed) for seed in seeds.split(",")]
    except ValueError as problem:
        raise DeclarationError(
            f"--seeds {seeds!r}: expected whole numbers separated by commas, for example 1,2,3"
        ) from problem
    display = Display()
    if quick:
        if names or len(numbers) != 1:
            raise DeclarationError("--quick runs all papers with one seed; give no preset and a single seed")
        reproduce_quickly(numbers[0], save, display)
        return
    if not names:
        raise DeclarationError("no preset given; name one (see `spikesim presets`), or use --quick")
    chosen = [preset(name) for name in names]
    if epochs is not None:
        chosen = [replace(experiment, epochs=epochs) for experiment in chosen]
    for experiment in chosen:  # before any training, so that no result is lost for want of a valid file
        kept(experiment, results / f"{experiment.name}.json")
    for experiment in chosen:
        path = results / f"{experiment.name}.json"
        for seed in numbers:
            display.say(f"{experiment.name}, seed {seed}")
            run, result = _one(experiment, seed, runs / f"{experiment.name}-{seed}", display, threads)
            _add(experiment, run, result, path)
        figures = ", ".join(f"{100 * run['test_accuracy']:.2f} %" for run in kept(experiment, path))
        display.say(f"{path}: test accuracy {figures}")


def _one(
    experiment: Experiment, seed: int, folder: Path, display: Display, threads: int
) -> tuple[Run, dict[str, Any]]:
    """One run and its result: started, resumed, or read if it is complete."""
    if not (folder / CONFIG).exists():
        run, dataset = begin(experiment, seed, folder, display, threads=1)
    else:
        if experiment_of(folder) != experiment:
            raise DeclarationError(
                f"{folder} holds a run whose settings differ from the present preset {experiment.name}; "
                f"move it away, or choose another folder with --runs"
            )
        run, dataset = Run.open(folder), experiment.load()
        if run.finished and run.progress is not None and run.progress.epoch == experiment.epochs:
            assert run.folder is not None
            return run, run.folder.result() or finish(run, experiment, dataset, display, threads)
        with display.training(experiment.title) as progress:
            run = resume_run(folder, dataset, 1, progress, experiment.epochs)
    stop_if_unfinished(run, display)
    return run, finish(run, experiment, dataset, display, threads)


def kept(experiment: Experiment, path: Path) -> list[dict[str, Any]]:
    """The runs that a result file already holds.

    Raises:
        DataError: the file is damaged.
        DeclarationError: the settings of its runs differ from those of the experiment.
    """
    if not path.exists():
        return []
    found = read_json(path, "Restore it from a copy, or move it away.")
    check_result(found, path.name)
    if found["config"] != json.loads(json_bytes(experiment.describe())):
        raise DeclarationError(
            f"{path} holds results whose settings differ from the present preset {experiment.name}; "
            f"move it away, or choose another folder with --results"
        )
    runs: list[dict[str, Any]] = found["runs"]
    return runs


def _add(experiment: Experiment, run: Run, result: dict[str, Any], path: Path) -> None:
    """Add a run to the preset's result file, replacing an older one of the same seed."""
    assert run.folder is not None
    entry = {
        "seed": run.training.seed,
        "epochs": experiment.epochs,
        "test_accuracy": result["test_accuracy"],
        "train_accuracy": result["train_accuracy"],
        "seconds": round(result["seconds"], 1),
        "metrics": [{k: record[k] for k in KEPT if k in record} for record in run.folder.metrics()],
        "weights_sha256": run.weights_sha256,
        "provenance": run.folder.provenance,
    }
    runs = [*(other for other in kept(experiment, path) if other["seed"] != entry["seed"]), entry]
    seeds = ",".join(str(other) for other in sorted(other["seed"] for other in runs))
    command = f"spikesim reproduce {experiment.name} --seeds {seeds}"
    if experiment.epochs != preset(experiment.name).epochs:
        command += f" --epochs {experiment.epochs}"
    record = {
        "preset": experiment.name,
        "title": experiment.title,
        "dataset": experiment.dataset,
        "network": "-".join(map(str, experiment.model.sizes)),
        "rule": _rule(experiment),
        "variant": experiment.variant,
        "paper": experiment.paper,
        "config": experiment.describe(),
        "runs": sorted(runs, key=lambda other: other["seed"]),
        "command": command,
        "notes": experiment.source or experiment.title,
    }
    check_result(record, path.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise SpikesimError(write_failure(path, "the result", problem)) from problem
    write_bytes(path, json_bytes(record, what="the result", indent=1) + b"\n", what="the result")


def _rule(experiment: Experiment) -> str:
    kind = {"symmetric": "SW", "fa": "FA", "dfa": "DFA"}[experiment.model.feedback]
    return f"EMSTDP-{kind}, {experiment.model.error_form} error neurons"
