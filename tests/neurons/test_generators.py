"""Generators and drives: pure functions of time, twins, rates, and what they refuse."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from naive_twins import philox

from spikesim.engines import simulate
from spikesim.errors import DataError, DeclarationError
from spikesim.network import Network
from spikesim.neurons import IF, LIF, PoissonSource, RegularSource, Source
from spikesim.rng import Stream
from spikesim.synapses import CurrentInput, OneToOne, PoissonInput
from spikesim.window import Window

pytestmark = pytest.mark.core
ENGINES = ("naive", "stepped")


def word(stream: Stream, seed: int, t: int, j: int) -> int:
    """word(seed, stream, t, j): one block of four words for four neurons."""
    return philox((j // 4, t % 2**32, t >> 32, int(stream) * 2**24), (seed, 0))[j % 4]


def test_poisson_spikes_are_their_twin() -> None:
    rates = (0.0, 0.3, 1.0, 0.5, 0.05, 0.9)
    source = PoissonSource(6, rates, seed=5)
    for t in (*range(40), 2**32 - 1, 2**32, 2**40 + 3):
        expected = [j for j in range(6) if word(Stream.GENERATOR, 5, t, j) < math.floor(rates[j] * 2**32)]
        found = source.fired(t)
        assert found.dtype == np.int32 and found.tolist() == expected
    assert source.fired(7).tolist() == source.fired(7).tolist()
    assert PoissonSource(6, 0.5, 6).fired(3).tolist() != PoissonSource(6, 0.5, 5).fired(3).tolist()


def test_poisson_rates() -> None:
    n, T, rate = 100, 400, 0.02
    counts = np.zeros((T, n))
    for t in range(T):
        counts[t, PoissonSource(n, rate, 3).fired(t)] = 1
    spread = math.sqrt(rate * (1 - rate) / (n * T))
    assert abs(counts.mean() - rate) < 4 * spread
    for axis in (0, 1):  # neither neurons nor steps are alike
        sums, size = counts.sum(axis=axis), counts.shape[axis]
        assert 0.6 < sums.var() / (size * rate * (1 - rate)) < 1.5


def test_regular_spikes_by_hand() -> None:
    source = RegularSource(3, 4, (0, 1, 3))
    assert [source.fired(t).tolist() for t in range(6)] == [[0], [1], [], [2], [0], [1]]
    assert [RegularSource(2, 1).fired(t).tolist() for t in range(2)] == [[0, 1], [0, 1]]
    assert RegularSource(2, 5, 2).fired(7).tolist() == [0, 1]
    assert RegularSource(2, np.int64(5), 2) == RegularSource(2, 5, 2)  # type: ignore[arg-type]


@pytest.mark.parametrize("rate", [0.05, 1.0, 7.5, 50.0])
def test_poisson_numbers_are_their_twin(rate: float) -> None:
    drive = PoissonInput("a", rate, 1.0, seed=9)
    below, limits, k = 0.0, [], 0
    while not limits or (limits[-1] < 2**32 and k < 200):
        below += math.exp(-rate + k * math.log(rate) - math.lgamma(k + 1))
        limits.append(min(below * 2.0**32, 2.0**32))
        k += 1
    for t in range(20):
        for j, number in enumerate(drive.numbers(t, 7)):
            drawn = word(Stream.DRIVE, 9, t, j)
            assert number == sum(limit <= drawn for limit in limits)


@pytest.mark.parametrize("rate", [0.3, 4.0, 20.0])
def test_poisson_numbers_have_their_mean_and_variance(rate: float) -> None:
    drive = PoissonInput("a", rate, 1.0, seed=1)
    numbers = np.array([drive.numbers(t, 500) for t in range(40)])
    assert abs(numbers.mean() - rate) < 4 * math.sqrt(rate / numbers.size)
    assert abs(numbers.var() / rate - 1) < 0.05
    assert numbers.max() <= drive.most


def test_drives_bring_the_same_to_both_engines() -> None:
    drives = (PoissonInput("a", 1.5, 0.25, 1), PoissonInput("a", 0.5, -0.5, 2, "down"), CurrentInput("a"))
    net = Network(
        {"a": IF(9, 3.0, 4, floor=-1.0), "b": LIF(9, 1.0)}, (OneToOne("a", "b", 0.5, 1),), drives=drives
    )
    current = np.round(np.random.default_rng(1).normal(0, 1, (50, 9)) * 16) / 16
    a, b = (simulate(net, {"->a": current}, steps=50, record=("a", "b"), engine=n) for n in ENGINES)
    assert a.spikes == b.spikes and a.counts["a"].sum() > 20
    assert np.array_equal(a.v["a"], b.v["a"])
    # the membrane of the first step is what has arrived
    first = drives[0].numbers(0, 9) * 0.25 - drives[1].numbers(0, 9) * 0.5 + current[0]
    low = first < 3
    assert (a.v["a"][0, 0] == np.maximum(first, -1.0) * 16)[low].all() and low.any()


def test_a_current_for_all_steps_is_that_of_every_step() -> None:
    net = Network({"a": IF(2, 4.0, 4)}, (), drives=(CurrentInput("a"),))
    once = simulate(net, {"->a": np.array([0.5, 0.25])}, steps=9, record="a")
    each = simulate(net, {"->a": np.tile([0.5, 0.25], (9, 1))}, steps=9, record="a")
    assert np.array_equal(once.v["a"], each.v["a"])
    assert once.v["a"][0, :3].tolist() == [[8, 4], [16, 8], [24, 12]]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: PoissonSource(0, 0.5), "n = 0"),
        (lambda: PoissonSource(2, 1.5), r"rate = .*1\.5.*in \[0, 1\]"),
        (lambda: PoissonSource(2, (0.5, float("nan"))), "rate = .*nan"),
        (lambda: PoissonSource(2, (0.5,)), "1 rates for 2 neurons"),
        (lambda: PoissonSource(2, 0.5, seed=-1), "seed = -1"),
        (lambda: RegularSource(2, 0), "period = 0"),
        (lambda: RegularSource(2, 3, 3), "phase = 3"),
        (lambda: RegularSource(2, 3, -1), "phase = -1"),
        (lambda: RegularSource(2, 3, (0, 1, 2)), "3 phases for 2 neurons"),
        (lambda: RegularSource(2, 2.5), r"period = 2\.5"),  # type: ignore[arg-type]
        (lambda: PoissonInput("a", 0.0, 1.0), r"rate = 0\.0"),
        (lambda: PoissonInput("a", 51.0, 1.0), "rate = 51.*several drives"),
        (lambda: PoissonInput("a", 1.0, float("inf")), "w = inf"),
        (lambda: PoissonInput("a", 1.0, 1.0, seed=2**64), "seed = "),
    ],
)
def test_what_is_refused(make: Any, said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        make()


A = {"a": IF(2, 1.0, 4)}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Network(A, (), drives=(PoissonInput("b", 1.0, 1.0),)), "unknown population 'b'"),
        (lambda: Network({"s": Source(2)}, (), drives=(CurrentInput("s"),)), "'s' only sends"),
        (
            lambda: Network(A, (), drives=(CurrentInput("a"), CurrentInput("a"))),
            "name '->a' of a drive is used twice",
        ),
        (lambda: Network(A, (), drives=(CurrentInput("a", "a"),)), "name 'a' of a drive is used twice"),
        (lambda: Network(A, (), drives=(PoissonInput("a", 1.0, 0.3),)), "w: 0.3 lies .* off the grid"),
        (lambda: Network(A, (), Window(4), None, (CurrentInput("a"),)), "->a: generators and drives"),
        (lambda: Network({**A, "g": PoissonSource(2, 0.1)}, (), Window(4)), "g: generators and drives"),
        (lambda: Network({**A, "g": PoissonSource(2, 0.1)}, (OneToOne("a", "g", 1.0, 1),)), "only sends"),
        (
            lambda: Network({"g": replace(PoissonSource(2, 0.1), offset=1)}, ()),
            "offset = 1; in a continuous network",
        ),
    ],
)
def test_where_generators_and_drives_are_refused(make: Any, said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        make()


@pytest.mark.parametrize("name", ENGINES)
def test_currents_that_do_not_fit(name: str) -> None:
    net = Network(A, (), drives=(CurrentInput("a"),))
    for given, said in (
        ({}, r"inputs for \[\]; this network has the inputs \['->a'\]"),
        ({"->a": np.zeros(2), "x": 1}, "inputs for"),
        ({"->a": np.zeros((4, 2))}, r"a current of shape \(4, 2\); \(5, 2\), or \(2,\)"),
        ({"->a": np.zeros(3)}, "shape"),
        ({"->a": np.full(2, 0.3)}, "off the grid"),
        ({"->a": np.full(2, np.nan)}, "nan"),
    ):
        with pytest.raises(DataError, match=said):
            simulate(net, given, steps=5, engine=name)
