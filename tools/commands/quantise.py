"""`spikesim quantise`: quantise trained networks for a chip; report the loss per layer and in accuracy."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from spikesim.errors import DeclarationError
from spikesim.files.measured_table import Cell, Table, save_table
from spikesim.hardware.quantise import quantise as quantised
from spikesim.hardware.quantise_report import Quantised
from spikesim.models.emstdp.experiment import Experiment
from spikesim.network.file import save_network
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.given import NAMES, experiment_of, kind_of, opened
from spikesim.tools.commands.typed import typed
from spikesim.training.run import Run

COLUMNS = ("weights", "seeds", "accuracy (%)", "lowest", "highest", "loss (points)", "largest loss")


def quantise(
    what: Annotated[
        list[Path],
        typer.Argument(help="Folders of runs; or one network: .h5, .nir or .net.", metavar="RUN...|NETWORK"),
    ],
    bits: Annotated[str, typer.Option(help="Bits per weight, 2 to 8; several separated by commas.")] = "8",
    to: Annotated[str, typer.Option(help="Target: loihi1, loihi2, lava, netx or nir.")] = "loihi1",
    trained: Annotated[
        list[Path] | None,
        typer.Option(
            help="A run that was trained with quantised weights, for comparison. Repeatable.", metavar="RUN"
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="Samples to evaluate on: test, validation or train.")] = "test",
    samples: Annotated[int | None, typer.Option(min=1, help="Number of samples. Default: all.")] = None,
    T: Annotated[
        int | None, typer.Option("--T", min=1, help="Time steps of a trial. Default: those of the run.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the quantised network to this file (one RUN only).")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="Write the table of accuracies to this JSON file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Quantise trained networks for a chip; report errors, clipped and zeroed weights, and accuracies."""
    widths = _widths(bits)
    if out is not None and (len(what) > 1 or len(widths) > 1):
        raise DeclarationError(
            f"--out writes one network, but {len(what)} RUN and {len(widths)} --bits given; give one each"
        )
    display = Display(as_json)
    if files := [path for path in what if kind_of(path) != "run"]:
        if len(what) > 1 or trained or save is not None:
            raise DeclarationError(
                f"quantise: {files[0]} is {NAMES[kind_of(files[0])]}, which comes without data, so it has no "
                f"accuracy to compare or --save; give it alone, or give folders of runs"
            )
        return _network(files[0], widths, to, T, out, display)

    def one(folder: Path, width: int) -> tuple[Run, Experiment, Quantised]:
        run, experiment = Run.open(folder), experiment_of(folder)
        data = experiment.load().split(split)
        data = data if samples is None else data.take(samples)
        with display.evaluating(split) as progress:
            found = quantised(
                run.trained(),
                to,
                width,
                T=T,
                split=data,
                encoder=run.encoder,
                seed=run.training.seed,
                progress=progress,
            )
        return run, experiment, found

    after = [(width, *one(folder, width)) for width in widths for folder in what]
    learnt = [one(folder, 8) for folder in trained or ()]
    table = _table(after, learnt, typed("--save", "--out", "--json"), split)
    if save is not None:
        save_table(table, save)
    if out is not None:
        save_network(after[0][3].network, out)
    if as_json:
        print(json.dumps({"columns": table.columns, "rows": table.rows, "data": table.data}, indent=2))
        return
    for width, run, experiment, found in after:
        display.say(f"{experiment.name}, seed {run.training.seed}, {width} bits\n{_layers(found)}\n")
    display.say(table.markdown())


def _network(
    path: Path, widths: list[int], to: str, T: int | None, out: Path | None, display: Display
) -> None:
    """Quantise a network without data: the report by layer, and the quantised network."""
    network = opened(path, "quantise", T).network
    found = {width: quantised(network, to, width, T=T) for width in widths}
    if out is not None:
        save_network(found[widths[0]].network, out)
    if display.as_json:
        layers = {
            str(width): [dict(zip(q.COLUMNS, row, strict=True)) for row in q.rows()]
            for width, q in found.items()
        }
        print(json.dumps({"network": str(path), "layers": layers}, indent=2))
        return
    for width, q in found.items():
        display.say(f"{path}, {width} bits\n{_layers(q)}\n")
    display.say("A network file comes without data; give the folder of a run to compare accuracies.")


def _widths(bits: str) -> list[int]:
    try:
        return [int(width) for width in bits.split(",")]
    except ValueError as problem:
        raise DeclarationError(
            f"--bits {bits!r}: expected whole numbers separated by commas, for example 8,6"
        ) from problem


def _layers(found: Quantised) -> str:
    """The report by layer as a Markdown table, with the saturation limits below it."""
    table = Table("by layer", Quantised.COLUMNS, found.rows(), "spikesim quantise", provenance={})
    floors = ", ".join(f"{p.name} at {p.floor:g}" for p in found.populations if p.floor is not None)
    lines = table.markdown().splitlines()[2:-2]
    if floors:
        lines.append(f"membranes saturate as on the chip, which is declared as their floor: {floors}")
        lines.append("(NIR and Lava's floating point have none: verify and export leave it off there)")
    return "\n".join(lines)


def _table(
    after: list[tuple[int, Run, Experiment, Quantised]],
    learnt: list[tuple[Run, Experiment, Quantised]],
    command: str,
    split: str,
) -> Table:
    """Accuracies by kind of run, and the loss against the unquantised run of the same seed."""
    base = {run.training.seed: found.before for _, run, _, found in after}
    rows: list[tuple[Cell, ...]] = [_row("as trained", base, base)]
    data: dict[str, Any] = {"as trained": _by_seed(base)}
    for width in sorted({width for width, *_ in after}, reverse=True):
        accuracies = {run.training.seed: found.after for w, run, _, found in after if w == width}
        data[f"{width} bits after training"] = _by_seed(accuracies)
        rows.append(_row(f"{width} bits after training", accuracies, base))
    for title in dict.fromkeys(experiment.title for _, experiment, _ in learnt):
        accuracies = {run.training.seed: found.after for run, e, found in learnt if e.title == title}
        data[title] = _by_seed(accuracies)
        rows.append(_row(f"trained so: {title}", accuracies, base))
    experiment = after[0][2]
    return Table(
        f"Weights of few bits: {experiment.title}",
        COLUMNS,
        tuple(rows),
        command,
        f"{after[0][3].samples} {split} samples; networks of the same seed receive the same spikes. The loss "
        f"is relative to the unquantised run of the same seed.",
        config=asdict(experiment) | {"options": dict(experiment.options)},
        data=data,
    )


def _by_seed(accuracies: dict[int, Any]) -> dict[str, Any]:
    return {str(seed): value for seed, value in accuracies.items()}


def _row(what: str, accuracies: dict[int, Any], base: dict[int, Any]) -> tuple[Cell, ...]:
    values = [100 * value for value in accuracies.values()]
    losses = [100 * (base[seed] - value) for seed, value in accuracies.items() if seed in base]
    seeds = ",".join(str(seed) for seed in sorted(accuracies))
    spread: list[Cell] = [min(values), max(values)]
    lost: list[Cell] = [float(np.mean(losses)), max(losses)] if losses else [None, None]
    return what, seeds, float(np.mean(values)), *spread, *lost
