"""Scatter plots of two quantities that are expected to agree."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from spikesim.errors import DeclarationError
from spikesim.plotting.style import BLUE, GREY, VERMILION, picture


class Cloud(NamedTuple):
    """One panel: x and y of the same length, their labels, and an optional reference curve (x, y)."""

    title: str
    x: Any
    y: Any
    xlabel: str
    ylabel: str
    curve: tuple[Any, Any] | None = None


def clouds(panels: Sequence[Cloud], path: str | os.PathLike[str], *, title: str = "") -> None:
    """Draw panels side by side: the points, and the reference curve as a dotted line.

    Args:
        panels: the panels, from left to right.
        path: .png, .svg or .pdf.
        title: title of the figure.

    Raises:
        DeclarationError: no panel, or x and y of different lengths.
    """
    if not panels:
        raise DeclarationError("clouds: at least one panel is needed")
    for panel in panels:
        if np.shape(panel.x) != np.shape(panel.y):
            raise DeclarationError(
                f"clouds: panel {panel.title!r}: x has shape {np.shape(panel.x)}, y {np.shape(panel.y)}; the "
                f"shapes must be equal"
            )
    with picture(path, (3.8 * len(panels), 3.6)) as figure:
        for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
            axes.scatter(panel.x, panel.y, s=6, alpha=0.5, color=BLUE, linewidths=0, rasterized=True)
            if panel.curve is not None:
                axes.plot(*panel.curve, color=VERMILION, linestyle=":", linewidth=1.6)
            axes.axhline(0, color=GREY, linewidth=0.5)
            axes.set(xlabel=panel.xlabel, ylabel=panel.ylabel, title=panel.title)
            axes.grid(True)
        figure.suptitle(title, fontsize=11)
