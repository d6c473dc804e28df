"""A random NIR graph in our reader and engine, and in the interpreter: what it comes to."""

from __future__ import annotations

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
from spikesim.hardware.nir import Convention, Imported, read_nir
from spikesim.spikes import from_raster
from spikesim.tools.dev.nir_graphs import Graph
from spikesim.tools.dev.nir_interpreter import Interpreter, Played
from spikesim.tools.dev.nir_package import package
from spikesim.tools.dev.nir_structure import SPIKING, flattened, kind

NEAR, TOLERANCE = 1e-9, 1e-9
FAILURES = ("differ", "crashed")
OUTCOMES = ("equal", "refused", "too near", *FAILURES)


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
