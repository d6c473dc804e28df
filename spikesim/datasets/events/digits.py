"""Event digits: the 8 x 8 digits before a modelled event camera that moves as for N-MNIST; no download.

The camera's three saccades follow G. Orchard et al.: Converting static image datasets to spiking neuromorphic
datasets using saccades. Frontiers in Neuroscience 9, 2015, 437, section 2.2: a triangle, 100 ms a side.
Differs from the paper: a pixel model (see `pixel_model`) in place of a real camera and monitor, and no noise.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from spikesim.datasets.dataset import Dataset
from spikesim.datasets.dataset_card import About
from spikesim.datasets.digits import ABOUT as STILL
from spikesim.datasets.digits import digits
from spikesim.datasets.events.as_dataset import binned_dataset
from spikesim.datasets.events.binning import bin_events
from spikesim.datasets.events.pixel_model import crossings
from spikesim.datasets.events.stream import Events, Polarity
from spikesim.datasets.fetching import Collection
from spikesim.grid import whole

SIDE = 10  # pixels: a digit of 8, moved by up to 2
CORNERS = ((0, 0), (1, 2), (2, 0), (0, 0))  # the digit's place (right, down) at the ends of the saccades
FRAMES, FRAME_US = 16, 6250  # of a saccade; 100 ms
BLACK_TO_WHITE = 8  # thresholds

ABOUT = About(
    name="event-digits",
    title="Digits (8 x 8) before a modelled event camera, in three saccades of 100 ms",
    samples=STILL.samples,
    shape=(2, SIDE, SIDE),
    classes=10,
    license=STILL.license,
    url=STILL.url,
    citation=STILL.citation,
    collection=Collection("event-digits"),
)


def event_digits(bin: int = 10_000, polarity: Polarity = "keep", downsample: int = 1) -> Dataset:
    """The event digits in steps of `bin` microseconds: spikes of 2 x 10 x 10 neurons, for `ss.Recorded()`.

    Splits as those of `digits`; several events of a pixel in a step are one spike. `digit_events` gives the
    events themselves.
    """
    still, parts = digits(), digit_events()
    steps = (len(path()) - 1) * FRAME_US // bin + 1 if whole(bin, 1) else None
    binned = [
        bin_events(part, bin, steps, several="once", polarity=polarity, downsample=downsample)
        for part in parts
    ]
    return binned_dataset(binned[0], binned[1], *parts, ABOUT.name, still.validation_rows, ABOUT.text())


def digit_events() -> tuple[Events, Events]:
    """The event digits as recordings (training set, test set), with labels; the same on every machine."""
    still = digits()
    train, test = (
        recorded(np.rint(16 * part.x).reshape(-1, 8, 8), part.y, still.classes)
        for part in (still.train, still.test)
    )
    return train, test


def path() -> NDArray[np.float64]:
    """The digit's place (right, down) in each frame, in pixels."""
    ends = np.array(CORNERS, np.float64)
    steps = np.arange(FRAMES)[:, None] / FRAMES
    sides = [a + steps * (b - a) for a, b in pairwise(ends)]
    return np.concatenate([*sides, ends[-1:]])


def recorded(images: NDArray[np.float64], labels: NDArray[np.int64], classes: tuple[str, ...]) -> Events:
    """The recordings of images (n, 8, 8) of whole numbers 0 .. 16, the logarithm of the intensity.

    Places are multiples of 1/16 pixel and images whole numbers, so that all sums are exact.
    """
    n = len(images)
    film = np.stack([_moved(images, right, down) for right, down in path()])
    times = FRAME_US * np.arange(len(film), dtype=np.int64)
    pixel, t, on = crossings(film.reshape(len(film), -1), times, 16 / BLACK_TO_WHITE)
    recording, place = np.divmod(pixel, SIDE * SIDE)
    order = np.lexsort((place, t, recording))
    y, x = np.divmod(place[order], SIDE)
    sizes = np.bincount(recording, minlength=n)
    return Events(
        x=x.astype(np.uint16),
        y=y.astype(np.uint16),
        p=on[order].astype(np.uint8),
        t=t[order],
        offsets=np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]),
        sensor_size=(SIDE, SIDE, 2),
        labels=labels.copy(),
        classes=classes,
    )


def _moved(images: NDArray[np.float64], right: float, down: float) -> NDArray[np.float64]:
    """Images moved by a part of a pixel, interpolated between the four nearest, (n, SIDE, SIDE)."""
    made = np.zeros((len(images), SIDE + 1, SIDE + 1))
    x, y = int(right), int(down)
    for column, a in ((x, 1 - (right - x)), (x + 1, right - x)):
        for row, b in ((y, 1 - (down - y)), (y + 1, down - y)):
            made[:, row : row + 8, column : column + 8] += a * b * images
    return made[:, :SIDE, :SIDE]
