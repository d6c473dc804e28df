"""`spikesim export`: what a run has learnt as a file for a chip or simulator, proved equal to the engine."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table as Shown

from spikesim.datasets.dataset import Split
from spikesim.encoders import Encoder, Poisson
from spikesim.errors import DataError
from spikesim.files.atomic import sha256_bytes
from spikesim.files.measured_table import Table, load_table, save_table
from spikesim.hardware.export import Exported
from spikesim.hardware.export import export as write
from spikesim.hardware.targets import TARGETS, target
from spikesim.network import Network
from spikesim.network.file import load_network
from spikesim.rng import Stream
from spikesim.spikes import Spikes
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.train import experiment_of
from spikesim.training.evaluate import check_fits
from spikesim.training.run import Run

RATE = 0.2  # of random input, where a network comes without data
COLUMNS = (
    "network",
    "target",
    "played by",
    "presentations",
    "spikes",
    "spikes that differ",
    "membranes",
    "membranes that differ",
    "s a presentation",
)


@dataclass(frozen=True)
class Exportable:
    """A network and what it is shown.

    Attributes:
        network: with what it has learnt.
        split, encoder, seed: held-out samples; None where the network comes without data.
        said: the source of the input, in words.
    """

    network: Network
    split: Split | None
    encoder: Encoder | None
    seed: int
    said: str

    def inputs(self, samples: int) -> dict[str, Spikes]:
        """The presentations, in spikes that are not those of the training."""
        (source,) = self.network.sources
        T, n = self.network.window.T, self.network.populations[source].n
        if self.split is None or self.encoder is None:
            x = np.full((samples, n), RATE, np.float32)
            return {source: Poisson().encode(x, np.arange(samples), T, self.seed, 0, Stream.TEST)}
        return {source: self.encoder.encode(self.split.x, self.split.index, T, self.seed, 0, Stream.TEST)}


def export(
    what: Annotated[Path, typer.Argument(help="A run folder, or a saved network (.h5).", metavar="RUN")],
    to: Annotated[str, typer.Option(help=f"One of: {', '.join(TARGETS)}.")],
    out: Annotated[Path, typer.Option(help="The file to write.")],
    bits: Annotated[
        int | None,
        typer.Option(min=2, help="Quantise to weights of so many bits; lava and netx have 8 unasked."),
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="Held-out samples that are played.")] = 20,
    T: Annotated[
        int | None, typer.Option("--T", min=1, help="Steps of a presentation; the run's where not given.")
    ] = None,
    table: Annotated[
        Path | None, typer.Option(help="Add the outcome to this table of results (.json).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs to read.")] = False,
) -> None:
    """Quantise, write, read again with the target's own programs, and compare every spike and membrane.

    Exit status 1 where one differs.
    """
    chosen = target(to)
    found = read(what, samples, T)
    measure: dict[str, Any] = {}
    if found.split is not None:
        measure = {"split": found.split, "encoder": found.encoder, "seed": found.seed}
    exported = write(found.network, chosen, out, found.inputs(samples), bits, **measure)
    display = Display(as_json)
    if as_json:
        print(json.dumps(described(exported, found), indent=2))
    else:
        show(exported, found, display)
    if table is not None:
        save(
            exported,
            found,
            table,
            f"spikesim export {what.name} --to {to} --out {out.name} --samples {samples}"
            + (f" --bits {bits}" if bits is not None else "")
            + (f" --T {T}" if T is not None else ""),
        )
        display.say(f"{table}: written")
    if not exported.equal:
        raise typer.Exit(1)


def read(what: Path, samples: int, T: int | None) -> Exportable:
    """What is exported, and the samples that it is shown.

    Raises:
        CheckpointError: no run and no network is there.
        DataError: a network with several sources, or data that do not fit it.
    """
    if not what.is_dir():
        declared = load_network(what)
        if declared.window.endless and T is None:
            raise DataError(f"{what} runs without end, and presentations are played; give their steps: --T")
        network = declared.inference(T)
        if len(network.sources) != 1:
            raise DataError(f"{what}: {len(network.sources)} sources; the command plays networks with one")
        return Exportable(network, None, None, 1, f"Poisson input of {RATE} spikes a step")
    run, dataset = Run.open(what), experiment_of(what).load()
    split = dataset.test.take(samples)
    network = run.trained().inference(T)
    check_fits(network, split)
    said = f"the first {samples} test samples of {dataset.name}"
    return Exportable(network, split, run.encoder, run.training.seed, said)


def described(exported: Exported, found: Exportable) -> dict[str, Any]:
    """Everything as JSON."""
    q = exported.quantised
    return {
        "target": exported.target,
        "path": str(exported.path),
        "sha256": sha256_bytes(exported.path.read_bytes()),
        "input": found.said,
        "equal": exported.equal,
        "checks": [asdict(check) for check in exported.checks],
        "missing": dict(exported.missing),
        "notes": list(exported.notes),
        "bits": None if q is None else q.bits,
        "layers": [] if q is None else [dict(zip(q.COLUMNS, row, strict=True)) for row in q.rows()],
        "populations": [] if q is None else [asdict(p) for p in q.populations],
        "accuracy_before": None if q is None else q.before,
        "accuracy_after": None if q is None else q.after,
    }


def show(exported: Exported, found: Exportable, display: Display) -> None:
    """The report, for people."""
    display.say(
        f"{exported.path}: {exported.target}, {exported.path.stat().st_size:,} bytes; played: {found.said}"
    )
    q = exported.quantised
    if q is not None:
        display.say(f"\nOn the grid of {q.hardware}, {q.bits} bits:")
        layers = Shown(*q.COLUMNS, box=None, padding=(0, 1, 0, 0))
        for row in q.rows():
            layers.add_row(*(f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row))
        display.console.print(layers)
        for p in q.populations:
            if p.floor is not None:
                display.say(
                    f"{p.name}: the membrane stops at {p.floor:g}, where 24 bits end; declared as its floor"
                )
        if q.before is not None and q.after is not None:
            before, after = (f"{100 * share:.2f} %" for share in (q.before, q.after))
            display.say(f"accuracy on the {q.samples} samples: {before} before, {after} after")
    display.say("")
    for check in exported.checks:
        display.say(
            f"{check.reader}: {check.spikes:,} spikes and {check.membranes:,} membranes in "
            f"{check.presentations} presentations; {check.spikes_differ} and {check.membranes_differ} differ "
            f"({check.seconds:.1f} s)"
        )
        if check.difference is not None:
            display.say(f"  first: {check.difference}")
    for note in exported.notes:
        display.say(f"note: {note}")
    if not all(check.spikes for check in exported.checks):
        display.say("note: no neuron has fired, so that little was compared; play more samples")
    for name, why in exported.missing.items():
        display.say(f"{name}: not asked. {why}")


def save(exported: Exported, found: Exportable, path: Path, command: str) -> None:
    """Put the outcome into a table of results, in the place of an earlier one of the same network."""
    net = exported.network
    sizes = "-".join(str(p.n) for p in net.populations.values())
    label = f"{sizes}, T={net.window.T}"
    rows = [
        (
            *(label, exported.target, check.reader, check.presentations, check.spikes, check.spikes_differ),
            *(check.membranes, check.membranes_differ, round(check.seconds / check.presentations, 2)),
        )
        for check in exported.checks
    ]
    mine = {row[:3] for row in rows}
    before = load_table(path) if path.exists() else None
    kept = [] if before is None else [row for row in before.rows if tuple(row[:3]) not in mine]
    data = {} if before is None else dict(before.data)
    data[f"{label} to {exported.target}"] = described(exported, found) | {
        "command": command,
        "path": exported.path.name,
    }
    title = "Exported networks, played by the programs of their targets, beside the engine"
    command = (
        "spikesim export RUN --to TARGET --out PATH --samples 100 --table models/results/hardware/export.json"
    )
    notes = (
        "Every spike of every population, and every membrane after every step, all presentations in one run. "
        "A membrane of 24 bits has an end, which the network declares as its floor; lava-float and "
        "netx-spikesim have none, and are given, and compared with, the same network without it."
    )
    ordered = sorted([*kept, *rows], key=lambda row: tuple(map(str, row[:3])))
    save_table(Table(title, COLUMNS, tuple(ordered), command, notes, {}, data), path)
