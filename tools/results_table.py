"""The results tables of the page on EMSTDP, generated from models/results/*.json and models/results/emstdp.

A result file holds one preset with its runs:

    preset, title, dataset, network ("784-500-10"), rule, command: strings
    variant: "amended", "literal" or "baseline"
    notes: string, the place of the paper's number in the paper; may be empty
    paper: the paper's test accuracy as a fraction (0.973), or null if it gives none
    config: the configuration, as in the run folder
    runs: one entry per seed
        seed, epochs (integers), test_accuracy, train_accuracy (fractions), seconds
        metrics (a list of records), weights_sha256 (64 hex digits), provenance

Commands:

    python -m spikesim.tools.results_table            writes the tables into the page
    python -m spikesim.tools.results_table --check    reports whether it is stale, changes nothing
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from spikesim.errors import DataError, SpikesimError
from spikesim.files.atomic import write_bytes
from spikesim.files.regular import read_regular
from spikesim.models.emstdp import table2
from spikesim.models.emstdp.baselines import BASELINES

ROOT = Path(__file__).resolve().parents[1]
PAGE = "docs/pages/papers/emstdp.md"
BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"
VARIANTS = ("amended", "literal", "baseline")
SchemaCheck = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_amount(value: Any) -> bool:
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and math.isfinite(value)
        and value >= 0
    )


def _is_fraction(value: Any) -> bool:
    return _is_amount(value) and value <= 1


TEXT: tuple[SchemaCheck, str] = (_is_text, "a non-empty string")
FRACTION: tuple[SchemaCheck, str] = (_is_fraction, "a fraction from 0 to 1 (97.3 % is 0.973)")
DICTIONARY: tuple[SchemaCheck, str] = (
    lambda value: isinstance(value, dict) and bool(value),
    "a non-empty dictionary",
)
RESULT: dict[str, tuple[SchemaCheck, str]] = {
    **dict.fromkeys(("preset", "title", "dataset", "network", "rule", "command"), TEXT),
    "variant": (lambda value: value in VARIANTS, " or ".join(VARIANTS)),
    "paper": (lambda value: value is None or _is_fraction(value), f"null or {FRACTION[1]}"),
    "config": DICTIONARY,
    "runs": (lambda value: isinstance(value, list) and bool(value), "a list with at least one run"),
    "notes": (lambda value: isinstance(value, str), "a string (may be empty)"),
}
RUN: dict[str, tuple[SchemaCheck, str]] = {
    "seed": (_is_count, "an integer >= 0"),
    "test_accuracy": FRACTION,
    "train_accuracy": FRACTION,
    "seconds": (_is_amount, "a number of seconds >= 0"),
    "epochs": (_is_count, "an integer >= 0"),
    "metrics": (
        lambda value: isinstance(value, list) and all(isinstance(record, dict) for record in value),
        "a list of dictionaries",
    ),
    "weights_sha256": (
        lambda value: isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None,
        "64 lower-case hex digits",
    ),
    "provenance": DICTIONARY,
}


def check_result(result: Any, where: str) -> None:
    """Raise DataError unless `result` fits the schema above.

    The error names the file, the key, the value and what is expected.
    """
    _check_keys(result, RESULT, where)
    for i, run in enumerate(result["runs"]):
        _check_keys(run, RUN, f"{where}: runs[{i}]")
    seeds = [run["seed"] for run in result["runs"]]
    if len(set(seeds)) != len(seeds):
        raise DataError(
            f"{where}: the seeds of the runs are {seeds}; each may occur only once. Delete the older run."
        )


def _check_keys(value: Any, schema: Mapping[str, tuple[SchemaCheck, str]], where: str) -> None:
    if not isinstance(value, dict):
        raise DataError(f"{where} is a {type(value).__name__}; expected a dictionary.")
    if missing := [key for key in schema if key not in value]:
        raise DataError(f"{where} lacks {', '.join(missing)}. Expected keys: {', '.join(schema)}.")
    if extra := [key for key in value if key not in schema]:
        raise DataError(f"{where} has unknown keys: {', '.join(extra)}. Expected keys: {', '.join(schema)}.")
    for key, (fits, expected) in schema.items():
        if not fits(value[key]):
            raise DataError(f"{where}: {key} is {_short(value[key])}; expected {expected}.")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def load_results(folder: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Read and check all results of a folder; sorted as in the table.

    Raises DataError, which names the file and the key.
    """
    paths = sorted(Path(folder).glob("*.json"))
    results = [_read(path) for path in paths]
    keys = [(r["preset"], r["variant"]) for r in results]
    for path, key in zip(paths, keys, strict=True):
        if keys.count(key) > 1:
            raise DataError(f"{path.name}: {key[0]} ({key[1]}) is in more than one file. Merge their runs.")
    return sorted(results, key=lambda r: (r["dataset"], r["network"], r["rule"], r["variant"], r["preset"]))


def _read(path: Path) -> dict[str, Any]:
    try:
        result: dict[str, Any] = json.loads(read_regular(path, error=DataError))
    except (OSError, ValueError, RecursionError) as problem:
        raise DataError(
            f"{path} cannot be read as JSON ({problem}). Restore it from a copy, or repeat the run."
        ) from problem
    check_result(result, path.name)
    return result


def result_file(folder: str | os.PathLike[str], name: str) -> Path:
    """The result file of a preset, or, in the folder `emstdp`, of a baseline."""
    return Path(folder) / (f"emstdp/{name}.json" if name in BASELINES else f"{name}.json")


def load_table_2(folder: str | os.PathLike[str]) -> dict[str, dict[str, Any]]:
    """Read and check the stored results of table 2 of EMSTDP, by preset or baseline.

    Raises DataError, which names the file and the key.
    """
    paths = {name: result_file(folder, name) for name in table2.needed(tuple(table2.ROWS), table2.RULES)}
    return {name: _read(path) for name, path in paths.items() if path.exists()}


def table_markdown(results: Sequence[Mapping[str, Any]]) -> str:
    """The table in Markdown: mean and spread over the seeds, the paper's number, difference, time, preset."""
    if not results:
        return "No results yet."
    head = ["What", "Network", "Variant", "Test accuracy (%)", "Seeds", "Paper (%)", "Difference"]
    lines = [_row([*head, "Time per run", "Preset"]), _row(["---"] * 3 + ["---:"] * 5 + ["---"])]
    lines += [_row(_cells(result)) for result in results]
    lines += [
        "",
        "Accuracy: mean; with two or more seeds ± standard deviation (lowest–highest). Reproduce a row with "
        "`spikesim reproduce PRESET --seeds SEEDS`.",
    ]
    notes: dict[str, list[str]] = {}
    for result in results:
        note = _one_line(result["notes"])
        if note and note != _one_line(result["title"]):
            notes.setdefault(note, []).append(f"`{result['preset']}`")
    lines += ["", *(f"- {', '.join(presets)}: {note}" for note, presets in notes.items())] if notes else []
    return "\n".join(lines)


def _cells(result: Mapping[str, Any]) -> list[str]:
    accuracies = [100 * run["test_accuracy"] for run in result["runs"]]
    mean = fmean(accuracies)
    shown = f"**{mean:.2f}**"
    if len(accuracies) > 1:
        shown += f" ± {stdev(accuracies):.2f} ({min(accuracies):.2f}–{max(accuracies):.2f})"
    paper = difference = "–"
    if result["paper"] is not None:
        paper = f"{100 * result['paper']:.1f}"
        difference = f"{mean - 100 * result['paper']:+.2f}"
    seconds = fmean(run["seconds"] for run in result["runs"])
    seeds = ",".join(str(run["seed"]) for run in result["runs"])
    what = [result["title"], result["network"], result["variant"]]
    return [*what, shown, seeds, paper, difference, duration(seconds), f"`{result['preset']}`"]


def duration(seconds: float) -> str:
    """Seconds as text in a readable unit: "42 s", "3 min 20 s", "2 h 05 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_one_line(cell).replace("|", "\\|") for cell in cells) + " |"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _with_table(text: str, table: str, readme: Path) -> str:
    """`text` with the part between the markers replaced. Raises DataError unless each marker occurs once."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise DataError(f"{readme} needs one {BEGIN} and, after it, one {END}; the table goes between them.")
    before, after = text[: text.index(BEGIN)], text[text.index(END) :]
    return f"{before}{BEGIN}\n{table}\n{after}"


def readme_part(results_folder: str | os.PathLike[str]) -> str:
    """What stands between the markers of the page: table 2 of EMSTDP, and all its presets that were run."""
    both = table2.table(load_table_2(results_folder)).markdown(), table_markdown(load_results(results_folder))
    return "\n\n".join(both)


def _texts(readme_path: str | os.PathLike[str], results_folder: str | os.PathLike[str]) -> tuple[str, str]:
    """The page as it is, and as it should be."""
    readme = Path(readme_path)
    try:
        text = readme.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise DataError(f"{readme} cannot be read ({problem}). Set its path with --readme.") from problem
    return text, _with_table(text, readme_part(results_folder), readme)


def is_stale(readme_path: str | os.PathLike[str], results_folder: str | os.PathLike[str]) -> bool:
    """Whether the page's tables differ from the results.

    Raises DataError for invalid results or missing markers.
    """
    text, fresh = _texts(readme_path, results_folder)
    return text != fresh


def update_readme(readme_path: str | os.PathLike[str], results_folder: str | os.PathLike[str]) -> bool:
    """Write the tables between the page's markers, atomically. Returns whether anything changed."""
    text, fresh = _texts(readme_path, results_folder)
    if text != fresh:
        write_bytes(readme_path, fresh.encode("utf-8"), what="the page")
    return text != fresh


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns 0 if the page is up to date, 1 if --check finds it stale, 2 on an error."""
    parser = argparse.ArgumentParser(
        prog="python -m spikesim.tools.results_table",
        description="Write the results tables into the page on EMSTDP.",
    )
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit with status 1 if the table is stale"
    )
    parser.add_argument("--readme", type=Path, default=ROOT / PAGE, help=f"The document; default: {PAGE}.")
    parser.add_argument("--results", type=Path, default=ROOT / "models" / "results")
    options = parser.parse_args(arguments)
    try:
        changed = (is_stale if options.check else update_readme)(options.readme, options.results)
    except SpikesimError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    if options.check and changed:
        print(f"{options.readme}: the results table is stale. Run: python -m spikesim.tools.results_table")
        return 1
    print(f"{options.readme}: the results table {'is now' if changed else 'was already'} up to date.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
