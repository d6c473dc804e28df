"""What is written of neurons: gains in weights, integrators, delays of synapses, networks without end."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spikesim as ss
from spikesim.errors import EngineError
from spikesim.hardware.neurons import PARAMETERS
from spikesim.hardware.nir.checks import check
from spikesim.hardware.nir.nodes import NirError
from spikesim.hardware.nir.read import read_nir
from spikesim.hardware.nir.target import as_read_by_nir, renamed
from spikesim.hardware.nir.write import read_back, write
from spikesim.hardware.nir.written_neurons import library_settings, node_kind, written_forms
from spikesim.verification.verify import verify

nir = pytest.importorskip("nir")
RS = np.random.default_rng(11)
READERS = ["spikesim", "nir"]


def returned(network: ss.Network, path: Path, reader: str = "spikesim", **how: Any) -> ss.Network:
    """The network as it comes back from its file."""
    write(network, path, **how)
    made = read_nir(path) if reader == "spikesim" else as_read_by_nir(path)
    return renamed(made.network, network)


def layers(decays: Any, n: tuple[int, ...] = (6, 9, 7)) -> ss.Network:
    """LIF layers with weights of full precision."""
    populations: dict[str, Any] = {"in": ss.Source(n[0])}
    for k, size in enumerate(n[1:]):
        bias = RS.normal(0, 0.02, size)
        populations[f"l{k}"] = ss.LIF(size, RS.uniform(0.5, 1, size), None, 1.0, decays(size), bias)
    links = [
        ss.Dense(a, b, RS.normal(0.15, 0.3, (p.n, q.n))) for (a, p), (b, q) in pairwise(populations.items())
    ]
    return ss.Network(populations, links, ss.Window(40), ss.network.Readout(f"l{len(n) - 2}"))


def same(network: ss.Network, other: ss.Network) -> None:
    """All parameters and weights are equal, bit for bit."""
    before, after = written_forms(network), written_forms(other)
    for name in before:
        for key in PARAMETERS:
            np.testing.assert_array_equal(
                getattr(before[name], key), getattr(after[name], key), f"{name} {key}"
            )
    found = between(other)
    for p in network.projections:
        np.testing.assert_array_equal(p.w, found[p.pre, p.post].w, p.name)
        assert p.delay == found[p.pre, p.post].delay


def between(network: ss.Network) -> dict[tuple[str, str], Any]:
    """Projections by their ends."""
    return {(p.pre, p.post): p for p in network.projections}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("where", ["weights", "r"])
def test_weights_divided_by_a_gain_come_back_bit_for_bit(tmp_path: Path, reader: str, where: str) -> None:
    for decays in (lambda n: 0.125, lambda n: 0.3, lambda n: RS.uniform(0.01, 0.9, n)):
        network = layers(decays)
        same(network, returned(network, tmp_path / "a.nir", reader, gain=where))


def test_a_leaky_neuron_is_written_as_libraries_without_r_play_it(tmp_path: Path) -> None:
    """v += dt/tau (v_leak - v + W s + b), a spike at v > v_threshold: the file's numbers without r."""
    network = layers(lambda n: 0.25)
    told = write(network, tmp_path / "a.nir")
    nodes = read_back(tmp_path / "a.nir").nodes
    given = (RS.random((40, 6)) < 0.4).astype(np.int8)
    found = ss.simulate(network, {"in": ss.from_raster(given)}, record=["l0", "l1"]).spikes
    v, s = {"l0": np.zeros(9), "l1": np.zeros(7)}, np.zeros(0)
    for t in range(40):
        s = given[t].astype(float)
        for name, link in (("l0", "in_l0"), ("l1", "l0_l1")):
            node, x = nodes[name], nodes[link].weight @ s + nodes[link].bias
            assert (node.r == 1).all()
            v[name] = v[name] + 1 / node.tau * (node.v_leak - v[name] + x)
            s = (v[name] > node.v_threshold).astype(float)
            v[name][s > 0] = 0
            np.testing.assert_array_equal(found[name].raster()[t], s)
    assert len(found["l1"].times) > 20
    assert any("r = 1, and the weights that lead to it are divided by v_decay" in note for note in told.notes)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("by", ["channel", "neuron"])
def test_convolutions_carry_the_gain_of_a_channel_and_a_scale_that_of_each_neuron(
    tmp_path: Path, by: str, reader: str
) -> None:
    decay = RS.uniform(0.1, 0.9, 3 if by == "channel" else 27)
    if by == "channel":
        decay = np.repeat(decay, 9)
    populations = {
        "in": ss.Source(50),
        "n": ss.LIF(27, 1.0, None, 1.0, decay, 0.0625),
        "m": ss.LIF(27, 0.5, v_decay=decay),
    }
    conv = ss.Conv2d("in", "n", RS.normal(0, 0.4, (3, 2, 3, 3)), (2, 5, 5))
    network = ss.Network(populations, (conv, ss.OneToOne("n", "m", 0.7)), ss.Window(20))
    other = returned(network, tmp_path / "a.nir", reader)
    found = between(other)
    assert isinstance(found["in", "n"], ss.Conv2d)
    np.testing.assert_array_equal(conv.w, found["in", "n"].w)
    np.testing.assert_array_equal(found["n", "m"].w, 0.7)
    for name in "nm":
        for key in ("bias", "v_decay", "theta"):
            values = (getattr(written_forms(net)[name], key) for net in (network, other))
            np.testing.assert_array_equal(*values)


@pytest.mark.parametrize("reader", READERS)
def test_integrators_are_written_and_come_back(tmp_path: Path, reader: str) -> None:
    n = 4
    decays = RS.uniform(0.1, 0.9, (3, n))
    populations = {
        "in": ss.Source(5),
        "sum": ss.LeakyIntegrator(n, 6, 1.0, 1.0, RS.integers(-9, 9, n) / 64),
        "all": ss.LeakyIntegrator(n, None, v_start=RS.normal(size=n)),
        "li": ss.LeakyIntegrator(n, None, 1.0, decays[0], RS.normal(size=n)),
        "cuba": ss.LeakyIntegrator(
            n, None, decays[1], decays[2], RS.normal(size=n), u_start=RS.normal(size=n)
        ),
    }
    links = [
        ss.Dense("in", name, RS.integers(-64, 64, (5, n)) / 64, delay=1) for name in list(populations)[1:]
    ]
    network = ss.Network(populations, links, ss.Window(25))
    told = write(network, tmp_path / "a.nir")
    kinds = {type(node).__name__ for node in read_back(tmp_path / "a.nir").nodes.values()}
    assert {"LI", "CubaLI", "I"} <= kinds
    made = read_nir(tmp_path / "a.nir") if reader == "spikesim" else as_read_by_nir(tmp_path / "a.nir")
    assert set(made.membranes) == {told.names[name] for name in populations if name != "in"}
    other = renamed(made.network, network)
    same(network, other)
    given = {"in": ss.from_raster((RS.random((25, 5)) < 0.4).astype(np.int8))}
    wanted, found = (ss.simulate(net, given, record=list(populations)[1:]).v for net in (network, other))
    for name in wanted:
        np.testing.assert_array_equal(wanted[name], found[name], name)
    verdict = verify(network, given, a="stepped", b="nir")
    assert verdict.equal, str(verdict)


def test_integrators_with_phases_or_half_a_leak_are_refused(tmp_path: Path) -> None:
    def net(**more: Any) -> ss.Network:
        links = (ss.Dense("in", "n", np.ones((1, 2))),)
        return ss.Network({"in": ss.Source(1), "n": ss.LeakyIntegrator(2, **more)}, links, ss.Window(8, 4))

    with pytest.raises(NirError, match="n: gate_by, active_in or reset_at='split'"):
        write(net(reset_at=("start", "split")), tmp_path / "a.nir")
    with pytest.raises(NirError, match="finite time constants for every neuron"):
        check(net(v_decay=[0.5, 0.0]))
    other = ss.Network(
        {"in": ss.Source(1), "n": ss.AdaptiveLIF(1, 1.0)}, (ss.OneToOne("in", "n", 1.0),), ss.Window(4)
    )
    with pytest.raises(EngineError, match="AdaptiveLIF"):
        write(other, tmp_path / "a.nir")
    assert not list(tmp_path.iterdir())


def test_an_export_says_which_library_needs_which_settings(tmp_path: Path) -> None:
    network = layers(lambda n: 0.25)
    given = {"in": ss.from_raster((RS.random((40, 6)) < 0.4).astype(np.int8))}
    exported = ss.export(network, "nir", tmp_path / "a.nir", given)
    assert exported.equal
    assert "norse: from_nir(graph, dt=1)" in exported.notes
    sinabs = next(note for note in exported.notes if note.startswith("sinabs"))
    assert "MembraneReset" in sinabs and "leaky neurons differ" in sinabs
    assert "leaky" not in " ".join(library_settings(written_forms(ss.Network({"n": ss.IF(1, 1.0)}, ()))))


def test_kinds_of_nodes() -> None:
    made = {"I": (1.0, 0.0), "LI": (1.0, 0.5), "CubaLI": (0.5, 0.5)}
    for kind, (u, v) in made.items():
        for model, name in (
            (ss.LeakyIntegrator(2, None, u, v), kind),
            (ss.LIF(2, 1.0, None, u, v), f"{kind}F"),
        ):
            assert node_kind(written_forms(ss.Network({"n": model}, ()))["n"]) == name


def delayed(window: ss.Window, offset: int | None) -> ss.Network:
    """Two sources, and two populations that hear each other and themselves over delays of each synapse."""

    def sparse(a: str, b: str, n: int, m: int, least: int) -> ss.Sparse:
        pre, post = np.nonzero(RS.random((n, m)) < 0.6)
        w, late = RS.integers(-16, 40, len(pre)) / 64, RS.integers(0, 6, len(pre))
        return ss.connect.from_coordinates(a, b, pre, post, w, n_pre=n, delay=least, delays=late)

    populations = {
        "x": ss.Source(5),
        "y": ss.Source(3),
        "a": ss.IF(6, 1.0, 6, offset=offset),
        "b": ss.LIF(4, 0.75, None, 1.0, 0.25, offset=offset),
    }
    links = [
        sparse("x", "a", 5, 6, 0),
        sparse("y", "b", 3, 4, 0),
        sparse("a", "b", 6, 4, 1),
        sparse("b", "a", 4, 6, 1),
        sparse("a", "a", 6, 6, 1),
    ]
    return ss.Network(populations, links, window)


@pytest.mark.parametrize("backend", ["nir", "nir:nir-spikesim"])
@pytest.mark.parametrize("endless", [False, True])
def test_delays_of_synapses_loops_and_two_sources_go_there_and_back(backend: str, endless: bool) -> None:
    steps = 60
    network = delayed(ss.Window.without_end() if endless else ss.Window(steps), None if endless else 0)
    given = {
        name: ss.from_raster((RS.random((1 if endless else 3, steps, n)) < 0.3).astype(np.int8))
        for name, n in (("x", 5), ("y", 3))
    }
    verdict = verify(network, given, a="stepped", b=backend, steps=steps if endless else None)
    assert verdict.equal, str(verdict)
    assert verdict.spikes > 50


def test_a_network_without_end_comes_back_without_end(tmp_path: Path) -> None:
    network = delayed(ss.Window.without_end(), None)
    write(network, tmp_path / "a.nir")
    other = renamed(read_nir(tmp_path / "a.nir").network, network)
    assert other.window.endless and set(other.sources) == {"x", "y"}
    given = {n: ss.from_raster((RS.random((80, k)) < 0.3).astype(np.int8)) for n, k in (("x", 5), ("y", 3))}
    one, two = (ss.simulate(net, given, steps=80, record=["a", "b"]).spikes for net in (network, other))
    assert one == two and len(one["b"].times) > 20
