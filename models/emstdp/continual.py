"""Learning that goes on: classes one after another, and data that change; EMSTDP against a perceptron.

Classes: a task is a pair of classes (0 and 1, then 2 and 3, ...), learnt once, sample by sample, without
seeing earlier tasks again; the output always has all classes. After each task the accuracy is measured over
the validation samples of all classes seen so far, and of each task. Forgetting is the mean over the tasks but
the last of the accuracy lost from directly after the task to the end. As a control the same samples are
learnt in random order.

Drift: a stream of samples of all classes whose inputs change on the way (`drift`); every sample is predicted
before it is learnt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from spikesim import rng
from spikesim.datasets.dataset import Dataset, Split
from spikesim.errors import DataError, DeclarationError
from spikesim.files.measured_table import Table
from spikesim.models.emstdp import Emstdp, encoder
from spikesim.models.emstdp.cells import measured_once
from spikesim.models.emstdp.depth import settings
from spikesim.models.emstdp.drift import DRIFTS, PIECE, drifting
from spikesim.models.emstdp.learner import Learner
from spikesim.models.emstdp.perceptron import Perceptron

LEARNERS = {
    "SW": "EMSTDP-SW",
    "DFA": "EMSTDP-DFA",
    "SW-slow": "EMSTDP-SW, hidden steps / 10",
    "perceptron": "perceptron",
}
ORDERS = ("classes", "mixed")
PERCEPTRON_ETA = 0.003


class OnlineLearner(Protocol):
    """What learns samples one after another."""

    def learn(self, split: Split, epoch: int = 0) -> npt.NDArray[np.int64]:
        """Learn samples in their order; returns the classes predicted before each was learnt."""
        ...

    def accuracy(self, split: Split) -> float:
        """Share of correct predictions."""
        ...


@dataclass(frozen=True)
class Study:
    """Size of the study.

    Attributes:
        hidden: neurons of each hidden layer.
        per_task: samples of a task of two classes.
        stream: samples of a stream with drift.
        measured: validation samples of all classes; all of them if there are fewer.
        learners: of `LEARNERS`.
        seeds: of weights, order and spikes.

    Raises:
        DeclarationError: a value out of range.
    """

    hidden: tuple[int, ...] = (200, 200)
    per_task: int = 1000
    stream: int = 6000
    measured: int = 2000
    learners: tuple[str, ...] = tuple(LEARNERS)
    seeds: tuple[int, ...] = (1, 2)

    def __post_init__(self) -> None:
        if not self.learners or not set(self.learners) <= set(LEARNERS):
            raise DeclarationError(f"Study: learners = {self.learners!r}; known: {', '.join(LEARNERS)}")
        for name, low in (("per_task", 1), ("stream", 2), ("measured", 1)):
            if getattr(self, name) < low:
                raise DeclarationError(f"Study: {name} = {getattr(self, name)!r}; at least {low} is needed")
        if not self.hidden or min(self.hidden) < 1 or not self.seeds:
            raise DeclarationError(
                f"Study: hidden = {self.hidden!r}, seeds = {self.seeds!r}; one hidden layer of at least one "
                f"neuron and one seed are needed"
            )


def configuration(name: str, sizes: tuple[int, ...]) -> Emstdp:
    """The network of a learner that is EMSTDP, or whose input encoding the perceptron shares."""
    config = settings("remedied", "dfa" if name == "DFA" else "symmetric", sizes)
    if name != "SW-slow":
        return config
    steps = config.eta_hidden
    return replace(
        config, eta_hidden=tuple(s / 10 for s in steps) if isinstance(steps, tuple) else steps / 10
    )


def make(name: str, sizes: tuple[int, ...], seed: int) -> OnlineLearner:
    """A new learner."""
    config = configuration(name, sizes)
    if name == "perceptron":
        return Perceptron(sizes[0], sizes[-1], PERCEPTRON_ETA, config.T // 2, encoder(config), seed)
    return Learner(config, seed)


def tasks(dataset: Dataset) -> list[list[int]]:
    """The classes of each task: pairs in the order of the labels; an odd last class is a task of its own."""
    classes = range(len(dataset.classes))
    return [list(classes[k : k + 2]) for k in range(0, len(classes), 2)]


def learn_classes(
    learner: OnlineLearner, dataset: Dataset, study: Study, seed: int, mixed: bool = False
) -> dict[str, Any]:
    """Learn the classes one after another, or the same samples in random order.

    Args:
        learner: the learner.
        dataset: its `fit` samples are learnt, and its `validation` samples are measured.
        study: `per_task` samples of each task are learnt, and `measured` samples are measured.
        seed: selects the samples and their order.
        mixed: learn all tasks together, in random order.

    Returns:
        `seen`: after each task, the accuracy over all classes seen so far. `by_task`: after each task, the
        accuracy of each task seen so far, alone. `forgetting`: see the module; None if mixed. If mixed,
        there is one part, and everything has been seen after it.

    Raises:
        DataError: a task has fewer samples.
    """
    parts, per_task = [], study.per_task
    measured = dataset.validation.take(min(study.measured, len(dataset.validation)))
    for number, classes in enumerate(tasks(dataset)):
        rows = np.flatnonzero(np.isin(dataset.fit.y, classes))
        if len(rows) < per_task:
            raise DataError(
                f"continual: task {number} of {dataset.name} has {len(rows)} samples; per_task = {per_task}"
            )
        parts.append(rows[rng.permutation(seed, len(rows), number)[:per_task]])
    groups = tasks(dataset)
    if mixed:
        rows = np.concatenate(parts)
        parts, groups = [rows[rng.permutation(seed, len(rows), len(parts))]], [_all(groups)]
    seen: list[float] = []
    by_task: list[list[float]] = []
    for number, rows in enumerate(parts):
        learner.learn(dataset.fit.select(rows))
        known = groups[: number + 1]
        shares = [np.isin(measured.y, classes) for classes in known]
        by_task.append([learner.accuracy(measured.select(share)) for share in shares])
        seen.append(float(np.average(by_task[-1], weights=[share.sum() for share in shares])))
    lost = [by_task[k][k] - by_task[-1][k] for k in range(len(groups) - 1)]
    return {"seen": seen, "by_task": by_task, "forgetting": float(np.mean(lost)) if lost else None}


def learn_drift(learner: OnlineLearner, stream: Iterable[Split], change: int) -> dict[str, Any]:
    """Learn a stream.

    Args:
        learner: the learner.
        stream: the samples in pieces.
        change: sample at which the data change.

    Returns:
        `samples`, `online`: number of samples at the end of each piece, and its online accuracy; `before`,
        `after`, `end`: online accuracy in the last piece before the change, the first after it, and the last;
        `mean`: over the whole stream.
    """
    samples, online, right, total = [], [], 0, 0
    for piece in stream:
        hits = learner.learn(piece) == piece.y
        right, total = right + int(hits.sum()), total + len(piece)
        samples.append(total)
        online.append(float(hits.mean()))
    at = int(np.searchsorted(samples, change, side="right"))
    return {
        "samples": samples,
        "online": online,
        "before": online[max(at - 1, 0)],
        "after": online[min(at, len(online) - 1)],
        "end": online[-1],
        "mean": right / total,
    }


def run_study(
    dataset: Dataset, study: Study, folder: Path, say: Callable[[str], None] = print
) -> list[dict[str, Any]]:
    """Run all cells (a learner, a kind of change, a seed), or read those that the folder holds.

    Args:
        dataset: its `fit` samples are learnt, and its `validation` samples are measured.
        study: size of the study.
        folder: folder of the cells, one JSON file each.
        say: receives a line for each cell.

    Raises:
        DataError: too few samples, or a cell in the folder that is of another study.
    """
    sizes = (dataset.fit.x.shape[1], *study.hidden, len(dataset.classes))
    found = []
    for seed in study.seeds:
        for name in study.learners:
            for change in (*ORDERS, *DRIFTS):
                entry = {"learner": name, "change": change, "seed": seed, "dataset": dataset.name}
                entry |= {"config": asdict(configuration(name, sizes)), "eta": PERCEPTRON_ETA}
                entry |= {"length": study.per_task if change in ORDERS else study.stream}
                entry |= {"measured": study.measured}

                def measure(name: str = name, change: str = change, seed: int = seed) -> dict[str, Any]:
                    learner = make(name, sizes, seed)
                    if change in ORDERS:
                        return learn_classes(learner, dataset, study, seed, change == "mixed")
                    stream = drifting(dataset, change, study.stream, seed)
                    return learn_drift(learner, stream, study.stream // 2)

                path = folder / f"{dataset.name}-{change}-{name}-{seed}.json"
                found.append(measured_once(path, entry, measure))
                say(path.stem)
    return found


def table(cells: Sequence[dict[str, Any]], study: Study, dataset: str, command: str) -> Table:
    """The study as a table: means over the seeds in %; the cells are its data."""
    rows = []
    for name in study.learners:
        row: list[Any] = [LEARNERS[name]]
        for change, of in (
            ("classes", lambda cell: cell["seen"][-1]),
            ("classes", lambda cell: cell["forgetting"]),
            ("mixed", lambda cell: cell["seen"][-1]),
        ):
            row.append(_mean(cells, name, change, of))
        for change in DRIFTS:
            keys = ("before", "after", "end") if change != "rotated" else ("before", "end", "mean")
            row.append(" / ".join(f"{_mean(cells, name, change, itemgetter(key)):.1f}" for key in keys))
        rows.append(tuple(row))
    return Table(
        f"Learning that goes on: {dataset}, one pass, online",
        (
            "Learner",
            "classes one after another (%)",
            "forgetting (points)",
            "same samples mixed (%)",
            "permuted: before / after / end (%)",
            "inverted: before / after / end (%)",
            "rotated: middle / end / mean (%)",
        ),
        tuple(rows),
        command,
        f"Networks with hidden layers of {', '.join(map(str, study.hidden))}; tasks of two classes and "
        f"{study.per_task:,} samples, accuracy on validation samples of all classes after the last task; "
        f"streams of {study.stream:,} samples that change in the middle, online accuracy in pieces of "
        f"{PIECE}. Seeds: {len(study.seeds)} (means). The perceptron (delta rule) reads the same spikes.",
        {**asdict(study), "perceptron_eta": PERCEPTRON_ETA},
        {"cells": list(cells)},
    )


def _mean(
    cells: Sequence[dict[str, Any]], name: str, change: str, of: Callable[[dict[str, Any]], float]
) -> float:
    values = [of(cell) for cell in cells if (cell["learner"], cell["change"]) == (name, change)]
    return 100 * float(np.mean(values))


def _all(groups: Sequence[Sequence[int]]) -> list[int]:
    return list(chain.from_iterable(groups))
