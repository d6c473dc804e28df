"""Gupta's rule by hand, against a naive twin, and against the STDP curve from which it is derived."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesim.errors import DeclarationError
from spikesim.rates.gupta_rule import PRINTED_EPS, GuptaRule, stdp_window

pytestmark = pytest.mark.core
RATES = st.floats(0.01, 1.0)


def twin(rule: GuptaRule, x: np.ndarray, p: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The update by eq. 3, one connection and sample after the other."""

    def f(pre: float, post: float) -> float:
        gap = 2 * post - pre
        value = pre * pre * pre * post * (pre - post) / (gap * gap + rule.eps)
        return min(max(value, -rule.limit), rule.limit)

    B, n_pre = x.shape
    weights, biases = np.zeros((n_pre, p.shape[1])), np.zeros(p.shape[1])
    for j in range(p.shape[1]):
        for i in range(n_pre):
            weights[i, j] = sum(float(z[b, j]) * f(float(x[b, i]), float(p[b, j])) for b in range(B)) / B
        biases[j] = sum(float(z[b, j]) * f(1.0, float(p[b, j])) for b in range(B)) / B
    return weights, biases


def drawn(B: int = 7, n_pre: int = 5, n_post: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    x = rng.random((B, n_pre)) * (rng.random((B, n_pre)) < 0.7)  # some inputs are silent
    return x, rng.random((B, n_post)), np.where(rng.random((B, n_post)) < 0.5, -1.0, 1.0)


def test_two_neurons_by_hand() -> None:
    """x = (1, 1/2), p = 1/4, eps = 1/100.

    f(1, 1/4)   = 1 * 1/4 * 3/4 / ((1/2 - 1)**2 + 1/100)     = .1875 / .26     = .72115...
    f(1/2, 1/4) = 1/8 * 1/4 * 1/4 / ((1/2 - 1/2)**2 + 1/100) = .0078125 / .01  = .78125
    """
    rule = GuptaRule(eps=1e-2)
    weights, biases = rule.update(np.array([[1.0, 0.5]]), np.array([[0.25]]), np.array([[-1.0]]))
    assert weights[:, 0] == pytest.approx([-0.1875 / 0.26, -0.78125], rel=1e-14)
    assert biases == pytest.approx([-0.1875 / 0.26], rel=1e-14)


def test_two_samples_are_averaged_with_their_own_associations() -> None:
    rule = GuptaRule(eps=1e-2)
    x, p, z = np.array([[1.0], [1.0]]), np.array([[0.25], [0.75]]), np.array([[1.0], [-1.0]])
    weights, _ = rule.update(x, p, z)
    # f(1, 3/4) = 3/4 * 1/4 / ((3/2 - 1)**2 + 1/100) = .1875 / .26, so that the two cancel
    assert weights[0, 0] == 0.0


@pytest.mark.parametrize(
    ("eps", "clip"), [(1e-2, None), (PRINTED_EPS, None), (PRINTED_EPS, 1.0), (1e-1, 0.05)]
)
def test_the_kernel_is_its_naive_twin(eps: float, clip: float | None) -> None:
    rule, batch = GuptaRule(eps, clip), drawn()
    for found, expected in zip(rule.update(*batch), twin(rule, *batch), strict=True):
        # Equal within a tolerance: other compiler releases may round a product at another place.
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


def test_f_is_what_the_kernel_averages() -> None:
    rule, (x, p, z) = GuptaRule(1e-9, clip=2.0), drawn(B=1)
    np.testing.assert_allclose(rule.update(x, p, z)[0], z * rule.f(x.T, p), rtol=1e-12, atol=1e-14)


def test_silent_inputs_learn_nothing() -> None:
    weights, biases = GuptaRule().update(np.zeros((3, 2)), np.full((3, 2), 0.4), np.ones((3, 2)))
    assert not weights.any() and biases.all()


def test_permuted_neurons_permute_the_update() -> None:
    rule, (x, p, z) = GuptaRule(), drawn()
    order = [2, 0, 3, 1]
    np.testing.assert_array_equal(
        rule.update(x, p[:, order], z[:, order])[0], rule.update(x, p, z)[0][:, order]
    )


def test_the_printed_eps_is_singular_where_every_training_begins() -> None:
    """A white pixel and an untrained neuron: x = 1, p = 1/2 give f = 1/4 / eps."""
    assert GuptaRule(PRINTED_EPS).f(1.0, 0.5) == pytest.approx(0.25e9)
    assert GuptaRule(1e-2).f(1.0, 0.5) == pytest.approx(25.0)
    assert GuptaRule(PRINTED_EPS, clip=1.0).f(1.0, 0.5) == 1.0


@given(x=RATES, p=RATES)
def test_the_rule_is_eq_6_in_rates_and_eq_4_is_eq_5(x: float, p: float) -> None:
    dt, t_pre = 1 / p - 1 / x, 1 / x
    assert stdp_window(dt, t_pre, "eq5") == pytest.approx(x * p * (x - p), rel=1e-9, abs=1e-12)
    if abs(2 * p - x) > 1e-3:
        assert stdp_window(dt, t_pre) == pytest.approx(GuptaRule(1e-15).f(x, p), rel=1e-6, abs=1e-12)


@given(share=st.floats(0.01, 0.95))
def test_eq_6_has_the_higher_peak_for_post_after_pre_and_eq_5_for_pre_after_post(share: float) -> None:
    after, before = stdp_window(share, 1.0), stdp_window(-share, 1.0)
    assert after > -before > 0
    assert -stdp_window(-share, 1.0, "eq5") > stdp_window(share, 1.0, "eq5") > 0


def test_the_pole_of_eq_6() -> None:
    assert stdp_window(1.0, 1.0) == math.inf
    assert stdp_window(0.0, 1.0) == 0.0


@pytest.mark.parametrize(
    "wrong", [{"eps": 0.0}, {"eps": -1.0}, {"eps": math.nan}, {"eps": math.inf}, {"clip": 0.0}]
)
def test_parameters_that_cannot_be_are_named(wrong: dict[str, float]) -> None:
    with pytest.raises(DeclarationError, match=next(iter(wrong))):
        GuptaRule(**wrong)


def test_shapes_that_do_not_fit_and_unknown_windows_are_refused() -> None:
    with pytest.raises(DeclarationError, match=r"\(3, 2\)"):
        GuptaRule().update(np.ones((3, 2)), np.ones((2, 1)), np.ones((2, 1)))
    with pytest.raises(DeclarationError, match="B >= 1"):
        GuptaRule().update(np.ones((0, 2)), np.ones((0, 1)), np.ones((0, 1)))
    with pytest.raises(DeclarationError, match="eq6"):
        stdp_window(0.1, 1.0, "eq7")  # type: ignore[arg-type]
    with pytest.raises(DeclarationError, match="t_pre"):
        stdp_window(0.1, 0.0)
