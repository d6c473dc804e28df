"""Events from arrays: names, types, units, and what is refused, with the event that is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesim.datasets.events import Events, events_from_array, join_events
from spikesim.datasets.events.columns import UNITS, microseconds
from spikesim.datasets.events.nmnist_file import read_nmnist
from spikesim.errors import DataError

pytestmark = pytest.mark.core
GIVEN = [(3, 1, 10, 1), (0, 0, 10, 0), (2, 1, 25, 1)]  # x, y, t, p


def columns(**changed: Any) -> dict[str, Any]:
    x, y, t, p = (np.array(column) for column in zip(*GIVEN, strict=True))
    return {"x": x, "y": y, "t": t, "p": p} | {k: np.asarray(v) for k, v in changed.items()}


def rows(events: Events) -> list[tuple[int, ...]]:
    return list(zip(*(getattr(events, c).tolist() for c in ("x", "y", "t", "p")), strict=True))


@pytest.mark.parametrize(
    "names",
    [
        ("x", "y", "t", "p"),
        ("x", "y", "ts", "pol"),
        ("X", "Y", "timestamp", "polarity"),
        ("x", "y", "time", "on"),
        ("x", "y", "timestamps", "polarities"),
    ],
)
@pytest.mark.parametrize(
    "kinds", ["i8,i8,i8,i8", "i2,i2,i8,?", "u2,u2,u8,i1", "f4,f8,f8,f2", ">i4,>u2,>i8,>f4"]
)
def test_names_and_types_of_a_structured_array(names: tuple[str, ...], kinds: str) -> None:
    array = np.array(GIVEN, [(name, kind) for name, kind in zip(names, kinds.split(","), strict=True)])
    events = events_from_array(array, (4, 2))
    assert rows(events) == GIVEN
    assert (events.x.dtype, events.p.dtype, events.t.dtype) == (np.uint16, np.uint8, np.int64)
    assert (len(events), events.sensor_size) == (1, (4, 2, 2))
    assert [tuple(row) for row in events.array().tolist()] == [(x, y, t, bool(p)) for x, y, t, p in GIVEN]


def test_polarities_of_minus_one_and_one() -> None:
    assert events_from_array(columns(p=[1, -1, 1]), (4, 2)).p.tolist() == [1, 0, 1]
    assert events_from_array(columns(p=[-1.0, -1.0, -1.0]), (4, 2)).p.tolist() == [0, 0, 0]
    with pytest.raises(DataError, match="p has the values -1, 0 and 1"):
        events_from_array(columns(p=[1, -1, 0]), (4, 2))


def test_the_smallest_sensor_is_inferred_only_when_asked() -> None:
    assert events_from_array(columns(), "infer").sensor_size == (4, 2, 2)
    with pytest.raises(DataError, match="sensor_size = None"):
        events_from_array(columns(), None)
    with pytest.raises(DataError, match="no events to infer"):
        events_from_array(columns(x=[], y=[], t=[], p=[]), "infer")


def test_columns_that_a_sensor_does_not_need() -> None:
    line = events_from_array({"x": [1, 2], "t": [5, 6]}, (4, 1, 1))  # a cochlea's channels, for example
    assert rows(line) == [(1, 0, 5, 0), (2, 0, 6, 0)]
    assert events_from_array(columns(p=[1, 1, 1]), (4, 2, 1)).p.tolist() == [0, 0, 0]
    with pytest.raises(DataError, match=r"event 1: p = 0, event 0: p = 1; the sensor has one polarity"):
        events_from_array(columns(), (4, 2, 1))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"x": [3, 4, 2]}, r"mine: event 1: x = 4 is not in \[0, 4\), the width"),
        ({"y": [0, 1, -1]}, r"event 2: y = -1 is not in \[0, 2\), the height"),
        ({"x": [3, 0.5, 2]}, r"event 1: x = 0\.5 is no whole number"),
        ({"x": [np.nan, 0, 2]}, "event 0: x = nan; a finite number"),
        ({"p": [0, 1, 2]}, "event 2: p = 2; a polarity is 0 or 1, -1 or 1"),
        ({"t": [1.0, np.inf, 3.0]}, "event 1: t = inf; a finite number"),
        ({"t": [1.0, 2.25, 3.0]}, r"event 1: t = 2\.25 us lies between two whole microseconds; rounding="),
        ({"t": [10, 9, 11]}, r"mine: event 1: t = 9 comes after t = 10, so time runs backwards\. sort=True"),
        ({"t": [0, 2**63 - 1, 2**63 - 1]}, "event 1: t = 9223372036854775807 us is beyond"),
        ({"t": [False, True, True]}, "t is bool"),
        ({"p": ["on", "off", "on"]}, "p is <U3; numbers are needed"),
        ({"y": [0, 1]}, r"y has the shape \(2,\), x \(3,\)"),
        ({"ts": [1, 2, 3]}, "the fields t and ts both mean t"),
    ],
)
def test_the_first_wrong_event_is_named(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        events_from_array(columns(**changed), (4, 2), where="mine")


@pytest.mark.parametrize(
    ("array", "size", "said"),
    [
        (np.zeros((3, 4)), (4, 2), r"float64 of shape \(3, 4\); a structured array"),
        ([1, 2], (4, 2), "list; a structured array"),
        ({"x": [0], "y": [0], "p": [0]}, (4, 2), "no field for t among x, y, p; it may be named t, ts"),
        ({"x": [0], "y": [0], "t": [0]}, (4, 2), "no field for p"),
        (columns(), (4,), r"sensor_size = \(4,\)"),
        (columns(), (4, 2, 3), "1 or 2 polarities"),
        (columns(), (70_000, 2), "1 to 65,536 pixels"),
    ],
)
def test_what_is_no_array_of_events(array: Any, size: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        events_from_array(array, size)


def test_braces_in_a_name_are_no_places() -> None:
    with pytest.raises(DataError, match=r"a\{b\}: event 0: x = 9"):
        events_from_array(columns(x=[9, 0, 0]), (4, 2), where="a{b}")


def test_sorting_keeps_the_order_of_equal_times() -> None:
    events = events_from_array(columns(t=[25, 10, 10]), (4, 2), sort=True)
    assert rows(events) == [(0, 0, 10, 0), (2, 1, 10, 1), (3, 1, 25, 1)]


class TestUnits:
    @pytest.mark.parametrize(
        ("unit", "given", "us"),
        [
            ("s", [0.000001, 1.234567, 4321.000007], [1, 1_234_567, 4_321_000_007]),
            ("s", [0, 2, 3], [0, 2_000_000, 3_000_000]),
            ("ms", [0.1, 0.3, 0.7], [100, 300, 700]),  # 1000 * 0.7 is not 700 in every float
            ("ns", [0, 5000, 7000], [0, 5, 7]),
            ("step", [0, 1, 5], [0, 1, 5]),
        ],
    )
    def test_whole_microseconds(self, unit: str, given: list[Any], us: list[int]) -> None:
        assert microseconds(np.array(given), unit, None, "t").tolist() == us

    def test_between_two_microseconds(self) -> None:
        t = np.array([1499, 1500, -1500, -1501])
        with pytest.raises(DataError, match="event 0: t = 1499 ns lies between"):
            microseconds(t, "ns", None, "t")
        assert microseconds(t, "ns", "floor", "t").tolist() == [1, 1, -2, -2]
        assert microseconds(t, "ns", "nearest", "t").tolist() == [1, 2, -1, -2]
        assert microseconds(t / 1000, "us", "floor", "t").tolist() == [1, 1, -2, -2]
        assert microseconds(t / 1000, "us", "nearest", "t").tolist() == [1, 2, -1, -2]

    def test_seconds_in_float32_are_too_coarse(self) -> None:
        with pytest.raises(DataError, match=r"event 0: t = 1\.23456.* s lies between"):
            microseconds(np.array([1.234567], np.float32), "s", None, "t")

    def test_unknown(self) -> None:
        with pytest.raises(DataError, match=r"unknown unit of time 'sec'"):
            microseconds(np.zeros(1), "sec", None, "t")
        assert UNITS["ms"] == (1000, 1)


def some(n: int, seed: int, labels: bool = False) -> Events:
    """n recordings of 0 to 29 events on 5 x 4 pixels."""
    r = np.random.default_rng(seed)
    parts = []
    for _ in range(n):
        k = r.integers(0, 30)
        given = {"x": r.integers(0, 5, k), "y": r.integers(0, 4, k), "p": r.random(k) < 0.5}
        parts.append(events_from_array({**given, "t": np.sort(r.integers(-50, 500, k))}, (5, 4)))
    return join_events(parts, np.arange(n) % 2 if labels else None)


@given(st.integers(1, 5), st.integers(0, 99), st.data())
def test_chosen_recordings(n: int, seed: int, data: st.DataObject) -> None:
    events = some(n, seed, labels=True)
    at = data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=4))
    chosen = events[at]
    assert [chosen.array(k).tolist() for k in range(len(at))] == [events.array(b).tolist() for b in at]
    assert chosen.labels is not None and chosen.labels.tolist() == [b % 2 for b in at]


@given(st.integers(1, 4), st.integers(0, 99), st.integers(-60, 510), st.integers(-60, 510))
def test_slices_of_time(n: int, seed: int, first: int, end: int) -> None:
    events = some(n, seed)
    kept = events.between(first, end)
    for b in range(n):
        mine = events.array(b)
        assert kept.array(b).tolist() == mine[(mine["t"] >= first) & (mine["t"] < end)].tolist()


@given(st.integers(1, 4), st.integers(0, 99))
def test_polarities_and_larger_pixels(n: int, seed: int) -> None:
    events = some(n, seed)
    on, off, merged = (events.with_polarity(word) for word in ("on", "off", "merge"))  # type: ignore[arg-type]
    assert on.sensor_size == off.sensor_size == merged.sensor_size == (5, 4, 1)
    assert on.t.tolist() == events.t[events.p == 1].tolist()
    assert off.x.tolist() == events.x[events.p == 0].tolist()
    assert len(merged.t) == len(events.t) and not merged.p.any()
    small = events.downsampled(2)
    assert small.sensor_size == (3, 2, 2)
    assert small.x.tolist() == [x // 2 for x in events.x.tolist()]
    assert small.y.tolist() == [y // 2 for y in events.y.tolist()]


def test_joining_needs_one_sensor_and_labels_that_fit() -> None:
    a, b = events_from_array(columns(), (4, 2)), events_from_array(columns(), (5, 2))
    with pytest.raises(DataError, match=r"part 1 has the sensor \(5, 2, 2\), part 0 \(4, 2, 2\)"):
        join_events([a, b])
    with pytest.raises(DataError, match="labels must be int64"):
        join_events([a, a], [0])
    with pytest.raises(DataError, match=r"labels from 0 to 2; there are 2 classes"):
        join_events([a, a], [0, 2], ["left", "right"])
    assert join_events([a, a], [0, 2]).classes == ("0", "1", "2")
    with pytest.raises(DataError, match=r"recordings \[2\]"):
        join_events([a, a])[[2]]
    with pytest.raises(DataError, match="'keep' or 'merge'"):
        a.with_polarity("merge").with_polarity("on")
    with pytest.raises(DataError, match="downsample = 0"):
        a.downsampled(0)


def test_nmnist_bytes(tmp_path: Path) -> None:
    """Two events with an overflow of the clock between them, by hand."""
    path = tmp_path / "00001.bin"
    path.write_bytes(bytes([5, 7, 0x80, 0x01, 0x02, 0, 240, 0, 0, 0, 33, 0, 0x00, 0x00, 0x03]))
    assert rows(read_nmnist(path)) == [(5, 7, 258, 1), (33, 0, 8195, 0)]
    path.write_bytes(bytes(7))
    with pytest.raises(DataError, match="7 bytes are no whole number of events"):
        read_nmnist(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_nmnist(tmp_path / "none.bin")


def test_large_times_stay_exact() -> None:
    """Nanoseconds at the ends of int64 and uint64, and microseconds since 1970 as real numbers."""

    def times(t: Any, unit: str, rounding: Any) -> list[int]:
        n = len(t)
        columns = {"x": np.zeros(n, int), "y": np.zeros(n, int), "t": t, "p": np.ones(n, int)}
        return events_from_array(columns, (4, 4), unit=unit, rounding=rounding).t.tolist()

    for value, kind in ((2**63 + 1499, np.uint64), (2**64 - 200, np.uint64), (2**63 - 1, np.int64)):
        assert times(np.array([value], kind), "ns", "floor") == [value // 1000]
        assert times(np.array([value], kind), "ns", "nearest") == [(value + 500) // 1000]
        with pytest.raises(DataError, match="lies between two whole microseconds"):
            times(np.array([value], kind), "ns", None)
    even = (2**63 // 1000 + 1) * 1000
    assert times(np.array([even], np.uint64), "ns", None) == [even // 1000]
    assert times(np.array([-1501, -1500, 1500]), "ns", "nearest") == [-2, -1, 2]
    real = np.array([1.7e15 + 0.5, 1.7e15 + 1.5])
    assert times(real, "us", "floor") == [1_700_000_000_000_000, 1_700_000_000_000_001]
    assert times(real, "us", "nearest") == [1_700_000_000_000_001, 1_700_000_000_000_002]
    with pytest.raises(DataError, match="lies between"):
        times(real, "us", None)
    assert times(np.array([0.000001, 1.5]), "s", None) == [1, 1_500_000]


def test_masked_values_are_refused() -> None:
    columns = {"x": np.ma.array([0, 1], mask=[0, 1]), "y": [0, 1], "t": [0, 1], "p": [0, 1]}
    with pytest.raises(DataError, match="x has masked values"):
        events_from_array(columns, (4, 4))
