"""Where two recordings part first: the earliest in time, spikes before membranes, within a tolerance."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spikesim.recording import Recording
from spikesim.spikes import from_raster
from spikesim.verification.compare import Difference, compare, compare_weights

pytestmark = pytest.mark.core


def recording(changes: dict[tuple[str, int, int, int], int] | None = None, **more: Any) -> Recording:
    """Two presentations of four steps of two populations of two neurons; all silent but for `changes`."""
    rasters = {name: np.zeros((2, 4, 2), np.int8) for name in "ab"}
    for (name, b, t, j), value in (changes or {}).items():
        rasters[name][b, t, j] = value
    spikes = {name: from_raster(raster) for name, raster in rasters.items()}
    v = {name: np.zeros((2, 4, 2)) for name in "ab"}
    counts = {name: np.zeros((2, 2, 2), np.int64) for name in "ab"}
    return replace(Recording(counts, np.zeros(2, np.int64), spikes, v), **more)


def test_equal_recordings_have_no_difference() -> None:
    assert compare(recording(), recording(), ("a", "b")) is None


def test_the_earliest_in_time_counts_then_the_order_of_the_populations() -> None:
    late = recording({("a", 1, 0, 1): 1, ("b", 0, 2, 0): 1, ("a", 0, 2, 1): -1})
    found = compare(recording(), late, ("a", "b"))
    assert found is not None
    assert (found.what, found.presentation, found.step, found.population) == ("spike", 0, 2, "a")
    assert (found.neuron, found.values) == ((1,), (0, -1))
    assert compare(recording(), late, ("b", "a")).population == "b"  # type: ignore[union-attr]
    other = recording({("a", 0, 2, 1): 1})
    assert compare(late, other, ("a",)).values == (-1, 1), "another sign is another spike"  # type: ignore[union-attr]


def test_membranes_may_round_as_far_as_they_are_allowed_to() -> None:
    moved = recording()
    moved.v["b"][0, 3, 1] = 1e-9
    found = compare(recording(), moved, ("a", "b"))
    assert found is not None and (found.what, found.step, found.neuron) == ("membrane", 3, (1,))
    assert compare(recording(), moved, ("a", "b"), {"b": 1e-8}) is None
    moved.v["b"][0, 3, 1] = np.nan
    assert compare(recording(), moved, ("a", "b"), {"b": 1e-8}) is not None, "NaN is within no tolerance"
    assert compare(recording(), recording(v={}), ("a", "b")) is None, "where one has no membranes"


def test_predictions_come_last() -> None:
    other = recording(predictions=np.array([0, 2]))
    found = compare(recording(), other, ("a", "b"))
    assert found is not None and (found.what, found.presentation, found.values) == ("prediction", 1, (0, 2))
    assert compare(recording(), recording(predictions=np.zeros(0, np.int64)), ("a", "b")) is None


def test_learnt_weights() -> None:
    one = {"p": np.array([[1, 2], [3, 4]])}
    two = {"p": np.array([[1, 2], [5, 9]])}
    assert compare_weights(one, one) is None and compare_weights(one, two, 5.0) is None
    found = compare_weights(one, two)
    assert found is not None and (found.population, found.neuron, found.values) == ("p", (1, 0), (3, 5))


def test_a_difference_says_how_near_the_threshold_it_was() -> None:
    found = Difference(
        "spike", 0, 3, "a", (2,), (1, 0), (0.0, 1.5), before=1.75, threshold=1.5, rounding=True
    )
    assert found.gap == 0.25 and "rounding" in str(found) and "1.75" in str(found)
    below = replace(found, before=-1.75)
    assert below.gap == 0.25, "an error neuron fires below -theta"
    assert replace(found, before=None).gap is None
