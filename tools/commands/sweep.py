"""`spikesim sweep`: search for settings of EMSTDP, on this machine or on a cluster."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from spikesim.errors import SpikesimError
from spikesim.models.emstdp.sweep import Finished, save_best
from spikesim.models.emstdp.sweep import sweep as run_sweep
from spikesim.models.emstdp.sweep_spec import read_spec
from spikesim.tools.commands.display import Display


def sweep(
    spec: Annotated[Path, typer.Argument(help="The sweep: a TOML file.", metavar="SPEC")],
    storage: Annotated[
        Path | None,
        typer.Option(help="File of all trials; a sweep goes on from it. Default: runs/NAME.sweep."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes on this machine.")] = 1,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Address of a Dask scheduler whose workers run the trials.", metavar="ADDRESS"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the best configuration here. Default: runs/NAME-best.toml.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Search for the settings with the highest validation accuracy; the test set is not used.

    Ctrl-C stops; the same command goes on.
    """
    wanted, display = read_spec(spec), Display(as_json)
    file = storage or Path("runs") / f"{wanted.name}.sweep"
    best = out or Path("runs") / f"{wanted.name}-best.toml"

    def say(trial: Finished, left: int) -> None:
        found = f"failed: {trial.error}" if trial.accuracy is None else f"{100 * trial.accuracy:.2f} %"
        settings = ", ".join(f"{k} = {_short(v)}" for k, v in trial.settings.items())
        display.say(f"trial {trial.number}: {found} ({settings}; {trial.seconds:.0f} s), {left} left")

    found = run_sweep(wanted, file, workers=workers, scheduler=scheduler, say=say)
    if found.best is None:
        raise SpikesimError(
            f"all {len(found.trials)} trials failed; the last: {found.trials[-1].error}. "
            f"They are kept in {file}"
        )
    save_best(found, best)
    if as_json:
        print(json.dumps({"best": asdict(found.best), "trials": [asdict(t) for t in found.trials]}))
        return
    display.say(
        f"best: trial {found.best.number}, {100 * (found.best.accuracy or 0):.2f} % on validation; "
        f"train it with: spikesim train {best}"
    )


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
