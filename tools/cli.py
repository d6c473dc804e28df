"""The command line: `spikesim --help`."""

from __future__ import annotations

import logging
import sys
from importlib.metadata import version
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from spikesim import _interrupt
from spikesim.errors import SpikesimError
from spikesim.tools.commands import (
    ablation,
    astdp,
    benchmark,
    brunel,
    chip_learning,
    continual,
    datasets,
    demo,
    depth,
    dynamics,
    emstdp,
    energy,
    export,
    gupta,
    inference,
    info,
    mstdp,
    nir_libraries,
    nir_table,
    presets,
    quantise,
    report,
    reproduce,
    scaling,
    simulate,
    sweep,
    train,
    verify,
)
from spikesim.tools.commands.typed import Remembering

app = typer.Typer(
    cls=Remembering,
    help="Train spiking neural networks with local learning rules; results are exactly reproducible.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("demo")(demo.demo)
app.command("train")(train.train)
app.command("evaluate")(train.evaluate)
app.command("verify")(verify.verify)
app.command("export")(export.export)
app.command("quantise")(quantise.quantise)
app.command("energy")(energy.energy)
app.command("report")(report.report)
app.command("simulate")(simulate.simulate)
app.command("sweep")(sweep.sweep)
app.command("ablation")(ablation.ablation)
app.command("nir-table")(nir_table.nir_table)
app.command("nir-libraries")(nir_libraries.nir_libraries)
app.command("presets")(presets.presets)
app.command("reproduce")(reproduce.reproduce)
app.command("benchmark")(benchmark.benchmark)
app.command("inference")(inference.inference)
app.command("brunel")(brunel.brunel)
app.command("growth")(scaling.growth)
app.command("endurance")(scaling.endurance)
app.command("dynamics")(dynamics.dynamics)
app.command("depth")(depth.depth)
app.command("continual")(continual.continual)
app.command("info")(info.info)
app.add_typer(chip_learning.app, name="chip-learning")
app.add_typer(datasets.app, name="datasets")
app.add_typer(emstdp.app, name="emstdp")
app.add_typer(gupta.app, name="gupta")
app.add_typer(mstdp.app, name="mstdp")
app.add_typer(astdp.app, name="astdp")


def _say_version(wanted: bool) -> None:
    if wanted:
        print(f"spikesim {version('spikesim')}")
        raise typer.Exit


@app.callback()
def options(
    said: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_say_version, help="Print the version and exit."),
    ] = False,
) -> None:
    """Train spiking neural networks with local learning rules; results are exactly reproducible."""


def main() -> None:
    """Run a command. Errors are printed as one message, with exit status 2; Ctrl-C exits with 130."""
    _interrupt.restore()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    try:
        app(standalone_mode=True)
    except SpikesimError as problem:
        _refuse(str(problem))
    except OSError as problem:  # from files that other packages write: compiled kernels, figures
        where = f"{problem.filename}: " if problem.filename else ""
        _refuse(f"{where}{problem.strerror or problem}. Check the free space and the permissions.")
    except MemoryError as problem:
        _refuse(f"not enough memory ({problem}). Use smaller layers, a smaller batch or a shorter window.")


def _refuse(said: str) -> NoReturn:
    """Print a message on standard error and exit with status 2."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[bold red]error:[/] {_plain(said)}")
    sys.exit(2)


def _plain(text: str) -> str:
    """Text with rich's markup escaped."""
    return text.replace("[", r"\[")


if __name__ == "__main__":
    main()
