"""Figure 6 of the EMSTDP paper from stored results: BP-MLP, EMSTDP-MLP and EMSTDP on spikes, SW and DFA.

Two panels: accuracy during learning (each sample before its update), and on the test samples after each
epoch, of all runs of a rule: the mean, and the range. The test accuracy was measured along the final runs;
nothing was chosen by it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.errors import DataError
from spikesim.models.emstdp.table2 import ROWS
from spikesim.plotting import GREY, MARKERS, SERIES, picture

LABELS = {
    "bp": "BP-MLP",
    "mlp-sw": "EMSTDP-MLP, SW",
    "mlp-dfa": "EMSTDP-MLP, DFA",
    "sw": "EMSTDP on spikes, SW",
    "dfa": "EMSTDP on spikes, DFA",
    "fa": "EMSTDP on spikes, FA",
}
PANELS = {"train_accuracy": "during learning", "test_accuracy": "test samples"}


@dataclass(frozen=True)
class Curve:
    """Accuracy of a rule after each epoch, over all its runs.

    Attributes:
        rule: as in `models.emstdp.table2`.
        epochs: int64 (points,).
        mean, low, high: in %, float64 (points,).
    """

    rule: str
    epochs: npt.NDArray[np.int64]
    mean: npt.NDArray[np.float64]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]


def curves(results: Mapping[str, Mapping[str, Any]], key: str, row: str = "mnist-500-500") -> list[Curve]:
    """The curves of a row of table 2 for the rules whose runs have recorded a quantity.

    Args:
        results: name of the preset or baseline -> its result, as stored.
        key: of the records: "train_accuracy" or "test_accuracy".
        row: of table 2.
    """
    found = []
    for rule in LABELS:
        runs = [run for name in ROWS[row].names(rule) for run in results.get(name, {}).get("runs", ())]
        if curve := _curve(rule, [run["metrics"] for run in runs], key):
            found.append(curve)
    return found


def _curve(rule: str, runs: Sequence[Sequence[Mapping[str, Any]]], key: str) -> Curve | None:
    """One rule's curve over the epochs that all its recorded runs have."""
    by_run = [{r["epoch"]: 100 * r[key] for r in run if key in r} for run in runs]
    by_run = [values for values in by_run if values]
    epochs = sorted(set.intersection(*map(set, by_run))) if by_run else []
    if not epochs:
        return None
    values = np.array([[run[epoch] for epoch in epochs] for run in by_run])
    return Curve(rule, np.array(epochs), values.mean(axis=0), values.min(axis=0), values.max(axis=0))


def draw_figure_6(results: Mapping[str, Mapping[str, Any]], path: str | os.PathLike[str]) -> list[str]:
    """Draw the figure; returns the labels of the rules without a test curve.

    Raises:
        DataError: no run of the row is stored.
    """
    panels = {key: curves(results, key) for key in PANELS}
    if not panels["train_accuracy"]:
        raise DataError(
            "figure 6: no run of the row mnist-500-500 is stored; run "
            "spikesim reproduce emstdp-table2 --rows mnist-500-500"
        )
    colours = dict(zip(LABELS, (*SERIES, GREY), strict=True))
    with picture(path, (9.6, 4.2)) as figure:
        for axes, (key, drawn) in zip(figure.subplots(1, 2, sharey=True), panels.items(), strict=True):
            for k, curve in enumerate(drawn):
                colour = colours[curve.rule]
                label = f"{LABELS[curve.rule]}: {curve.mean[-1]:.2f}"
                marker = {"marker": MARKERS[k % len(MARKERS)], "markersize": 4.0}
                axes.plot(curve.epochs, curve.mean, color=colour, label=label, linewidth=1.6, **marker)
                axes.fill_between(curve.epochs, curve.low, curve.high, color=colour, alpha=0.2, linewidth=0)
            axes.set(xlabel="epoch (60,000 samples)", title=PANELS[key])
            axes.grid(True)
            if drawn:
                axes.legend(loc="lower right", title="last epoch, %", fontsize=8)
        figure.axes[0].set_ylabel("accuracy (%)")
        low = min(float(np.percentile(c.mean, 25)) for drawn in panels.values() for c in drawn)
        figure.axes[0].set_ylim(max(0.0, np.floor(low) - 2), 100)
        figure.suptitle("Figure 6: MNIST, 784-500-500-10", x=0.02, ha="left")
    tested = {curve.rule for curve in panels["test_accuracy"]}
    return [label for rule, label in LABELS.items() if rule not in tested]
