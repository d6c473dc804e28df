"""Networks written as NIR and read again: the same spikes, by either rule; what cannot be is refused."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Any

import h5py
import numpy as np
import pytest

import spikesim as ss
from spikesim.errors import MissingExtraError
from spikesim.files.untrusted_hdf5 import FileRefused
from spikesim.hardware.nir.conventions import Convention
from spikesim.hardware.nir.nodes import NirError
from spikesim.hardware.nir.read import read, read_nir
from spikesim.hardware.nir.write import read_back, write

RULES = (">", ">=")


def on_grid(rng: np.random.Generator, shape: Any, bits: int, size: float = 1.0) -> np.ndarray:
    return rng.integers(-int(size * 2**bits), int(size * 2**bits) + 1, shape) * 2.0**-bits


def layered(rng: np.random.Generator, T: int = 40) -> ss.Network:
    bias = tuple(on_grid(rng, 8, 5, 0.25).tolist())
    populations = {"in": ss.Source(12), "hid -> 1": ss.IF(8, 1.5, 5, bias), "out": ss.IF(4, 0.75, 7)}
    projections = [
        ss.Dense("in", "hid -> 1", on_grid(rng, (12, 8), 5)),
        ss.Dense("hid -> 1", "out", on_grid(rng, (8, 4), 7), delay=2),
    ]
    return ss.Network(populations, projections, ss.Window(T), ss.network.Readout("out"))


def convolved(rng: np.random.Generator, T: int = 30) -> ss.Network:
    populations = {
        "in": ss.Source(2 * 6 * 7),
        "conv": ss.IF(4 * 3 * 7, 1.0, 6, tuple(np.repeat(on_grid(rng, 4, 6, 0.25), 21).tolist())),
        "pool": ss.IF(4 * 1 * 3, 0.5, 6),
        "twin": ss.IF(12, 0.5, 6),
        "out": ss.IF(5, 0.5, 6),
    }
    projections = [
        ss.Conv2d("in", "conv", on_grid(rng, (4, 1, 3, 3), 6), (2, 6, 7), (2, 1), 1, 2),
        ss.Conv2d("conv", "pool", np.full((4, 1, 2, 2), 0.25), (4, 3, 7), 2, 0, 4),
        ss.OneToOne("pool", "twin", 0.5),
        ss.Dense("twin", "out", on_grid(rng, (12, 5), 6)),
        ss.Dense("pool", "out", on_grid(rng, (12, 5), 6), name="skip"),
    ]
    return ss.Network(populations, projections, ss.Window(T))


def recurrent(rng: np.random.Generator) -> ss.Network:
    pairs = rng.random((6, 6)) < 0.5
    indptr = np.concatenate([[0], np.cumsum(pairs.sum(1))])
    indices = np.nonzero(pairs)[1].astype(np.int32)
    delays = rng.integers(0, 3, indices.size).astype(np.uint16)
    populations = {
        "in": ss.Source(5),
        "cuba": ss.LIF(6, 1.0, None, 0.25, 0.125, tuple(on_grid(rng, 6, 8, 0.1).tolist())),
        "lif": ss.LIF(6, 0.75, None, 1.0, 0.1, 0.0625, v_reset=-0.25),
        "real": ss.LIF(4, 0.6),
    }
    projections = [
        ss.Dense("in", "cuba", on_grid(rng, (5, 6), 6)),
        ss.Sparse("cuba", "cuba", indptr, indices, on_grid(rng, indices.size, 6), 1, delays),
        ss.OneToOne("cuba", "lif", 1.0),
        ss.OneToOne("lif", "cuba", -0.5, delay=3),
        ss.Dense("lif", "real", rng.normal(0, 0.5, (6, 4)).astype(np.float32)),
    ]
    return ss.Network(populations, projections)


def spikes(rng: np.random.Generator, network: ss.Network, steps: int) -> Any:
    n = network.populations["in"].n
    shape = (steps, n) if network.window.endless else (3, steps, n)
    return ss.from_raster((rng.random(shape) < 0.3).astype(np.int8))


def run(network: ss.Network, given: Any, record: list[str], **more: Any) -> Any:
    """On the engine that runs all of them."""
    return ss.simulate(network, {"in": given}, record=record, engine="stepped", **more)


@pytest.mark.parametrize("make", [layered, convolved, recurrent])
@pytest.mark.parametrize("rule", RULES)
def test_written_and_read_again_it_spikes_the_same(tmp_path: Path, make: Any, rule: Any) -> None:
    rng = np.random.default_rng(11)
    network = make(rng)
    steps = 60 if network.window.endless else network.window.T
    given = spikes(rng, network, steps)
    told = write(network, tmp_path / "x.nir")
    made = read_nir(tmp_path / "x.nir", Convention(fires=rule))
    cells = [n for n, p in network.populations.items() if hasattr(p, "theta")]
    more = {"steps": steps} if network.window.endless else {}
    before = run(network, given, cells, **more)
    after = run(made.network, given, [told.names[n] for n in cells], **more)
    for name in cells:
        assert len(before.spikes[name].times), f"{name} is silent: nothing was compared"
        assert before.spikes[name] == after.spikes[told.names[name]], name
    if network.readout:
        np.testing.assert_array_equal(before.predictions, after.predictions)


@pytest.mark.parametrize("make", [layered, convolved, recurrent])
def test_declarations_come_back(tmp_path: Path, make: Any) -> None:
    network = make(np.random.default_rng(12))
    told = write(network, tmp_path / "x.nir", dt=1e-3)
    again = read(tmp_path / "x.nir")
    assert again.window == network.window
    for name, p in network.populations.items():
        q = again.populations[told.names[name]]
        if isinstance(p, ss.IF | ss.LIF):
            assert (q.theta, q.grid) == (p.theta, p.grid)
            np.testing.assert_allclose(q.bias, np.broadcast_to(p.bias, np.shape(q.bias)), rtol=1e-15)
        if isinstance(p, ss.LIF):
            assert (q.u_decay, q.v_decay, q.v_reset) == (p.u_decay, p.v_decay, p.v_reset)


def test_equal_networks_are_equal_files(tmp_path: Path) -> None:
    network = layered(np.random.default_rng(1))
    digests = [write(network, tmp_path / name).sha256 for name in ("a.nir", "b.nir")]
    assert digests[0] == digests[1]
    assert (tmp_path / "a.nir").read_bytes() == (tmp_path / "b.nir").read_bytes()


def test_clocks_of_their_own_need_no_delays(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    network = layered(rng)
    told = write(network, tmp_path / "x.nir", clocks=True)
    again = read(tmp_path / "x.nir")
    assert [p.delay for p in again.projections] == [0, 0]
    given = spikes(rng, network, 40)
    before = run(network, given, ["out"])
    after = run(again, given, [told.names["out"]])
    assert before.spikes["out"] == after.spikes["out"]


def test_a_changed_weight_is_found(tmp_path: Path) -> None:
    path = tmp_path / "x.nir"
    write(layered(np.random.default_rng(4)), path)
    with h5py.File(path, "r+") as file:
        file["node/nodes/hid_1_out/weight"][0, 0] += 1
    with pytest.raises(FileRefused, match="not those that its digest states"):
        read(path)


def test_a_million_synapses_take_seconds(tmp_path: Path) -> None:
    w = np.random.default_rng(5).integers(-127, 128, (1000, 1000)).astype(float)
    populations = {"in": ss.Source(1000), "out": ss.IF(1000, 500.0, 0)}
    network = ss.Network(populations, [ss.Dense("in", "out", w)], ss.Window(20))
    begun = perf_counter()
    write(network, tmp_path / "x.nir")
    again = read(tmp_path / "x.nir")
    assert perf_counter() - begun < 5
    np.testing.assert_array_equal(again.weights("in->out"), w)


def test_nir_itself_reads_what_is_written(tmp_path: Path) -> None:
    for k, make in enumerate((layered, convolved, recurrent)):
        network = make(np.random.default_rng(6))
        write(network, tmp_path / f"{k}.nir")
        try:
            graph = read_back(tmp_path / f"{k}.nir")
        except MissingExtraError as problem:
            pytest.skip(str(problem))
        kinds = {type(node).__name__ for node in graph.nodes.values()}
        assert kinds >= {"Input", "Output", "Affine", "IF"}
        assert ("v_reset" in h5py.File(tmp_path / f"{k}.nir")["node/nodes/out"]) is False if k < 2 else True


@pytest.mark.parametrize("make", [layered, convolved])
def test_as_a_target_of_export_its_readers_spike_the_same(tmp_path: Path, make: Any) -> None:
    pytest.importorskip("nir")
    from spikesim.hardware.nir.target import as_read_by_nir, renamed
    from spikesim.hardware.targets import target

    network = make(np.random.default_rng(11))
    chosen = target("nir")
    chosen.write(network, tmp_path / "x.nir")
    given = spikes(np.random.default_rng(12), network, network.window.T)
    cells = [n for n, p in network.populations.items() if hasattr(p, "theta")]
    wanted = run(network, given, cells)
    for found in (as_read_by_nir(tmp_path / "x.nir"), read_nir(tmp_path / "x.nir")):
        again = run(renamed(found.network, network), given, cells)
        for name in cells:
            assert wanted.spikes[name] == again.spikes[name]
            np.testing.assert_array_equal(wanted.v[name], again.v[name])
    assert [reader.name for reader in chosen.readers] == ["nir", "nir-spikesim"]


def with_(**changes: Any) -> ss.Network:
    """A small network with one thing changed."""
    populations = {"in": ss.Source(2), "out": changes.pop("out", ss.IF(2, 1.0, 4)), **changes.pop("more", {})}
    links = [ss.Dense("in", "out", np.eye(2)), *changes.pop("links", ())]
    return ss.Network(populations, links, **changes)


REFUSED = {
    "refractory = 3": {"out": ss.IF(2, 1.0, 4, refractory=3)},
    "reset = 'subtract'": {"out": ss.IF(2, 1.0, 4, reset="subtract")},
    r"floor = -2\.0": {"out": ss.IF(2, 1.0, 4, floor=-2.0)},
    "neuron model = ErrorIF": {"more": {"err": ss.ErrorIF(2, 1.0)}},
    "grid = 6 with u_decay": {"out": ss.LIF(2, 1.0, 6, 0.5, 0.25)},
    "have finite time constants": {"out": ss.LIF(2, 1.0, None, 0.5, 0.0)},
    "all input is spikes": {"drives": (ss.CurrentInput("out"),)},
    "neuron model = PoissonSource": {"more": {"noise": ss.PoissonSource(2, 0.1)}},
    "float32 does not hold": {"out": ss.IF(2, 4097.0 + 2**-12, 12)},
    "can hold its bias": {
        "more": {"two": ss.IF(2, 1.0, 4, 0.5)},
        "links": (ss.OneToOne("out", "two", 1.0),),
    },
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_nir_cannot_hold_is_refused_by_name(tmp_path: Path, said: str) -> None:
    with pytest.raises(NirError, match=said):
        write(with_(**REFUSED[said]), tmp_path / "x.nir")
    assert not (tmp_path / "x.nir").exists()
