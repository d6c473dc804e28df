"""Training of a learner in Lava, with a host step between phases: the host clears traces, and no more.

With symmetric feedback the host also transports the weights between trials. Weights are learnt by Lava's
learning connections alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikesim.hardware.lava.install import require
from spikesim.hardware.lava.session import Reals, Session
from spikesim.hardware.onchip.graph import LearnerGraph, signed, teacher_train
from spikesim.hardware.onchip.learner import Ints, Learner
from spikesim.spikes import Spikes


class LavaLearnt(NamedTuple):
    """What a run of Lava gave.

    Attributes:
        weights: int64 (n_pre, n) of each layer, in units of its weights.
        counts: int32 (B, 2, L + 1, n), as in `Learnt`.
        errors: int32 (B, L + 1, n), signed counts of the error neurons, by layer.
        processes: number of Lava's processes.
        seconds: of the run, without building and reading the weights.
    """

    weights: tuple[Ints, ...]
    counts: npt.NDArray[np.int32]
    errors: npt.NDArray[np.int32]
    processes: int
    seconds: float


def train_in_lava(learner: Learner, spikes: Spikes, labels: npt.NDArray[np.int64]) -> LavaLearnt:
    """Learn from trials one after the other, in Lava on the CPU.

    Args:
        learner: the learner.
        spikes: the input of one phase; `learner.active` steps.
        labels: int64 (B,), the classes.

    Raises:
        DataError: inputs or labels that do not fit.
        EngineError: a process of Lava has failed.
        MissingExtraError: Lava is not installed.
    """
    learner.check(spikes, labels)
    require()
    B, L = len(spikes), len(learner.layers)
    found = _Counted(learner, spikes)
    with Session() as session:
        graph = LearnerGraph(learner, session)
        session.start(graph.root, "fixed_pt" if learner.arithmetic == "fixed" else "floating_pt")
        given = {"input": _input(learner, spikes), "teacher": _teacher(learner, labels)}
        settings = {
            (2 * b + phase + 1) * learner.half: _host(graph, last=phase == 1)
            for b in range(B)
            for phase in range(2)
        }
        begun = time.perf_counter()
        for t, step in enumerate(session.stream(given, B * learner.T, settings)):
            found.take(t, step)
        seconds = time.perf_counter() - begun
        weights = tuple(_read(graph, k) for k in range(L))
    return LavaLearnt(weights, found.counts, found.errors, graph.processes, seconds)


def _host(graph: LearnerGraph, last: bool) -> Iterator[tuple[Any, npt.NDArray[Any]]]:
    """What the host sets where a phase ends: read when it is needed."""
    one = graph.learner
    for dense, layer in zip(graph.plastic, one.layers, strict=True):
        if last or one.h_pre == "second":
            yield dense.x1, np.zeros(dense.x1.shape)
        if last:
            yield dense.y1, np.zeros(layer.n)
        yield dense.y2, np.zeros(layer.n)
    if last:
        for dense, above in zip(graph.feedback, graph.plastic[1:], strict=False):
            yield dense.weights, signed(above.weights.get().T)


def _read(graph: LearnerGraph, k: int) -> Ints:
    """Learnt weights (n_pre, n) as integers; every one is a whole number of units."""
    w = np.asarray(graph.plastic[k].weights.get(), np.float64).T / (
        1.0 if graph.learner.arithmetic == "fixed" else graph.learner.layers[k].unit
    )
    counts = np.round(w)
    assert (counts == w).all(), "a weight of Lava is off the grid"
    return counts.astype(np.int64)


def _input(learner: Learner, spikes: Spikes) -> Iterator[Reals]:
    """The input (n,) of each step: the spikes of a phase, twice, each followed by silence."""
    silence = np.zeros(spikes.n)
    for b in range(len(spikes)):
        raster = spikes.raster(b).astype(np.float64)
        for _ in range(2):
            yield from raster
            for _ in range(learner.half - spikes.T):
                yield silence
    while True:
        yield silence


def _teacher(learner: Learner, labels: npt.NDArray[np.int64]) -> Iterator[Reals]:
    for label in labels.tolist():
        yield from teacher_train(learner, label)
    nothing = teacher_train(learner, 0)[-1] * 0
    while True:
        yield nothing


class _Counted:
    """Spike counts by trial, phase and layer, collected step by step."""

    def __init__(self, learner: Learner, spikes: Spikes) -> None:
        self._learner = learner
        B, L, most = len(spikes), len(learner.layers), max(learner.sizes)
        self.counts = np.zeros((B, 2, L + 1, most), np.int32)
        self.errors = np.zeros((B, L + 1, most), np.int32)
        self.counts[:, :, 0, : spikes.n] = spikes.counts()[:, None]

    def take(self, t: int, step: dict[Any, Reals]) -> None:
        """Add what was sent in step t, counted from 0."""
        trial, phase = t // self._learner.T, t % self._learner.T // self._learner.half
        for k, layer in enumerate(self._learner.layers, 1):
            self.counts[trial, phase, k, : layer.n] += step["s", layer.name, 0].astype(np.int32)
            both = step["s", f"error:{layer.name}", 0].astype(np.int32)
            self.errors[trial, k, : layer.n] += both[: layer.n] - both[layer.n :]
