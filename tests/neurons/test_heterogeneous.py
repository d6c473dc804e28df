"""Parameters neuron by neuron: arrays and lists mean the same; engines agree; errors name the neuron."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spikesim as ss
from spikesim.errors import DeclarationError
from spikesim.network.file import digest
from spikesim.neurons import MODELS
from spikesim.neurons.description import NeuronModel, each, uniform
from spikesim.neurons.population import FIELDS
from spikesim.verification.verify import verify

pytestmark = pytest.mark.core


def test_every_model_describes_itself() -> None:
    assert {"IF", "LIF", "ErrorIF", "AdaptiveLIF", "TwoCurrentLIF", "Source", "PoissonSource"} <= set(MODELS)
    for name, model in MODELS.items():
        assert isinstance(model.description, NeuronModel), name
        assert model.description.equations, name
        for parameter in model.description.parameters:
            assert parameter.name in model.__dataclass_fields__, f"{name}.{parameter.name}"
            assert parameter.unit, f"{name}.{parameter.name}"
        assert all(hasattr(model, field) or field in model.__dataclass_fields__ for field in FIELDS), name


@pytest.mark.parametrize("kind", [ss.IF, ss.LIF, ss.AdaptiveLIF, ss.TwoCurrentLIF])
def test_the_state_is_what_the_description_says(kind: Any) -> None:
    population = kind(3, 1.0, 8, refractory=2)
    assert set(population.initial_state()) == {v.name for v in population.description.state}


@pytest.mark.parametrize("kind", [np.array, list, tuple])
def test_arrays_lists_and_tuples_mean_the_same(kind: Any, tmp_path: Path) -> None:
    values = [1.0, 1.5, 2.0]
    one, other = (
        ss.IF(3, kind(values), refractory=kind([0, 1, 2])),
        ss.IF(3, tuple(values), refractory=(0, 1, 2)),
    )
    assert one == other
    assert hash(one) == hash(other)
    assert repr(one) == repr(other)
    net = ss.Network({"in": ss.Source(1), "n": one}, (ss.connect.all_to_all("in", "n", 1.0),), ss.Window(4))
    assert digest(net) == digest(replace(net, populations={"in": ss.Source(1), "n": other}))
    ss.save_network(net, tmp_path / "net.h5")
    assert ss.load_network(tmp_path / "net.h5").populations["n"] == one


def test_numpy_numbers_are_numbers() -> None:
    assert ss.LIF(2, np.float64(1.5), v_decay=np.float32(0.5)) == ss.LIF(2, 1.5, v_decay=0.5)


def test_a_threshold_for_each_neuron_by_hand() -> None:
    """Input 1 in each step: neurons of theta 1, 2, 3 fire in every first, second, third step."""
    net = ss.Network({"n": ss.IF(3, [1.0, 2.0, 3.0], bias=1.0)}, ())
    raster = ss.simulate(net, steps=6, record=["n"]).spikes["n"].raster()
    assert raster.T.tolist() == [[1, 1, 1, 1, 1, 1], [0, 1, 0, 1, 0, 1], [0, 0, 1, 0, 0, 1]]


def test_a_leak_a_start_and_a_refractory_time_for_each_neuron_by_hand() -> None:
    """v halves, stays, or is lost in a step; starts of 4, 1 and 8; theta 4; what fires waits 0, 1 or 2 steps.

    n0: 4 / 2 = 2, 1, .5, ...; n1: 1 + 0 = 1, 1, ...; n2: 0.
    """
    net = ss.Network({"n": ss.LIF(3, 4.0, v_decay=[0.5, 0.0, 1.0], v_start=[4.0, 1.0, 8.0])}, ())
    v = ss.simulate(net, steps=3, record=["n"]).v["n"][0]
    assert v.tolist() == [[2.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.5, 1.0, 0.0]]
    firing = ss.Network({"n": ss.IF(3, 1.0, bias=1.0, refractory=[0, 1, 2])}, ())
    raster = ss.simulate(firing, steps=6, record=["n"]).spikes["n"].raster()
    assert raster.T.tolist() == [[1] * 6, [1, 0, 1, 0, 1, 0], [1, 0, 0, 1, 0, 0]]


@pytest.mark.parametrize("engine", ["naive", "stepped", "windowed"])
def test_the_start_comes_again_at_the_split(engine: str) -> None:
    """theta 3, bias 1; neuron 0 starts at 2, fires in steps 0 and 3; neuron 1 at 0, fires in 2; so again."""
    net = ss.Network(
        {"in": ss.Source(1), "n": ss.IF(2, 3.0, bias=1.0, v_start=[2.0, 0.0], reset_at=("start", "split"))},
        (ss.Dense("in", "n", np.zeros((1, 2))),),
        ss.Window(8, 4),
    )
    spikes = ss.from_raster(np.zeros((2, 8, 1), np.int8))
    found = ss.simulate(net, {"in": spikes}, record=["n"], engine=engine).spikes["n"]
    for b in range(2):
        assert found.raster(b).T.tolist() == [[1, 0, 0, 1, 1, 0, 0, 1], [0, 0, 1, 0, 0, 0, 1, 0]]


def test_permuting_neurons_permutes_results() -> None:
    rs = np.random.default_rng(5)
    n = 12
    theta, decay = rs.integers(64, 512, n) / 256, rs.integers(0, 2048, n) / 4096
    w, order = rs.integers(-64, 256, (6, n)) / 256, rs.permutation(n)
    rasters = []
    for p in (np.arange(n), order):
        net = ss.Network(
            {"in": ss.PoissonSource(6, 0.3), "n": ss.LIF(n, theta[p], 8, v_decay=decay[p], refractory=p % 3)},
            (ss.Dense("in", "n", w[:, p], delay=1),),
        )
        rasters.append(ss.simulate(net, steps=200, record=["n"]).spikes["n"].raster())
    assert rasters[0].sum() > 100
    assert np.array_equal(rasters[0][:, order], rasters[1])


def test_windowed_naive_and_stepped_agree_while_they_learn() -> None:
    from spikesim.models.emstdp import Emstdp, build, encoder

    config = Emstdp(sizes=(12, 9, 3), T=24, eta=0.5)
    rs, plain = np.random.default_rng(2), build(config)
    populations = dict(plain.populations)
    for name, p in plain.populations.items():
        if isinstance(p, ss.IF | ss.ErrorIF):
            theta = np.round(each(p.theta, p.n) * rs.uniform(0.5, 2, p.n) * 2**p.grid) / 2**p.grid
            populations[name] = replace(p, theta=theta)
    net = replace(plain, populations=populations)
    spikes = encoder(config).encode(rs.random((20, 12)).astype(np.float32), np.arange(20), 12, 1)
    labels = rs.integers(0, 3, 20)
    for other in ("naive", "stepped"):
        verdict = verify(net, {"in": spikes}, labels, a="windowed", b=other, learn=True)
        assert verdict.equal, verdict.difference


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ss.IF(3, [1.0, 0.0, 2.0]), r"IF: theta\[1\] = 0\.0; a positive, finite number is needed"),
        (lambda: ss.IF(3, [1.0, 2.0]), r"theta has the shape \(2,\) for 3 neurons"),
        (lambda: ss.IF(2, [[1.0], [2.0]]), r"theta has the shape \(2, 1\)"),
        (lambda: ss.IF(2, "high"), "theta = 'high'; a number, or an array of 2 is needed"),
        (lambda: ss.IF(2, 1.0, refractory=[1, -1]), r"refractory\[1\] = -1; a whole number of steps >= 0"),
        (lambda: ss.IF(2, 1.0, refractory=[1.0, 2.0]), "a whole number, or an array of 2"),
        (lambda: ss.IF(2, 1.0, floor=[-1.0, 0.5]), r"floor\[1\] = 0\.5"),
        (
            lambda: ss.IF(2, 1.0, floor=-1.0, v_start=[0.0, -2.0]),
            "v_start = -2.0 of neuron 1 is below its floor",
        ),
        (lambda: ss.IF(2, [1.0, 0.3], 2), "theta: .*grid of 2"),
        (
            lambda: ss.LIF(2, [1.0, 2.0], v_reset=[0.0, 2.0]),
            "v_reset = 2.0 of neuron 1 is not below theta = 2.0",
        ),
        (
            lambda: ss.LIF(2, 1.0, 6, v_decay=[0.5, 0.3]),
            "v_decay = 0.3 of neuron 1 is not a multiple of 1/4096",
        ),
        (lambda: ss.LIF(2, 1.0, v_decay=[0.5, float("nan")]), r"v_decay\[1\] = nan"),
    ],
)
def test_an_error_names_the_neuron(make: Any, said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        make()


def test_a_bound_that_fails_names_the_neuron() -> None:
    w = np.array([[1.0, 2.0**20]])
    with pytest.raises(DeclarationError, match="n: neuron 1"):
        ss.Network({"in": ss.Source(1), "n": ss.IF(2, 1.0)}, (ss.Dense("in", "n", w),), ss.Window(8))
    far = ss.IF(2, 1.0, 12, v_start=[2.0**19, 0.0])
    with pytest.raises(DeclarationError, match="n: neuron 0: the membrane can reach"):
        ss.Network({"in": ss.Source(1), "n": far}, (), ss.Window(8))


def test_uniform_arrays_take_the_same_kernel() -> None:
    assert uniform((1.0, 1.0))
    assert not uniform((1.0, 2.0))
    assert uniform(3)
