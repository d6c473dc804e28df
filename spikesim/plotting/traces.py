"""Membrane traces, and comparisons of two rasters that mark the first difference."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from spikesim.errors import DeclarationError
from spikesim.plotting.style import BLUE, GREY, SERIES, VERMILION, picture
from spikesim.spikes import Spikes

MOST = 60  # greatest number of neurons in a comparison


def membranes(
    traces: Mapping[str, Any],
    path: str | os.PathLike[str],
    *,
    theta: float | None = None,
    start: int = 0,
    title: str = "",
) -> None:
    """Draw membrane traces over the time steps.

    Args:
        traces: label -> numbers (steps,), the membrane after the reset.
        path: .png, .svg or .pdf.
        theta: threshold in the unit of the traces, drawn as a dashed line.
        start: first step.
        title: title of the figure.

    Raises:
        DeclarationError: no trace, or a trace of another shape.
    """
    lines = {name: np.asarray(values, np.float64) for name, values in traces.items()}
    for name, values in lines.items():
        if values.ndim != 1 or not values.size:
            raise DeclarationError(f"membranes: {name!r} has shape {values.shape}; (steps,) is needed")
    if not lines:
        raise DeclarationError("membranes: at least one trace is needed")
    with picture(path, (7.6, 3.4)) as figure:
        axes = figure.subplots()
        for k, (name, values) in enumerate(lines.items()):
            steps = np.arange(start, start + len(values))
            axes.plot(steps, values, color=SERIES[k % len(SERIES)], linewidth=1.2, label=name)
        if theta is not None:
            axes.axhline(theta, color=GREY, linestyle="--", linewidth=1, label=f"threshold {theta:g}")
        axes.set(xlabel="step", ylabel="membrane", title=title or "membranes after the reset")
        axes.grid(True)
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))


def comparison(
    a: Spikes,
    b: Spikes,
    path: str | os.PathLike[str],
    *,
    names: tuple[str, str] = ("a", "b"),
    presentation: int = 0,
    title: str = "",
) -> int | None:
    """Draw the spikes of one population on two backends: common spikes grey, others in the backend's colour.

    The first difference is marked. Of more than 60 neurons, those around the first difference are shown.

    Args:
        a, b: spikes with the same numbers of trials, steps and neurons.
        path: .png, .svg or .pdf.
        names: names of the two backends.
        presentation: index of the trial to draw.
        title: title of the figure.

    Returns:
        The first step that differs; None if there is none.

    Raises:
        DeclarationError: numbers of trials, steps or neurons differ, or there is no such trial.
    """
    if (a.T, a.n, len(a)) != (b.T, b.n, len(b)):
        raise DeclarationError(
            f"comparison: a has {len(a)} trials of {a.T} steps and {a.n} neurons, b {len(b)} trials of "
            f"{b.T} steps and {b.n} neurons; they must be equal"
        )
    if not 0 <= presentation < len(a):
        raise DeclarationError(f"comparison: presentation = {presentation}; must lie in 0 .. {len(a) - 1}")
    left, right = a.raster(presentation), b.raster(presentation)
    where = np.argwhere(left != right)
    first = tuple(int(k) for k in where[0]) if len(where) else None
    low = 0 if first is None or a.n <= MOST else max(0, min(first[1] - MOST // 2, a.n - MOST))
    shown = slice(low, min(a.n, low + MOST))
    marks = (
        ("both", GREY, (left == right) & (left != 0)),
        (f"{names[0]} alone", BLUE, (left != right) & (left != 0)),
        (f"{names[1]} alone", VERMILION, (left != right) & (right != 0)),
    )
    with picture(path, (7.6, 3.8)) as figure:
        axes = figure.subplots()
        for label, color, mask in marks:
            t, j = np.nonzero(mask[:, shown])
            axes.vlines(
                t, j + low - 0.4, j + low + 0.4, color=color, linewidth=1.2, label=f"{label}: {mask.sum():,}"
            )
        if first is not None:
            axes.axvline(first[0], color=VERMILION, linestyle=":", linewidth=1.2)
            axes.annotate(
                f"first difference: step {first[0]}, neuron {first[1]}",
                (first[0], low - 0.5),
                xytext=(3, 3),
                textcoords="offset points",
                fontsize=8,
                color=VERMILION,
            )
        axes.set_xlim(-0.5, a.T - 0.5)
        axes.set_ylim(shown.stop - 0.5, low - 0.5)
        axes.set(xlabel="step", ylabel="neuron")
        axes.set_title(title or f"{names[0]} and {names[1]}", pad=14)
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return None if first is None else first[0]
