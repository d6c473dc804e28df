"""Every exit with every feature of `Network`: equal, or refused before anything is written; no third outcome.

    python -m spikesim.tools.dev.exits_table             the whole table: eight minutes of processor time
    python -m spikesim.tools.dev.exits_table --fast      without the exits that take a tenth of a second
    python -m spikesim.tools.dev.exits_table --save      also as models/results/hardware/exits.json
    python -m spikesim.tools.dev.exits_table --add       only the features that the saved table lacks, into it

Features are the functions of `exit_features.FEATURES`, exits those of `exits.EXITS`. A cell is `=` (every
spike and membrane equals that of the naive engine), `refused` (by an error of spikesim's own; nothing was
written), `–` (the exit has nothing to do with the feature), or a failure: it differs, another error, a file
that a refusal left behind. The exit status is 1 where a cell has failed.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path

from spikesim.errors import MissingExtraError, SpikesimError
from spikesim.files.measured_table import Table, load_table, save_table
from spikesim.tools.dev.exit_cases import Case
from spikesim.tools.dev.exit_features import FEATURES
from spikesim.tools.dev.exits import ALL, EXITS, NOT_HERE, Exit

RESULT = Path(__file__).resolve().parents[2] / "models" / "results" / "hardware" / "exits.json"
EQUAL, REFUSED, MISSING, FAILED = "=", "refused", "not installed", "FAILED"
FOLDERS = re.compile(r"(?<!\S)/\S*/")  # of files that a message names: temporary ones
SHORT = {EQUAL: "=", REFUSED: "R", MISSING: "not installed", FAILED: "FAILED", NOT_HERE: NOT_HERE}


@dataclass(frozen=True)
class Cell:
    """The outcome of a feature at an exit.

    Attributes:
        outcome: EQUAL, REFUSED, NOT_HERE, MISSING or FAILED.
        said: the refusal, or what failed.
        seconds: that it took.
    """

    outcome: str
    said: str = ""
    seconds: float = 0.0


def cell(feature: Callable[[], Case], exit_: Exit) -> Cell:
    """Play a feature at an exit, in an empty folder."""
    with tempfile.TemporaryDirectory() as name:
        folder, begun = Path(name), time.perf_counter()
        outcome, said = _outcome(feature(), exit_, folder)
        left = [path.name for path in folder.rglob("*") if path.is_file()]
        if outcome == REFUSED and left:
            outcome, said = FAILED, f"refused, and left {', '.join(left)}: {said}"
        return Cell(outcome, said, time.perf_counter() - begun)


def _outcome(case: Case, exit_: Exit, folder: Path) -> tuple[str, str]:
    try:
        found = exit_.play(case, folder)
    except MissingExtraError as problem:
        return MISSING, str(problem)
    except SpikesimError as problem:
        return REFUSED, str(problem)
    except Exception as problem:  # noqa: BLE001 - raw exceptions are what this command looks for
        return FAILED, f"{type(problem).__name__}: {problem}"
    if found == NOT_HERE:
        return NOT_HERE, ""
    return (FAILED, found) if found else (EQUAL, "")


def cells_of(feature: str, exits: Sequence[str]) -> dict[str, Cell]:
    """The cells of a row, in a process of its own."""
    logging.disable(logging.WARNING)
    return {name: cell(FEATURES[feature], ALL[name]) for name in exits}


def earlier() -> dict[str, dict[str, Cell]]:
    """The cells of the saved table, of features and exits that are still there."""
    saved = load_table(RESULT)
    outcomes = {short: outcome for outcome, short in SHORT.items()}
    return {
        row[0]: {
            name: Cell(outcomes[short], saved.data.get(row[0], {}).get(name, ""))
            for name, short in zip(saved.columns[1:], row[1:], strict=True)
        }
        for row in saved.rows
        if row[0] in FEATURES and saved.columns[1:] == tuple(ALL)
    }


def table(cells: dict[str, dict[str, Cell]], exits: Sequence[Exit], seconds: float, command: str) -> Table:
    """The cells as a table: a row for each feature, refusals as data."""
    names = [exit_.name for exit_ in exits]
    rows = [(feature, *(SHORT[found[name].outcome] for name in names)) for feature, found in cells.items()]
    count = Counter(each.outcome for found in cells.values() for each in found.values())
    total = tuple(f"{sum(found[name].outcome == EQUAL for found in cells.values())} =" for name in names)
    notes = (
        f"=: {count[EQUAL]} cells equal (every spike and membrane), R: {count[REFUSED]} refused in words, "
        f"before anything was written, {count[FAILED]} failed; –: has nothing to do with it. The words of "
        f"each refusal are in the file of this table. The reference is the naive engine; files are read by "
        f"our own readers unless named; quantise: for Loihi, played by the emulator. {seconds:.0f} s."
    )
    return Table(
        "Every exit and every feature of a network",
        ("feature", *names),
        (*rows, ("equal", *total)),
        command,
        notes,
        data={
            feature: {name: FOLDERS.sub("", each.said) for name, each in found.items() if each.said}
            for feature, found in cells.items()
        },
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 where no cell failed."""
    parser = argparse.ArgumentParser(prog="python -m spikesim.tools.dev.exits_table")
    parser.add_argument("--fast", action="store_true", help="leave out exits that take a tenth of a second")
    parser.add_argument("--feature", default="", help="features whose name contains this")
    parser.add_argument("--exit", default="", help="exits whose name contains this")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes; default: one a core")
    parser.add_argument("--words", action="store_true", help="print the words of every refusal")
    parser.add_argument("--save", action="store_true", help=f"write {RESULT.name}")
    parser.add_argument("--add", action="store_true", help=f"measure what {RESULT.name} lacks, and write it")
    options = parser.parse_args(arguments)
    if options.add and (options.fast or options.exit or options.feature):
        parser.error("--add measures every exit of the features that are missing; give it alone")
    exits = [e for e in EXITS if options.exit in e.name and not (options.fast and e.slow)]
    cells = earlier() if options.add else {}
    known = tuple(cells)
    features = {n: make for n, make in FEATURES.items() if options.feature in n and n not in cells}
    begun, failed = time.perf_counter(), 0
    names = tuple(exit_.name for exit_ in exits)
    with ProcessPoolExecutor(options.jobs) as pool:
        for feature, row in zip(features, pool.map(cells_of, features, repeat(names)), strict=True):
            cells[feature] = row
            for name, found in row.items():
                if found.outcome == FAILED or (options.words and found.said):
                    print(f"{feature} | {name} | {found.outcome}: {' '.join(found.said.split())}", flush=True)
                failed += found.outcome == FAILED
    seconds = time.perf_counter() - begun
    cells = {name: cells[name] for name in FEATURES if name in cells}  # in their order
    made = table(cells, exits, seconds, "python -m spikesim.tools.dev.exits_table --save")
    if known:
        made = replace(made, notes=f"{made.notes} Added to {len(known)} features of an earlier run (--add).")
    if options.save or options.add:
        save_table(made, RESULT)
    each = {e.name: sum(found[e.name].seconds for found in cells.values()) for e in exits}
    print(", ".join(f"{name} {taken:.1f} s" for name, taken in each.items()))
    print(made.notes)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
