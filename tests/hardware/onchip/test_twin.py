"""The compiled twin against a NumPy emulation of every process, and its promises."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import naive_learner
import numpy as np
import onchip_nets
import pytest

from spikesim.errors import DataError, DeclarationError
from spikesim.hardware.onchip import kernels
from spikesim.hardware.onchip.twin import LAVA_SEED, Twin

CASES: list[Any] = [
    ("fa", {}),
    ("symmetric", {"gate": True}),
    pytest.param("dfa", {"sizes": (8, 7, 6, 4), "gate": True, "h_pre": "all"}, marks=pytest.mark.slow),
    pytest.param("symmetric", {"sizes": (8, 7, 6, 4)}, marks=pytest.mark.slow),
    pytest.param("fa", {"sizes": (8, 7, 6, 5, 4), "T": 40}, marks=pytest.mark.slow),
]


def lavas_numbers(trials: int) -> Any:
    """The second number of each trial, after the one that is drawn when a connection is built."""
    return np.random.default_rng(LAVA_SEED).random(2 * trials + 1)[2::2]


@pytest.mark.parametrize("arithmetic", ["float", "fixed"])
@pytest.mark.parametrize(("feedback", "changes"), CASES)
def test_equals_the_emulation_of_every_process(arithmetic: Any, feedback: str, changes: Any) -> None:
    one = onchip_nets.small(arithmetic, feedback=feedback, **changes)
    spikes, labels = onchip_nets.trials(one, 25)
    twin = Twin(one)
    found = twin.train(spikes, labels)
    draws = lavas_numbers(25) if arithmetic == "fixed" else None
    w, counts = naive_learner.train(one, onchip_nets.rasters(spikes), labels, draws)
    for mine, theirs, layer in zip(twin.weights, w, one.layers, strict=True):
        assert (mine == theirs).all()
        assert (mine != layer.w).any()
    n = counts.shape[-1]
    assert (found.counts[:, :, 1:, :n] == counts).all()
    assert (counts[:, 1] != counts[:, 0]).any()


@pytest.mark.parametrize("arithmetic", ["float", "fixed"])
def test_without_error_spikes_no_weight_changes(arithmetic: Any) -> None:
    one = onchip_nets.small(arithmetic)
    never = replace(one, layers=tuple(replace(layer, theta_error=2**16) for layer in one.layers))
    if arithmetic == "float":
        never = replace(one, layers=tuple(replace(layer, theta_error=2**40) for layer in one.layers))
    spikes, labels = onchip_nets.trials(one, 20)
    twin = Twin(never)
    found = twin.train(spikes, labels)
    assert (found.counts[:, 0] == found.counts[:, 1]).all()
    assert found.counts[:, :, 1:].any()
    assert all((w == layer.w).all() for w, layer in zip(twin.weights, one.layers, strict=True))


def test_interrupted_equals_uninterrupted() -> None:
    one = onchip_nets.small("fixed")
    spikes, labels = onchip_nets.trials(one, 30)
    whole, parts = Twin(one), Twin(one)
    a = whole.train(spikes, labels)
    b = [parts.train(spikes[slice(k, k + 10)], labels[k : k + 10]) for k in (0, 10, 20)]
    assert all((x == y).all() for x, y in zip(whole.weights, parts.weights, strict=True))
    assert (a.predictions == np.concatenate([c.predictions for c in b])).all()


def test_classifying_changes_nothing_and_reads_the_first_phase() -> None:
    one = onchip_nets.small("fixed")
    spikes, labels = onchip_nets.trials(one, 12)
    twin = Twin(one)
    found = twin.classify(spikes)
    assert all((w == layer.w).all() for w, layer in zip(twin.weights, one.layers, strict=True))
    assert not found.counts[:, 1, 1:].any()
    assert (found.counts[:1, 0] == Twin(one).train(spikes[slice(0, 1)], labels[:1]).counts[:, 0]).all()


def test_learning_rule_by_hand_in_fixed_point() -> None:
    # x1 = 2 * 3 = 6, y1 = 7, y2 = 5, eta = 2**-3:
    # up = (6 * 5 * 4 >> 3) << 5 = 480, down = (-6 * 7 * 4 >> 3) << 4 = -336
    # the weight 10 is 1280 in the accumulator; 1280 + 480 - 336 = 1424 = 11 * 128 + 16: 12 where draw < 1/8
    counts = np.zeros((2, 2, 1), np.int32)
    counts[:, 1, 0] = 2, 5
    for draw, wanted in ((0.124, 12), (0.125, 11), (0.9, 11)):
        w = np.array([[10]], np.int32)
        seen = np.zeros(7, np.int64)
        kernels.learn_fixed(w, np.array([3], np.int32), counts, 1, 1, -3, draw, seen)
        assert w[0, 0] == wanted
        assert not seen.any()


def test_limits_of_the_learning_engine_are_counted() -> None:
    counts = np.zeros((2, 2, 1), np.int32)
    counts[:, 1, 0] = 60, 70
    w, seen = np.array([[250]], np.int32), np.zeros(7, np.int64)
    kernels.learn_fixed(w, np.array([64], np.int32), counts, 1, 1, 2, 0.5, seen)
    assert seen[kernels.X] == 1  # 128 > 127
    assert seen[kernels.Y] == 1  # 130 > 127
    counts[:, 1, 0] = 1, 3
    w = np.array([[255]], np.int32)
    kernels.learn_fixed(w, np.array([1], np.int32), counts, 1, 1, 0, 0.5, seen)
    assert seen[kernels.HIGH] == 0  # the accumulator saturates before the weight does
    assert w[0, 0] == 252  # 32640 + 768 -> 32767, - 512 = 32255 = 251 * 128 + 127, rounded


def test_nearest_rounding_needs_no_numbers() -> None:
    one = onchip_nets.small("fixed")
    spikes, labels = onchip_nets.trials(one, 30)
    a, b = Twin(one, "nearest", 1), Twin(one, "nearest", 5)
    a.train(spikes, labels)
    b.train(spikes, labels)
    other = Twin(one, "stochastic", 5)
    other.train(spikes, labels)
    assert all((x == y).all() for x, y in zip(a.weights, b.weights, strict=True))
    assert any((x != y).any() for x, y in zip(a.weights, other.weights, strict=True))


def test_trials_that_do_not_fit_are_refused() -> None:
    one = onchip_nets.small()
    spikes, labels = onchip_nets.trials(one, 3)
    twin = Twin(one)
    with pytest.raises(DataError, match=r"label 3 of trial 1; the learner has 3 outputs"):
        twin.train(spikes, np.array([0, 3, 1]))
    with pytest.raises(DataError, match="one for each trial"):
        twin.train(spikes, labels[:2])
    other, _ = onchip_nets.trials(onchip_nets.small(T=40), 3)
    with pytest.raises(DataError, match="8 inputs and 18 steps; 8 inputs and 14 steps are needed"):
        twin.classify(other)
    with pytest.raises(DataError, match="no trials"):
        twin.classify(spikes[slice(0, 0)])


def test_changes_that_are_lost() -> None:
    # up = (4 y2 x1 >> 3) << (eta + 8), down = -(4 y1 x1 >> 3) << (eta + 7), in 1/128 of a weight
    counts = np.zeros((2, 2, 4), np.int32)
    counts[:, 1] = (1, 0, 1, 1), (3, 1, 1, 2)
    w = np.array([[255, 10, 10, 10]], np.int32)
    lost = np.zeros(3, np.int64)
    kernels.learn_fixed(w, np.array([1], np.int32), counts, 1, 4, -7, 0.5, np.zeros(7, np.int64), lost)
    # 2 (3 - 1) = 4 and 1 and 0 and 1 parts of 128: all are rounded away, and the third is no change
    assert w.tolist() == [[255, 10, 10, 10]]
    assert dict(zip(kernels.LOST, lost.tolist(), strict=True)) == {"changes": 3, "cut": 0, "rounded_away": 3}
    kernels.learn_fixed(w, np.array([1], np.int32), counts, 1, 4, 0, 0.5, np.zeros(7, np.int64), lost)
    assert lost.tolist() == [6, 1, 3]  # the weight of 255 cannot rise
    assert (w[0, 1:] > [10, 9, 10]).all()


def test_what_is_lost_by_layer() -> None:
    one = onchip_nets.small("fixed")
    twin = Twin(one)
    twin.train(*onchip_nets.trials(one, 40))
    for layer, w in zip(one.layers, twin.weights, strict=True):
        found = twin.changes[layer.name]
        assert found["changes"] >= found["cut"] + found["rounded_away"]
        assert found["changes"] > 0
        assert twin.at_limits[layer.name] == ((w == -256) | (w == 255)).sum()
    assert Twin(onchip_nets.small("float")).at_limits == {"hid1": 0, "out": 0}
    wrong: Any = "up"
    with pytest.raises(DeclarationError, match=r"unknown rounding 'up'.*nearest"):
        Twin(one, wrong)
