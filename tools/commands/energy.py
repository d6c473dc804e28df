"""`spikesim energy`: modelled energy and time of a run on Loihi, with SANA-FE's estimate for comparison."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from spikesim.datasets.dataset import Dataset, Split
from spikesim.errors import MissingExtraError
from spikesim.files.measured_table import Cell, Table, save_table
from spikesim.hardware.energy import DAVIES_2018, Work, work
from spikesim.hardware.energy_sanafe import SanaFe, sanafe_estimate
from spikesim.hardware.quantise import quantise
from spikesim.network import Network
from spikesim.rng import Stream
from spikesim.spikes import Spikes
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.train import experiment_of
from spikesim.training.evaluate import check_fits, trial_steps
from spikesim.training.run import Run

COLUMNS = (
    "layer",
    "neurons",
    "cores",
    "spikes",
    "synaptic operations",
    "updates, active",
    "updates, inactive",
    "weight updates",
    "modelled energy (nJ)",
    "modelled time (us)",
)


def energy(
    folder: Annotated[Path, typer.Argument(help="The folder of a run.", metavar="RUN")],
    samples: Annotated[int, typer.Option(min=1, help="Number of samples to count operations for.")] = 50,
    bits: Annotated[int, typer.Option(min=2, max=8, help="Bits of a weight on the chip.")] = 8,
    T: Annotated[
        int | None, typer.Option("--T", min=1, help="Time steps of a trial. Default: those of the run.")
    ] = None,
    sanafe: Annotated[
        int,
        typer.Option(
            min=0, help="Samples for SANA-FE, if installed (needs 2.5 GB for 784-500-10); 0 skips it."
        ),
    ] = 1,
    save: Annotated[Path | None, typer.Option(help="Write the table to this JSON file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Count spikes, synaptic operations and updates per trial; model energy and time on Loihi."""
    run, dataset = Run.open(folder), experiment_of(folder).load()
    display = Display(as_json)
    network = run.trained()
    check_fits(network, dataset.test, run.encoder)
    chip = quantise(network, "loihi1", bits, T=trial_steps(dataset.test, T)).network
    counted = {f"inference, {bits} bits": work(chip, _shown(run, chip, dataset.test.take(samples)))}
    if network.teaching():
        split = dataset.train.take(samples)
        counted["training"] = work(network, _shown(run, network, split), split.y)
    estimate = _estimate(run, chip, dataset, sanafe, display)
    name = f"runs/{experiment_of(folder).name}-{run.training.seed}"
    command = f"spikesim energy {name} --samples {samples} --bits {bits} --sanafe {sanafe}"
    table = _table(run, counted, estimate, command)
    if save is not None:
        save_table(table, save)
    if as_json:
        print(json.dumps({"columns": table.columns, "rows": table.rows, "data": table.data}, indent=2))
    else:
        display.say(table.markdown())


def _shown(run: Run, network: Network, split: Split) -> dict[str, Spikes]:
    """Spikes of the network's source for the samples, drawn from the random stream of tests."""
    source = network.sources[0]
    T = network.window.boundary if network.populations[source].replay else network.window.T
    return {source: run.encoder.encode(split.x, split.index, T, run.training.seed, 0, Stream.TEST)}


def _estimate(run: Run, chip: Network, dataset: Dataset, samples: int, display: Display) -> SanaFe | None:
    if samples == 0:
        return None
    try:
        return sanafe_estimate(chip, _shown(run, chip, dataset.test.take(samples)))
    except MissingExtraError:
        display.say("SANA-FE: skipped (not installed; pip install sanafe).")
        return None


def _table(run: Run, counted: dict[str, Work], estimate: SanaFe | None, command: str) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for what, found in counted.items():
        for layer in found.layers:
            rows.append(
                (
                    f"{what}: {layer.name}",
                    layer.neurons,
                    layer.cores,
                    layer.spikes,
                    layer.synapses,
                    layer.active,
                    layer.inactive,
                    layer.learnt,
                    layer.energy(),
                    layer.time(),
                )
            )
        least, most = found.time()
        rows.append((f"{what}: all", *(None,) * 7, found.energy(), f"{least:.0f} to {most:.0f}"))
    if estimate is not None:
        name = f"inference, SANA-FE {estimate.version}"
        spikes = (estimate.spikes, *(None,) * 4)
        rows.append((name, None, None, *spikes, estimate.energy["total"], f"{estimate.time:.0f}"))
    experiment = (run.folder.config if run.folder else {}).get("experiment", {})
    data: dict[str, Any] = {what: asdict(found) for what, found in counted.items()}
    if estimate is not None:
        data["sanafe"] = asdict(estimate)
    shown = ", ".join(f"{found.presentations} samples of {found.steps} steps" for found in counted.values())
    notes = (
        f"{shown}. Mean per trial. Model: {DAVIES_2018.source}; without idle power, input and output, and "
        f"distant mesh hops. Weight updates: those that the error of the samples would cause."
    )
    if estimate is not None:
        notes += (
            f" SANA-FE: {estimate.presentations} samples; the emulator counts {estimate.expected:.6g} spikes."
        )
    title = f"Modelled cost on Loihi: {experiment.get('title', 'a run')}"
    return Table(title, COLUMNS, tuple(rows), command, notes, config=dict(experiment), data=data)
