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
import traceback
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from spikesim.engines import simulate
from spikesim.errors import SpikesimError
from spikesim.files.measured_table import Cell, Table, save_table
from spikesim.hardware.nir import Convention, Imported, read_nir
from spikesim.spikes import from_raster
from spikesim.tools.dev.nir_graphs import Graph, drawn
from spikesim.tools.dev.nir_interpreter import SPIKING, Interpreter, Played, flattened, kind
from spikesim.tools.dev.nir_package import package

RESULT = Path("models/results/hardware/nir_graphs.json")
NEAR, TOLERANCE = 1e-9, 1e-9
FAILURES = ("differ", "crashed")
OUTCOMES = ("equal", "refused", "too near", "differ", "crashed")
MODES = {"one run": 1, "trials": 2}  # and how many
COLUMNS = ("played as", "numbers", "graphs", "nodes", *OUTCOMES, "spikes compared", "values compared")


@dataclass(frozen=True)
class Outcome:
    """What a graph came to.

    Attributes:
        seed: of the graph.
        nodes: its nodes.
        what: one of OUTCOMES.
        message: the refusal, the difference or the exception; "" where equal.
        compared: "spikes" and "values" -> how many were.
    """

    seed: int
    nodes: int
    what: str
    message: str = ""
    compared: Mapping[str, int] = field(default_factory=dict)


def written(graph: Graph, path: Path) -> None:
    """Write a graph as a file of the package nir.

    Fields that older versions did not have are left out of some, where they have the value that nir's reader
    puts in their place.
    """
    package().write(path, graph.graph)
    rs = np.random.default_rng([graph.seed, 77])
    with h5py.File(path, "r+") as file:
        found: list[str] = []
        file.visit(found.append)
        for name in found:
            default = {"v_reset": 0.0, "w_in": 1.0}.get(name.rsplit("/", 1)[-1])
            if default is not None and np.all(file[name][()] == default) and rs.random() < 0.5:
                del file[name]


def played_here(graph: Graph, imported: Imported, trials: int) -> Any:
    """The recording of all populations, in one run without end, or in two trials."""
    network = imported.network
    given = {}
    for name, raster in graph.inputs.items():
        given[imported.inputs[name]] = from_raster(raster[:trials].reshape(trials, graph.steps, -1))
    steps = graph.steps if trials == 1 else None
    return simulate(network, given, record=tuple(network.populations), engine="stepped", steps=steps)


def _rasters(recording: Any, name: str) -> Any:
    """Recorded spikes, float64 (B, T, n)."""
    spikes = recording.spikes[name]
    return np.stack([spikes.raster(b) for b in range(len(spikes))]).astype(np.float64)


def _sent(imported: Imported, recording: Any, name: str) -> Any:
    """What a population gives to an Output, float64 (B, T, n): its membranes or its spikes."""
    if name in imported.membranes:
        return recording.membrane(name, imported.network)
    return _rasters(recording, name)


def _rows(trials: Sequence[Any]) -> Any:
    """(B, T, n) of (T, *shape) in B trials."""
    return np.stack([np.reshape(x, (len(x), -1)) for x in trials]).astype(np.float64)


def shows_spikes(interpreter: Interpreter, name: str) -> bool:
    """Whether nothing but spikes reaches an Output: whole, of neurons and Inputs."""
    for a in interpreter.into[name]:
        what = kind(interpreter.nodes[a])
        port = what in ("Flatten", "Output") or (what == "Input" and a not in interpreter.inputs)
        if port and shows_spikes(interpreter, a):
            continue
        if what not in SPIKING and a not in interpreter.inputs:
            return False
    return True


def difference(graph: Graph, truth: Sequence[Played], imported: Imported, recording: Any) -> tuple[str, Any]:
    """The first difference ("": none), and how much was compared.

    Args:
        truth: of each trial.
        recording: of all populations of the network.
    """
    compared: Counter[str] = Counter()
    given = {name: x[0] for name, x in graph.inputs.items()}
    interpreter = Interpreter(
        graph.graph, graph.dt, {n: x[:, None] if graph.batch else x for n, x in given.items()}
    )
    for name in truth[0].spikes:
        if name in imported.network.populations:
            here, there = _rasters(recording, name), _rows([p.spikes[name] for p in truth])
            what = _first(f"spikes of {name}", here, there, 0.0)
            compared["spikes"] += int(there.sum())
            if what:
                return what, compared
    for name in (name for name, node in graph.graph.nodes.items() if kind(node) == "Output"):
        there = _rows([p.outputs[name] for p in truth])
        spikes = shows_spikes(interpreter, name)
        if name not in imported.outputs:
            return f"Output {name} is missing", compared
        here = sum(_sent(imported, recording, p) for p in imported.outputs[name])
        what = _first(f"Output {name}", here, there, 0.0 if spikes else TOLERANCE)
        compared["spikes" if spikes else "values"] += int(there.sum()) if spikes else there.size
        if what:
            return what, compared
    return "", compared


def _first(where: str, here: Any, there: Any, tolerance: float) -> str:
    """The first difference of two (B, T, n), in words."""
    if np.shape(here) != there.shape:
        return f"{where}: shape {np.shape(here)}, not {there.shape}"
    apart = np.argwhere(~(np.abs(here - there) <= tolerance * max(1e-300, np.abs(there).max())))
    if not len(apart):
        return ""
    b, t, k = apart[0]
    return (
        f"{where}: {len(apart)} of {there.size} differ, first in trial {b}, step {t}, neuron {k}: "
        f"{here[b, t, k]:.9g}, not {there[b, t, k]:.9g}"
    )


def decided(graph: Graph, truth: Sequence[Played]) -> bool:
    """Whether no rounding can change a spike: membranes keep their distance, or nothing is rounded."""
    if min(p.nearest for p in truth) > NEAR:
        return True
    for trial, p in enumerate(truth):
        wide = graph.play(trial, np.longdouble)
        for a, b in ((p.outputs, wide.outputs), (p.membranes, wide.membranes), (p.spikes, wide.spikes)):
            if any(np.any(a[name] != b[name]) for name in a):
                return False
    return True


def compared(graph: Graph, path: Path, trials: int = 1) -> Outcome:
    """Write, read, play and compare a graph, in one run without end or in two trials."""
    nodes = len(flattened(graph.graph)[0])
    try:
        written(graph, path)
        imported = read_nir(path, Convention(dt=graph.dt), T=None if trials == 1 else graph.steps)
        recording = played_here(graph, imported, trials)
    except SpikesimError as problem:
        return Outcome(graph.seed, nodes, "refused", str(problem))
    except Exception as problem:  # noqa: BLE001 - whatever is raised is what the test reports
        last = traceback.extract_tb(problem.__traceback__)[-1]
        where = f"{Path(last.filename).name}:{last.lineno}"
        return Outcome(graph.seed, nodes, "crashed", f"{type(problem).__name__}: {problem} ({where})")
    truth = [graph.play(k) for k in range(trials)]
    if not decided(graph, truth):
        return Outcome(graph.seed, nodes, "too near")
    what, numbers = difference(graph, truth, imported, recording)
    return Outcome(graph.seed, nodes, "differ" if what else "equal", what, dict(numbers))


def reason(message: str) -> str:
    """A refusal without the names and numbers of its graph: its first statement."""
    text = re.sub(r"([^\s,]+ ä )?[^\s,]+ \(([A-Z]\w+)\)", r"\2", re.sub(r"'[^']*'", "...", message))
    text = re.sub(r" ?\([^()]*\)", "", text)
    while re.match(r"[^:=;]{1,80}: ", text):
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
