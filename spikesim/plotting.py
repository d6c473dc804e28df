"""Pictures of a run: learning curve, raster, confusion matrix, receptive fields. Needs the extra `plot`.

Each function draws on a figure of its own (no pyplot, no display) and writes it atomically; the suffix of
`path` chooses the format (.png, .svg, .pdf). Colours are told apart by colour-blind readers too (after Okabe
and Ito, "Color Universal Design", 2008). All raise MissingExtraError without matplotlib, DeclarationError for
what cannot be drawn, and SpikesimError when the file cannot be written.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from spikesim._files import write_bytes
from spikesim.errors import DeclarationError, MissingExtraError, unknown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, VERMILION, GREEN, PURPLE, ORANGE, GREY = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#5A5A5A",
)
SERIES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE)
MARKERS = "osD^v"
FORMATS = ("png", "svg", "pdf")
STYLE = {
    "font.size": 10.0,
    "axes.titlesize": 11.0,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": "#222222",
    "xtick.color": GREY,
    "ytick.color": GREY,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "savefig.dpi": 150,
}


class Train(NamedTuple):
    """Spikes of one population: `times` (int, steps) and `neurons` (int, 0..n-1), one entry a spike; `signs`:
    -1, +1.
    """

    name: str
    times: np.ndarray
    neurons: np.ndarray
    n: int
    signs: np.ndarray | None = None


def learning_curve(
    metrics: Sequence[Mapping[str, Any]], path: str | os.PathLike[str], *, title: str = "Learning curve"
) -> None:
    """Draw every `...accuracy` (0..1) in `metrics` as a line, over `epoch`, or over `samples` where there is
    none.

    Records without a certain key are left out of that line; with a single record the line is a point.
    """
    axis = "epoch" if any("epoch" in record for record in metrics) else "samples"
    names = list(dict.fromkeys(key for record in metrics for key in record if key.endswith("accuracy")))
    lines = {}
    for name in names:
        points = [
            (r[axis], 100 * r[name]) for r in metrics if r.get(axis) is not None and r.get(name) is not None
        ]
        if points:
            lines[name] = np.array(points, dtype=np.float64)
    if not lines:
        raise DeclarationError(
            "no record of the metrics has an accuracy beside an epoch or a number of samples."
        )
    with _picture(path, (6.4, 4.0)) as figure:
        from matplotlib.ticker import MaxNLocator

        axes = figure.subplots()
        for i, (name, xy) in enumerate(lines.items()):
            what = name.removesuffix("accuracy").strip("_").replace("_", " ") or "accuracy"
            last = f"{what}, last {xy[-1, 1]:.2f} %"
            marker = MARKERS[i % len(MARKERS)] if len(xy) <= 60 else ""
            axes.plot(
                *xy.T, color=SERIES[i % len(SERIES)], marker=marker, markersize=4.5, linewidth=1.6, label=last
            )
        axes.set(xlabel="epoch" if axis == "epoch" else "samples seen", ylabel="accuracy (%)", title=title)
        axes.set_ylim(*_range(lines))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.margins(x=0.03)
        axes.grid(True)
        axes.legend(loc="lower right")


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
    with _picture(path, (7.6, 1.2 + 0.75 * sum(heights))) as figure:
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


def confusion(
    matrix: np.ndarray,
    classes: Sequence[object],
    path: str | os.PathLike[str],
    *,
    title: str = "Confusion matrix",
) -> None:
    """Draw a confusion matrix: int (k, k), rows the true class, columns the answer; `classes` are k names.

    Colour is the share of the row; up to 20 classes the counts are written in.
    """
    matrix = np.asarray(matrix)
    k = len(classes)
    if matrix.shape != (k, k) or k == 0 or matrix.dtype.kind not in "iu" or matrix.min() < 0:
        raise DeclarationError(
            f"a confusion matrix of {k} classes is a ({k}, {k}) array of counts; "
            f"this is {matrix.shape} {matrix.dtype}."
        )
    total, right = int(matrix.sum()), int(np.trace(matrix))
    share = 100 * matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = 3.6 + min(0.30 * k, 6.0)
    with _picture(path, (side + 0.7, side)) as figure:
        from matplotlib.colors import PowerNorm

        axes = figure.subplots()
        # The root brings out the few per cent beside the diagonal, which are what one looks for.
        image = axes.imshow(share, cmap="Blues", norm=PowerNorm(0.5, vmin=0, vmax=100))
        size = 9 if k <= 10 else 6
        if k <= 20:
            for (i, j), count in np.ndenumerate(matrix):
                if count:
                    shade = "white" if share[i, j] > 35 else "#222222"
                    axes.text(j, i, str(count), ha="center", va="center", color=shade, fontsize=size)
        long = max(len(str(name)) for name in classes) > 3
        axes.set_xticks(range(k), [str(name) for name in classes], rotation=90 if long else 0)
        axes.set_yticks(range(k), [str(name) for name in classes])
        axes.tick_params(length=0, labelsize=9 if k <= 20 else 6)
        accuracy = f": {100 * right / total:.2f} % of {total:,} right" if total else ""
        axes.set(xlabel="answer", ylabel="true class", title=title + accuracy)
        _bare(axes)
        bar = figure.colorbar(image, ax=axes, shrink=0.8, ticks=[0, 1, 5, 20, 50, 100])
        bar.set_label("share of the true class (%)")
        _bare(bar.ax)


def weight_fields(
    w: np.ndarray,
    shape: tuple[int, int],
    path: str | os.PathLike[str],
    *,
    n: int = 25,
    title: str = "",
) -> None:
    """Draw the incoming weights of the `n` neurons whose weights have the largest norm, as images of `shape`.

    `w`: real (n_pre, n_post) with n_pre = rows * columns of `shape`. One scale for all, symmetric about zero.
    """
    w = np.asarray(w)
    if w.ndim != 2 or w.shape[0] != math.prod(shape) or w.shape[1] == 0 or n < 1:
        raise DeclarationError(
            f"weights of shape {w.shape} are not fields of shape {tuple(shape)}: the first dimension must be "
            f"{math.prod(shape)}, and at least one field is drawn (n={n})."
        )
    if not np.isfinite(w).all():
        raise DeclarationError("the weights hold NaN or infinity, which cannot be drawn.")
    norms = np.linalg.norm(w.astype(np.float64), axis=0)
    chosen = np.argsort(-norms, kind="stable")[:n]
    columns = math.ceil(math.sqrt(len(chosen)))
    rows = math.ceil(len(chosen) / columns)
    # A few extreme weights would leave the rest pale.
    limit = float(np.quantile(np.abs(w[:, chosen]), 0.995)) or float(np.abs(w).max()) or 1.0
    with _picture(
        path, (1.2 * columns + 1.2, 1.2 * rows * shape[0] / shape[1] + 0.16 * rows + 0.2)
    ) as figure:
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for axes, neuron in zip(grid.flat, chosen, strict=False):
            image = axes.imshow(w[:, neuron].reshape(shape), cmap="RdBu_r", vmin=-limit, vmax=limit)
            axes.set_title(f"{neuron}", fontsize=7, color=GREY, pad=2, loc="center")
        bar = figure.colorbar(image, ax=grid, shrink=0.6, aspect=30, extend="both")
        bar.set_label("weight")
        _bare(bar.ax)
        which = f"the {len(chosen)} of largest norm, of {w.shape[1]}" if len(chosen) < w.shape[1] else "all"
        figure.suptitle(title or f"Incoming weights by neuron ({which})", fontsize=11)


def _bare(axes: Axes) -> None:
    """Take the frame away."""
    for spine in axes.spines.values():
        spine.set_visible(False)


def _range(lines: Mapping[str, np.ndarray]) -> tuple[float, float]:
    """Limits (%) that show the lines with some air and end at 100 where the lines come near."""
    values = np.concatenate([xy[:, 1] for xy in lines.values()])
    low, high = float(values.min()), float(values.max())
    air = max(0.08 * (high - low), 0.5)
    return max(low - air, -1.0), min(high + air, 100.5)


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


@contextmanager
def _picture(path: str | os.PathLike[str], inches: tuple[float, float]) -> Iterator[Figure]:
    """Yield an empty figure in our style; write it to `path` when the drawing is done."""
    path = Path(path)
    suffix = path.suffix.lower().lstrip(".")
    if suffix not in FORMATS:
        raise DeclarationError(unknown("picture format", suffix, FORMATS))
    try:
        from matplotlib import style
        from matplotlib.figure import Figure
    except ImportError as problem:
        raise MissingExtraError("matplotlib", "plot") from problem
    with style.context(["default", STYLE]):  # a user's own settings must not spoil the pictures
        figure = Figure(figsize=inches, layout="constrained")
        yield figure
        buffer = io.BytesIO()
        figure.savefig(buffer, format=suffix)
    write_bytes(path, buffer.getvalue(), what="the picture")
