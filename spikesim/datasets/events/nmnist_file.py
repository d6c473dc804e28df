"""Recordings in the format of N-MNIST and N-Caltech101: five bytes an event.

    byte 0: x; byte 1: y; bit 7 of byte 2: polarity; the other 23 bits, big-endian: time in microseconds

An event with y = 240 is none: the camera's clock has overflowed, and 2**13 microseconds are added to the
times that follow. Source: the description of N-MNIST, https://www.garrickorchard.com/datasets/n-mnist
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from spikesim.datasets.events.stream import Events, events_from_array
from spikesim.errors import DataError
from spikesim.files.regular import read_regular

SENSOR_SIZE = (34, 34)
OVERFLOW_Y, OVERFLOW_US = 240, 2**13
LARGEST = 1 << 30  # bytes; recordings of N-MNIST have some 20,000


def read_nmnist(
    path: str | os.PathLike[str], sensor_size: Any = SENSOR_SIZE, *, sort: bool = False
) -> Events:
    """The recording in a .bin file of N-MNIST.

    path: the file. sensor_size: "infer" for files of N-Caltech101, whose sizes differ. sort: as in
    `events_from_array`.
    Raises DataError for a file that cannot be read, that is no whole number of events, or has events outside
    the sensor.
    """
    where = Path(path)
    try:
        way_out = "An N-MNIST recording is a .bin file."
        raw = np.frombuffer(read_regular(where, limit=LARGEST, error=DataError, way_out=way_out), np.uint8)
    except OSError as problem:
        raise DataError(f"{where} cannot be read: {problem.strerror}") from problem
    if len(raw) % 5:
        raise DataError(
            f"{where}: {len(raw):,} bytes are no whole number of events of 5 bytes; it is truncated"
        )
    x, y, high, middle, low = raw.reshape(-1, 5).astype(np.int64).T
    t = ((high & 127) << 16) + (middle << 8) + low
    overflow = y == OVERFLOW_Y
    t += OVERFLOW_US * np.cumsum(overflow)
    columns = {"x": x, "y": y, "t": t, "p": high >> 7}
    kept = {name: values[~overflow] for name, values in columns.items()}
    return events_from_array(kept, sensor_size, sort=sort, where=str(where))
