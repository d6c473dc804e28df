"""`spikesim energy`: modelled energy and time of a run on Loihi, with SANA-FE's estimate for comparison."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from spikesim.datasets.dataset import Split
from spikesim.errors import DataError, MissingExtraError
from spikesim.files.measured_table import Cell, Table, save_table
from spikesim.hardware.energy import DAVIES_2018, Work, work
from spikesim.hardware.energy_sanafe import SanaFe, sanafe_estimate
from spikesim.hardware.quantise import quantise
from spikesim.network import Network
from spikesim.rng import Stream
from spikesim.spikes import Spikes
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.given import HELP, WHAT, Given, opened
from spikesim.tools.commands.trials import RATE, random_input
from spikesim.tools.commands.typed import typed
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
    what: Annotated[Path, typer.Argument(help=HELP, metavar=WHAT)],
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
    given, display = opened(what, "energy", T), Display(as_json)
    network, run = given.network, given.run
    if run is None or given.experiment is None:
        chip = quantise(network, "loihi1", bits, T=_steps(network, what, T)).network
        trials = random_input(chip, samples, RATE, 1, chip.window.T)
        counted = {f"inference, {bits} bits": work(chip, trials)}
        few = random_input(chip, max(sanafe, 1), RATE, 1, chip.window.T)
        notes = f"Random input of {RATE} spikes per step. "
    else:
        dataset = given.experiment.load()
        check_fits(network, dataset.test, run.encoder)
        chip = quantise(network, "loihi1", bits, T=trial_steps(dataset.test, T)).network
        counted = {f"inference, {bits} bits": work(chip, _shown(run, chip, dataset.test.take(samples)))}
        if network.teaching():
            split = dataset.train.take(samples)
            counted["training"] = work(network, _shown(run, network, split), split.y)
        few, notes = _shown(run, chip, dataset.test.take(max(sanafe, 1))), ""
    estimate = _estimate(chip, few, sanafe, display)
    table = _table(given, counted, estimate, typed("--save", "--json"), notes)
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


def _steps(network: Network, what: Path, T: int | None) -> int | None:
    """The steps of a trial of a network without data; None for its own.

    Raises:
        DataError: a network without trials, and no T.
    """
    if network.window.endless and T is None:
        raise DataError(f"{what}: the network has no trial length; set the time steps of a trial with --T")
    return T


def _estimate(chip: Network, trials: dict[str, Spikes], samples: int, display: Display) -> SanaFe | None:
    if samples == 0:
        return None
    try:
        return sanafe_estimate(chip, trials)
    except MissingExtraError:
        display.say("SANA-FE: skipped (not installed; pip install sanafe).")
        return None


def _table(
    given: Given, counted: dict[str, Work], estimate: SanaFe | None, command: str, notes: str
) -> Table:
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
    experiment = {} if given.experiment is None else given.experiment.describe()
    data: dict[str, Any] = {what: asdict(found) for what, found in counted.items()}
    if estimate is not None:
        data["sanafe"] = asdict(estimate)
    shown = ", ".join(f"{found.presentations} samples of {found.steps} steps" for found in counted.values())
    notes += (
        f"{shown}. Mean per trial. Model: {DAVIES_2018.source}; without idle power, input and output, and "
        f"distant mesh hops. Weight updates: those that the error of the samples would cause."
    )
    if estimate is not None:
        notes += (
            f" SANA-FE: {estimate.presentations} samples; the emulator counts {estimate.expected:.6g} spikes."
        )
    title = f"Modelled cost on Loihi: {experiment.get('title', given.path.name)}"
    return Table(title, COLUMNS, tuple(rows), command, notes, config=dict(experiment), data=data)
