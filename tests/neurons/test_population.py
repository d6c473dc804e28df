"""Traces of eight steps worked out by hand, the arithmetic beside them; the registry; what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spikesim.errors import DeclarationError
from spikesim.neurons import IF, MODELS, ErrorIF, Source, Target
from spikesim.recording import winner

pytestmark = pytest.mark.core

# Two bits: a step of the grid is 1/4, so that theta = 1 is 4 counts.


def trace(population, currents):  # type: ignore[no-untyped-def]
    """Membranes after the reset, and spikes, of one neuron under a sequence of currents in grid counts."""
    state, membranes, spikes = population.initial_state(), [], []
    for current in currents:
        state, s = population.step(state, np.array([current]))
        membranes.append(state["v"].ravel().tolist())
        spikes.append(int(s[0]))
    return membranes, spikes


def test_if_resets_to_zero() -> None:
    # v:         0+3=3  3+1=4>=4  0+6=6>=4  0-2=-2  -2+5=3  3+0=3  3+2=5>=4  0+4=4>=4
    v, s = trace(IF(1, theta=1.0, grid=2), [3, 1, 6, -2, 5, 0, 2, 4])
    assert v == [[3], [0], [0], [-2], [3], [3], [0], [0]]
    assert s == [0, 1, 1, 0, 0, 0, 1, 1]


def test_if_resets_by_subtraction() -> None:
    # v:         3  3+1=4 -4=0  0+6=6 -4=2  2-2=0  0+5=5 -4=1  1+0=1  1+2=3  3+4=7 -4=3
    v, s = trace(IF(1, theta=1.0, grid=2, reset="subtract"), [3, 1, 6, -2, 5, 0, 2, 4])
    assert v == [[3], [0], [2], [0], [1], [1], [3], [3]]
    assert s == [0, 1, 1, 0, 1, 0, 0, 1]


def test_if_has_a_floor() -> None:
    # floor -0.5 is -2 counts:
    #          -5 -> -2   -2+3=1   1-9 -> -2   -2+6=4>=4   0-1=-1  -1-1=-2  -2-1 -> -2  -2+5=3
    v, s = trace(IF(1, theta=1.0, grid=2, floor=-0.5), [-5, 3, -9, 6, -1, -1, -1, 5])
    assert v == [[-2], [1], [-2], [0], [-1], [-2], [-2], [3]]
    assert s == [0, 0, 0, 1, 0, 0, 0, 0]


def test_ternary_fires_both_ways() -> None:
    # v:  3  3+1=4>=4 -> 0   -2   -2-2=-4<=-4 -> 0   -9<=-4 -> 0   2   2-5=-3   -3-1=-4 -> 0
    v, s = trace(ErrorIF(1, theta=1.0, grid=2, form="ternary"), [3, 1, -2, -2, -9, 2, -5, -1])
    assert v == [[3], [0], [-2], [0], [0], [2], [-3], [0]]
    assert s == [0, 1, 0, -1, -1, 0, 0, -1]


def test_a_pair_differs_from_ternary_since_each_channel_resets_alone() -> None:
    # the same currents. v+: 3  4->0  -2  -4  -13  -11  -16  -17;  v-: -3  -4  -2  0  9->0  -2  3  4->0
    v, s = trace(ErrorIF(1, theta=1.0, grid=2, form="pair"), [3, 1, -2, -2, -9, 2, -5, -1])
    assert v == [[3, -3], [0, -4], [-2, -2], [-4, 0], [-13, 0], [-11, -2], [-16, 3], [-17, 0]]
    # step 3: ternary has -4 and fires; the minus channel still carries the -4 of before, and is at 0
    assert s == [0, 1, 0, 0, -1, 0, 0, -1]


def test_targets_fire_evenly() -> None:
    assert Target(1, rate=0.3).train(10).tolist() == [
        0,
        0,
        0,
        1,
        0,
        0,
        1,
        0,
        0,
        1,
    ]  # floor(.3 (k + 1)) steps up
    assert Target(1, rate=1.0).train(4).tolist() == [1, 1, 1, 1]
    for rate in (0.1, 0.2, 0.7):
        assert Target(1, rate=rate).train(1000).sum() == round(1000 * rate)
    assert np.flatnonzero(Target(1, rate=0.0004).train(6000)).tolist() == [2499, 4999]


def test_the_winner_has_most_spikes_then_the_higher_membrane_then_the_lowest_index() -> None:
    assert winner(np.array([1, 3, 2]), np.array([9, 0, 9])) == 1
    assert winner(np.array([3, 1, 3]), np.array([1, 9, 2])) == 2
    assert winner(np.array([0, 3, 3]), np.array([9, 2, 2])) == 1


def test_the_registry_knows_every_model() -> None:
    assert {"IF", "ErrorIF", "Source", "Target"} <= set(MODELS)
    assert all(MODELS[name].__name__ == name for name in MODELS)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"n": 0}, "n = 0; a whole number of neurons, at least 1, is needed"),
        ({"n": 2.5}, r"n = 2\.5"),
        ({"theta": 0.0}, r"theta = 0\.0; a positive, finite number is needed"),
        ({"theta": float("nan")}, "theta = nan"),
        ({"theta": 0.1}, r"theta: 0\.1 lies .* off the grid of 2\*\*-2"),
        ({"theta": float("inf")}, "theta = inf; a positive, finite number"),
        ({"grid": 29}, "grid = 29 bits"),
        ({"reset_at": ("begin",)}, "reset_at = .*begin.*known: 'start', 'split'"),
        ({"active_in": "third"}, "active_in = 'third'; known: None, 'first', 'second'"),
        ({"offset": -1}, "offset = -1"),
    ],
)
@pytest.mark.parametrize("population", [IF(3, 1.0, 2), ErrorIF(3, 1.0, 2)])
def test_a_field_out_of_range_is_named(population, change, said) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DeclarationError, match=rf"{type(population).__name__}.*{said}"):
        replace(population, **change)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: IF(3, 1.0, 2, bias=0.1), r"IF: bias: 0\.1 lies"),
        (lambda: IF(3, 1.0, 2, bias=(0.25, 0.5)), r"bias has the shape \(2,\) for 3 neurons"),
        (lambda: IF(3, 1.0, 2, floor=0.5), r"floor = 0\.5; a finite number <= 0 is needed"),
        (lambda: IF(3, 1.0, 2, floor=-0.3), r"floor: -0\.3 lies"),
        (lambda: IF(3, 1.0, 2, reset="soft"), "reset = 'soft'; known: 'zero', 'subtract'"),  # type: ignore[arg-type]
        (lambda: ErrorIF(3, 1.0, 2, form="two"), "form = 'two'; known: 'ternary', 'pair'"),  # type: ignore[arg-type]
        (lambda: ErrorIF(3, 1.0, 2, bias=0.25), "neither bias nor floor"),
        (lambda: ErrorIF(3, 1.0, 2, floor=-0.5), "neither bias nor floor"),
        (lambda: Source(0), "Source: n = 0"),
        (lambda: Source(1, offset=-2), "Source: offset = -2"),
        (lambda: Target(-1), "Target: n = -1"),
        (lambda: Target(2, rate=0.0), r"rate = 0\.0; 0 < rate <= 1 is needed"),
        (lambda: Target(2, rate=1.2), r"rate = 1\.2"),
        (lambda: Target(2, rate=4e-7), r"rate = 4e-07 rounds to 0.*; use 1e-06 or more"),
        (lambda: Target(2, offset=1.5), r"Target: offset = 1\.5"),  # type: ignore[arg-type]
    ],
)
def test_a_model_refuses_what_it_cannot_be(make, said) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DeclarationError, match=said):
        make()
