"""Figs. 2, 3 and 5 of the EMSTDP paper at small size: staircase of eq. 4, layers against the ANN, STDP."""

from __future__ import annotations

import numpy as np
import pytest

from spikesim.datasets import digits
from spikesim.models.emstdp import dynamics
from spikesim.models.emstdp.config import Emstdp
from spikesim.models.emstdp.dynamics import (
    backward_layers,
    error_activation,
    forward_activation,
    forward_layers,
    related,
    stdp_changes,
)


def test_the_forward_activation_is_the_staircase_of_eq_4() -> None:
    """With reset by subtraction a count is floor(u / theta) exactly; a reset to zero loses the excess."""
    exact = forward_activation("subtract", neurons=41)
    np.testing.assert_array_equal(exact.y, np.floor(exact.x))
    zero = forward_activation("zero", neurons=41)
    assert (zero.y <= np.floor(zero.x)).all() and zero.y.sum() < exact.y.sum()
    assert min(exact.r, zero.r) > 0.99


def test_the_error_activation_is_odd_up_to_the_order_of_its_parts() -> None:
    found = error_activation("pair", neurons=41)
    assert (np.sign(found.y) == np.sign(np.trunc(found.x)))[np.abs(found.x) >= 2].all()
    assert abs(found.y[20]) <= 1 and found.r > 0.95
    assert (np.abs(found.y - np.trunc(found.x)) <= 2).all()


def test_layers_follow_the_ann_of_the_same_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the 8x8 digits with small layers: correlations of both hidden layers, forward and backward."""
    small = Emstdp(sizes=(64, 40, 30, 10), T=100)
    monkeypatch.setattr(dynamics, "SW_DEEP", small)
    forward = forward_layers(digits(), samples=5, T=100)
    assert [len(found.x) for found in forward] == [5 * 40, 5 * 30]
    assert all(found.r > 0.9 for found in forward)
    backward = backward_layers(digits(), samples=5, T=100)
    assert [len(found.x) for found in backward] == [5 * 30, 5 * 40]
    assert backward[0].r > 0.6


def test_eq_12_goes_with_stdp() -> None:
    found = stdp_changes(pairs=100, T=100)
    assert found.x.shape == found.y.shape == (100,) and found.r > 0.5
    assert found.x.min() < 0 < found.x.max()


def test_a_relation_knows_its_correlation() -> None:
    x = np.arange(4.0)
    assert related(x, 2 * x + 1).r == pytest.approx(1.0) and related(x, -x).r == pytest.approx(-1.0)
