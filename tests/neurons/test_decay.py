"""Decays of a step, in real numbers and in Loihi's integers, by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from spikesim._jit import kernel
from spikesim.errors import DeclarationError
from spikesim.neurons import LIF
from spikesim.neurons.decay import (
    DECAY_UNIT,
    check_decay,
    decayed,
    decayed_in_kernel,
    kept_part,
    limit_of,
    unit_of,
)
from spikesim.neurons.population import LIMIT

pytestmark = pytest.mark.core


@kernel
def _all(x, kept, unit, out):  # type: ignore[no-untyped-def]
    for j in range(x.size):
        out[j] = decayed_in_kernel(x[j], kept, unit)


def test_on_a_grid_what_is_left_is_cut_off_towards_zero() -> None:
    """A decay of 1/4 leaves 3/4: of 5 and -5 that is 3.75 and -3.75, and 3 and -3 are left."""
    kept = kept_part(0.25, 4)
    assert kept == 0.75 * DECAY_UNIT
    assert decayed(np.array([5, -5, 4, 0, 1]), kept, 4).tolist() == [3, -3, 3, 0, 0]
    assert decayed(np.array([5.0, -5.0]), kept_part(0.25, None), None).tolist() == [3.75, -3.75]


@pytest.mark.parametrize("bits", [None, 4])
def test_the_kernel_equals_the_readable_form(bits: int | None) -> None:
    x = np.arange(-50.0, 50.0)
    kept, out = kept_part(1237 / DECAY_UNIT, bits), np.empty(100)
    _all(x, float(kept), unit_of(bits), out)
    np.testing.assert_array_equal(out, decayed(x.astype(np.int64) if bits else x, kept, bits))


def test_products_on_a_grid_take_room_from_the_exact_range() -> None:
    assert (limit_of(None), limit_of(4)) == (LIMIT, LIMIT / DECAY_UNIT)


def test_a_decay_off_the_grid_names_the_neuron_and_the_nearest() -> None:
    check_decay(LIF(2, 1.0, 4, v_decay=1 / 4096), "v_decay")
    population: Any = SimpleNamespace(n=3, grid=4, v_decay=(0.5, 0.1, 0.25))
    with pytest.raises(DeclarationError, match=r"v_decay = 0\.1 of neuron 1 .* 410/4096"):
        check_decay(population, "v_decay")
    population.grid = None
    check_decay(population, "v_decay")
