"""Drawn weights and delays: functions of size and seed, in their range, on the grid, of their moments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spikesim.errors import DeclarationError
from spikesim.synapses import weight_distributions
from spikesim.synapses.weight_distributions import CHUNK, normal, steps, uniform

pytestmark = pytest.mark.core
N = 20_000


def test_uniform_weights_fill_their_range() -> None:
    w = uniform(-1.0, 3.0)(N, 7)
    assert w.dtype == np.float64 and w.min() >= -1 and w.max() < 3
    assert w.mean() == pytest.approx(1.0, abs=0.05) and w.std() == pytest.approx(4 / np.sqrt(12), abs=0.05)
    small = uniform(0.0, 1.0, kind=np.float32)(5, 1)
    assert small.dtype == np.float32


def test_normal_weights_have_their_moments() -> None:
    w = normal(2.0, 0.5)(N, 7)
    assert w.mean() == pytest.approx(2.0, abs=0.02) and w.std() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("draw", [uniform(-1, 1, bits=4), normal(0, 1, bits=4)])
def test_weights_lie_on_the_grid_that_they_are_given(draw: Any) -> None:
    w = draw(1000, 3) * 2**4
    np.testing.assert_array_equal(w, np.round(w))
    assert len(np.unique(w)) > 10


def test_delays_are_whole_steps_and_all_occur() -> None:
    delays = steps(2, 5)(N, 1)
    assert delays.dtype == np.uint16
    counts = np.bincount(delays, minlength=7)
    assert counts[[0, 1, 6]].sum() == 0 and (np.abs(counts[2:6] / N - 0.25) < 0.02).all()
    assert set(steps(3, 3)(4, 1)) == {3}
    for wrong in ((-1, 2), (3, 2), (0.5, 2), (0, 2**16)):
        with pytest.raises(DeclarationError, match="whole numbers 0 <= low <= high"):
            steps(*wrong)  # type: ignore[arg-type]


def test_a_seed_decides_and_one_seed_serves_weights_and_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = uniform(0.0, 1.0)
    np.testing.assert_array_equal(draw(100, 5), draw(100, 5))
    assert (draw(100, 5) != draw(100, 6)).all()
    together = np.corrcoef(draw(N, 5), steps(0, 1000)(N, 5))[0, 1]
    assert abs(together) < 0.03, "weights and delays of one seed are independent"
    assert CHUNK > 100
    monkeypatch.setattr(weight_distributions, "CHUNK", 100)
    parts = draw(250, 5)
    assert len(np.unique(parts)) == 250, "no chunk repeats another"
