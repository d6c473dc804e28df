"""Line plots in a grid of panels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from spikesim.errors import DeclarationError
from spikesim.plotting.style import MARKERS, SERIES, picture


class Curve(NamedTuple):
    """One line.

    Attributes:
        label: for the legend; "" for none.
        x, y: the points, of the same length; NaN leaves a gap.
        colour: number of the colour and marker.
        dashed: draw the line dashed and without markers.
    """

    label: str
    x: Any
    y: Any
    colour: int = 0
    dashed: bool = False


class Panel(NamedTuple):
    """One panel.

    Attributes:
        title, xlabel, ylabel: texts.
        curves: the lines.
        ylim: range of the y axis; None: as the data.
        marks: x of vertical lines.
    """

    title: str
    xlabel: str
    ylabel: str
    curves: Sequence[Curve]
    ylim: tuple[float, float] | None = None
    marks: Sequence[float] = ()


def panels(rows: Sequence[Sequence[Panel]], path: str | os.PathLike[str], *, title: str = "") -> None:
    """Draw rows of panels; rows may have different lengths.

    Args:
        rows: the panels, from top left.
        path: .png, .svg or .pdf.
        title: title of the figure.

    Raises:
        DeclarationError: no panel, or a curve whose x and y have different lengths.
    """
    if not rows or not all(rows):
        raise DeclarationError("panels: at least one panel in every row is needed")
    for panel in (panel for row in rows for panel in row):
        for curve in panel.curves:
            if np.shape(curve.x) != np.shape(curve.y):
                raise DeclarationError(
                    f"panels: {panel.title!r}, curve {curve.label!r}: x has shape {np.shape(curve.x)}, y "
                    f"{np.shape(curve.y)}; the shapes must be equal"
                )
    columns = max(len(row) for row in rows)
    with picture(path, (4.2 * columns, 2.9 * len(rows))) as figure:
        grid = figure.subplots(len(rows), columns, squeeze=False)
        for row, places in zip(rows, grid, strict=True):
            for panel, axes in zip(row, places[: len(row)], strict=True):
                _draw(axes, panel)
            for axes in places[len(row) :]:
                axes.set_axis_off()
        figure.suptitle(title, fontsize=11)


def _draw(axes: Any, panel: Panel) -> None:
    for x in panel.marks:
        axes.axvline(x, color="#BBBBBB", linewidth=0.8, zorder=0)
    for curve in panel.curves:
        axes.plot(
            curve.x,
            curve.y,
            color=SERIES[curve.colour % len(SERIES)],
            marker="" if curve.dashed or len(curve.x) > 40 else MARKERS[curve.colour % len(MARKERS)],
            markersize=3.5,
            linewidth=1.4,
            linestyle="--" if curve.dashed else "-",
            label=curve.label or None,
        )
    axes.set(xlabel=panel.xlabel, ylabel=panel.ylabel, title=panel.title)
    if panel.ylim is not None:
        axes.set_ylim(*panel.ylim)
    axes.grid(True)
    if any(curve.label for curve in panel.curves):
        axes.legend(fontsize=8)
