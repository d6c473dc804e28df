"""The leaky integrator: steps by hand, its compiled twin, Brian2, its place in a network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import spikesim as ss
from spikesim.errors import DeclarationError, EngineError
from spikesim.hardware import limits
from spikesim.verification.verify import verify

V = ss.Monitor("n", "v")


def _played(population: ss.LeakyIntegrator, spikes: list[int], w: float = 1.0) -> list[float]:
    net = ss.Network({"in": ss.Source(1), "n": population}, (ss.Dense("in", "n", np.full((1, 1), w)),))
    steps = len(spikes)
    given = ss.from_raster(np.array(spikes, np.int8)[:, None])
    found = ss.simulate(net, {"in": given}, steps=steps, record=["n", V])
    assert found.spikes["n"].times.size == 0
    values: list[float] = found.monitors[V].values[:, 0].tolist()
    return values


@pytest.mark.core
def test_eight_steps_by_hand() -> None:
    """The current halves in a step, v loses a quarter; bias .5; spikes of weight 4 in steps 0 and 3.

    u  4      2      1      4.5     2.25     1.125
    v  4.5    5.875  5.90625  9.4296875  9.822265625  8.99169921875
    """
    found = _played(ss.LeakyIntegrator(1, None, 0.5, 0.25, 0.5), [1, 0, 0, 1, 0, 0], 4.0)
    assert found == [4.5, 5.875, 5.90625, 9.4296875, 9.822265625, 8.99169921875]


@pytest.mark.core
def test_a_full_leak_gives_the_sum_of_the_step_and_none_the_sum_of_all() -> None:
    spikes = [1, 0, 1, 1]
    assert _played(ss.LeakyIntegrator(1, v_decay=1.0, bias=0.25), spikes, 2.0) == [2.25, 0.25, 2.25, 2.25]
    assert _played(ss.LeakyIntegrator(1, v_start=1.0, u_start=9.0), spikes, 2.0) == [3.0, 3.0, 5.0, 7.0]
    assert _played(ss.LeakyIntegrator(1, 2, 1.0, 0.5, v_start=-1.25), [0, 0, 0]) == [-2.0, -1.0, 0.0]


def _random(seed: int, bits: int | None) -> ss.Network:
    rs = np.random.default_rng(seed)
    n, scale = 5, 1.0 if bits is None else 2.0**bits
    w, bias, start = (np.rint(rs.normal(0, 2, k) * 64) / 64 for k in ((7, n), n, n))
    decays = rs.integers(0, 4097, (2, n)) / 4096
    assert scale >= 1
    return ss.Network(
        {
            "in": ss.PoissonSource(7, 0.3, seed),
            "n": ss.LeakyIntegrator(n, bits, *decays, bias=bias, v_start=start, u_start=-start),
        },
        (ss.Dense("in", "n", w, delay=int(rs.integers(3))),),
    )


@pytest.mark.core
@pytest.mark.parametrize("bits", [None, 6])
def test_the_compiled_step_is_the_readable_one(bits: int | None) -> None:
    for seed in range(6):
        verdict = verify(_random(seed, bits), {}, a="stepped", b="naive", steps=40)
        assert verdict.equal, str(verdict)
        found = ss.simulate(_random(seed, bits), steps=40, record=["n"]).v["n"]
        assert np.abs(found).max() > 1


def test_brian2_has_the_same_membranes() -> None:
    pytest.importorskip("brian2")
    verdict = verify(_random(1, 6), {}, a="stepped", b="brian2", steps=30)
    assert verdict.equal, str(verdict)


def test_a_sum_beyond_the_exact_range_is_named() -> None:
    net = ss.Network({"n": ss.LeakyIntegrator(2, bias=[0.0, 1e15])}, ())
    with pytest.raises(ss.SpikesimError, match="n"):
        ss.simulate(net, steps=100)


def test_a_readout_takes_the_largest_membrane() -> None:
    net = ss.Network(
        {"in": ss.Source(2), "n": ss.LeakyIntegrator(2, v_decay=0.5)},
        (ss.Dense("in", "n", np.eye(2)),),
        ss.Window(4),
        ss.Readout("n"),
    )
    rasters = np.zeros((2, 4, 2), np.int8)
    rasters[0, :2, 0], rasters[0, 3, 1], rasters[1, 1, 1] = 1, 1, 1  # 3/8 against 1; 0 against 1/4
    assert ss.simulate(net, {"in": ss.from_raster(rasters)}).predictions.tolist() == [1, 1]


def test_no_projection_starts_at_it() -> None:
    populations = {"a": ss.LeakyIntegrator(1), "b": ss.LIF(1, 1.0)}
    with pytest.raises(DeclarationError, match="'a' is a LeakyIntegrator, which sends no spikes"):
        ss.Network(populations, (ss.OneToOne("a", "b", 1.0, 1),))


def test_refusals() -> None:
    with pytest.raises(DeclarationError, match="v_decay"):
        ss.LeakyIntegrator(2, v_decay=[0.5, 1.5])
    with pytest.raises(DeclarationError, match="multiple of"):
        ss.LeakyIntegrator(2, 6, v_decay=0.3)
    with pytest.raises(EngineError, match="LeakyIntegrator"):
        limits.check(_random(0, None), "lava-float")


def test_it_is_saved(tmp_path: Path) -> None:
    net = _random(3, 6)
    ss.save_network(net, tmp_path / "net.h5")
    assert ss.load_network(tmp_path / "net.h5").populations["n"] == net.populations["n"]
