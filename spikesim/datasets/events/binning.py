"""Events in time bins: as spikes (one per pixel and step, or one for each event of several) or as counts.

    step = floor((t - start) / bin)
    channel = (p height + y) width + x

The channels are those of `Conv2d`: polarity by polarity, row by row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spikesim.datasets.events.stream import Events, Polarity
from spikesim.errors import DataError
from spikesim.grid import whole
from spikesim.spikes import Spikes

Several = Literal["refuse", "once", "count"]
Outside = Literal["refuse", "drop"]
PIECE = 2_000_000  # events that are binned at once: bounds the memory
LARGEST = 2**31 - 1  # steps, and neurons
DENSE = 2**31  # bytes of an array of counts


@dataclass(frozen=True, eq=False)
class BinnedEvents:
    """Recordings as spikes.

    Attributes:
        spikes: one trial per recording.
        shape: (channels, rows, columns) of the neurons; channels are the polarities, repeated `most` times
            where several events in a step are counted.
        events: number of events that were binned.
        merged: number of events that found a spike of their pixel in their step already (several="once").
        outside: number of events that were left out because they are outside the steps (outside="drop").
    """

    spikes: Spikes
    shape: tuple[int, int, int]
    events: int
    merged: int
    outside: int

    def notes(self) -> tuple[str, ...]:
        """What was merged and left out, in sentences; empty if nothing was."""
        found = []
        if self.merged:
            found.append(
                f"{self.merged:,} of {self.events:,} events joined a spike of their pixel in their step"
            )
        if self.outside:
            found.append(f"{self.outside:,} events outside the {self.spikes.T} steps were left out")
        return tuple(found)


def bin_events(
    events: Events,
    bin: int,
    steps: int | None = None,
    *,
    start: int | Literal["first"] = 0,
    several: Several = "refuse",
    most: int = 1,
    outside: Outside = "refuse",
    polarity: Polarity = "keep",
    downsample: int = 1,
) -> BinnedEvents:
    """Spikes from events: an event at t is a spike in step floor((t - start) / bin).

    Args:
        events: the recordings, one trial each.
        bin: microseconds of a step, >= 1; 1 for times that are steps already.
        steps: steps of a trial; None for the fewest that hold every recording.
        start: time of step 0 in microseconds, or "first" for the first event of each recording.
        several: events of one pixel in one step: "refuse" them; "once", one spike; or "count", `most` neurons
            per pixel, of which as many fire as there are events. With equal weights from all of them (for
            `Conv2d`: np.tile(w, (1, most, 1, 1))) a target receives the weight times the count, exactly.
        most: largest count that "count" can hold; more events of a pixel in a step are refused.
        outside: events before `start` or after the last step: "refuse" or "drop" them.
        polarity: "keep", "merge", "on" or "off"; see `Events.with_polarity`.
        downsample: side of the squares of pixels that become one; see `Events.downsampled`.

    Raises:
        DataError: a parameter out of range; events that `several` or `outside` refuse, with the first of them
            and their number.
    """
    if several not in ("refuse", "once", "count"):
        raise DataError(f"several = {several!r}; known: 'refuse', 'once', 'count'")
    if not whole(most, 1) or (several != "count" and most != 1):
        raise DataError(
            f"most = {most!r} with several = {several!r}; a whole number >= 1 is needed, 1 without 'count'"
        )
    plan = _Plan(events, bin, steps, start, outside, polarity, downsample, int(most))
    pieces = [_spikes_of(plan, recordings, several) for recordings in plan.pieces()]
    times, neurons, sizes = (
        np.concatenate([piece[k] for piece in pieces] or [np.empty(0, np.int32)]) for k in range(3)
    )
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])
    spikes = Spikes.ordered(times, neurons, offsets, plan.steps, plan.n)
    channels, height, width = plan.shape
    merged = sum(int(piece[3]) for piece in pieces)
    return BinnedEvents(spikes, (channels * int(most), height, width), plan.events, merged, plan.outside)


def count_events(
    events: Events,
    bin: int,
    steps: int | None = None,
    *,
    start: int | Literal["first"] = 0,
    outside: Outside = "refuse",
    polarity: Polarity = "keep",
    downsample: int = 1,
) -> NDArray[np.int64]:
    """Number of events of each pixel in each step, int64 (recordings, steps, polarities, rows, columns).

    For networks of rates, or, times a weight, for a `CurrentInput`. The arguments are those of `bin_events`.

    Raises:
        DataError: as `bin_events`; also for more than 2 GiB of counts.
    """
    plan = _Plan(events, bin, steps, start, outside, polarity, downsample, 1)
    size = 8 * len(events) * plan.steps * plan.n
    if size > DENSE:
        raise DataError(
            f"the counts of {len(events)} recordings, {plan.steps} steps and {plan.n} pixels need {size:,} "
            f"bytes; the limit is {DENSE:,}. Count fewer recordings at a time, or downsample"
        )
    counts = np.zeros((len(events), plan.steps, plan.n), np.int64)
    for recordings in plan.pieces():
        keys, number = _groups(plan, recordings)
        counts[recordings].reshape(-1)[keys] = number
    return counts.reshape(len(events), plan.steps, *plan.shape)


class _Plan:
    """Checked parameters, and the events that have a step.

    Attributes:
        shape, n: (polarities, rows, columns), and the number of neurons, `most` for each of them.
        steps: of a trial.
        events, outside: number of events that are binned, and left out.
    """

    def __init__(
        self,
        events: Events,
        bin: int,
        steps: int | None,
        start: Any,
        outside: str,
        polarity: Any,
        downsample: int,
        most: int,
    ) -> None:
        if not isinstance(events, Events):
            raise DataError(f"{type(events).__name__}; Events are needed: events_from_array, load_events")
        if not whole(bin, 1):
            raise DataError(f"bin = {bin!r}; a whole number of microseconds, at least 1, is needed")
        if steps is not None and not (whole(steps, 1) and steps <= LARGEST):
            raise DataError(f"steps = {steps!r}; a whole number from 1 to {LARGEST:,} is needed")
        if outside not in ("refuse", "drop"):
            raise DataError(f"outside = {outside!r}; known: 'refuse', 'drop'")
        if not (start == "first" if isinstance(start, str) else whole(start, -(2**62))) or (
            not isinstance(start, str) and start > 2**62
        ):
            raise DataError(f"start = {start!r}; a whole number of microseconds, or 'first', is needed")
        self._all = events.downsampled(downsample).with_polarity(polarity)
        width, height, number = self._all.sensor_size
        self.shape, self.n = (number, height, width), number * height * width * most
        if self.n > LARGEST:
            raise DataError(f"{self.n:,} neurons; the limit is {LARGEST:,}. Downsample the events")
        self._bin, self._start = int(bin), start
        first, last = self._extent()
        if steps is None and last >= LARGEST:
            raise DataError(f"the last event is in step {last:,}; the limit is {LARGEST:,}. {self._hint()}")
        self.steps = max(last + 1, 1) if steps is None else int(steps)
        self.outside = self._count_outside() if first < 0 or last >= self.steps else 0
        if self.outside and outside == "refuse":
            self._refuse_outside()
        self.events = len(self._all.t) - self.outside

    def pieces(self) -> Iterator[slice]:
        """Ranges of recordings with a bounded number of events."""
        offsets, first = self._all.offsets, 0
        while first < len(self._all):
            end = max(first + 1, int(np.searchsorted(offsets, offsets[first] + PIECE, "right")) - 1)
            yield slice(first, end)
            first = end

    def _rows(self, recordings: slice) -> slice:
        return slice(int(self._all.offsets[recordings.start]), int(self._all.offsets[recordings.stop]))

    def _steps(self, recordings: slice) -> NDArray[np.int64]:
        """The step of each event of some recordings; negative before the start."""
        t = self._all.t[self._rows(recordings)]
        if self._start != "first":
            return (t - int(self._start)) // self._bin
        offsets = self._all.offsets[recordings.start : recordings.stop + 1]
        sizes = np.diff(offsets)
        return (t - np.repeat(self._all.t[offsets[:-1][sizes > 0]], sizes[sizes > 0])) // self._bin

    def _extent(self) -> tuple[int, int]:
        """The earliest and the latest step of an event: those of a recording's first or last one."""
        offsets, t = self._all.offsets, self._all.t
        some = np.diff(offsets) > 0
        if not some.any():
            return 0, 0
        first, last = t[offsets[:-1][some]], t[offsets[1:][some] - 1]
        start = first if self._start == "first" else int(self._start)
        return int(((first - start) // self._bin).min()), int(((last - start) // self._bin).max())

    def _count_outside(self) -> int:
        return sum(int(((s < 0) | (s >= self.steps)).sum()) for s in map(self._steps, self.pieces()))

    def _refuse_outside(self) -> None:
        for recordings in self.pieces():
            steps = self._steps(recordings)
            wrong = (steps < 0) | (steps >= self.steps)
            if wrong.any():
                k = self._rows(recordings).start + int(np.argmax(wrong))
                raise DataError(
                    f"{self.place(k)}: t = {self._all.t[k]} is in step {steps[wrong][0]}, which is not in "
                    f"[0, {self.steps}); {self.outside:,} of {len(self._all.t):,} events are outside. "
                    f"{self._hint()}, or outside='drop' to leave them out"
                )

    def _hint(self) -> str:
        return "Give other steps, bin or start (start='first': from each recording's first event)"

    def place(self, k: int) -> str:
        """Where event k is, for an error."""
        b = int(np.searchsorted(self._all.offsets, k, "right")) - 1
        return f"recording {b}, event {k - self._all.offsets[b]}"

    def keys(self, recordings: slice) -> NDArray[np.int64]:
        """(recording - first) * steps * pixels + step * pixels + pixel of each event inside, sorted."""
        rows, steps, pixels = self._rows(recordings), self._steps(recordings), int(np.prod(self.shape))
        height, width = self.shape[1:]
        x, y, p = (getattr(self._all, name)[rows].astype(np.int64) for name in ("x", "y", "p"))
        sizes = np.diff(self._all.offsets[recordings.start : recordings.stop + 1])
        owner = np.repeat(np.arange(len(sizes)), sizes)
        keys = (owner * self.steps + steps) * pixels + (p * height + y) * width + x
        return np.sort(keys[(steps >= 0) & (steps < self.steps)], kind="stable")


def _groups(plan: _Plan, recordings: slice) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The different keys of some recordings, ascending, and the number of events of each."""
    keys = plan.keys(recordings)
    firsts = np.flatnonzero(np.concatenate([np.ones(min(len(keys), 1), bool), keys[1:] != keys[:-1]]))
    return keys[firsts], np.diff(np.append(firsts, len(keys)))


def _spikes_of(plan: _Plan, recordings: slice, several: Several) -> tuple[Any, Any, Any, int]:
    """(times, neurons, spikes of each recording, events that were merged) of some recordings."""
    keys, number = _groups(plan, recordings)
    pixels = int(np.prod(plan.shape))
    most = plan.n // pixels
    if several != "once" and (number > most).any():
        _refuse_several(plan, recordings, keys, number, several, most)
    if several == "count" and most > 1:
        levels = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
        keys = np.repeat(keys, number)
        frame, pixel = np.divmod(keys, pixels)
        keys = np.sort((frame * most + levels) * pixels + pixel, kind="stable")
    frame, neurons = np.divmod(keys, plan.n)
    owner, times = np.divmod(frame, plan.steps)
    sizes = np.bincount(owner, minlength=recordings.stop - recordings.start)
    merged = int((number - 1).sum()) if several == "once" else 0
    return times.astype(np.int32), neurons.astype(np.int32), sizes, merged


def _refuse_several(plan, recordings, keys, number, several, most):  # type: ignore[no-untyped-def]
    """Raise DataError for the first pixel with too many events in a step."""
    k = int(np.argmax(number > most))
    channels, height, width = plan.shape
    frame, pixel = divmod(int(keys[k]), channels * height * width)
    p, place = divmod(pixel, height * width)
    y, x = divmod(place, width)
    limit = f"; most = {most}" if several == "count" else ""
    raise DataError(
        f"recording {recordings.start + frame // plan.steps}: pixel x = {x}, y = {y}, p = {p} has "
        f"{number[k]} events in step {frame % plan.steps}{limit}. A neuron fires once in a step: "
        f"several='once' makes one spike of them, several='count' with most={int(number.max())} counts them "
        f"with as many neurons, and a smaller bin keeps them apart"
    )
