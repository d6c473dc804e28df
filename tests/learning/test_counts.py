"""The count rule: a weight change worked out by hand, its twin, and the clip."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesim import grid
from spikesim.engines.windowed.weight_update import add_increments, update_layer
from spikesim.errors import DeclarationError
from spikesim.learning import CountRule
from spikesim.learning.counts import increments, postsynaptic, presynaptic

pytestmark = pytest.mark.core
ONE = 2**grid.MASTER_BITS


def test_a_weight_change_by_hand() -> None:
    # dw = eta * h_pre * (h_second - h_first) = 1/64 * 4 * (5 - 2) = 12/64
    rule = CountRule(eta=1 / 64)
    moved = increments(rule, np.array([[4 * (5 - 2)]]), 1, 1.0, None)
    assert moved.tolist() == [[12 * ONE // 64]]
    assert increments(rule, np.array([[12]]), 1, 0.5, None).tolist() == [[6 * ONE // 64]]  # half the step


def test_a_normalised_step_by_hand() -> None:
    # g = 6 / 2 = 3;  r = .9 * 0 + .1 * 9 = .9;  dw = .1 * 3 / (sqrt(.9) + 1e-8)
    r = np.zeros((1, 1))
    moved = increments(CountRule(eta=0.1, step="normalised"), np.array([[6]]), 2, 1.0, r)
    assert r[0, 0] == pytest.approx(0.9, rel=1e-15)
    assert moved[0, 0] / ONE == pytest.approx(0.1 * 3 / np.sqrt(0.9), rel=1e-6)
    increments(CountRule(eta=0.1, step="normalised"), np.array([[6]]), 2, 1.0, r)
    assert r[0, 0] == pytest.approx(0.9 * 0.9 + 0.9, rel=1e-15)


def test_a_schedule_goes_on_with_one_count_unless_the_step_is_zero() -> None:
    assert CountRule(eta=1 / ONE).eta_master() == CountRule(eta=1 / ONE).eta_master(1e-6) == 1
    assert CountRule(eta=0.0).eta_master() == 0
    assert CountRule(eta=1e-3).eta_master(0.0) == 0
    assert CountRule(eta=0.25).eta_master(0.5) == ONE // 8
    assert CountRule(eta=0.25, clip=(-0.5, 0.75)).clip_master() == (-ONE // 2, 3 * ONE // 4)


def test_a_declared_step_below_one_count_is_refused() -> None:
    with pytest.raises(
        DeclarationError, match=r"eta = 3e-09 is less than one step of .* 2\*\*-28 = 3\.725e-09"
    ):
        CountRule(eta=3e-9)
    assert CountRule(eta=3e-9, step="normalised").eta == 3e-9  # scales a float64, and is snapped later


def test_a_normalised_step_stays_inside_the_masters() -> None:
    CountRule(eta=7.9, step="normalised")
    for eta in (8.0, 1e12):
        with pytest.raises(
            DeclarationError,
            match=r"a normalised step is a weight change, and master weights are limited to \+-8",
        ):
            CountRule(eta=eta, step="normalised")


@pytest.mark.parametrize("clip", [(-0.3, 0.3), (-0.1, 0.7), (-7.9, 0.30000001), (-0.5, 0.5), (1e-8, 3e-8)])
def test_a_clip_range_is_drawn_in_to_the_master_grid(clip: tuple[float, float]) -> None:
    low, high = CountRule(0.1, clip=clip).clip_master()
    assert Fraction(low - 1, ONE) < Fraction(clip[0]) <= Fraction(low, ONE)
    assert Fraction(high, ONE) <= Fraction(clip[1]) < Fraction(high + 1, ONE)


def test_a_clip_range_between_two_grid_points_is_refused() -> None:
    with pytest.raises(DeclarationError, match="fewer than two points of the master grid"):
        CountRule(0.1, clip=(4e-9, 7e-9))


def test_presynaptic_counts_of_a_span() -> None:
    counts = np.array([[[1, 2], [10, 20]], [[3, 4], [30, 40]]])
    assert presynaptic(counts, "first").tolist() == [[1, 2], [3, 4]]
    assert presynaptic(counts, "second").tolist() == [[10, 20], [30, 40]]
    assert presynaptic(counts, "all").tolist() == [[11, 22], [33, 44]]


def test_error_counts_and_the_ceiling_by_hand() -> None:
    post = np.array([[[4, 0], [6, 3]]])  # first phase 4 and 0, second 6 and 3
    error = np.array([[[0, 0], [-2, 5]]])
    assert postsynaptic(CountRule(0.1), post, None).tolist() == [[2, 3]]
    assert postsynaptic(CountRule(0.1, error="e"), post, error).tolist() == [[-2, 5]]
    assert postsynaptic(CountRule(0.1, error="e", ceiling=4), post, error).tolist() == [[-2, 4]]
    assert postsynaptic(CountRule(0.1, ceiling=5), post, None).tolist() == [[1, 3]]
    with pytest.raises(DeclarationError, match="ceiling = 0; a whole number of spikes >= 1, or None"):
        CountRule(0.1, ceiling=0)


COUNTS = st.integers(0, 50)


@given(
    st.lists(st.tuples(COUNTS, COUNTS), min_size=1, max_size=4),
    st.lists(st.tuples(COUNTS, COUNTS), min_size=1, max_size=4),
    st.integers(0, 2**31 // 100 - 1),
    st.sampled_from([0, 1, 2]),
    st.integers(4, 28),
    st.integers(0, 2**32),
    st.booleans(),
    st.integers(1, 100),
)
def test_the_kernels_equal_their_twin(  # type: ignore[no-untyped-def]
    pre, post, eta: int, span: int, bits: int, seed: int, signed: bool, ceiling: int
) -> None:
    low, high, shift = -ONE, ONE + ONE // 2, grid.MASTER_BITS - bits
    shape = (len(pre), len(post))
    masters = np.random.default_rng(seed).integers(low, high, shape, endpoint=True)
    expected, clips = np.zeros(shape, np.int64), 0
    product = np.zeros(shape, np.int64)
    for i, (first, second) in enumerate(pre):
        for j, (before, after) in enumerate(post):
            factor = min(after if signed else after - before, ceiling - before)
            product[i, j] = (first, second, first + second)[span] * factor
            wanted = int(masters[i, j]) + eta * int(product[i, j])
            expected[i, j] = min(max(wanted, low), high)
            clips += expected[i, j] != wanted
    w, flat = np.zeros(masters.size + 3, np.float32), np.zeros(masters.size + 3, np.int32)
    w[3:], flat[3:] = (
        grid.propagating(masters.astype(np.int32), bits).ravel(),
        masters.ravel(),
    )  # behind other layers
    w2, flat2 = w.copy(), flat.copy()
    h_pre, h_post = np.array(pre, np.int32).T.copy(), np.array(post, np.int32).T.copy()
    table = np.array([eta, span, low, high, shift, 2 if signed else -1, ceiling])
    dh, h_error = np.zeros(shape[1] + 2, np.int32), np.zeros(shape[1] + 2, np.int32)
    h_error[2:] = h_post[1]  # behind another population
    assert update_layer(w, flat, 3, h_pre, h_post[0], h_post[1], h_error, table, dh) == clips
    assert add_increments(w2, flat2, 3, eta * product, low, high, shift) == clips
    for found, master in ((w, flat), (w2, flat2)):
        assert np.array_equal(master[3:].reshape(shape), expected)
        assert np.array_equal(
            found[3:], grid.propagating(expected.astype(np.int32), bits).ravel().astype(np.float32)
        )
        assert not found[:3].any() and not master[:3].any()
