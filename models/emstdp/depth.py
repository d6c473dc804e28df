"""One to four hidden layers: accuracy, activity and the angle to the rate network's gradient over training.

Two rules are compared, with symmetric feedback (SW), feedback alignment (FA, the remedied rule only) and
direct feedback alignment (DFA):

    remedied    resets by subtraction, gate, updates from the error neurons' counts, no injection
    paper       eq. 12: resets to zero, updates from the change of the counts, injection with gamma = 1

A cell is one training (a rule, a feedback, a number of hidden layers, a seed). It is saved when it ends, so
an interrupted study continues with the cell that was running.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from spikesim import rng
from spikesim.datasets.dataset import Dataset
from spikesim.errors import DataError, DeclarationError
from spikesim.files.measured_table import Table
from spikesim.models.emstdp import Emstdp
from spikesim.models.emstdp.angles import layer_angles, layers_of
from spikesim.models.emstdp.cells import measured_once
from spikesim.models.emstdp.config import FEEDBACKS, of_layer
from spikesim.models.emstdp.learner import Learner

RULES = ("remedied", "paper")
REMEDIED = Emstdp(
    gate=True,
    reset="subtract",
    error_reset="subtract",
    update="error",
    gamma=0.0,
    target_rate=0.6,
    theta_loss=2.0,
    beta_hidden=0.05,  # 1 / sqrt(2 n) with n = 200: the activity then neither falls nor rises with the layer
    eta_decay=1.0,
)
PAPER = Emstdp(target_rate=0.3, theta_loss=2.0, beta_hidden=0.05, eta=0.05, eta_decay=1.0)


@dataclass(frozen=True)
class Study:
    """Size of the study.

    Attributes:
        width: neurons of every hidden layer.
        depths: numbers of hidden layers.
        feedbacks: of "symmetric", "fa" and "dfa".
        rules: of "remedied" and "paper".
        points: samples learnt at each measurement, rising from 0.
        measured: validation samples for accuracy, activity and angles.
        seed: of weights, sample order and spikes.

    Raises:
        DeclarationError: a value out of range.
    """

    width: int = 200
    depths: tuple[int, ...] = (1, 2, 3, 4)
    feedbacks: tuple[str, ...] = tuple(FEEDBACKS)
    rules: tuple[str, ...] = RULES
    points: tuple[int, ...] = (0, 1000, 3000, 6000, 12000)
    measured: int = 1000
    seed: int = 1

    def __post_init__(self) -> None:
        for name, known in (("feedbacks", FEEDBACKS), ("rules", RULES)):
            if not getattr(self, name) or not set(getattr(self, name)) <= set(known):
                raise DeclarationError(f"Study: {name} = {getattr(self, name)!r}; known: {', '.join(known)}")
        if not self.depths or min(self.depths) < 1:
            raise DeclarationError(
                f"Study: depths = {self.depths!r}; numbers of hidden layers >= 1 are needed"
            )
        for name in ("width", "measured"):
            if getattr(self, name) < 1:
                raise DeclarationError(f"Study: {name} = {getattr(self, name)!r}; it must be at least 1")
        if not self.cells():
            raise DeclarationError("Study: the paper's rule is studied with symmetric and dfa, not with fa")
        if len(self.points) < 2 or self.points[0] < 0 or (np.diff(self.points) <= 0).any():
            raise DeclarationError(
                f"Study: points = {self.points!r}; at least two rising numbers of samples >= 0 are needed"
            )

    def cells(self) -> list[tuple[str, str, int]]:
        """All (rule, feedback, depth), the shallow ones first; the paper has no results with FA."""
        found = [(r, f, n) for n in self.depths for r in self.rules for f in self.feedbacks]
        return [cell for cell in found if cell[:2] != ("paper", "fa")]


def settings(rule: str, feedback: str, sizes: tuple[int, ...]) -> Emstdp:
    """The configuration of a cell; error thresholds and steps were chosen on validation samples.

    The steps of a chained feedback (SW, FA) follow the gradient: an error neuron of threshold theta_e counts
    its error in units of theta_e / theta of the layer above, and the steps of all layers are those of one
    learning rate in these units.
    """
    hidden = len(sizes) - 2
    if rule == "paper":
        config = replace(PAPER, sizes=sizes, feedback=feedback)  # type: ignore[arg-type]
        if feedback == "dfa":
            return replace(config, gate=True, target_rate=0.5, eta_hidden=0.3, beta_error=0.06)
        return replace(config, eta_hidden=0.4, beta_error=(0.04,) * (hidden - 1) + (0.25,))
    config = replace(REMEDIED, sizes=sizes, feedback=feedback)  # type: ignore[arg-type]
    if feedback == "dfa":
        return replace(config, eta=0.05, eta_hidden=0.1, beta_error=0.05, b_centred=True, bounded=True)
    beta = (0.04,) * (hidden - 1) + (0.1,)
    config = replace(config, eta=0.03, beta_error=beta)
    config = replace(config, eta_hidden=gradient_steps(config))
    return replace(config, b_centred=True, bounded=True) if feedback == "fa" else config


def gradient_steps(config: Emstdp, factor: float = 1.0) -> tuple[float, ...]:
    """Values of `eta_hidden` with which all layers have one learning rate in the units of the gradient.

    Args:
        config: the configuration; feedback is symmetric, or fixed with the same scale.
        factor: common factor of the hidden layers.
    """
    sizes, last = config.sizes, len(config.sizes) - 1
    scale = [math.sqrt(config.init_scale / n) for n in sizes]
    beta = [config.beta_hidden] * (last - 1) + [config.beta_out]
    theta = [sizes[k] * scale[k] * beta[k] for k in range(last)]
    found, unit = [0.0] * (last - 1), 1.0
    for k in range(last - 2, -1, -1):
        unit *= sizes[k + 2] * scale[k + 1] * of_layer(config.beta_error, k + 1) / theta[k + 1]
        found[k] = float(f"{factor * unit * (theta[k] / theta[-1]) ** 2:.3g}")
    return tuple(found)


def run_study(
    dataset: Dataset, study: Study, folder: Path, say: Callable[[str], None] = print
) -> list[dict[str, Any]]:
    """Run all cells of a study, or read those that the folder holds.

    Args:
        dataset: its `fit` samples are learnt, and its `validation` samples are measured.
        study: size of the study.
        folder: folder of the cells, one JSON file each.
        say: receives a line for each cell.

    Returns:
        The cells, see `measure_cell`.

    Raises:
        DataError: too few samples, or a cell in the folder that is of another study.
    """
    for name, split, needed in (
        ("fit", dataset.fit, max(np.diff(study.points))),
        ("validation", dataset.validation, study.measured),
    ):
        if needed > len(split):
            raise DataError(f"depth: {needed} {name} samples are needed, but {dataset.name} has {len(split)}")
    n_in, n_out = dataset.fit.x.shape[1], len(dataset.classes)
    found = []
    for rule, feedback, depth in study.cells():
        config = settings(rule, feedback, (n_in, *(study.width,) * depth, n_out))
        entry = {"rule": rule, "feedback": feedback, "depth": depth, "dataset": dataset.name}
        entry |= {"config": asdict(config), "points": study.points}
        entry |= {"measured": study.measured, "seed": study.seed}
        path = folder / f"{dataset.name}-{rule}-{feedback}-{depth}.json"
        cell = measured_once(path, entry, partial(_measured, dataset, config, study))
        last = cell["records"][-1]
        say(f"{path.stem}: {100 * last['accuracy']:.2f} %, angles {_angles(last)} degrees")
        found.append(cell)
    return found


def _measured(dataset: Dataset, config: Emstdp, study: Study) -> dict[str, Any]:
    return {"records": measure_cell(dataset, config, study)}


def measure_cell(dataset: Dataset, config: Emstdp, study: Study) -> list[dict[str, Any]]:
    """Train one network and measure it at every point of the study.

    Returns:
        For every point: `samples` learnt; `accuracy` on validation samples; and by layer, from the first
        hidden layer to the output, `activity` (share of steps with a spike), `silent` (share of neurons
        without a spike in a trial), both in the first phase, and `angles` in degrees (None: no update, or no
        gradient).
    """
    learner = Learner(config, study.seed)
    measured = dataset.validation.take(study.measured)
    records: list[dict[str, Any]] = []
    done = 0
    for part, point in enumerate(study.points):
        if point > done:
            rows = rng.permutation(study.seed, len(dataset.fit), part)[: point - done]
            learner.learn(dataset.fit.select(rows), part)
            done = point
        counts = learner.counts(measured)
        first = [counts[learner.network.named[name].post][:, 0] for name in layers_of(learner.network)]
        records.append(
            {
                "samples": done,
                "accuracy": learner.evaluate(measured).accuracy,
                "activity": [float(h.mean() / learner.network.window.boundary) for h in first],
                "silent": [float((h == 0).mean()) for h in first],
                "angles": layer_angles(learner, counts),
            }
        )
    return records


def table(cells: Sequence[dict[str, Any]], study: Study, dataset: str, command: str) -> Table:
    """The study as a table: one row per cell, as it ended; the curves are its data."""
    rows = []
    for cell in cells:
        last = cell["records"][-1]
        best = max(record["accuracy"] for record in cell["records"])
        rows.append(
            (
                cell["rule"],
                FEEDBACKS[cell["feedback"]],
                cell["depth"],
                100 * last["accuracy"],
                100 * best,
                _angles(last),
                ", ".join(f"{100 * a:.1f}" for a in last["activity"]),
            )
        )
    return Table(
        f"EMSTDP with 1 to 4 hidden layers of {study.width}: {dataset}, {study.points[-1]:,} samples",
        (
            "Rule",
            "Feedback",
            "Hidden layers",
            "Validation (%)",
            "best (%)",
            "Angle to the gradient by layer (degrees)",
            "Activity by layer (% of steps)",
        ),
        tuple(rows),
        command,
        "Layers from the first hidden one to the output. Angle: between the update of EMSTDP and the "
        "negative gradient of the rate network with the same weights, both summed over "
        f"{study.measured:,} validation samples (models/emstdp/angles.py); 90 is no descent. One seed.",
        asdict(study),
        {"cells": list(cells)},
    )


def _angles(record: dict[str, Any]) -> str:
    return ", ".join("–" if a is None else f"{a:.0f}" for a in record["angles"])
