"""Table 2 of the EMSTDP paper: run what is missing, and print the table of what is stored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spikesim.models.emstdp.baselines import BASELINES, Baseline
from spikesim.models.emstdp.experiment import Experiment
from spikesim.models.emstdp.presets import PRESETS
from spikesim.models.emstdp.table2 import GROUP, ROWS, RULES, missing, needed, table
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.measured import show_table
from spikesim.tools.jobs import Job, kept, run_jobs
from spikesim.tools.results_table import load_table_2, result_file

LISTED = 12  # missing runs that are named


def reproduce_table_2(
    rows: Sequence[str],
    rules: Sequence[str],
    seeds: Sequence[int],
    runs: Path,
    results: Path,
    display: Display,
    *,
    threads: int = 1,
    workers: int = 1,
    show: bool = False,
) -> None:
    """Run the presets and baselines that some rows and rules need and that are not stored; print the table.

    Args:
        rows, rules: as in `models.emstdp.table2`.
        seeds: of every preset and baseline.
        runs: folder of the runs of presets.
        results: folder of the results.
        display: for progress.
        threads: for evaluation.
        workers: processes on this machine.
        show: run nothing.

    Raises:
        DataError: a result file is damaged.
        DeclarationError: a result file has other settings than its preset or baseline.
    """
    names = needed(rows, rules)
    for name in names:  # before any training
        kept(_declared(name), result_file(results, name))
    if not show:
        left = missing(load_table_2(results), names, seeds)
        run_jobs([_job(name, seed, runs, results) for name, seed in left], display, threads, workers)
    stored = load_table_2(results)
    show_table(table(stored), "")
    if left := missing(stored, names, seeds):
        said = ", ".join(f"{name} (seed {seed})" for name, seed in left[:LISTED])
        more = f" and {len(left) - LISTED} more" if len(left) > LISTED else ""
        display.say(f"Missing: {said}{more}")
    else:
        display.say(f"Nothing is missing for seeds {', '.join(map(str, seeds))}.")


def _declared(name: str) -> Experiment | Baseline:
    return PRESETS[name] if name in PRESETS else BASELINES[name]


def _job(name: str, seed: int, runs: Path, results: Path) -> Job:
    row, rule = next((row, rule) for row in ROWS.values() for rule in RULES if name in row.names(rule))
    command = f"spikesim reproduce {name}" if name in PRESETS else _command(row.name, rule)
    path = result_file(results, name)
    return Job(_declared(name), seed, runs / f"{name}-{seed}", path, command, row.curve)


def _command(row: str, rule: str) -> str:
    return f"spikesim reproduce {GROUP} --rows {row} --rules {rule}"
