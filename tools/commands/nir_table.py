"""`spikesim nir-table`: exchange NIR graphs with other libraries in both directions, compare every spike."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer

from spikesim import datasets
from spikesim.encoders import Poisson
from spikesim.engines import Stepped
from spikesim.engines import simulate as play
from spikesim.errors import EngineError, SpikesimError
from spikesim.files.measured_table import Table, load_table, save_table
from spikesim.hardware.nir.conventions import CONVENTIONS, Convention
from spikesim.hardware.nir.libraries import SETTINGS, Setting, call, leaking
from spikesim.hardware.nir.read import read_nir
from spikesim.hardware.nir.write import write
from spikesim.network import Network
from spikesim.network.scheduling import is_source
from spikesim.neurons import IF, Source
from spikesim.spikes import Spikes, from_raster
from spikesim.synapses import Dense
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.peers import Peers, interpreters, library_of
from spikesim.window import Window

PLACE = Path(__file__).resolve().parents[2] / "models" / "results" / "hardware" / "nir_readers.json"
KINDS = {
    "if": "MLP, IF",
    "lif": "MLP, LIF",
    "cuba": "MLP, CubaLIF",
    "recurrent": "recurrent LIF",
    "conv": "conv net",
}
Raster = npt.NDArray[np.uint8]


# Convention of each library's own export; norse multiplies its time constants by dt (1e-3) a second time.
THEIRS: Mapping[str, Mapping[str, Convention]] = {
    "norse": {
        "if": CONVENTIONS["norse-if"],
        "conv": CONVENTIONS["norse-if"],
        "lif": Convention(dt=1e-6),
        "cuba": replace(CONVENTIONS["norse-cuba"], dt=1e-6),
    },
    "spikingjelly": dict.fromkeys(KINDS, CONVENTIONS["spikingjelly"]),
    "snntorch": dict.fromkeys(KINDS, replace(CONVENTIONS["snntorch"], reset="value", reset_delay=0)),
    "sinabs": dict.fromkeys(KINDS, replace(CONVENTIONS["sinabs"], reset="value", gain="impulse")),
}


def nir_table(
    peer: Peers,
    samples: Annotated[int, typer.Option(min=1, help="Number of MNIST digits to run.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the weights and the spikes.")] = 1,
    save: Annotated[bool, typer.Option(help="Write the table to models/results.")] = False,
    check: Annotated[
        bool, typer.Option(help="Fail if a row that is exact in models/results is no longer exact.")
    ] = False,
) -> None:
    """Run our NIR graphs in other libraries and theirs here; print "exact" or the first difference."""
    pythons = interpreters(peer)
    display = Display(False)
    rows: list[tuple[Any, ...]] = []
    with tempfile.TemporaryDirectory() as folder:
        for row in _rows(Path(folder), pythons, samples, seed):
            display.say("  ".join(str(cell) for cell in row))
            rows.append(row)
    known = [tuple(row) for row in load_table(PLACE).rows] if PLACE.exists() else []
    if check:
        lost = no_longer_exact(known, rows)
        if lost:
            raise EngineError(f"exact in {PLACE.name}, but no longer: {'; '.join(lost)}")
        display.say(f"{len(rows)} rows; all that are exact in {PLACE.name} are still exact")
    rows += [row for row in known if library_of(row) not in pythons]
    asked = " ".join(f"--peer {name}=PYTHON" for name in pythons)
    table = Table(
        "NIR: our graphs in other libraries, and theirs here",
        ("library", "graph", "settings", "spikes", "result"),
        tuple(rows),
        f"spikesim nir-table {asked} --samples {samples} --save",
        f"Ours: 784-500-10 with random 8-bit weights, T = 200, {samples} MNIST digits, every spike of "
        "both layers. Theirs: networks with weights in multiples of 1/64, 3 x 40 steps of random spikes. "
        "Installation: hardware/nir/peers/nir_peers.py.",
        {"samples": samples, "seed": seed},
    )
    if save:
        save_table(table, PLACE)


def _rows(folder: Path, pythons: Mapping[str, str], samples: int, seed: int) -> Any:
    network, inputs = ours(samples, seed)
    record = [name for name in network.populations if name != "in"]
    wanted = Stepped(network).run({"in": inputs}, record=record).spikes
    given = np.stack([inputs.raster(b) for b in range(samples)]).astype(np.uint8)
    np.savez_compressed(folder / "given.npz", spikes=given)
    write(network, folder / "exact.nir")
    leaky = {n: leaking(p) for n, p in network.populations.items()}
    write(replace(network, populations=leaky), folder / "leaky.nir", dt=1e-4, gain="r")
    rasters = {name: _rasters(wanted[name]) for name in record}
    for setting in SETTINGS:
        if setting.peer in pythons:
            graph = folder / ("leaky.nir" if setting.leaky else "exact.nir")
            yield _played(folder, pythons[setting.peer], setting, graph, rasters)
    rng = np.random.default_rng(seed)
    np.savez_compressed(folder / "vector.npz", spikes=(rng.random((3, 40, 30)) < 0.2).astype(np.uint8))
    np.savez_compressed(folder / "image.npz", spikes=(rng.random((3, 40, 2, 12, 12)) < 0.2).astype(np.uint8))
    for name, python in pythons.items():
        failed = call(python, "make", name, str(folder))
        for kind in KINDS:
            yield _made(folder, name, kind, failed)


def ours(samples: int, seed: int) -> tuple[Network, Spikes]:
    """A 784-500-10 network with random 8-bit weights, and encoded MNIST digits as its input."""
    rng = np.random.default_rng(seed)
    sizes = {"hid": (784, 500, 1500.0), "out": (500, 10, 900.0)}
    w = {name: np.clip(np.round(rng.normal(2, 40, size[:2])), -128, 127) for name, size in sizes.items()}
    populations = {"in": Source(784), "hid": IF(500, sizes["hid"][2], 0), "out": IF(10, sizes["out"][2], 0)}
    network = Network(populations, (Dense("in", "hid", w["hid"]), Dense("hid", "out", w["out"])), Window(200))
    test = datasets.mnist().test.take(samples)
    return network, Poisson().encode(test.x, test.index, 200, seed)


def _rasters(spikes: Spikes) -> Raster:
    return np.stack([spikes.raster(b) for b in range(len(spikes))]).astype(np.uint8)


def _played(
    folder: Path, python: str, setting: Setting, graph: Path, wanted: Mapping[str, Raster]
) -> tuple[Any, ...]:
    out = folder / "found.npz"
    out.unlink(missing_ok=True)
    more = ["--plain"] if setting.plain else []
    said = call(
        python,
        "play",
        setting.peer,
        str(graph),
        str(folder / "given.npz"),
        str(out),
        "--dt",
        str(setting.dt),
        *more,
    )
    if said:
        return setting.peer, "ours, 784-500-10", setting.said, None, f"fails: {said}"
    with np.load(out, allow_pickle=False) as found:
        told = json.loads(str(found["versions"]))
        result = first_difference(wanted, {name: found[name] for name in wanted})
    spikes = int(sum(raster.sum() for raster in wanted.values()))
    return _versioned(setting.peer, told), "ours, 784-500-10", setting.said, spikes, result


def no_longer_exact(known: Sequence[Sequence[Any]], found: Sequence[Sequence[Any]]) -> list[str]:
    """Rows that are exact in `known` but not in `found`, with their new result; libraries in `found` only."""
    now = {(library_of(row), row[1], row[2]): str(row[-1]) for row in found}
    libraries = {library for library, _, _ in now}
    lost = []
    for row in known:
        key = (library_of(row), row[1], row[2])
        if key[0] in libraries and row[-1] == "exact" and now.get(key) != "exact":
            lost.append(f"{' | '.join(map(str, key))}: {now.get(key, 'no such row')}")
    return lost


def _versioned(peer: str, told: Mapping[str, str]) -> str:
    return f"{peer} {told[peer]} (nir {told['nir']}, nirtorch {told['nirtorch']})"


def first_difference(wanted: Mapping[str, Raster], found: Mapping[str, Raster]) -> str:
    """The earliest difference of two sets of rasters (B, T, n) and the number of differences, or "exact"."""
    firsts, total = [], 0
    for rank, name in enumerate(wanted):
        if wanted[name].shape != found[name].shape:
            return f"{name}: {found[name].shape} instead of {wanted[name].shape}"
        where = np.argwhere(wanted[name] != found[name])
        total += len(where)
        if len(where):
            b, t, j = (int(k) for k in min(where.tolist()))
            firsts.append(((b, t, rank), f"trial {b}, step {t}, {name}[{j}]"))
    return "exact" if not firsts else f"{total:,} differ, first {min(firsts)[1]}"


def _made(folder: Path, peer: str, kind: str, failed: str) -> tuple[Any, ...]:
    """One network of a library: its graph, read and run here, compared with the library's own spikes."""
    place = folder / f"{peer}-{kind}"
    title = f"theirs, {KINDS[kind]}"
    if failed:
        return peer, title, "", None, f"fails: {failed}"
    if not place.with_suffix(".npz").exists():
        said = place.with_suffix(".txt").read_text(encoding="utf-8").split("\n")[0][:160]
        return peer, title, "", None, f"not exported: {said}"
    with np.load(place.with_suffix(".npz"), allow_pickle=False) as archive:
        wanted = {name: archive[name] for name in ("0", "1")}
        told = json.loads(str(archive["versions"]))
    convention = THEIRS[peer][kind]
    settings = f"dt={convention.dt:g}, {convention.fires}, {convention.leak}, {convention.gain}"
    spikes = int(sum(raster.sum() for raster in wanted.values()))
    try:
        result = first_difference(wanted, here(place.with_suffix(".nir"), convention, folder, kind))
    except SpikesimError as problem:
        result = f"refused: {problem}".replace(f"{folder}/", "")[:300]
    return _versioned(peer, told), title, settings, spikes, result


def here(graph: Path, convention: Convention, folder: Path, kind: str) -> dict[str, Raster]:
    """Spikes of a graph's layers, named "0", "1", ... in update order, uint8 (B, T, n)."""
    network = read_nir(graph, convention).network
    with np.load(folder / ("image.npz" if kind == "conv" else "vector.npz"), allow_pickle=False) as archive:
        given = archive["spikes"]
    cells = [name for name in network.order if not is_source(network.populations[name])]
    found: dict[str, list[Raster]] = {str(k): [] for k in range(len(cells))}
    for raster in given.reshape(*given.shape[:2], -1):
        inputs = {network.sources[0]: from_raster(raster)}
        spikes = play(network, inputs, steps=len(raster), record=cells).spikes
        for k, name in enumerate(cells):
            found[str(k)].append(spikes[name].raster().astype(np.uint8))
    return {name: np.stack(rasters) for name, rasters in found.items()}
