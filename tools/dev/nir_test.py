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
from spikesim.tools.dev.nir_interpreter import SPIKING, Interpreter, Played, kind
from spikesim.tools.dev.nir_package import package

RESULT = Path("models/results/hardware/nir_graphs.json")
NEAR, TOLERANCE = 1e-9, 1e-9
OUTCOMES = ("equal", "refused", "too near", "differ", "crashed")
COLUMNS = ("numbers", "graphs", "nodes", *OUTCOMES, "spikes compared", "values compared")


@dataclass(frozen=True)
class Outcome:
    """What a graph came to.

    Attributes:
        seed: of the graph.
        what: one of OUTCOMES.
        message: the refusal, the difference or the exception; "" where equal.
        compared: "spikes" and "values" -> how many were.
    """

    seed: int
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


def played_here(graph: Graph, imported: Imported) -> Any:
    """The recording of all populations."""
    network = imported.network
    given = {}
    for name, raster in graph.inputs.items():
        given[imported.inputs[name]] = from_raster(raster.reshape(*raster.shape[:2], -1))
    steps = graph.steps if graph.endless else None
    return simulate(network, given, record=tuple(network.populations), engine="stepped", steps=steps)


def _rasters(recording: Any, name: str) -> Any:
    """Recorded spikes, float64 (B, T, n)."""
    spikes = recording.spikes[name]
    return np.stack([spikes.raster(b) for b in range(len(spikes))]).astype(np.float64)


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
        populations = imported.outputs[name]
        if spikes:
            here = sum(_rasters(recording, p) for p in populations)
        else:
            here = sum(recording.membrane(p, imported.network) for p in populations)
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


def compared(graph: Graph, path: Path) -> Outcome:
    """Write, read, play and compare a graph."""
    try:
        written(graph, path)
        imported = read_nir(path, Convention(dt=graph.dt), T=None if graph.endless else graph.steps)
        recording = played_here(graph, imported)
    except SpikesimError as problem:
        return Outcome(graph.seed, "refused", str(problem))
    except Exception as problem:  # noqa: BLE001 - whatever is raised is what the test reports
        last = traceback.extract_tb(problem.__traceback__)[-1]
        where = f"{Path(last.filename).name}:{last.lineno}"
        return Outcome(graph.seed, "crashed", f"{type(problem).__name__}: {problem} ({where})")
    truth = [graph.play(k) for k in range(graph.trials)]
    if not decided(graph, truth):
        return Outcome(graph.seed, "too near")
    what, numbers = difference(graph, truth, imported, recording)
    return Outcome(graph.seed, "differ" if what else "equal", what, dict(numbers))


def reason(message: str) -> str:
    """A refusal without the names and numbers of its graph."""
    text = re.sub(r"'[^']*'", "...", message.split(": ", 1)[-1])
    text = re.sub(r"\S+ \((\w+)\)", r"\1", text)
    return re.sub(r"-?\d[\d,]*(\.\d+)?(e-?\d+)?(?!d)", "N", text).split(". ")[0][:110]


def run(graphs: int, first: int, say: Any = print) -> list[Outcome]:
    """The outcomes of the seeds from `first` on."""
    found: list[Outcome] = []
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, first + graphs):
            found.append(compared(drawn(seed), Path(folder) / "graph.nir"))
            if found[-1].what in ("differ", "crashed"):
                say(f"seed {seed}: {found[-1].what}: {found[-1].message}")
            if len(found) % 100 == 0:
                counts = Counter(o.what for o in found)
                say(f"{len(found)} graphs in {time.perf_counter() - begun:.0f} s: {dict(counts)}")
    return found


def table(found: Sequence[Outcome], first: int) -> Table:
    """What a run has compared."""
    rows: list[tuple[Cell, ...]] = []
    for name, mine in (
        ("few bits", [o for o in found if o.seed % 2 == 0]),
        ("any", [o for o in found if o.seed % 2]),
        ("all", list(found)),
    ):
        counts = Counter(o.what for o in mine)
        sums = [sum(o.compared.get(key, 0) for o in mine) for key in ("spikes", "values")]
        nodes = sum(len(drawn(o.seed).graph.nodes) for o in mine)
        rows.append((name, len(mine), nodes, *(counts[what] for what in OUTCOMES), *sums))
    refused = Counter(reason(o.message) for o in found if o.what == "refused")
    share = f"{100 * sum(refused.values()) / len(found):.1f} % refused"
    why = "; ".join(f"{n}: {text}" for text, n in refused.most_common())
    return Table(
        title="Random NIR graphs: our reader beside a NumPy interpreter of NIR's definition",
        columns=COLUMNS,
        rows=tuple(rows),
        command=f"python -m spikesim.tools.dev.nir_test --graphs {len(found)} --seed {first}",
        notes=f"{share}{', by reason: ' + why if why else ''}. 'too near': a membrane so near its threshold "
        "that rounding decides.",
        config={"graphs": len(found), "seed": first},
        data={
            "refused": dict(refused.most_common()),
            "seeds": {w: [o.seed for o in found if o.what == w] for w in OUTCOMES if w != "equal"},
            "messages": {str(o.seed): o.message for o in found if o.what in ("differ", "crashed")},
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
    return 1 if any(o.what in ("differ", "crashed") for o in found) else 0


if __name__ == "__main__":
    sys.exit(main())
