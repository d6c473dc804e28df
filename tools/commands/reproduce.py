"""`spikesim reproduce`: a preset over several seeds, kept as data; taken up again where it stopped."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from spikesim.models.emstdp import build, encoder
from spikesim.models.experiment import Experiment
from spikesim.models.presets import preset
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.train import experiment_of, finish
from spikesim.tools.results_table import check_result

from spikesim._files import json_bytes, write_bytes
from spikesim.errors import DeclarationError
from spikesim.run import Run
from spikesim.training import resume as resume_run
from spikesim.training import train as train_network

KEPT = ("epoch", "train_accuracy", "validation_accuracy", "seconds", "clipped")


def reproduce(
    names: Annotated[list[str], typer.Argument(help="Presets.", metavar="PRESET...")],
    seeds: Annotated[str, typer.Option(help="Seeds, separated by commas.")] = "1",
    runs: Annotated[Path, typer.Option(help="Folder of the runs; what is there is gone on with.")] = Path(
        "runs"
    ),
    results: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("models/results"),
    epochs: Annotated[int | None, typer.Option(min=1, help="Fewer epochs than the preset's.")] = None,
    threads: Annotated[
        int, typer.Option(min=1, help="Workers of evaluation; they never change a result.")
    ] = 1,
) -> None:
    """Train presets with several seeds and write the figures, with their provenance, to models/results."""
    try:
        numbers = [int(seed) for seed in seeds.split(",")]
    except ValueError as problem:
        raise DeclarationError(
            f"--seeds {seeds!r}: whole numbers separated by commas, for example 1,2,3"
        ) from problem
    display = Display()
    for name in names:
        experiment = preset(name)
        if epochs is not None:
            experiment = replace(experiment, epochs=epochs)
        for seed in numbers:
            run, result = _one(experiment, seed, runs / f"{name}-{seed}", display, threads)
            if not run.finished:
                display.say("Stopped at a checkpoint; the same command goes on from there.")
                raise typer.Exit(130)
            _add(experiment, run, result, results / f"{name}.json")


def _one(
    experiment: Experiment, seed: int, folder: Path, display: Display, threads: int
) -> tuple[Run, dict[str, Any]]:
    """One run: begun, gone on with, or read where it is done already."""
    dataset = experiment.load()
    title = f"{experiment.title}, seed {seed}"
    if not (folder / "config.json").exists():
        network = build(experiment.model, seed)
        notes = {"experiment": experiment.describe()}
        with display.training(title) as progress:
            run = train_network(
                network,
                dataset,
                encoder(experiment.model),
                experiment.training(seed),
                folder,
                1,
                progress,
                notes,
            )
    else:
        if experiment_of(folder) != experiment:
            raise DeclarationError(
                f"{folder} holds a run with other settings than the preset {experiment.name} has now; "
                f"move it away, or choose another --runs folder"
            )
        run = Run.open(folder)
        if not run.finished:
            with display.training(title) as progress:
                run = resume_run(folder, dataset, 1, progress)
    done = run.folder.result() if run.folder is not None and run.finished else None
    if run.finished and done is None:
        done = finish(run, experiment, dataset, display, threads)
    return run, done or {}


def _add(experiment: Experiment, run: Run, result: dict[str, Any], path: Path) -> None:
    """Put a run into the preset's result file, in place of an older one of the same seed."""
    assert run.folder is not None
    entry = {
        "seed": run.training.seed,
        "epochs": run.training.epochs,
        "test_accuracy": result["test_accuracy"],
        "train_accuracy": result["train_accuracy"],
        "seconds": round(result["seconds"], 1),
        "metrics": [{k: record[k] for k in KEPT if k in record} for record in run.folder.metrics()],
        "weights_sha256": run.weights_sha256,
        "provenance": run.folder.provenance,
    }
    config = run.folder.config
    found: dict[str, Any] = {"runs": []}
    if path.exists():
        found = json.loads(path.read_text("utf-8"))
        if found["config"] != config["experiment"]:
            found = {"runs": []}  # other settings: older runs do not belong beside this one
    seeds = sorted({*(other["seed"] for other in found["runs"]), entry["seed"]})
    others = [other for other in found["runs"] if other["seed"] != entry["seed"]]
    record = {
        "preset": experiment.name,
        "title": experiment.title,
        "dataset": experiment.dataset,
        "network": "-".join(map(str, experiment.model.sizes)),
        "rule": _rule(experiment),
        "variant": experiment.variant,
        "paper": experiment.paper,
        "config": config["experiment"],
        "runs": sorted([*others, entry], key=lambda other: other["seed"]),
        "command": f"spikesim reproduce {experiment.name} --seeds {','.join(map(str, seeds))}",
        "notes": experiment.source or experiment.title,
    }
    check_result(record, path.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, json_bytes(record, what="the result", indent=1) + b"\n", what="the result")


def _rule(experiment: Experiment) -> str:
    kind = {"symmetric": "SW", "fa": "FA", "dfa": "DFA"}[experiment.model.feedback]
    return f"EMSTDP-{kind}, {experiment.model.error_form} error neurons"
