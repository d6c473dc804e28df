"""Random streams: independent by default, functions of the network's seed and the name, kept once drawn."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from spikesim import rng
from spikesim.engines import simulate
from spikesim.errors import DeclarationError
from spikesim.network import Network
from spikesim.network.file import digest, load_network, save_network
from spikesim.network.seeds import with_seed
from spikesim.neurons import LIF, PoissonSource, Source
from spikesim.neurons.description import NeuronModel
from spikesim.neurons.population import MODELS, Sender, register
from spikesim.synapses import PoissonInput, Sparse, connect
from spikesim.synapses.unsized import Unsized
from spikesim.window import Window

pytestmark = pytest.mark.core
N = 60


def net(seed: int = 1, **changes: Any) -> Network:
    """Two sources, two drives, and projections of every way to be drawn; no seed is given."""
    parts: dict[str, Any] = {
        "populations": {
            "x": PoissonSource(N, 0.2),
            "y": PoissonSource(N, 0.2),
            "n": LIF(N, 1e9, v_decay=0.1),
        },
        "projections": [
            connect.fixed_probability("x", "n", 0.3, 1.0),
            connect.fixed_probability("y", "n", 0.3, -1.0),
            connect.fixed_probability("x", "n", N, N, 0.3, 1.0, name="sized"),
            connect.fixed_in_degree("x", "n", 9, connect.uniform(0, 1), name="degree"),
            connect.fixed_in_degree("x", "n", 9, connect.uniform(0, 1), name="again"),
            connect.all_to_all("x", "n", connect.normal(0, 1), delays=connect.steps(0, 9), name="all"),
        ],
        "drives": [PoissonInput("n", 2.0, 0.5, name="up"), PoissonInput("n", 2.0, -0.5, name="x2")],
    }
    return Network(**(parts | changes), seed=seed)


def trains(source: PoissonSource, steps: int = 2000) -> Any:
    """The spikes of a source as 0 and 1, (steps * n,)."""
    found = np.zeros((steps, source.n))
    for t in range(steps):
        found[t, source.fired(t)] = 1
    return found.ravel()


def matrix(p: Sparse) -> Any:
    """How many synapses there are between each two neurons, (n_pre * n_post,)."""
    found = np.zeros((len(p.indptr) - 1, N))
    np.add.at(found, (p.rows, p.indices), 1)
    return found.ravel()


def seeds(network: Network) -> dict[str, int]:
    """The seed of everything in a network that has one."""
    found = {name: p.seed for name, p in network.populations.items() if isinstance(p, PoissonSource)}
    return found | {d.name: d.seed for d in network.drives if isinstance(d, PoissonInput)}


def test_a_derived_seed_is_the_documented_one() -> None:
    for seed, kind, name in ((1, "population", "x"), (2**64 - 1, "drive", "->ü"), (0, "projection", "a\nb")):
        text = f"spikesim seed\n{seed}\n{kind}\n{name}".encode()
        found = rng.derived_seed(seed, kind, name)  # type: ignore[arg-type]
        assert found == int(hashlib.sha256(text).hexdigest()[:16], 16) // 2**11 < 2**53
    assert rng.derived_seed(1, "population", "x") == 2026917583340563  # by sha256sum
    for wrong in (-1, 2**64, 1.5, None, "1"):
        with pytest.raises(DeclarationError, match="seed = "):
            Network({"n": LIF(1, 1.0)}, (), seed=wrong)  # type: ignore[arg-type]


def test_nothing_shares_its_random_numbers_by_default() -> None:
    network = net()
    limit = 5 / np.sqrt(2000 * N)
    x, y = (trains(network.populations[name]) for name in ("x", "y"))
    assert abs(np.corrcoef(x, y)[0, 1]) < limit
    up, down = (np.array([d.numbers(t, N) for t in range(2000)]).ravel() for d in network.drives)  # type: ignore[union-attr]
    assert abs(np.corrcoef(up, down)[0, 1]) < limit
    assert abs(np.corrcoef(x, up)[0, 1]) < limit
    drawn = [matrix(p) for p in network.projections[:3]]  # type: ignore[arg-type]
    degrees = [matrix(p) for p in network.projections[3:5]]  # type: ignore[arg-type]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert abs(np.corrcoef(drawn[one], drawn[other])[0, 1]) < 5 / N
    assert abs(np.corrcoef(*degrees)[0, 1]) < 5 / N
    weights = [p.w for p in network.projections[3:5]]
    assert abs(np.corrcoef(weights[0], weights[1])[0, 1]) < 5 / np.sqrt(9 * N)
    assert len(set(seeds(network).values())) == 4


def test_opposite_noise_does_not_cancel() -> None:
    drives = [PoissonInput("n", 2.0, 0.5, name="exc"), PoissonInput("n", 2.0, -0.5, name="inh")]
    network = Network({"n": LIF(100, 1e9, v_decay=0.1)}, (), drives=drives)
    v = simulate(network, steps=2000, record="n").v["n"]
    assert v.std() == pytest.approx(0.5 * np.sqrt(4 / (1 - 0.81)), rel=0.03)


def test_one_name_for_a_source_and_a_drive_is_not_one_stream() -> None:
    found = {rng.derived_seed(1, kind, "x") for kind in ("population", "projection", "drive")}  # type: ignore[arg-type]
    assert len(found) == 3


def test_the_order_and_the_rest_of_a_network_do_not_matter() -> None:
    network = net()
    turned = Network(
        dict(reversed(net().populations.items())),
        [connect.fixed_probability("x", "n", 0.3, 1.0)],
        drives=[PoissonInput("n", 2.0, -0.5, name="x2")],
    )
    assert turned.populations["x"] == network.populations["x"]
    assert turned.drives[0] == network.drives[1]
    assert np.array_equal(turned.projections[0].indices, network.projections[0].indices)  # type: ignore[attr-defined]


def test_the_seed_of_the_network_changes_all_of_it() -> None:
    one, again, other = net(), net(1), net(2)
    assert digest(one) == digest(again) != digest(other)
    assert not set(seeds(one).values()) & set(seeds(other).values())
    for a, b, c in zip(one.projections, again.projections, other.projections, strict=True):
        same = np.array_equal(a.w, b.w) and np.array_equal(a.indices, b.indices)  # type: ignore[attr-defined]
        assert same
        changed = np.array_equal(a.indices, c.indices) and np.array_equal(a.w, c.w)  # type: ignore[attr-defined]
        assert not changed, a.name
    assert not np.array_equal(one.projections[5].delays, other.projections[5].delays)  # type: ignore[attr-defined]


def test_an_explicit_equal_seed_is_an_equal_stream_in_every_network() -> None:
    for seed in (1, 2):
        network = Network(
            {"x": PoissonSource(N, 0.2, 7), "y": PoissonSource(N, 0.2, seed=7), "n": LIF(N, 1e9)},
            [
                connect.fixed_in_degree("x", "n", N, N, 5, 1.0, seed=7),
                connect.fixed_in_degree("y", "n", 5, 1.0, seed=7),
            ],
            drives=[PoissonInput("n", 1.0, 1.0, 7, "a"), PoissonInput("n", 1.0, -1.0, 7, "b")],
            seed=seed,
        )
        assert network.populations["x"].fired(3).tolist() == network.populations["y"].fired(3).tolist()
        assert np.array_equal(*(p.indices for p in network.projections))  # type: ignore[attr-defined]
        a, b = network.drives
        assert np.array_equal(a.numbers(3, N), b.numbers(3, N))  # type: ignore[union-attr]
        assert set(seeds(network).values()) == {7}


def test_with_sizes_and_without_it_is_one_projection() -> None:
    for seed in (1, 5):
        populations = {"a": PoissonSource(N, 0.1), "b": LIF(N, 1.0)}
        sized = connect.fixed_in_degree("a", "b", N, N, 5, connect.uniform(0, 1))
        unsized = connect.fixed_in_degree("a", "b", 5, connect.uniform(0, 1))
        assert isinstance(sized, Sparse) and isinstance(unsized, Unsized)
        one, two = (Network(populations, [p], seed=seed) for p in (sized, unsized))
        assert digest(one) == digest(two)
        assert np.array_equal(one.projections[0].w, sized.w) == (seed == 1)


def test_what_is_drawn_stays() -> None:
    network = net(3)
    kept = [np.array(p.indices) for p in network.projections]  # type: ignore[attr-defined]
    others = [
        replace(network, drives=()),
        replace(network, seed=4),
        Network(network.populations, network.projections, drives=network.drives, seed=9),
    ]
    for other in others:
        assert dict(other.populations) == dict(network.populations)
        assert all(np.array_equal(p.indices, k) for p, k in zip(other.projections, kept, strict=True))  # type: ignore[attr-defined]
    assert others[1].drives == others[2].drives == network.drives
    bare = connect.fixed_in_degree("x", "n", N, N, 5, 1.0)
    named = replace(bare, name="second")  # whoever copies a projection keeps its synapses
    found = net(3, projections=[named]).projections[0]
    assert np.array_equal(found.indices, bare.indices)  # type: ignore[attr-defined]


def test_a_network_of_trials_keeps_its_seed_for_inference() -> None:
    trained = Network(
        {"a": Source(3), "n": LIF(3, 1.0)},
        [connect.all_to_all("a", "n", connect.normal(0, 1))],
        Window(4),
        seed=6,
    )
    assert trained.inference().seed == 6
    assert np.array_equal(trained.inference().projections[0].w, trained.projections[0].w)


def test_files_and_repr_show_what_was_drawn(tmp_path: Path) -> None:
    network = net(3)
    save_network(network, tmp_path / "n.h5")
    again = load_network(tmp_path / "n.h5")
    assert again.seed == 3 and digest(again) == digest(network) and seeds(again) == seeds(network)
    shown = repr([*network.populations.values(), *network.projections, *network.drives])
    assert str(seeds(network)["x"]) in shown and "seed=None" not in shown


def test_what_has_no_network_says_so() -> None:
    with pytest.raises(DeclarationError, match="random numbers are drawn in a Network only"):
        PoissonSource(3, 0.5).fired(0)
    with pytest.raises(DeclarationError, match="random numbers are drawn in a Network only"):
        PoissonInput("n", 1.0, 1.0).numbers(0, 3)
    assert PoissonSource(3, 0.5).seed is None


def test_a_model_of_ones_own_is_seeded_as_ours_are() -> None:
    @register
    @dataclass(frozen=True)
    class Coin(Sender):
        description: ClassVar[NeuronModel] = NeuronModel("heads", role="generator")
        n: int
        seed: int | None = None
        offset: int | None = None

        def fired(self, t: int) -> Any:
            return np.flatnonzero(rng.words(self.seed or 0, rng.Stream.GENERATOR, self.n, t) & 1)

    try:
        network = Network({"a": Coin(5), "b": Coin(5), "c": Coin(5, seed=3)}, ())
        assert network.populations["a"].seed == rng.derived_seed(1, "population", "a")
        assert network.populations["c"].seed == 3
    finally:
        del MODELS["Coin"]
    assert with_seed(Coin, 1, "population", "x") is Coin and with_seed(None, 1, "drive") is None
