"""An event camera's pixel: an event at every change of the logarithm of the intensity by a threshold.

    on:  where L(t) reaches  reference + threshold;  reference += threshold
    off: where L(t) reaches  reference - threshold;  reference -= threshold

L is the logarithm of the intensity at the pixel, linear between two frames; the reference begins as L of the
first frame. Without noise, mismatch, refractory time and bandwidth of a real pixel.
Source: P. Lichtsteiner, C. Posch, T. Delbruck: A 128 x 128 120 dB 15 us latency asynchronous temporal
contrast vision sensor. IEEE J. Solid-State Circuits 43 (2), 2008, 566-576, section II.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesim.datasets.events.columns import LATEST, LONGEST_SIDE
from spikesim.datasets.events.stream import Events, events_from_array
from spikesim.errors import DataError


def camera_events(log_intensity: Any, times: Any, threshold: float) -> Events:
    """The events of a camera that sees a film, as one recording.

    Args:
        log_intensity: (frames, rows, columns), logarithm of the intensity of each pixel.
        times: integers (frames,), time of each frame in microseconds, ascending.
        threshold: change of log_intensity at an event, > 0 (0.1 to 0.3 with natural logarithms).

    An event has the microsecond in which its threshold is reached. Events of one microsecond are ordered by
    row and column.

    Raises:
        DataError: shapes or values that are none of these.
    """
    film, at = np.asarray(log_intensity), np.asarray(times)
    if (
        film.ndim != 3
        or film.dtype.kind not in "iuf"
        or 0 in film.shape
        or max(film.shape[1:]) > LONGEST_SIDE
    ):
        raise DataError(
            f"log_intensity: {film.dtype} of shape {film.shape}; numbers (frames, rows, columns) are needed"
        )
    if not np.isfinite(film).all():
        raise DataError("log_intensity has values that are not finite; add a constant before the logarithm")
    if at.shape != film.shape[:1] or at.dtype.kind not in "iu" or (np.diff(at.astype(np.int64)) <= 0).any():
        raise DataError(f"times: {at.dtype} of shape {at.shape}; one ascending integer per frame is needed")
    if not (at[0] > -LATEST and at[-1] < LATEST):
        raise DataError(
            f"times from {at[0]} to {at[-1]}; they must lie within {LATEST:.0e} microseconds of 0"
        )
    if not (np.isfinite(threshold) and threshold > 0):
        raise DataError(f"threshold = {threshold!r}; a finite number > 0 is needed")
    height, width = film.shape[1:]
    pixel, t, on = crossings(film.reshape(len(film), -1), at.astype(np.int64), threshold)
    order = np.lexsort((pixel, t))
    y, x = np.divmod(pixel[order], width)
    return events_from_array({"x": x, "y": y, "t": t[order], "p": on[order]}, (width, height))


def crossings(
    film: NDArray[Any], times: NDArray[np.int64], threshold: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """(pixel, time, whether on) of every event of a film (frames, pixels), frame by frame, not sorted."""
    level = np.zeros(film.shape[1])  # of the reference above its start, in thresholds
    found: list[tuple[Any, Any, Any]] = [
        (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.bool_))
    ]
    before = np.zeros(film.shape[1])
    for k in range(1, len(film)):
        now = (film[k] - film[0].astype(np.float64)) / threshold
        reached = np.where(now >= level, np.floor(now), np.ceil(now))
        reached = np.where(np.abs(now - level) >= 1, reached, level)
        number = np.abs(reached - level).astype(np.int64)
        pixel = np.repeat(np.arange(film.shape[1]), number)
        on = (reached > level)[pixel]
        nth = np.arange(len(pixel)) - np.repeat(np.cumsum(number) - number, number) + 1
        crossed = level[pixel] + np.where(on, nth, -nth)
        share = (crossed - before[pixel]) / (now - before)[pixel]
        t = times[k - 1] + np.floor((times[k] - times[k - 1]) * share).astype(np.int64)
        found.append((pixel, np.minimum(t, times[k]), on))
        level, before = reached, now
    pixel, t, on = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return pixel, t, on
