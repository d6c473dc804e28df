"""`spikesim reproduce`: train presets, or table 2 of EMSTDP, with several seeds; store and resume them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from spikesim.errors import DeclarationError, unknown
from spikesim.models.emstdp.experiment import Experiment
from spikesim.models.emstdp.presets import PRESETS
from spikesim.models.emstdp.table2 import GROUP, ROWS, RULES, chosen
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.quick import reproduce_quickly
from spikesim.tools.commands.table2 import reproduce_table_2
from spikesim.tools.jobs import Job, kept, run_jobs


def reproduce(
    names: Annotated[
        list[str] | None,
        typer.Argument(help=f"Names of presets, or {GROUP}: the paper's table 2.", metavar="PRESET..."),
    ] = None,
    seeds: Annotated[
        str,
        typer.Option(
            help=f"Seeds, separated by commas, or a range: 1-5. With {GROUP}, one number is how many."
        ),
    ] = "1",
    runs: Annotated[Path, typer.Option(help="Folder of the runs; existing ones are continued.")] = Path(
        "runs"
    ),
    results: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("models/results"),
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Number of epochs. Default: that of the preset.")
    ] = None,
    threads: Annotated[
        int, typer.Option(min=1, help="Threads for evaluation; they never change a result.")
    ] = 1,
    workers: Annotated[int, typer.Option(min=1, help="Processes on this machine that share the runs.")] = 1,
    rows: Annotated[
        str | None,
        typer.Option(help=f"With {GROUP}: rows, separated by commas. Default: {','.join(ROWS)}."),
    ] = None,
    rules: Annotated[
        str | None,
        typer.Option(help=f"With {GROUP}: rules, separated by commas. Default: {','.join(RULES)}."),
    ] = None,
    show: Annotated[
        bool, typer.Option("--show", help=f"With {GROUP}: print the table of stored results; train nothing.")
    ] = False,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Test every claim of the four papers in short runs (some minutes)."),
    ] = False,
    save: Annotated[
        Path | None, typer.Option(help="With --quick: write the table to this JSON file.")
    ] = None,
) -> None:
    """Train presets with several seeds and write accuracies with their provenance to models/results."""
    group = names == [GROUP]
    numbers = seeds_of(seeds, count=group)
    display = Display()
    if quick:
        if names or len(numbers) != 1:
            raise DeclarationError("--quick runs all papers with one seed; give no preset and a single seed")
        reproduce_quickly(numbers[0], save, display)
        return
    if not names:
        raise DeclarationError("no preset given; name one (see `spikesim presets`), or use --quick")
    if group:
        if epochs is not None:
            raise DeclarationError(f"{GROUP} has the epochs of its presets; --epochs is for presets")
        parts = chosen(_listed(rows), ROWS, "row"), chosen(_listed(rules), RULES, "rule")
        reproduce_table_2(
            *parts, numbers, runs, results, display, threads=threads, workers=workers, show=show
        )
        return
    if rows is not None or rules is not None or show:
        raise DeclarationError(f"--rows, --rules and --show are options of {GROUP}, not of presets")
    experiments = [_preset(name) for name in names]
    if epochs is not None:
        experiments = [replace(experiment, epochs=epochs) for experiment in experiments]
    paths = {experiment.name: results / f"{experiment.name}.json" for experiment in experiments}
    for experiment in experiments:  # before any training, so that no result is lost for want of a valid file
        kept(experiment, paths[experiment.name])
    jobs = [
        Job(e, seed, runs / f"{e.name}-{seed}", paths[e.name], f"spikesim reproduce {e.name}")
        for e in experiments
        for seed in numbers
    ]
    run_jobs(jobs, display, threads, workers)
    for experiment in experiments:
        path = paths[experiment.name]
        figures = ", ".join(f"{100 * run['test_accuracy']:.2f} %" for run in kept(experiment, path))
        display.say(f"{path}: test accuracy {figures}")


def _preset(name: str) -> Experiment:
    if name == GROUP:
        raise DeclarationError(f"{GROUP} stands for all its presets; give it alone")
    if name not in PRESETS:
        raise DeclarationError(unknown("preset", name, (*PRESETS, GROUP)))
    return PRESETS[name]


def seeds_of(text: str, count: bool = False) -> list[int]:
    """The seeds that `--seeds` names: "1,2,3" or "1-3"; with `count`, "3" stands for "1,2,3".

    Raises:
        DeclarationError: neither, a seed given twice, or no seed at all.
    """
    first, dash, last = text.partition("-")
    try:
        if dash:
            numbers = list(range(int(first), int(last) + 1))
        elif count and "," not in text:
            numbers = list(range(1, int(text) + 1))
        else:
            numbers = [int(seed) for seed in text.split(",")]
    except ValueError as problem:
        raise DeclarationError(
            f"--seeds {text!r}: expected whole numbers separated by commas, for example 1,2,3, or a range: "
            f"1-3"
        ) from problem
    if not numbers or len(set(numbers)) != len(numbers):
        found = "a seed is given twice" if numbers else "no seed"
        raise DeclarationError(f"--seeds {text!r}: {found}; for example 1,2,3, or 1-3")
    return numbers


def _listed(text: str | None) -> list[str]:
    return [] if text is None else [part.strip() for part in text.split(",")]
