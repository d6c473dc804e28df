"""`spikesim depth`: EMSTDP with 1 to 4 hidden layers, its activity, and its angle to the gradient."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikesim import datasets
from spikesim.models.emstdp import depth as study_of_depth
from spikesim.models.emstdp.depth_figure import draw_depth
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.measured import keep_table, whole_numbers

SAVED = Path("models/results/emstdp/depth.json")


def depth(
    dataset: Annotated[str, typer.Option(help="Dataset.")] = "mnist",
    width: Annotated[int, typer.Option(help="Neurons of a hidden layer.")] = 200,
    depths: Annotated[str, typer.Option(help="Numbers of hidden layers.", metavar="N,...")] = "1,2,3,4",
    points: Annotated[
        str, typer.Option(help="Samples learnt at each measurement.", metavar="N,...")
    ] = "0,1000,3000,6000,12000",
    measured: Annotated[int, typer.Option(help="Validation samples of a measurement.")] = 1000,
    feedbacks: Annotated[str, typer.Option(help="Of symmetric, fa, dfa.")] = "symmetric,fa,dfa",
    rules: Annotated[str, typer.Option(help="Of remedied, paper.")] = "remedied,paper",
    seed: Annotated[int, typer.Option(help="Seed of weights, sample order and spikes.")] = 1,
    cells: Annotated[
        Path, typer.Option(help="Folder of finished trainings; those that it holds are not repeated.")
    ] = Path("runs/depth"),
    save: Annotated[
        Path, typer.Option(help="Write the table here (.json), and the figure beside it (.png).")
    ] = SAVED,
) -> None:
    """Measure accuracy, activity and the angle to the gradient by layer over training (about an hour).

    After an interruption the same command continues with the training that was running.
    """
    display = Display()
    study = study_of_depth.Study(
        width=width,
        depths=whole_numbers("--depths", depths),
        feedbacks=tuple(feedbacks.split(",")),
        rules=tuple(rules.split(",")),
        points=whole_numbers("--points", points),
        measured=measured,
        seed=seed,
    )
    found = study_of_depth.run_study(datasets.load(dataset), study, cells, display.say)
    command = f"spikesim depth --dataset {dataset} --width {width} --depths {depths} --points {points}"
    command += f" --measured {measured} --feedbacks {feedbacks} --rules {rules} --seed {seed}"
    table = study_of_depth.table(found, study, dataset, command)
    keep_table(table, save)
    draw_depth(found, save.with_suffix(".png"))
    display.say(f"Figure: {save.with_suffix('.png')}")
