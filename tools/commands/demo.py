"""`spikesim demo`: train a spiking network on MNIST in a few minutes; verify, export and plot it."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from spikesim import datasets
from spikesim.errors import DataError, MissingExtraError
from spikesim.hardware.export import export as write
from spikesim.models.emstdp.layers import title
from spikesim.models.emstdp.presets import preset
from spikesim.network.file import save_network
from spikesim.tools.commands import export
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.train import begin, finish, stop_if_unfinished
from spikesim.tools.commands.verify import play
from spikesim.training.run import Run


def demo(
    out: Annotated[Path, typer.Option(help="Folder of the run; an existing demo is overwritten.")] = Path(
        "runs/demo"
    ),
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1, help="Passes over the data. Default: 5 for MNIST (some minutes), 20 for the digits."
        ),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Use the bundled 8x8 digits instead of downloading MNIST.")
    ] = False,
) -> None:
    """Download MNIST, train 784-500-10 with EMSTDP, plot the result, then reload, verify and export it."""
    display = Display()
    experiment = preset("emstdp-digits")
    if not offline:
        try:
            display.say("Downloading MNIST (11 MB, once) ...")
            datasets.fetch("mnist")
            experiment = replace(preset("emstdp-mnist-500"), epochs=5)
        except DataError as problem:
            display.say(
                f"MNIST could not be downloaded; this demo uses the bundled 8x8 digits instead.\n{problem}"
            )
    if epochs is not None:
        experiment = replace(experiment, epochs=epochs)
    sizes = title(experiment.model)
    display.say(f"Training {sizes} on {experiment.dataset}; epochs: {experiment.epochs}; online, one core.")
    run, dataset = begin(experiment, 1, out, display, threads=1, overwrite=True)
    stop_if_unfinished(run, display)
    finish(run, experiment, dataset, display, threads=2)
    again = Run.open(out)
    same = again.weights_sha256 == run.weights_sha256
    display.say(
        f"Reloaded from its checkpoint: the weights are {'the same, bit for bit' if same else 'DIFFERENT'}."
    )
    verdict = play(again, dataset, samples=5, against="naive", learn=True)
    display.say(f"Trained on five more samples with two engines: {verdict}.")
    trained = out / "trained.h5"
    save_network(again.trained(), trained)
    display.say(f"Trained network, to be read with spikesim.load_network: {trained}")
    exported = _export(out, display)
    if not (same and verdict.equal and exported):
        raise typer.Exit(1)
    spikesim = "spikesim" if shutil.which("spikesim") else os.path.relpath(sys.argv[0])
    following = (
        (f"{spikesim} evaluate {out} --T 50", "accuracy with half the time steps"),
        (
            f"{spikesim} verify {out} --samples 50",
            "compare every spike of two engines",
        ),
        (f"{spikesim} export {out} --to lava --out net.lava.h5", "Lava's process graphs (Python 3.10)"),
        (f"{spikesim} train emstdp-mnist-500", "the full preset"),
        (f"{spikesim} train emstdp-mnist-500-dfa", "direct feedback alignment"),
        (f"{spikesim} presets", "list all experiments of the paper"),
    )
    width = max(len(command) for command, _ in following)
    display.say("\nNext:")
    for command, why in following:
        display.say(f"  {command:{width}}  {why}")


def _export(folder: Path, display: Display) -> bool:
    """Export the trained network to two targets, read the files back and run ten test samples.

    Returns whether all spikes and membranes are equal.
    """
    found, equal = export.read(folder, 10, None), True
    for to, name in (("nir", "trained.nir"), ("netx", "trained.net")):
        try:
            written = write(found.network, to, folder / name, found.inputs(10))
        except MissingExtraError as problem:
            display.say(f"Not exported to {to}: {problem}")
            continue
        for check in written.checks:
            said = "all equal" if check.difference is None else f"DIFFERENT: {check.difference}"
            display.say(
                f"Exported: {folder / name}, read back and simulated by {check.reader}: {check.spikes:,} "
                f"spikes and {check.membranes:,} membrane values of 10 test samples, {said}."
            )
        equal = equal and written.equal
    return equal
