"""aSTDP's kernels, each beside a line of numpy."""

from __future__ import annotations

import numpy as np
import pytest

from spikesim.hopfield.activation import sigmoid4
from spikesim.hopfield.astdp.kernels import (
    LINEAR,
    LISTING,
    SIGNED,
    SQUARE,
    fake_targets,
    relax_free,
    relax_visible,
    smoothing_term,
)

RS = np.random.default_rng(1)
F = np.float32


def arrays(count: int, shape: tuple[int, int] = (4, 6)) -> list[np.ndarray]:
    return [RS.normal(0, 0.5, shape).astype(F) for _ in range(count)]


def moved(s: np.ndarray, v: np.ndarray, u: np.ndarray, m: float, c: float) -> np.ndarray:
    """The velocity after a step: m (rho'(s) u - s) + (1 - m) v."""
    r = sigmoid4(s)
    return m * (4 * r * (1 - r) * u - s) + (1 - m) * v


@pytest.mark.parametrize(("m", "c"), [(1.0, 0.0), (0.5, 0.5)])
def test_a_free_step(m: float, c: float) -> None:
    s, v, u = arrays(3)
    x = (sigmoid4(s) - c).astype(F)
    after_v = moved(s, v, u, m, c)
    after_s = s + 0.2 * after_v
    relax_free(s, v, x, u, F(0.2), F(m), F(c))
    np.testing.assert_allclose(v, after_v, rtol=0, atol=1e-5)
    np.testing.assert_allclose(s, after_s, rtol=0, atol=1e-5)
    np.testing.assert_allclose(x, sigmoid4(s) - c, rtol=0, atol=1e-5)


def test_a_target_pulls_where_it_is_on() -> None:
    s, v, u, target = arrays(4)
    on = (RS.random(s.shape) < 0.5).astype(F)
    x = sigmoid4(s).astype(F)
    after_v = moved(s, v, u, 1.0, 0.0)
    after_s = s + 0.2 * after_v + 0.2 * 0.7 * on * (target - s)
    relax_visible(s, v, x, u, target, on, F(0.2), F(0.7), F(1), F(0))
    np.testing.assert_allclose(s, after_s, rtol=0, atol=1e-5)


@pytest.mark.parametrize("form", [LISTING, SIGNED, LINEAR, SQUARE])
def test_a_fake_target_has_the_sign_of_dz_and_comes_more_often_where_dz_is_large(form: int) -> None:
    dz = np.repeat(np.array([[0.0], [0.05], [0.5], [-0.5]], F), 4000, axis=1)
    x_s, target, on = np.zeros_like(dz), np.empty_like(dz), np.empty_like(dz)
    average = np.full_like(dz, 0.5)
    fake_targets(x_s, dz, average, form, F(1.0), F(0.1), F(0.25), np.uint32(7), target, on)
    np.testing.assert_allclose(average, 0.1 * np.abs(dz) + 0.9 * 0.5, rtol=0, atol=1e-6)
    share = on.mean(axis=1)
    assert share[0] == 0 and share[1] < share[2]
    assert (target[2] == F(0.25)).all() and (target[3] == F(-0.25)).all()
    assert share[3] == 0 if form == SIGNED else share[3] == pytest.approx(share[2], abs=0.05)
    again = np.empty_like(on)
    fake_targets(x_s, dz, np.full_like(dz, 0.5), form, F(1.0), F(0.1), F(0.25), np.uint32(7), target, again)
    np.testing.assert_array_equal(on, again)


def test_the_smoothing_term_as_printed_and_as_described() -> None:
    s, u = arrays(2)
    x, out = sigmoid4(s).astype(F), np.empty_like(s)
    slope = 4 * x * (1 - x)
    smoothing_term(x, u, s, F(0), 1, out)
    np.testing.assert_allclose(out, slope, rtol=0, atol=1e-5)
    smoothing_term(x, u, s, F(0), 2, out)
    np.testing.assert_allclose(out, -(slope * u - s) * slope, rtol=0, atol=1e-5)
