"""`spikesim export`: write a trained network for a chip or simulator and verify it against the engine."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table as Shown

from spikesim.datasets.dataset import Split
from spikesim.encoders import Encoder
from spikesim.errors import DataError
from spikesim.files.atomic import sha256_bytes
from spikesim.files.measured_table import Table, load_table, save_table
from spikesim.hardware.export import Exported
from spikesim.hardware.export import export as write
from spikesim.hardware.targets import TARGETS, target
from spikesim.network import Network
from spikesim.spikes import Spikes
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.export_learning import LEARNING, export_learning
from spikesim.tools.commands.given import HELP, WHAT, opened
from spikesim.tools.commands.trials import RATE, encoded, random_input
from spikesim.tools.commands.typed import typed
from spikesim.training.evaluate import check_fits, trial_steps

COLUMNS = (
    "network",
    "target",
    "played by",
    "trials",
    "spikes",
    "spikes that differ",
    "membranes",
    "membranes that differ",
    "s per trial",
)


@dataclass(frozen=True)
class Exportable:
    """A network to export and the input to verify it with.

    Attributes:
        network: the network, with its trained weights.
        split, encoder: test samples and their encoder; None for a network without data (random input).
        seed: seed of the encoder.
        said: description of the input, for the report.
    """

    network: Network
    split: Split | None
    encoder: Encoder | None
    seed: int
    said: str

    def inputs(self, samples: int) -> dict[str, Spikes]:
        """Input spikes of `samples` trials by source, from a random stream that training does not use."""
        if self.split is None or self.encoder is None:
            return random_input(self.network, samples, RATE, self.seed, self.network.window.T)
        return encoded(self.network, self.split, self.encoder, self.seed)


def export(
    what: Annotated[Path, typer.Argument(help=HELP, metavar=WHAT)],
    to: Annotated[str, typer.Option(help=f"Target format, one of: {', '.join((*TARGETS, LEARNING))}.")],
    out: Annotated[Path, typer.Option(help="File to write.")],
    bits: Annotated[
        int | None,
        typer.Option(
            min=2, help="Quantise the weights to this many bits. Default: 8 for lava and netx, else none."
        ),
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="Number of test samples to verify with.")] = 20,
    T: Annotated[
        int | None, typer.Option("--T", min=1, help="Time steps of a trial. Default: those of the run.")
    ] = None,
    table: Annotated[
        Path | None, typer.Option(help="Add the outcome to this table of results (.json).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Quantise and write a network, read it back with the target's own programs, compare all spikes.

    Membranes are compared too, after every step. The exit status is 1 if anything differs.
    """
    if to == LEARNING:
        export_learning(what, out, samples, as_json)
        return
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
            typed("--table", "--json"),
        )
        display.say(f"{table}: written")
    if not exported.equal:
        raise typer.Exit(1)


def read(what: Path, samples: int, T: int | None) -> Exportable:
    """Read the network to export, from a run folder or a network file, and the samples to verify it with.

    Raises:
        CheckpointError: `what` is neither a run nor a network.
        DeclarationError: a network without end, with generators or drives.
        DataError: a network without end and T, or data that do not fit.
    """
    given = opened(what, "export", T)
    run, declared = given.run, given.network
    if run is None or given.experiment is None:
        if declared.window.endless and T is None:
            raise DataError(
                f"{what}: the network has no trial length; set the time steps of a trial with --T"
            )
        network = declared.inference(T)
        return Exportable(network, None, None, 1, f"random input of {RATE} spikes per step")
    dataset = given.experiment.load()
    split = dataset.test.take(samples)
    network = declared.inference(trial_steps(split, T))
    check_fits(network, split, run.encoder)
    said = f"the first {samples} test samples of {dataset.name}"
    return Exportable(network, split, run.encoder, run.training.seed, said)


def described(exported: Exported, found: Exportable) -> dict[str, Any]:
    """The export and its verification as a JSON object."""
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
    """Print the report as text."""
    display.say(
        f"{exported.path}: {exported.target}, {exported.path.stat().st_size:,} bytes; input: {found.said}"
    )
    q = exported.quantised
    if q is not None:
        display.say(f"\nQuantised for {q.hardware}, {q.bits} bits:")
        layers = Shown(*q.COLUMNS, box=None, padding=(0, 1, 0, 0))
        for row in q.rows():
            layers.add_row(*(f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row))
        display.console.print(layers)
        for p in q.populations:
            if p.floor is not None:
                display.say(
                    f"{p.name}: the membrane saturates at {p.floor:g}, the 24-bit limit; declared as floor"
                )
        if q.before is not None and q.after is not None:
            before, after = (f"{100 * share:.2f} %" for share in (q.before, q.after))
            display.say(f"accuracy on the {q.samples} samples: {before} before, {after} after")
    display.say("")
    for check in exported.checks:
        display.say(
            f"{check.reader}: {check.spikes:,} spikes and {check.membranes:,} membranes in "
            f"{check.presentations} trials; {check.spikes_differ} and {check.membranes_differ} differ "
            f"({check.seconds:.1f} s)"
        )
        if check.difference is not None:
            display.say(f"  first difference: {check.difference}")
    for note in exported.notes:
        display.say(f"note: {note}")
    if not all(check.spikes for check in exported.checks):
        display.say("note: no neuron fired, so this verification is weak; use more samples (--samples)")
    for name, why in exported.missing.items():
        display.say(f"{name}: skipped ({why})")


def save(exported: Exported, found: Exportable, path: Path, command: str) -> None:
    """Add the outcome to a table of results, replacing an earlier one of the same network and target."""
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
    title = "Exported networks, run by the programs of their targets and compared with the engine"
    command = (
        "spikesim export RUN --to TARGET --out PATH --samples 100 --table models/results/hardware/export.json"
    )
    notes = (
        "Compared: every spike of every population and every membrane after every step, all trials in a run. "
        "A membrane of 24 bits saturates, which the network declares as its floor; lava-float and "
        "netx-spikesim do not saturate and are compared on the same network without the floor."
    )
    ordered = sorted([*kept, *rows], key=lambda row: tuple(map(str, row[:3])))
    save_table(Table(title, COLUMNS, tuple(ordered), command, notes, {}, data), path)
