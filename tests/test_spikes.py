"""Events and rasters are the same thing; events that cannot be are refused."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from spikesim.errors import DataError
from spikesim.spikes import from_events, from_raster

pytestmark = pytest.mark.core
RASTERS = arrays.arrays(
    np.int8, arrays.array_shapes(min_dims=3, max_dims=3, max_side=6), elements=st.integers(-1, 1)
)


@given(RASTERS)
def test_a_raster_comes_back(dense: npt.NDArray[np.int8]) -> None:
    spikes = from_raster(dense)
    assert len(spikes) == len(dense)
    assert np.array_equal(np.stack([spikes.raster(b) for b in range(len(dense))]), dense)


@given(RASTERS, st.integers(0, 6), st.integers(0, 6))
def test_counts_are_the_sums_of_the_raster(dense: npt.NDArray[np.int8], first: int, last: int) -> None:
    expected = dense[:, first:last].sum(axis=1, dtype=np.int64)
    assert np.array_equal(from_raster(dense).counts(first, last), expected)
    assert np.array_equal(from_raster(dense).counts(), dense.sum(axis=1, dtype=np.int64))


@given(RASTERS, st.integers(0, 6), st.integers(0, 6))
def test_a_run_of_presentations_is_a_slice(dense: npt.NDArray[np.int8], start: int, stop: int) -> None:
    part = from_raster(dense)[start:stop]
    assert len(part) == len(dense[start:stop])
    assert np.array_equal(part.counts(), dense[start:stop].sum(axis=1, dtype=np.int64))
    if len(part) == len(dense):
        assert part == from_raster(dense)


@given(arrays.arrays(np.int8, (5, 4), elements=st.integers(-1, 1)), st.randoms(use_true_random=False))
def test_events_come_in_any_order(dense: npt.NDArray[np.int8], random) -> None:  # type: ignore[no-untyped-def]
    events = [(t, j, dense[t, j]) for t, j in zip(*np.nonzero(dense), strict=True)]
    random.shuffle(events)
    times, neurons, signs = ([int(e[k]) for e in events] for k in range(3))
    given_signs = signs if -1 in signs else None
    assert from_events(times, neurons, 5, 4, given_signs) == from_raster(dense)


def test_equality_sees_every_difference() -> None:
    dense = np.zeros((1, 3, 2), np.int8)
    dense[0, 1, 1] = 1
    spikes = from_raster(dense)
    assert spikes == from_raster(dense)
    assert spikes != from_raster(-dense)
    assert spikes != from_raster(dense[:, :, ::-1])
    assert spikes != from_raster(dense[:, ::-1][:, :2])
    assert spikes != "spikes"


@pytest.mark.parametrize(
    ("times", "neurons", "signs", "said"),
    [
        ([0, 9], [0, 0], None, r"event 1: time 9 is not in \[0, 5\)"),
        ([-1], [0], None, r"event 0: time -1"),
        ([0], [3], None, r"event 0: neuron 3 is not in \[0, 3\)"),
        ([0, 1], [0], None, r"times \(2,\) and neurons \(1,\)"),
        ([0.5], [0], None, "times are float64"),
        ([2, 2], [1, 1], None, "neuron 1 fires twice in step 2"),
        ([0], [0], [2], r"a sign is -1 or \+1; found 2"),
        ([0], [0], [1, 1], r"\(2,\) signs for 1 events"),
    ],
)
def test_events_that_cannot_be_are_refused(times, neurons, signs, said) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match=said):
        from_events(times, neurons, 5, 3, signs)


def test_rasters_that_cannot_be_are_refused() -> None:
    with pytest.raises(DataError, match=r"\(T, n\) or \(B, T, n\), not \(3,\)"):
        from_raster(np.zeros(3))
    with pytest.raises(DataError, match=r"found .*2.* Two spikes"):
        from_raster(np.full((2, 2), 2))
    with pytest.raises(DataError, match="nan"):
        from_raster(np.full((2, 2), np.nan))
    with pytest.raises(DataError, match="step has to be 1, not 2"):
        from_raster(np.zeros((4, 2, 2)))[::2]
