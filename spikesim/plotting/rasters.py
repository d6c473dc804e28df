"""Raster plots: one tick per spike, one panel per population."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from spikesim.errors import DeclarationError
from spikesim.plotting.style import BLUE, GREY, VERMILION, picture
from spikesim.recording import Recording
from spikesim.recording.frames import check_dt
from spikesim.spikes import Spikes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


WANTED = (
    "expected a Recording, Spikes, a mapping from names to Spikes, or a list of tuples "
    "(name, times, neurons, n) or (name, times, neurons, n, signs)"
)


class SpikeTrain(NamedTuple):
    """Spikes of one population in one trial.

    Attributes:
        name: name of the population.
        times: integers, the step of each spike.
        neurons: integers in 0..n-1, the neuron of each spike.
        n: number of neurons.
        signs: -1 or +1 for each spike; None if all spikes are positive.
    """

    name: str
    times: np.ndarray
    neurons: np.ndarray
    n: int
    signs: np.ndarray | None = None


def raster(
    populations: Recording | Mapping[str, Spikes] | Spikes | Sequence[SpikeTrain | tuple[Any, ...]],
    T: int | None = None,
    path: str | os.PathLike[str] | None = None,
    *,
    title: str = "",
    phases: Sequence[int] = (),
    trial: int = 0,
    dt: float | None = None,
) -> None:
    """Draw the spikes of populations, one panel each from top to bottom, over steps 0 to T-1.

    Args:
        populations: a recording, for all populations whose spikes it has; Spikes, or a mapping from names to
            Spikes; or tuples (name, times, neurons, n) or (name, times, neurons, n, signs), see `SpikeTrain`.
            Negative spikes have another colour.
        T: number of time steps; None for those of the recording or of the Spikes.
        path: .png, .svg or .pdf.
        title: title of the figure.
        phases: steps at which a new phase begins (the window's split).
        trial: which trial of a recording or of Spikes is drawn.
        dt: length of a step in ms, for a time axis in ms; None for steps.

    Raises:
        DeclarationError: no path, no population, arguments of another kind, or a spike outside the steps or
            neurons.
        DataError: dt is no number above 0.
    """
    if path is None:
        raise DeclarationError("raster: path is missing; give the file to draw, path='raster.png'")
    step = check_dt("raster", dt)
    listed, steps = _listed(populations, trial)
    T = steps if T is None else T
    if T is None:
        raise DeclarationError("raster: T is missing; tuples do not say the number of steps, so give T=...")
    trains = [_checked(_train(population), T) for population in listed]
    if not trains:
        raise DeclarationError("raster: populations is empty; at least one population is needed")
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
        grid[-1, 0].set_xlabel("time (steps)" if step is None else "time (ms)")
        if step is not None:
            _in_ms(grid[-1, 0], T, step)
        grid[-1, 0].set_xlim(-0.5, T - 0.5)
        figure.align_ylabels()
        if title:
            figure.suptitle(title, x=0.02, ha="left", fontsize=11)


def _in_ms(axes: Axes, T: int, dt: float) -> None:
    """Label the time axis, which counts steps, at round times in ms."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

    round_times = MaxNLocator(nbins=9, steps=[1, 2, 2.5, 5, 10]).tick_values(0, T * dt)
    axes.xaxis.set_major_locator(FixedLocator([t / dt for t in round_times if 0 <= t <= T * dt]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda t, _: f"{t * dt:g}"))


def _listed(given: Any, trial: int) -> tuple[Iterable[Any], int | None]:
    """The populations as tuples, and the number of steps where it is known."""
    if isinstance(given, Spikes):
        given = {"": given}
    if isinstance(given, Recording):
        if not given.spikes:
            raise DeclarationError(
                "raster: the recording has no spikes; run simulate with record='spikes' or with names"
            )
        given = given.spikes
    if not isinstance(given, Mapping):
        if not isinstance(given, Iterable) or isinstance(given, str):
            raise DeclarationError(f"raster: populations is of type {type(given).__name__}; {WANTED}")
        return given, None
    found = []
    for name, spikes in given.items():
        if not isinstance(spikes, Spikes):
            raise DeclarationError(f"raster: {name!r} is of type {type(spikes).__name__}; {WANTED}")
        if not 0 <= trial < len(spikes):
            raise DeclarationError(f"raster: trial = {trial}; {name!r} has {len(spikes)}, numbered from 0")
        s = spikes[trial : trial + 1]
        found.append((name, s.times, s.neurons, s.n, s.signs))
    return found, max((spikes.T for spikes in given.values()), default=None)


def _train(population: Any) -> SpikeTrain:
    if isinstance(population, tuple | list) and len(population) in (4, 5):
        return SpikeTrain(*population)
    size = f" of {len(population)} entries" if isinstance(population, tuple | list) else ""
    raise DeclarationError(f"raster: a population is a {type(population).__name__}{size}; {WANTED}")


def _checked(train: SpikeTrain, T: int) -> SpikeTrain:
    """The spike train with integer arrays, after checking that all spikes lie within the figure."""
    times, neurons = np.asarray(train.times), np.asarray(train.neurons)
    signs = None if train.signs is None else np.asarray(train.signs)
    if times.shape != neurons.shape or times.ndim != 1 or (signs is not None and signs.shape != times.shape):
        raise DeclarationError(
            f"raster: population {train.name!r}: times {times.shape}, neurons {neurons.shape} and signs "
            f"{None if signs is None else signs.shape} must be one-dimensional arrays of the same length"
        )
    if T < 1 or train.n < 1:
        raise DeclarationError(
            f"raster: population {train.name!r}: T = {T} and n = {train.n}; both must be at least 1"
        )
    if times.size and (times.min() < 0 or times.max() >= T):
        raise DeclarationError(
            f"raster: population {train.name!r} has spikes in steps {times.min()} to {times.max()}, outside "
            f"0 to {T - 1}; give a larger T"
        )
    if neurons.size and (neurons.min() < 0 or neurons.max() >= train.n):
        raise DeclarationError(
            f"raster: population {train.name!r} has spikes of neurons {neurons.min()} to {neurons.max()}, "
            f"outside 0 to {train.n - 1}; give a larger n"
        )
    return train._replace(times=times, neurons=neurons, signs=signs)


def _panel(axes: Axes, train: SpikeTrain, T: int, phases: Sequence[int]) -> None:
    """Draw one population: a tick per spike, every second phase shaded."""
    edges = [0, *phases, T]
    for i, (start, end) in enumerate(pairwise(edges)):
        if i % 2:
            axes.axvspan(start - 0.5, end - 0.5, color="#F2F2F2", linewidth=0, zorder=0)
    positive = np.ones(train.times.size, bool) if train.signs is None else train.signs > 0
    half = (
        0.38 if train.n <= 60 else max(0.38, 0.004 * train.n)
    )  # ticks must remain visible among many neurons
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
        # Above the panel, where it covers no spikes.
        axes.legend(
            loc="lower left", bbox_to_anchor=(0, 0.96), ncols=2, fontsize=8, handlelength=0.6, borderpad=0
        )
    axes.set_ylim(train.n - 0.5, -0.5)
    axes.set_yticks(sorted({0, train.n - 1}) if train.n <= 60 else [0, train.n // 2, train.n - 1])
    axes.set_ylabel(f"{train.name}\n(neuron)")
    axes.set_title(f"{train.times.size:,} spikes", loc="right", fontsize=8, color=GREY, pad=2)
