"""`spikesim demo`: a spiking network learns MNIST in a few minutes, on real data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from spikesim.models.emstdp import build, encoder
from spikesim.models.presets import preset
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.train import finish

from spikesim import datasets
from spikesim.errors import DataError
from spikesim.run import Run
from spikesim.training import train as train_network


def demo(
    out: Annotated[Path, typer.Option(help="Folder of the run; a demo that is there is replaced.")] = Path(
        "runs/demo"
    ),
    epochs: Annotated[
        int, typer.Option(min=1, help="Passes over the data; five take about two minutes.")
    ] = 5,
    offline: Annotated[
        bool, typer.Option(help="Use the bundled 8x8 digits, without looking for MNIST.")
    ] = False,
) -> None:
    """Fetch MNIST, train 784-500-10 with EMSTDP, reload and verify, and draw what was learnt."""
    display = Display()
    experiment = preset("emstdp-digits")
    if not offline:
        try:
            display.say("Fetching MNIST (11 MB, once) ...")
            datasets.fetch("mnist")
            experiment = preset("emstdp-mnist-500")
            experiment = replace(experiment, epochs=epochs, model=replace(experiment.model, eta_decay=0.75))
        except DataError as problem:
            display.say(
                f"MNIST is not to be had here, so this demo learns the bundled 8x8 digits instead.\n{problem}"
            )
    dataset = experiment.load()
    display.say(
        f"Training {'-'.join(map(str, experiment.model.sizes))} on {len(dataset.train):,} samples of "
        f"{dataset.name}, {experiment.epochs} epochs, online, one core."
    )
    network = build(experiment.model, seed=1)
    notes = {"experiment": experiment.describe()}
    with display.training(experiment.title) as progress:
        run = train_network(
            network,
            dataset,
            encoder(experiment.model),
            experiment.training(1),
            out,
            1,
            progress,
            notes,
            overwrite=True,
        )
    if not run.finished:
        display.say(f"Stopped at a checkpoint. Go on with: spikesim train --resume {out}")
        raise typer.Exit(130)
    finish(run, experiment, dataset, display, threads=2)
    again = Run.open(out)
    same = again.weights_sha256 == run.weights_sha256
    display.say(
        f"Reloaded from its checkpoint: the weights are {'the same, bit for bit' if same else 'DIFFERENT'}."
    )
    if not same:
        raise typer.Exit(1)
    display.say(
        "\nNext:\n"
        f"  spikesim evaluate {out} --T 50             half the time, how much accuracy?\n"
        "  spikesim train emstdp-mnist-500            the full preset\n"
        "  spikesim train emstdp-mnist-500-dfa        direct feedback alignment\n"
        "  spikesim presets                           every experiment of the paper"
    )
