"""`spikesim verify`: what a run has learnt, played on two programs, spike by spike."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from spikesim.datasets.dataset import Dataset
from spikesim.evaluation import check_fits
from spikesim.run import Run
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.train import experiment_of
from spikesim.verify import Verdict
from spikesim.verify import verify as compare


def verify(
    folder: Annotated[Path, typer.Argument(help="A run folder.", metavar="RUN")],
    against: Annotated[str, typer.Option(help="naive, brian2, or both, separated by a comma.")] = "naive",
    samples: Annotated[int, typer.Option(min=1, help="Test samples.")] = 10,
    learn: Annotated[bool, typer.Option(help="Go on learning on both, and compare the weights.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs to read.")] = False,
) -> None:
    """Compare every spike, membrane and weight with other programs; exit status 1 where one differs."""
    run, dataset = Run.open(folder), experiment_of(folder).load()
    display = Display(as_json)
    verdicts = [play(run, dataset, samples, name.strip(), learn) for name in against.split(",")]
    if as_json:
        print(json.dumps([asdict(verdict) | {"equal": verdict.equal} for verdict in verdicts], indent=2))
    else:
        for verdict in verdicts:
            display.say(str(verdict))
    if not all(verdict.equal for verdict in verdicts):
        raise typer.Exit(1)


def play(run: Run, dataset: Dataset, samples: int, against: str, learn: bool) -> Verdict:
    """Present the first test samples, with their targets, to what a run has learnt, on two programs."""
    network, split = run.trained(), dataset.test.take(samples)
    check_fits(network, split)
    source = network.sources[0]
    T = network.window.boundary if network.populations[source].replay else network.window.T
    spikes = run.encoder.encode(split.x, split.index, T, run.training.seed)
    return compare(network, {source: spikes}, split.y, "windowed", against, learn)
