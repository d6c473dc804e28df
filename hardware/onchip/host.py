"""Training with the host: stock processes, and a step of the host where a phase ends, which clears traces.

With symmetric feedback the host also transports the weights between trials; with inputs by bias it writes the
biases of a trial, and removes them in the last steps of a phase. It streams spikes, labels and counts.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.hardware.lava.session import Reals, Session
from spikesim.hardware.onchip.bias import THETA, Biases
from spikesim.hardware.onchip.graph import LINES, LearnerGraph, signed, teacher_train
from spikesim.hardware.onchip.learner import Learner
from spikesim.hardware.onchip.learnt_in_lava import INPUT, Counts, Given, LavaLearnt, read_weights
from spikesim.spikes import Spikes


def train_with_host(learner: Learner, given: Given, labels: npt.NDArray[np.int64]) -> LavaLearnt:
    """Learn from checked trials; see `lava.train_in_lava`."""
    B, fixed = len(given), learner.arithmetic == "fixed"
    found = Counts(learner, given)
    streams = {"teacher": _teacher(learner, labels)}
    with Session() as session:
        teacher = session.inject("teacher", learner.layers[-1].n + LINES)
        driven = None
        if isinstance(given, Biases):
            driven = _neurons(learner, given, fixed)
            source = driven.s_out
        else:
            source = session.inject("input", learner.n_in)
            streams["input"] = _input(learner, given)
        graph = LearnerGraph(learner, source, teacher)
        taps = dict(graph.spiking)
        if driven is not None:
            taps[INPUT] = source
        for name, port in taps.items():
            session.extract(name, port)
        session.start(graph.root, "fixed_pt" if fixed else "floating_pt")
        settings = _settings(graph, given, driven)
        begun = time.perf_counter()
        for t, step in enumerate(session.stream(streams, B * learner.T, settings)):
            found.add(t // learner.half, step)
        seconds = time.perf_counter() - begun
        weights = read_weights(graph)
    return LavaLearnt(weights, found.counts, found.errors, graph.processes + 2 + len(taps), seconds)


def _neurons(learner: Learner, given: Biases, fixed: bool) -> Any:
    """The input as stock neurons that are driven by a bias."""
    from lava.proc.lif.process import LIFReset

    return LIFReset(
        shape=(learner.n_in,), du=4095 if fixed else 1.0, dv=0 if fixed else 0.0, bias_exp=6 if fixed else 0,
        bias_mant=given.values[0].astype(np.int32 if fixed else np.float64),
        vth=THETA - 1 if fixed else float(np.nextafter(THETA, -np.inf)),
        reset_interval=learner.half, reset_offset=1, name="input",
    )  # fmt: skip


Settings = dict[int, Iterator[tuple[Any, npt.NDArray[Any]]]]


def _settings(graph: LearnerGraph, given: Given, driven: Any) -> Settings:
    """What the host sets, by step."""
    one, found = graph.learner, {}
    for phase in range(2 * len(given)):
        begin, biases = phase * one.half, None
        if isinstance(given, Biases):
            found[begin + one.active] = iter([(driven.bias_mant, given.values[0] * 0)])
            biases = given.values[min((phase + 1) // 2, len(given) - 1)]
        found[begin + one.half] = _host(graph, phase % 2 == 1, driven, biases)
    return found


def _host(
    graph: LearnerGraph, last: bool, driven: Any, biases: npt.NDArray[np.int64] | None
) -> Iterator[tuple[Any, npt.NDArray[Any]]]:
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
    if biases is not None:
        yield driven.bias_mant, biases


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
