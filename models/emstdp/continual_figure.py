"""Figure of learning that goes on: accuracy after each task, and online accuracy under drift."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from spikesim.errors import DataError
from spikesim.models.emstdp.continual import LEARNERS
from spikesim.models.emstdp.drift import DRIFTS
from spikesim.plotting.curves import Curve, Panel, panels


def draw_continual(cells: Sequence[dict[str, Any]], path: str | os.PathLike[str]) -> None:
    """Draw the cells of a study, means over the seeds.

    Args:
        cells: as returned by `continual.run_study`.
        path: .png, .svg or .pdf.

    Raises:
        DataError: no cells.
    """
    if not cells:
        raise DataError("draw_continual: no cells")
    first, others = [_panel(cells, "classes"), _panel(cells, DRIFTS[0])], DRIFTS[1:]
    panels([first, [_panel(cells, drift) for drift in others]], path, title="Learning that goes on")


def _panel(cells: Sequence[dict[str, Any]], change: str) -> Panel:
    curves, key, marks = [], "seen" if change == "classes" else "online", []
    for number, (name, label) in enumerate(LEARNERS.items()):
        mine = [cell for cell in cells if (cell["learner"], cell["change"]) == (name, change)]
        if not mine:
            continue
        y = 100 * np.mean([cell[key] for cell in mine], axis=0)
        if change == "classes":
            x = np.arange(1, len(y) + 1)
        else:
            x, marks = np.array(mine[0]["samples"]), [mine[0]["length"] // 2]
        named = label if change == "classes" else ""  # one legend, where no curve is in its way
        curves.append(Curve(named, x, y, number))
    if change == "classes":
        return Panel(
            "classes one after another", "tasks learnt", "accuracy, seen classes (%)", curves, (0, 100)
        )
    return Panel(f"inputs {change}", "samples", "online accuracy (%)", curves, (0, 100), marks)
