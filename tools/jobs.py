"""Jobs of `spikesim reproduce`: presets and baselines with a seed, run here or on a cluster.

Each result is stored as its job ends, so that an interrupted command goes on where it stopped; the training
of a preset goes on from its last checkpoint.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spikesim.errors import DeclarationError, SpikesimError
from spikesim.files.atomic import json_bytes, read_json, write_bytes, write_failure
from spikesim.models.emstdp.baselines import Baseline, measure
from spikesim.models.emstdp.cluster import Cluster, next_done
from spikesim.models.emstdp.config import FEEDBACKS
from spikesim.models.emstdp.experiment import Experiment, describes
from spikesim.models.emstdp.layers import title
from spikesim.models.emstdp.presets import PRESETS
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.given import experiment_of
from spikesim.tools.commands.train import begin, finish, stop_if_unfinished
from spikesim.tools.epoch_curve import epoch_curve, following
from spikesim.tools.results_table import check_result
from spikesim.training.run import Run
from spikesim.training.run_folder import CONFIG
from spikesim.training.train import resume as resume_run

KEPT = ("epoch", "train_accuracy", "validation_accuracy", "seconds", "clipped")


@dataclass(frozen=True)
class Job:
    """A preset or a baseline with a seed.

    Attributes:
        what: the preset or the baseline.
        seed: of its run.
        folder: folder of the run of a preset.
        result: the result file.
        command: the command that repeats it, without its seeds.
        curve: measure the test accuracy after each epoch of a preset, for a figure (baselines always do).
    """

    what: Experiment | Baseline
    seed: int
    folder: Path
    result: Path
    command: str
    curve: bool = False

    def __str__(self) -> str:
        return f"{self.what.name}, seed {self.seed}"


def run_jobs(jobs: Sequence[Job], display: Display, threads: int = 1, workers: int = 1) -> None:
    """Run jobs and store the result of each as it ends.

    Args:
        jobs: what to run.
        display: for progress.
        threads: for evaluation.
        workers: processes on this machine that share the jobs; 1 runs them in this one.

    Raises:
        SpikesimError: a job failed; with several workers the others are run to their end first.
    """
    if workers == 1 or len(jobs) < 2:
        for job in jobs:
            display.say(str(job))
            _store(job, _run(job, display, threads))
        return
    failed: dict[str, BaseException] = {}
    with Cluster(min(workers, len(jobs)), None) as client:
        asked = {client.submit(_run_quietly, job, threads, pure=False): job for job in jobs}
        for number in range(1, len(jobs) + 1):
            future = next_done(client, list(asked))
            job = asked.pop(future)
            if future.status == "finished":
                entry = future.result()
                _store(job, entry)
                said = f"{100 * entry['test_accuracy']:.2f} %, {entry['seconds']:.0f} s"
            else:
                failed[str(job)] = future.exception()
                said = f"failed: {failed[str(job)]}"
            display.say(f"{job}: {said} ({number} of {len(jobs)})")
    for name, problem in failed.items():
        raise SpikesimError(f"{len(failed)} of {len(jobs)} runs failed; {name}: {problem}") from problem


def _run_quietly(job: Job, threads: int) -> dict[str, Any]:
    """Run a job without output; on a worker."""
    return _run(job, Display(quiet=True), threads)


def _run(job: Job, display: Display, threads: int) -> dict[str, Any]:
    """The entry of one job for its result file: started, resumed, or read if its run is complete."""
    if isinstance(job.what, Baseline):
        return measure(job.what, job.seed, display.say)
    run, result = _trained(job, job.what, display, threads)
    assert run.folder is not None
    curve = epoch_curve(job.folder)
    metrics = [
        {k: record[k] for k in KEPT if k in record}
        | ({"test_accuracy": curve[record["epoch"]]} if record["epoch"] in curve else {})
        for record in run.folder.metrics()
    ]
    return {
        "seed": job.seed,
        "epochs": job.what.epochs,
        "test_accuracy": result["test_accuracy"],
        "train_accuracy": result["train_accuracy"],
        "seconds": round(result["seconds"], 1),
        "metrics": metrics,
        "weights_sha256": run.weights_sha256,
        "provenance": run.folder.provenance,
    }


def _trained(job: Job, experiment: Experiment, display: Display, threads: int) -> tuple[Run, dict[str, Any]]:
    """The run of a preset and its result."""
    folder = job.folder
    if not (folder / CONFIG).exists():
        observe = following(folder) if job.curve else None
        run, dataset = begin(experiment, job.seed, folder, display, threads=1, observe=observe)
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
            shown = following(folder)(dataset, progress) if job.curve else progress
            run = resume_run(folder, dataset, 1, shown, experiment.epochs)
    stop_if_unfinished(run, display)
    return run, finish(run, experiment, dataset, display, threads)


def kept(what: Experiment | Baseline, path: Path) -> list[dict[str, Any]]:
    """The runs that a result file already holds.

    Raises:
        DataError: the file is damaged.
        DeclarationError: the settings of its runs differ from the present ones.
    """
    if not path.exists():
        return []
    found = read_json(path, "Restore it from a copy, or move it away.")
    check_result(found, path.name)
    if not _settings_of(what, found["config"]):
        kind = "preset" if isinstance(what, Experiment) else "baseline"
        raise DeclarationError(
            f"{path} holds results whose settings differ from the present {kind} {what.name}; "
            f"move it away, or choose another folder with --results"
        )
    runs: list[dict[str, Any]] = found["runs"]
    return runs


def _settings_of(what: Experiment | Baseline, config: Any) -> bool:
    """Whether a stored configuration is that of `what`."""
    if isinstance(what, Baseline):
        return bool(config == json.loads(json_bytes(what.describe())))
    return describes(config, what)


def _store(job: Job, entry: dict[str, Any]) -> None:
    """Add a run to its result file, replacing an older one of the same seed."""
    what, path = job.what, job.result
    runs = [*(other for other in kept(what, path) if other["seed"] != entry["seed"]), entry]
    seeds = ",".join(str(other) for other in sorted(other["seed"] for other in runs))
    command = f"{job.command} --seeds {seeds}"
    if isinstance(what, Experiment) and what.epochs != PRESETS[what.name].epochs:
        command += f" --epochs {what.epochs}"
    short = title(what.model) if isinstance(what, Experiment) else "-".join(map(str, what.model.sizes))
    record = {
        "preset": what.name,
        "title": what.title,
        "dataset": what.dataset,
        "network": short,
        "rule": _rule(what),
        "variant": what.variant if isinstance(what, Experiment) else "baseline",
        "paper": what.paper,
        "config": what.describe(),
        "runs": sorted(runs, key=lambda other: other["seed"]),
        "command": command,
        "notes": what.source or what.title,
    }
    check_result(record, path.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise SpikesimError(write_failure(path, "the result", problem)) from problem
    write_bytes(path, json_bytes(record, what="the result", indent=1) + b"\n", what="the result")


def _rule(what: Experiment | Baseline) -> str:
    kind = FEEDBACKS[what.model.feedback]
    if isinstance(what, Experiment):
        return f"EMSTDP-{kind}, {what.model.error_form} error neurons"
    return "BP-MLP" if what.model.rule == "bp" else f"EMSTDP-MLP-{kind}"
