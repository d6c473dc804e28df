"""Table 2 of the EMSTDP paper: its rows, what has to be measured for them, and the table of what was.

Rules: bp (BP-MLP), mlp-sw and mlp-dfa (EMSTDP-MLP), literal (as printed), sw, dfa and fa (EMSTDP on spikes).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from spikesim.errors import DeclarationError, unknown
from spikesim.files.measured_table import Cell, Table
from spikesim.models.emstdp.baselines import BASELINES
from spikesim.models.emstdp.presets import OTHER_SPLITS, PRESETS

Results = Mapping[str, Mapping[str, Any]]
RULES = ("bp", "mlp-sw", "mlp-dfa", "literal", "sw", "dfa", "fa")
GROUP = "emstdp-table2"


@dataclass(frozen=True)
class Row:
    """A network of table 2.

    Attributes:
        name: of the row in `--rows` and in the names of presets and baselines.
        data: name of the dataset in the table.
        network: sizes, as the paper writes them.
        splits: number of random splits of the data over which results are spread.
        curve: whether fig. 6 shows the test accuracy of this network after each epoch.
    """

    name: str
    data: str
    network: str
    splits: int = 1
    curve: bool = False

    def names(self, rule: str) -> tuple[str, ...]:
        """The presets or baselines of a rule, one for each split; () if there is none."""
        first = {
            "bp": f"bp-{self.name}",
            "mlp-sw": f"mlp-{self.name}",
            "mlp-dfa": f"mlp-{self.name}-dfa",
            "sw": f"emstdp-{self.name}",
        }.get(rule, f"emstdp-{self.name}-{rule}")
        if rule == "fa" and first not in PRESETS:  # one hidden layer: the network is that of DFA
            first = f"emstdp-{self.name}-dfa"
        if first not in PRESETS and first not in BASELINES:
            return ()
        return (first, *(f"{first}-split{k}" for k in OTHER_SPLITS[: self.splits - 1]))


ROWS = {
    row.name: row
    for row in (
        Row("mnist-500", "MNIST", "784-500-10"),
        Row("mnist-500-500", "MNIST", "784-500-500-10", curve=True),
        Row("fashion-500-500", "Fashion-MNIST", "784-500-500-10"),
        Row("auslan", "Auslan", "45x22-150-150-50", splits=3),
    )
}
COLUMNS = (
    "Data",
    "Network",
    "Rule",
    "Paper: MLP",
    "MLP",
    "Paper: spikes",
    "As printed",
    "EMSTDP",
    "Difference",
)
NOTES = (
    "Test accuracy in %: mean ± standard deviation (number of runs). MLP: rates in place of spikes, by "
    "back-propagation (BP) or section 3.3 (EMSTDP-MLP). As printed: literal. EMSTDP: amended, on spikes; its "
    "difference from the paper's spikes in points. With one hidden layer FA and DFA are one network. Runs "
    "of Auslan are on three random splits. The paper's MLPs stand in fig. 6 (MNIST, two layers) and table 2 "
    "(Auslan; for Fashion-MNIST a smaller one, 784-100-100-10: 87.7). Settings were chosen on validation "
    "samples."
)


def chosen(names: Iterable[str], known: Iterable[str], what: str) -> tuple[str, ...]:
    """The given names, or all known ones if none is given, each once.

    Raises:
        DeclarationError: a name is unknown; the message lists similar names.
    """
    given = tuple(dict.fromkeys(names))
    for name in given:
        if name not in known:
            raise DeclarationError(unknown(what, name, known))
    return given or tuple(known)


def needed(rows: Sequence[str], rules: Sequence[str]) -> list[str]:
    """Names of the presets and baselines that some rows and rules need, in the order of the table."""
    return list(dict.fromkeys(name for row in rows for rule in rules for name in ROWS[row].names(rule)))


def table(results: Results) -> Table:
    """The table of what was measured.

    Args:
        results: name of the preset or baseline -> its result, as stored.
    """
    rows: list[tuple[Cell, ...]] = []
    for row in ROWS.values():
        rows.append(_cells(row, "BP", "bp", None, results))
        for rule in ("sw", "dfa", "fa"):
            rows.append(_cells(row, rule.upper(), f"mlp-{rule}", rule, results))
    command = f"spikesim reproduce {GROUP} --seeds N"
    return Table("EMSTDP, table 2", COLUMNS, tuple(rows), command, NOTES)


def _cells(row: Row, shown: str, mlp: str, spikes: str | None, results: Results) -> tuple[Cell, ...]:
    names = row.names(mlp)
    cells: list[Cell] = [row.data, row.network, shown, _paper(names), _measured(names, results)]
    if spikes is None:
        return (*cells, None, None, None, None)
    names = row.names(spikes)
    paper = None if spikes == "fa" else _paper(names)
    literal = _measured(row.names("literal"), results) if spikes == "sw" else None
    difference = None
    if paper is not None and (accuracies := _accuracies(names, results)):
        difference = f"{fmean(accuracies) - 100 * _known(names[0]).paper:+.2f}"
    return (*cells, paper, literal, _measured(names, results), difference)


def _known(name: str) -> Any:
    return PRESETS[name] if name in PRESETS else BASELINES[name]


def _paper(names: tuple[str, ...]) -> str | None:
    figure = _known(names[0]).paper if names else None
    return None if figure is None else f"{100 * figure:.1f}"


def _accuracies(names: Sequence[str], results: Results) -> list[float]:
    """Test accuracies in % of all runs."""
    return [100 * run["test_accuracy"] for name in names if name in results for run in results[name]["runs"]]


def _measured(names: tuple[str, ...], results: Results) -> str | None:
    """Mean, spread and number of runs; "missing" where nothing is measured, with splits where some are."""
    if not names:
        return None
    found = _accuracies(names, results)
    if not found:
        return "missing"
    spread = f" ± {stdev(found):.2f}" if len(found) > 1 else ""
    splits = sum(name in results for name in names)
    partly = "" if splits == len(names) else f"; {splits} of {len(names)} splits"
    return f"{fmean(found):.2f}{spread} ({len(found)}{partly})"


def missing(results: Results, names: Iterable[str], seeds: Sequence[int]) -> list[tuple[str, int]]:
    """The runs, as (name, seed), that are not stored yet."""
    stored = {name: {run["seed"] for run in result["runs"]} for name, result in results.items()}
    return [(name, seed) for name in names for seed in seeds if seed not in stored.get(name, set())]
