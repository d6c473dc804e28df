"""Figure of the study of depth: accuracy, activity, silent neurons and angles."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from spikesim.errors import DataError
from spikesim.models.emstdp.config import FEEDBACKS
from spikesim.models.emstdp.depth import RULES
from spikesim.plotting.curves import Curve, Panel, panels

Cells = Sequence[dict[str, Any]]


def draw_depth(cells: Cells, path: str | os.PathLike[str]) -> None:
    """Draw the cells of a study: one column per feedback; the paper's rule is dashed.

    From top: accuracy of every depth, then of the deepest network activity, silent neurons and angles by
    layer over training, then the last angles of every depth.

    Args:
        cells: as returned by `depth.run_study`.
        path: .png, .svg or .pdf.

    Raises:
        DataError: no cells.
    """
    if not cells:
        raise DataError("draw_depth: no cells")
    columns = [f for f in FEEDBACKS if any(cell["feedback"] == f for cell in cells)]
    rows = [
        [make([cell for cell in cells if cell["feedback"] == f], FEEDBACKS[f]) for f in columns]
        for make in (_accuracy, _by_layer("activity"), _by_layer("silent"), _by_layer("angles"), _last)
    ]
    panels(rows, path, title="EMSTDP over depth; solid: remedied, dashed: the paper's rule")


def _accuracy(cells: Cells, name: str) -> Panel:
    curves = []
    for cell in sorted(cells, key=lambda cell: (RULES.index(cell["rule"]), cell["depth"])):
        x, y = _series(cell, lambda record: 100 * record["accuracy"])
        dashed = cell["rule"] == "paper"
        curves.append(Curve("" if dashed else _layers(cell["depth"]), x, y, cell["depth"] - 1, dashed))
    return Panel(f"{name}: accuracy", "samples", "validation (%)", curves, (0, 100))


def _by_layer(key: str) -> Callable[[Cells, str], Panel]:
    """The panel of one quantity by layer, of the deepest network of each rule."""
    ylabel = {
        "activity": "steps with a spike (%)",
        "silent": "silent neurons (%)",
        "angles": "angle (degrees)",
    }
    scale = 1.0 if key == "angles" else 100.0

    def panel(cells: Cells, name: str) -> Panel:
        depth = max(cell["depth"] for cell in cells)
        curves = []
        for cell in (cell for cell in cells if cell["depth"] == depth):
            for layer in range(depth + 1):
                x, y = _series(cell, partial(_of_layer, key=key, layer=layer, scale=scale))
                label = "output" if layer == depth else f"hidden {layer + 1}"
                dashed = cell["rule"] == "paper"
                curves.append(Curve("" if dashed else label, x, y, layer, dashed))
        limits = (0, 120) if key == "angles" else None
        return Panel(f"{name}, {_layers(depth)}: {key}", "samples", ylabel[key], curves, limits)

    return panel


def _last(cells: Cells, name: str) -> Panel:
    """Angles at the end of training over the layer, one curve per depth."""
    curves = []
    for cell in cells:
        angles = [_scaled(angle, 1.0) for angle in cell["records"][-1]["angles"]]
        x, dashed = np.arange(1, len(angles) + 1), cell["rule"] == "paper"
        curves.append(Curve("" if dashed else _layers(cell["depth"]), x, angles, cell["depth"] - 1, dashed))
    return Panel(f"{name}: angles at the end", "layer", "angle (degrees)", curves, (0, 120))


def _series(cell: dict[str, Any], of: Callable[[dict[str, Any]], float]) -> tuple[list[int], list[float]]:
    records = cell["records"]
    return [record["samples"] for record in records], [of(record) for record in records]


def _of_layer(record: dict[str, Any], key: str, layer: int, scale: float) -> float:
    return _scaled(record[key][layer], scale)


def _scaled(value: float | None, scale: float) -> float:
    return float("nan") if value is None else scale * value


def _layers(depth: int) -> str:
    return f"{depth} hidden layer{'s' if depth > 1 else ''}"
