"""Events and rasters are equivalent; invalid events are refused."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from spikesim.errors import DataError
from spikesim.spikes import Spikes, from_events, from_raster

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
    assert Spikes(part.times, part.neurons, part.offsets, part.T, part.n, part.signs) == part
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
        ([0], [0], [2], r"sign 2; must be -1 or \+1"),
        ([0], [0], [1, 1], r"\(2,\) signs for 1 events"),
    ],
)
def test_events_that_cannot_be_are_refused(times, neurons, signs, said) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match=said):
        from_events(times, neurons, 5, 3, signs)


def test_rasters_that_cannot_be_are_refused() -> None:
    with pytest.raises(DataError, match=r"shape \(3,\); must be \(T, n\) or \(B, T, n\)"):
        from_raster(np.zeros(3))
    with pytest.raises(DataError, match=r"value .*2.* cannot fire twice"):
        from_raster(np.full((2, 2), 2))
    with pytest.raises(DataError, match="nan"):
        from_raster(np.full((2, 2), np.nan))
    with pytest.raises(DataError, match=r"slice with step 2; .*\(step 1\)"):
        from_raster(np.zeros((4, 2, 2)))[::2]


def made(**change) -> Spikes:  # type: ignore[no-untyped-def]
    """Three trials of 4 steps and 3 neurons, the middle one empty, with some fields replaced."""
    fields = {
        "times": np.array([0, 0, 3, 0, 1], np.int32),
        "neurons": np.array([0, 2, 1, 1, 0], np.int32),
        "offsets": np.array([0, 3, 3, 5], np.int64),
        "T": 4,
        "n": 3,
        "signs": None,
    }
    return Spikes(**(fields | change))


def test_events_may_be_given_as_they_are_kept() -> None:
    spikes = made()
    assert len(spikes) == 3 and spikes.counts().tolist() == [[1, 1, 1], [0, 0, 0], [1, 1, 0]]
    assert spikes == from_raster(np.stack([spikes.raster(b) for b in range(3)]))
    assert made(signs=np.array([1, -1, 1, 1, -1], np.int8)).counts()[0].tolist() == [1, 1, -1]
    empty = np.zeros(0, np.int32)
    assert len(made(times=empty, neurons=empty, offsets=np.zeros(1, np.int64))) == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"times": [0, 0, 3, 0, 1]}, "times is list; must be a one-dimensional array of int32"),
        (
            {"times": np.array([0, 0, 3, 0, 1])},
            r"times is int64 \(5,\); must be a one-dimensional array of int32",
        ),
        ({"neurons": np.zeros((5, 1), np.int32)}, r"neurons is int32 \(5, 1\)"),
        ({"neurons": np.zeros(4, np.int32)}, "4 neurons for 5 times"),
        ({"offsets": np.array([0, 3, 3, 5], np.int32)}, "offsets is int32"),
        ({"offsets": np.zeros(0, np.int64)}, "offsets are empty"),
        ({"offsets": np.array([0, 3, 4])}, "offsets range from 0 to 4; must range from 0 to .* events, 5"),
        ({"offsets": np.array([1, 5])}, "offsets range from 1 to 5"),
        ({"offsets": np.array([0, 4, 3, 5])}, "trial 1: offsets decrease from 4 to 3"),
        ({"offsets": np.array([0, 9, 5])}, "trial 1: offsets decrease from 9 to 5"),
        ({"offsets": np.array([0, 5])}, r"event 3 \(step 0, neuron 1\) does not come after event 2"),
        ({"offsets": np.array([0, 4, 5])}, "event 3 .* does not come after"),
        ({"times": np.array([0, 0, 4, 0, 1], np.int32)}, r"event 2: time 4 is not in \[0, 4\)"),
        ({"times": np.array([-1, 0, 3, 0, 1], np.int32)}, "event 0: time -1"),
        ({"neurons": np.array([0, 3, 1, 1, 0], np.int32)}, r"event 1: neuron 3 is not in \[0, 3\)"),
        ({"neurons": np.array([0, 2, 1, 1, -1], np.int32)}, "event 4: neuron -1"),
        ({"neurons": np.array([2, 2, 1, 1, 0], np.int32)}, "event 1 .* does not come after event 0"),
        ({"neurons": np.array([2, 0, 1, 1, 0], np.int32)}, "event 1 .* sorted by step, then neuron"),
        ({"signs": np.array([1, 1, 0, 1, 1], np.int8)}, "event 2: sign 0; must be -1 or .1"),
        ({"signs": np.ones(4, np.int8)}, "4 signs for 5 times"),
        ({"signs": np.ones(5)}, "signs is float64"),
        ({"T": 4.0}, r"T = 4\.0; must be a whole number"),
        ({"n": -1}, "n = -1"),
    ],
)
def test_events_that_kernels_could_not_index_with_are_refused(change, said) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match=said):
        made(**change)


@given(RASTERS, st.data())
def test_trials_at_any_rows(dense: npt.NDArray[np.int8], data: st.DataObject) -> None:
    rows = np.array(data.draw(st.lists(st.integers(0, len(dense) - 1), max_size=5)), np.int64)
    chosen = from_raster(dense)[rows]
    assert chosen.shape == (len(rows), dense.shape[2])
    assert chosen == from_raster(dense[rows])


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([2], "trials 2 to 2; there are 2"),
        ([-1], "trials -1"),
        ([0.5], "float64"),
        (0.5, "a slice or a list"),
    ],
)
def test_trials_that_do_not_exist(rows: object, said: str) -> None:
    with pytest.raises(DataError, match=said):
        from_raster(np.zeros((2, 3, 4)))[rows]  # type: ignore[index]


def test_spikes_are_not_taken_for_numbers() -> None:
    with pytest.raises(DataError, match=r"2 trials, 3 steps and 4 neurons are not an array"):
        np.asarray(from_raster(np.zeros((2, 3, 4))))


def test_trials_are_counted_and_gone_through() -> None:
    rasters = (np.random.default_rng(1).random((3, 5, 4)) < 0.4).astype(np.int8)
    spikes = from_raster(rasters)
    assert [trial.raster().tolist() for trial in spikes] == rasters.tolist()
    assert spikes[1] == spikes[1:2] == spikes[np.int64(1)] == spikes[-2] and len(spikes[1]) == 1
    for k in (3, -4):
        with pytest.raises(DataError, match=f"trial {k}; there are 3"):
            spikes[k]
