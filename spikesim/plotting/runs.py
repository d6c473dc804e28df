"""Figures of a training run: learning curve, confusion matrix, receptive fields."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spikesim.errors import DeclarationError
from spikesim.plotting.style import GREY, MARKERS, SERIES, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def learning_curve(
    metrics: Sequence[Mapping[str, Any]], path: str | os.PathLike[str], *, title: str = "Learning curve"
) -> None:
    """Draw the accuracies of a run over the epochs.

    Args:
        metrics: records of the run. Each key that ends in "accuracy" (0 to 1) is one line, over "epoch" or,
            if no record has it, over "samples". Records without the key are skipped.
        path: .png, .svg or .pdf.
        title: title of the figure.

    Raises:
        DeclarationError: no record has an accuracy together with an epoch or a number of samples.
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
            "learning_curve: no record of the metrics has an accuracy and an epoch or number of samples"
        )
    with picture(path, (6.4, 4.0)) as figure:
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


def confusion(
    matrix: np.ndarray,
    classes: Sequence[object],
    path: str | os.PathLike[str],
    *,
    title: str = "Confusion matrix",
) -> None:
    """Draw a confusion matrix, with the accuracy in the title.

    The colour is the share of the row. Counts are printed for up to 20 classes.

    Args:
        matrix: integers (k, k), rows are true classes, columns predictions.
        classes: k names of classes.
        path: .png, .svg or .pdf.
        title: title of the figure, without the accuracy, which is appended.

    Raises:
        DeclarationError: not a (k, k) array of counts >= 0.
    """
    matrix = np.asarray(matrix)
    k = len(classes)
    if matrix.shape != (k, k) or k == 0 or matrix.dtype.kind not in "iu" or matrix.min() < 0:
        raise DeclarationError(
            f"confusion: matrix is {matrix.dtype} {matrix.shape}; for {k} classes a ({k}, {k}) array of "
            f"integer counts >= 0 is needed"
        )
    total, right = int(matrix.sum()), int(np.trace(matrix))
    share = 100 * matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = 3.6 + min(0.30 * k, 6.0)
    with picture(path, (side + 0.7, side)) as figure:
        from matplotlib.colors import PowerNorm

        axes = figure.subplots()
        # The square root emphasises the few per cent off the diagonal, which are of interest.
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
        accuracy = f": {100 * right / total:.2f} % of {total:,} correct" if total else ""
        axes.set(xlabel="predicted class", ylabel="true class", title=title + accuracy)
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
    """Draw receptive fields: incoming weights as images, for the `n` neurons with the largest weight norm.

    All images have the same colour scale, symmetric about zero.

    Args:
        w: weights, real (n_pre, n_post), n_pre = rows * columns.
        shape: (rows, columns) of an image.
        path: .png, .svg or .pdf.
        n: greatest number of images.
        title: title of the figure.

    Raises:
        DeclarationError: the shapes do not fit, n < 1, or a weight is not finite.
    """
    w = np.asarray(w)
    if w.ndim != 2 or w.shape[0] != math.prod(shape) or w.shape[1] == 0 or n < 1:
        raise DeclarationError(
            f"weight_fields: weights {w.shape} do not fit images of shape {tuple(shape)} with n={n}: "
            f"the first dimension must be {math.prod(shape)}, and n at least 1"
        )
    if not np.isfinite(w).all():
        raise DeclarationError(
            "weight_fields: the weights contain NaN or infinity; finite numbers are needed"
        )
    norms = np.linalg.norm(w.astype(np.float64), axis=0)
    chosen = np.argsort(-norms, kind="stable")[:n]
    columns = math.ceil(math.sqrt(len(chosen)))
    rows = math.ceil(len(chosen) / columns)
    # A quantile, since a few extreme weights would make the rest pale.
    limit = float(np.quantile(np.abs(w[:, chosen]), 0.995)) or float(np.abs(w).max()) or 1.0
    with picture(path, (1.2 * columns + 1.2, 1.2 * rows * shape[0] / shape[1] + 0.16 * rows + 0.2)) as figure:
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for axes, neuron in zip(grid.flat, chosen, strict=False):
            image = axes.imshow(w[:, neuron].reshape(shape), cmap="RdBu_r", vmin=-limit, vmax=limit)
            axes.set_title(f"{neuron}", fontsize=7, color=GREY, pad=2, loc="center")
        bar = figure.colorbar(image, ax=grid, shrink=0.6, aspect=30, extend="both")
        bar.set_label("weight")
        _bare(bar.ax)
        which = (
            f"the {len(chosen)} with the largest norm of {w.shape[1]}" if len(chosen) < w.shape[1] else "all"
        )
        figure.suptitle(title or f"Incoming weights by neuron ({which})", fontsize=11)


def _bare(axes: Axes) -> None:
    """Remove the frame."""
    for spine in axes.spines.values():
        spine.set_visible(False)


def _range(lines: Mapping[str, np.ndarray]) -> tuple[float, float]:
    """Limits of the axis in %: the range of the lines plus a margin, at most 100.5."""
    values = np.concatenate([xy[:, 1] for xy in lines.values()])
    low, high = float(values.min()), float(values.max())
    air = max(0.08 * (high - low), 0.5)
    return max(low - air, -1.0), min(high + air, 100.5)
