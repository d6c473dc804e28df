"""Graphs that libraries made, read and run here, and compared with the libraries' own spikes.

`peers/library_graphs.py` makes them, in a Python that has the library. Libraries compute in float32 and
spikesim in float64: spikes are equal unless a membrane comes as close to its threshold as float32 rounds. The
margin of a graph is the least distance of a membrane from its threshold, relative to the threshold.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.engines import simulate
from spikesim.engines.naive.engine import Naive
from spikesim.errors import EngineError, SpikesimError
from spikesim.hardware.nir.conventions import CONVENTIONS
from spikesim.hardware.nir.libraries import GRAPHS, call
from spikesim.hardware.nir.read import Imported, read_nir
from spikesim.network.scheduling import is_source
from spikesim.spikes import from_raster

Values = npt.NDArray[np.float32]
ROUNDING = 2.0**-18  # relative; what float32 may leave of a membrane after some hundred steps
TOLERANCE = 1e-4  # of membranes, relative to the largest
WORDS = {"reset": "--reset", "reset_delay": "--reset-delay", "gain": "--gain", "overshoot": "--overshoot"}


@dataclass(frozen=True)
class Compared:
    """A graph of a library, here and there.

    Attributes:
        library: name and versions.
        title: its neurons.
        options: of `spikesim simulate`.
        spikes: of all layers in the library.
        margin: see above; None where nothing was run.
        result: "equal", "refused: ...", "not exported: ...", "rounding: ..." or "wrong: ...".
    """

    library: str
    title: str
    options: str
    spikes: int | None
    margin: float | None
    result: str

    @property
    def row(self) -> tuple[Any, ...]:
        """The row of a table."""
        margin = None if self.margin is None else float(f"{self.margin:.1e}")
        return self.library, self.title, self.options, self.spikes, margin, self.result


def library_graphs(
    peer: str, python: str, folder: Path, seed: int = 1, quick: bool = False
) -> Iterator[Compared]:
    """Make the graphs of a library in its Python, and compare each of them.

    Args:
        peer: the library.
        python: the interpreter that has it.
        folder: for the files.
        seed: of the input spikes.
        quick: a few graphs of each library.

    Raises:
        EngineError: the library's Python fails.
    """
    rng = np.random.default_rng(seed)
    sizes = {"vector": (3, 100, 30), "image": (2, 100, 2, 12, 12)}
    given = {name: (rng.random(shape) < 0.2).astype(np.uint8) for name, shape in sizes.items()}
    for name, spikes in given.items():
        np.savez_compressed(folder / f"{name}.npz", spikes=spikes)
    if failed := call(python, peer, str(folder), *(["--quick"] if quick else []), script=GRAPHS):
        raise EngineError(f"{peer}: {python} could not make its graphs ({failed})")
    for place in sorted(folder.glob(f"{peer}-[0-9][0-9]-*.npz")):
        yield compare(peer, place.with_suffix(""), given)


def compare(peer: str, place: Path, given: Mapping[str, npt.NDArray[np.uint8]]) -> Compared:
    """Run the graph `place`.nir, and compare it with the spikes of `place`.npz.

    Args:
        peer: the library.
        place: the files, without their suffix.
        given: the input spikes (B, T, ...) by name.
    """
    with np.load(place.with_suffix(".npz"), allow_pickle=False) as archive:
        about: dict[str, Any] = json.loads(str(archive["about"]))
        wanted = {name: archive[name] for name in archive.files if name != "about"}
    told, options = about["versions"], about["options"]
    library = f"{peer} {told[peer]} (nir {told['nir']})"
    said = " ".join([f"--like {peer}", *(f"{WORDS[key]} {value}" for key, value in options.items())])
    if "not_exported" in about:
        return Compared(library, about["title"], said, None, None, f"not exported: {about['not_exported']}")
    convention = replace(CONVENTIONS[peer], **options)
    spikes = None
    try:
        made = read_nir(place.with_suffix(".nir"), convention)
        spikes = _spikes(made, wanted)
        result, margin = _compared(made, wanted, given[about["input"]])
    except SpikesimError as problem:
        text = f"refused: {problem}".replace(f"{place.parent}/", "").replace("\n", " ")
        return Compared(library, about["title"], said, spikes, None, text[:300])
    return Compared(library, about["title"], said, spikes, margin, result)


def layers_of(made: Imported) -> list[str]:
    """The populations that stand for layers, in update order."""
    populations = made.network.populations
    return [name for name in made.network.order if not is_source(populations[name])]


def _spikes(made: Imported, wanted: Mapping[str, Values]) -> int:
    sent = [
        values
        for name, values in zip(layers_of(made), wanted.values(), strict=True)
        if name not in made.membranes
    ]
    return int(sum(values.sum() for values in sent))


def _compared(made: Imported, wanted: Mapping[str, Values], given: Any) -> tuple[str, float]:
    """The result and the margin."""
    layers, firsts, differing, least = layers_of(made), [], 0, np.inf
    source = made.network.sources[0]
    for trial, raster in enumerate(given.reshape(*given.shape[:2], -1)):
        inputs = {source: from_raster(raster.astype(np.int8))}
        found = simulate(made.network, inputs, steps=len(raster), record=layers)
        margins = _margins(made, inputs, len(raster))
        least = min([least, *(float(m.min()) for m in margins.values())])
        for rank, (name, values) in enumerate(zip(layers, wanted.values(), strict=True)):
            if name in made.membranes:
                off = np.abs(found.v[name][0] - values[trial]) > TOLERANCE * np.abs(values).max()
            else:
                off = found.spikes[name].raster() != values[trial]
            differing += int(off.sum())
            for t, j in np.argwhere(off)[:1].tolist():
                near = float(margins[name][t, j]) if name in margins else np.inf
                firsts.append(((t, rank), f"trial {trial}, step {t}, {name}[{j}]", near))
    if not firsts:
        return "equal", least
    _, where, near = min(firsts)
    kind = "rounding" if near < ROUNDING else "wrong"
    return f"{kind}: {differing:,} differ, first {where}, a membrane {near:.1e} from its threshold", least


def _margins(made: Imported, inputs: Mapping[str, Any], steps: int) -> dict[str, Any]:
    """|v - theta| / theta before each reset, (steps, n) for every population that fires."""
    kept: dict[str, list[Any]] = {name: [] for name in layers_of(made) if name not in made.membranes}

    def observe(name: str, t: int, state: Any, current: Any) -> None:
        if name in kept:
            v, theta = made.network.populations[name].decision(state, current)
            kept[name].append(np.abs(v - theta) / np.maximum(np.abs(theta), 1e-30))

    Naive(made.network, observer=observe).advance(steps, inputs, {}, ())
    return {name: np.stack(rows) for name, rows in kept.items()}


def shares(results: Sequence[str]) -> dict[str, int]:
    """Number of graphs by outcome; those that a library does not export are not among them."""
    kinds = [result.split(":")[0] for result in results]
    return {kind: kinds.count(kind) for kind in ("equal", "rounding", "refused", "wrong")}
