"""Malformed NIR graphs in sound HDF5 files: each has to be refused by an error of ours that names the place.

    python -m spikesim.tools.dev.nir_malformed --files 300 --seed 1 --save

A graph of the generator that our reader takes is written, one fault is put into one of its nodes or edges,
and the file is read again.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from spikesim.errors import SpikesimError
from spikesim.files.measured_table import Table, save_table
from spikesim.hardware.nir import Convention, read_nir
from spikesim.tools.dev.nir_compare import written
from spikesim.tools.dev.nir_faults import FAULTS, GROUPS
from spikesim.tools.dev.nir_graphs import Graph, drawn
from spikesim.tools.dev.nir_structure import flattened

RESULT = Path("models/results/hardware/nir_malformed.json")
OUTCOMES = ("refused, named", "refused, not named", "taken", "crashed")

SHAPES = ("one row more", "empty array")  # sound by themselves; a node behind it is where it does not fit


def _after(graph: Graph, name: str) -> list[str]:
    """All nodes behind a node; ports of nested graphs also by the name of the graph."""
    _, edges = flattened(graph.graph)
    found = [name]
    for a in found:  # grows
        found += [b for x, b in edges if x == a and b not in found]
    return [*found, *(a.rsplit(".", 1)[0] for a in found if "." in a)]


def fault_in(graph: Graph, name: str, path: Path) -> tuple[str, str]:
    """(outcome, message) of reading a graph's file with a fault; outcome "" where it has no place for it."""
    written(graph, path)
    rs = np.random.default_rng([graph.seed, 99])
    with h5py.File(path, "r+") as file:
        named = FAULTS[name](file["node"], rs)
    if named is None:
        return "", ""
    try:
        read_nir(path, Convention(dt=graph.dt))
    except SpikesimError as problem:
        known = [*named, *(f"/{a.rsplit('.', 1)[-1]}/" for a in named)]  # also by its path in the file
        if name in SHAPES:
            known += [b for a in named for b in _after(graph, a)]
        return OUTCOMES[0 if any(part in str(problem) for part in known) else 1], str(problem)
    except Exception as problem:  # noqa: BLE001 - whatever is raised is what the test reports
        return "crashed", f"{type(problem).__name__}: {problem}"
    return "taken", f"in {named[0]}"


def run(files: int, first: int, say: Any = print) -> dict[str, Counter[str]]:
    """Fault -> outcomes, of about as many files as asked; other outcomes than the first are said."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    seed, made = first, 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.nir"
        while made < files:
            graph = drawn(seed)
            written(graph, path)
            seed += 1
            try:
                read_nir(path, Convention(dt=graph.dt))
            except SpikesimError:
                continue
            for name in FAULTS:
                what, message = fault_in(graph, name, path)
                if what and made < files:
                    made += 1
                    found[name][what] += 1
                    if what != OUTCOMES[0]:
                        say(f"seed {graph.seed}, {name}: {what}: {message}")
    return found


def table(found: dict[str, Counter[str]], files: int, first: int) -> Table:
    """What a run has found."""
    rows = []
    for group, names in {**GROUPS, "all": tuple(FAULTS)}.items():
        counts = sum((found[name] for name in names), Counter[str]())
        rows.append((group, sum(counts.values()), *(counts[what] for what in OUTCOMES)))
    kinds = "; ".join(f"{group}: {', '.join(names)}" for group, names in GROUPS.items())
    return Table(
        title="Malformed NIR graphs in sound files, read here",
        columns=("fault", "files", *OUTCOMES),
        rows=tuple(rows),
        command=f"python -m spikesim.tools.dev.nir_malformed --files {files} --seed {first}",
        notes="One fault in a random graph that is read without it; 'named': the error has the node's name. "
        f"{kinds}.",
        config={"files": files, "seed": first},
        data={name: dict(counts) for name, counts in found.items()},
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 where all are refused by name, 1 where one is not, 2 on an error."""
    parser = argparse.ArgumentParser(prog="python -m spikesim.tools.dev.nir_malformed", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--save", action="store_true", help=f"write the table to {RESULT} of the checkout")
    options = parser.parse_args(arguments)
    try:
        found = run(options.files, options.seed, lambda line: print(line, flush=True))
        made = table(found, options.files, options.seed)
        print(made.markdown())
        if options.save:
            save_table(made, RESULT)
    except SpikesimError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    return 1 if any(row[3:] != (0, 0, 0) for row in made.rows) else 0


if __name__ == "__main__":
    sys.exit(main())
