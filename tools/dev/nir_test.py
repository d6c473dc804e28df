"""Random NIR graphs: our reader and engine beside an interpreter that shares no code with them.

    python -m spikesim.tools.dev.nir_test --graphs 500 --seed 1 --save

A graph of a seed (`spikesim.tools.dev.nir_graphs`) is written by the package nir, read by `read_nir`,
simulated by `stepped` with random spikes, and compared with `spikesim.tools.dev.nir_interpreter`: every spike
of every neuron and Output exactly; membranes and sums that reach an Output to 1e-9 of the largest. Half of
the graphs have numbers of few bits, of which nothing rounds. In the others a membrane can be so near its
threshold that rounding decides; such a graph is counted, and not compared. A graph may be refused, by an
error of ours that says why.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spikesim.errors import SpikesimError
from spikesim.files.measured_table import Cell, Table, save_table
from spikesim.tools.dev.nir_compare import FAILURES, OUTCOMES, Outcome, compared
from spikesim.tools.dev.nir_graphs import drawn

RESULT = Path("models/results/hardware/nir_graphs.json")
MODES = {"one run": 1, "trials": 2}  # and how many
COLUMNS = ("played as", "numbers", "graphs", "nodes", *OUTCOMES, "spikes compared", "values compared")


def reason(message: str) -> str:
    """A refusal without the names and numbers of its graph: its first statement."""
    text = re.sub(r"([^\s,]+ ä )?[^\s,]+ \(([A-Z]\w+)\)", r"\2", re.sub(r"'[^']*'", "...", message))
    text = re.sub(r" ?\([^()]*\)", "", text)
    while re.match(r"(?!a )[^:=;]{1,80}: ", text):
        text = text.split(": ", 1)[1]
    text = re.split(r"; |: |\. ", text)[0].replace(" of neuron", "")
    return re.sub(r"(?<!\w)-?\d[\d,]*(\.\d+)?(e-?\d+)?( \d+(?= is))?", "N", text)[:110]


def run(graphs: int, first: int, say: Any = print) -> dict[str, list[Outcome]]:
    """Mode -> the outcomes of the seeds from `first` on."""
    found: dict[str, list[Outcome]] = {mode: [] for mode in MODES}
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for k, seed in enumerate(range(first, first + graphs)):
            graph = drawn(seed)
            for mode, trials in MODES.items():
                found[mode].append(compared(graph, Path(folder) / "graph.nir", trials))
                if found[mode][-1].what in FAILURES:
                    say(f"seed {seed}, {mode}: {found[mode][-1].what}: {found[mode][-1].message}")
            if (k + 1) % 100 == 0:
                say(f"{k + 1} graphs in {time.perf_counter() - begun:.0f} s")
    return found


def table(found: Mapping[str, Sequence[Outcome]], first: int) -> Table:
    """What a run has compared."""
    rows: list[tuple[Cell, ...]] = []
    notes, graphs = [], len(found["one run"])
    for mode, all_of_it in found.items():
        for name, rest in (("few bits", (0,)), ("any", (1,)), ("all", (0, 1))):
            mine = [o for o in all_of_it if o.seed % 2 in rest]
            counts = Counter(o.what for o in mine)
            sums = [sum(o.compared.get(key, 0) for o in mine) for key in ("spikes", "values")]
            shown = (*(counts[what] for what in OUTCOMES), *sums)
            rows.append((mode, name, len(mine), sum(o.nodes for o in mine), *shown))
        refused = Counter(reason(o.message) for o in all_of_it if o.what == "refused")
        share = f"{mode}: {100 * sum(refused.values()) / graphs:.1f} % refused"
        notes.append("; ".join([share, *(f"{n} x {text}" for text, n in refused.most_common())]) + ".")
    return Table(
        title="Random NIR graphs: our reader beside a NumPy interpreter of NIR's definition",
        columns=COLUMNS,
        rows=tuple(rows),
        command=f"python -m spikesim.tools.dev.nir_test --graphs {graphs} --seed {first}",
        notes="'too near': a membrane so near its threshold that rounding decides. " + " ".join(notes),
        config={"graphs": graphs, "seed": first},
        data={
            mode: {
                "seeds": {w: [o.seed for o in mine if o.what == w] for w in OUTCOMES if w != "equal"},
                "messages": {str(o.seed): o.message for o in mine if o.what not in ("equal", "too near")},
            }
            for mode, mine in found.items()
        },
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 when nothing differs or crashes, 1 when something does, 2 on an error."""
    parser = argparse.ArgumentParser(prog="python -m spikesim.tools.dev.nir_test", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--graphs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--save", action="store_true", help=f"write the table to {RESULT} of the checkout")
    options = parser.parse_args(arguments)
    try:
        found = run(options.graphs, options.seed, lambda line: print(line, flush=True))
        made = table(found, options.seed)
        print(made.markdown())
        if options.save:
            save_table(made, RESULT)
    except SpikesimError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    return 1 if any(o.what in FAILURES for mine in found.values() for o in mine) else 0


if __name__ == "__main__":
    sys.exit(main())
