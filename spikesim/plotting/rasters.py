"""Rasters: the spikes of populations, a tick each."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from spikesim.errors import DeclarationError
from spikesim.plotting.style import BLUE, GREY, VERMILION, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Train(NamedTuple):
    """Spikes of one population: `times` (int, steps) and `neurons` (int, 0..n-1), one entry a spike; `signs`:
    -1, +1.
    """

    name: str
    times: np.ndarray
    neurons: np.ndarray
    n: int
    signs: np.ndarray | None = None


def raster(
    populations: Sequence[Train | tuple[Any, ...]],
    T: int,
    path: str | os.PathLike[str],
    *,
    title: str = "",
    phases: Sequence[int] = (),
) -> None:
    """Draw the spikes of populations, one panel each from top to bottom, over steps 0 to T-1.

    `populations`: tuples (name, times, neurons, n) or (name, times, neurons, n, signs), see `Train`; negative
    spikes are drawn in another colour. `phases`: the steps at which a new phase begins (the window's split).
    """
    trains = [_checked(Train(*population), T) for population in populations]
    if not trains:
        raise DeclarationError("a raster needs at least one population.")
    heights = [0.5 + math.log10(max(train.n, 2)) for train in trains]
    with picture(path, (7.6, 1.2 + 0.75 * sum(heights))) as figure:
        grid = figure.subplots(len(trains), 1, sharex=True, squeeze=False, height_ratios=heights)
        for axes, train in zip(grid[:, 0], trains, strict=True):
            _panel(axes, train, T, phases)
        if phases:
            edges = [0, *phases, T]
            for i, (start, end) in enumerate(pairwise(edges), start=1):
                grid[0, 0].annotate(
                    f"phase {i}",
                    ((start + end) / 2 - 0.5, 1.0),
                    xycoords=("data", "axes fraction"),
                    xytext=(0, 3),
                    textcoords="offset points",
                    ha="center",
                    va="bottom",
                    color=GREY,
                    fontsize=9,
                )
        grid[-1, 0].set_xlabel("time (steps)")
        grid[-1, 0].set_xlim(-0.5, T - 0.5)
        figure.align_ylabels()
        if title:
            figure.suptitle(title, x=0.02, ha="left", fontsize=11)


def _checked(train: Train, T: int) -> Train:
    """`train` as integer arrays, all spikes within the picture."""
    times, neurons = np.asarray(train.times), np.asarray(train.neurons)
    signs = None if train.signs is None else np.asarray(train.signs)
    if times.shape != neurons.shape or times.ndim != 1 or (signs is not None and signs.shape != times.shape):
        raise DeclarationError(
            f"population {train.name!r}: times, neurons and signs are arrays of one length."
        )
    if T < 1 or train.n < 1:
        raise DeclarationError(
            f"population {train.name!r}: a raster needs T >= 1 and n >= 1, not {T} and {train.n}."
        )
    if times.size and (times.min() < 0 or times.max() >= T):
        raise DeclarationError(
            f"population {train.name!r} has a spike outside steps 0 to {T - 1}. Give a larger T."
        )
    if neurons.size and (neurons.min() < 0 or neurons.max() >= train.n):
        raise DeclarationError(
            f"population {train.name!r} has a spike of a neuron outside 0 to {train.n - 1}."
        )
    return train._replace(times=times, neurons=neurons, signs=signs)


def _panel(axes: Axes, train: Train, T: int, phases: Sequence[int]) -> None:
    """One population: a tick a spike, shading under every other phase."""
    edges = [0, *phases, T]
    for i, (start, end) in enumerate(pairwise(edges)):
        if i % 2:
            axes.axvspan(start - 0.5, end - 0.5, color="#F2F2F2", linewidth=0, zorder=0)
    positive = np.ones(train.times.size, bool) if train.signs is None else train.signs > 0
    half = (
        0.38 if train.n <= 60 else max(0.38, 0.004 * train.n)
    )  # a tick must stay visible among many neurons
    width = min(1.6, max(0.6, 160 / T))
    for chosen, color, label in ((positive, BLUE, "+1"), (~positive, VERMILION, "−1")):
        if chosen.any():
            y = train.neurons[chosen]
            axes.vlines(
                train.times[chosen],
                y - half,
                y + half,
                color=color,
                linewidth=width,
                label=label,
                rasterized=True,
            )
    if train.signs is not None and train.times.size:
        # Above the panel, where no spike can lie beneath it.
        axes.legend(
            loc="lower left", bbox_to_anchor=(0, 0.96), ncols=2, fontsize=8, handlelength=0.6, borderpad=0
        )
    axes.set_ylim(train.n - 0.5, -0.5)
    axes.set_yticks(sorted({0, train.n - 1}) if train.n <= 60 else [0, train.n // 2, train.n - 1])
    axes.set_ylabel(f"{train.name}\n(neuron)")
    axes.set_title(f"{train.times.size:,} spikes", loc="right", fontsize=8, color=GREY, pad=2)
