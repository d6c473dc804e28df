"""`spikesim continual`: classes one after another and drifting data, EMSTDP against a perceptron."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikesim import datasets
from spikesim.models.emstdp import continual as study_of_changes
from spikesim.models.emstdp.continual_figure import draw_continual
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.measured import first_seeds, keep_table, whole_numbers

SAVED = Path("models/results/emstdp/continual.json")


def continual(
    dataset: Annotated[str, typer.Option(help="Dataset; images, for the rotation.")] = "mnist",
    hidden: Annotated[str, typer.Option(help="Neurons of each hidden layer.", metavar="N,...")] = "200,200",
    per_task: Annotated[int, typer.Option(help="Samples of a task of two classes.")] = 1000,
    stream: Annotated[int, typer.Option(help="Samples of a stream whose inputs change.")] = 6000,
    measured: Annotated[int, typer.Option(help="Validation samples.")] = 2000,
    learners: Annotated[
        str, typer.Option(help="Of SW, DFA, SW-slow, perceptron.")
    ] = "SW,DFA,SW-slow,perceptron",
    seeds: Annotated[int, typer.Option(min=1, help="Runs, with the seeds 1 to N.", metavar="N")] = 2,
    cells: Annotated[
        Path, typer.Option(help="Folder of finished trainings; those that it holds are not repeated.")
    ] = Path("runs/continual"),
    save: Annotated[
        Path, typer.Option(help="Write the table here (.json), and the figure beside it (.png).")
    ] = SAVED,
) -> None:
    """Measure forgetting and recovery when the data change during learning (half an hour).

    After an interruption the same command continues with the training that was running.
    """
    display = Display()
    study = study_of_changes.Study(
        hidden=whole_numbers("--hidden", hidden),
        per_task=per_task,
        stream=stream,
        measured=measured,
        learners=tuple(learners.split(",")),
        seeds=tuple(first_seeds(seeds)),
    )
    found = study_of_changes.run_study(datasets.load(dataset), study, cells, display.say)
    command = f"spikesim continual --dataset {dataset} --hidden {hidden} --per-task {per_task}"
    command += f" --stream {stream} --measured {measured} --learners {learners} --seeds {seeds}"
    table = study_of_changes.table(found, study, dataset, command)
    keep_table(table, save)
    draw_continual(found, save.with_suffix(".png"))
    display.say(f"Figure: {save.with_suffix('.png')}")
