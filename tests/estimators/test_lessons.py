"""Class weights by repetition, held-out samples, and scaling."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesim.errors import DataError, DeclarationError
from spikesim.estimators.early_stopping import EarlyStopping
from spikesim.estimators.lessons import MOST, lessons, presented, repeated, weights_of
from spikesim.estimators.scaling import learnt, numbers_of

Y = np.array([0] * 6 + [1] * 3 + [2] * 1)


def totals(rows: Any, y: Any = Y) -> list[int]:
    """How many rows of each class there are."""
    return np.bincount(y[rows], minlength=int(y.max()) + 1).tolist()


def test_equal_weights_are_every_sample_once() -> None:
    assert repeated(Y, np.ones(3), 1).tolist() == list(range(10))
    assert repeated(Y, np.full(3, 0.25), 1).tolist() == list(range(10))


def test_ratios_of_weights_are_ratios_of_repetitions() -> None:
    rows = repeated(Y, np.array([1.0, 2.0, 3.0]), 1)
    assert np.bincount(rows).tolist() == [1] * 6 + [2] * 3 + [3]
    assert repeated(Y, np.array([10.0, 20.0, 30.0]), 1).tolist() == rows.tolist()
    assert totals(repeated(Y, weights_of("balanced", np.arange(3), Y), 1)) == [6, 6, 6]


def test_a_class_of_no_weight_is_left_out() -> None:
    assert totals(repeated(Y, np.array([1.0, 0.0, 1.0]), 1)) == [6, 0, 1]
    with pytest.raises(DataError, match="no sample is of a class with a weight above 0"):
        repeated(Y, np.zeros(3), 1)


@given(
    counts=st.lists(st.integers(1, 30), min_size=2, max_size=4),
    weights=st.lists(st.integers(1, 40), min_size=4, max_size=4),
    seed=st.integers(0, 9),
)
def test_totals_are_exact_to_one_row_and_samples_equally_often(
    counts: list[int], weights: list[int], seed: int
) -> None:
    y = np.repeat(np.arange(len(counts)), counts)
    w = weights[: len(counts)]
    rows = repeated(y, np.array(w, float), seed)
    assert len(rows) <= MOST * len(y)
    whole = sum(n * k for n, k in zip(counts, w, strict=True))
    for c, (n, k) in enumerate(zip(counts, w, strict=True)):
        times = np.bincount(rows, minlength=len(y))[y == c]
        assert abs(int(times.sum()) - Fraction(n * k * len(rows), whole)) < 1
        assert times.max() - times.min() <= 1
    assert rows.tolist() == repeated(y, np.array(w, float), seed).tolist()


def test_in_partial_fit_a_weight_is_the_number_of_presentations() -> None:
    assert np.bincount(presented(Y, np.array([1.0, 2.0, 0.0]), 1), minlength=10).tolist() == [1] * 6 + [
        2
    ] * 3 + [0]
    half = presented(Y, np.array([0.5, 1.0, 1.0]), 1)
    assert totals(half) == [3, 3, 1] and len(set(half.tolist())) == 7
    with pytest.raises(DataError, match="2000 presentations of each sample exceed the limit of 1000"):
        presented(Y, np.array([2000.0, 1.0, 1.0]), 1)


@pytest.mark.parametrize("weight", [-1, np.nan, np.inf, "a", None])
def test_weights_that_are_none_are_refused(weight: Any) -> None:
    with pytest.raises(DataError, match="the weight of 0 is"):
        weights_of({0: weight}, np.arange(3), Y)


def test_an_epoch_stays_as_long_and_draws_anew() -> None:
    x = np.arange(10, dtype=np.float32)[:, None] / 10
    plain = lessons(x, Y, np.ones(3), 1, None)
    assert plain.per_epoch == 10 and plain.epoch(0)[0] is plain.x
    heavy = lessons(x, Y, np.array([1.0, 2.0, 3.0]), 1, None)
    assert heavy.per_epoch == 10 and len(heavy.y) == 15
    first, again, second = heavy.epoch(0), heavy.epoch(0), heavy.epoch(1)
    assert len(first[1]) == 10 and first[0].tolist() == again[0].tolist() != second[0].tolist()
    many = np.concatenate([heavy.epoch(k)[1] for k in range(300)])
    assert np.allclose(np.bincount(many) / len(many), np.array([6, 6, 3]) / 15, atol=0.02)


def test_held_out_samples_are_none_of_those_to_learn_and_have_all_classes() -> None:
    y = np.repeat([0, 1], [60, 40])
    x = np.arange(100, dtype=np.float32)[:, None] / 100
    found = lessons(x, y, np.array([1.0, 3.0]), 4, 0.1)
    assert found.held_x is not None and found.held_y is not None
    assert np.bincount(found.held_y).tolist() == [6, 4]
    assert set(found.held_x[:, 0]) & set(found.x[:, 0]) == set()
    assert len(set(found.x[:, 0])) == 90 == found.per_epoch


def test_scaling_learns_the_range_and_clips() -> None:
    x = np.array([[0.0, 5.0, 7.0], [10.0, 15.0, 7.0]])
    new = np.array([[5.0, 20.0, 9.0], [-5.0, 5.0, 7.0]])
    assert learnt(x, "feature", False).apply(new).tolist() == [[0.5, 1.0, 0.0], [0.0, 0.0, 0.0]]
    assert learnt(x, "global", False).apply(new[:1]).tolist() == [[np.float32(1 / 3), 1.0, np.float32(0.6)]]
    both = learnt(x, "feature", True)
    assert both.inputs == 6 and both.apply(new[:1]).tolist() == [[0.5, 1.0, 0.0, 0.5, 0.0, 1.0]]
    assert learnt(x / 20, "none", False).apply(x / 20).tolist() == (x / 20).astype(np.float32).tolist()
    huge = np.array([[-1.7e308], [1.7e308], [0.0]])
    assert learnt(huge, "feature", False).apply(huge).tolist() == [[0.0], [1.0], [0.5]]


def test_scalings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match=r"scaling='none': X has values in \[0, 2\]"):
        learnt(np.array([[0.0], [2.0]]), "none", False)
    with pytest.raises(DeclarationError, match="Did you mean 'feature'"):
        learnt(np.zeros((2, 2)), "features", False)


def test_the_number_of_a_sample_depends_on_its_values_alone() -> None:
    x = np.array([[0.25, -0.0], [1.0, 0.0], [0.25, 0.0]], np.float32)
    found = numbers_of(x)
    assert found[0] == found[2] != found[1]
    assert numbers_of(x[1:]).tolist() == found[1:].tolist()


def test_early_stopping_keeps_the_best_and_waits() -> None:
    stopping = EarlyStopping(patience=2, tol=0.01)
    ends = [stopping.add(score, k) for k, score in enumerate([0.5, 0.7, 0.705, 0.6])]
    assert ends == [False, False, False, True]
    assert stopping.best == 2 and stopping.best_score == 0.705
    assert stopping.scores == [0.5, 0.7, 0.705, 0.6]
    for wrong in (0, True, 1.5):
        with pytest.raises(DeclarationError, match="n_iter_no_change"):
            EarlyStopping(wrong, 0.0)  # type: ignore[arg-type]
    with pytest.raises(DeclarationError, match="tol = -1"):
        EarlyStopping(3, -1.0)
