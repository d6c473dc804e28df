"""Loihi's integers: a decay is cut off towards zero, and a projection's sum is shifted by its exponent."""

from __future__ import annotations

import numpy as np
import pytest

from spikesim._jit import kernel
from spikesim.hardware.loihi.kernels import EARLY, SATURATED, WRAPPED, _cut, _deliver

pytestmark = pytest.mark.core


@kernel
def _all(x, decay, out):  # type: ignore[no-untyped-def]
    for j in range(x.size):
        out[j] = _cut(x[j], decay)


def test_a_decay_is_cut_off_towards_zero() -> None:
    """A decay of 1024 leaves 3/4: of 5 and -5 that is 3.75 and -3.75, and 3 and -3 are left."""
    x, out = np.array([5, -5, 4, -1, 0, 2**22]), np.zeros(6, np.int64)
    _all(x, 1024, out)
    assert out.tolist() == [3, -3, 3, 0, 0, 3 * 2**20]
    _all(x, 4096, out)
    assert not out.any(), "the largest decay forgets"
    _all(x, 0, out)
    np.testing.assert_array_equal(out, x)


@pytest.mark.parametrize("exponent", [-2, 0, 3])
def test_a_sum_is_shifted_as_a_whole(exponent: int) -> None:
    """Neurons 0 and 2 of three fire: the rows of their weights are added, then shifted, then delivered."""
    w = np.array([[3, -2], [9, 9], [4, -3]])
    indptr, indices = np.array([0, 2, 4, 6]), np.array([0, 1] * 3)
    one = np.zeros(1, np.int64)
    synapses = (one, one, np.array([exponent]), one, indptr, indices, w.ravel())
    current, part = np.array([100, 10, 20]), np.full(3, 77)
    _deliver(synapses, 0, np.array([1, 0, 1], np.uint8), 1, 3, current, part)
    total = w[0] + w[2]
    shifted = total << exponent if exponent >= 0 else total >> -exponent
    assert current.tolist() == [100, 10 + shifted[0], 20 + shifted[1]], "other neurons are left alone"
    assert len({0, WRAPPED, SATURATED, EARLY}) == 4
