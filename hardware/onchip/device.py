"""Training without the host: all trials in one run, from sources that hold them to counters on the chip.

The graph is that of the other construction, but that its learning connections clear their traces by
themselves, and that input, labels and the lines of the teacher come from processes of the chip. The timing is
the same, and so is the twin.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.errors import EngineError
from spikesim.hardware.lava.session import Session
from spikesim.hardware.onchip.bias import THETA, Biases
from spikesim.hardware.onchip.graph import LearnerGraph, teacher_train
from spikesim.hardware.onchip.learner import Learner
from spikesim.hardware.onchip.learnt_in_lava import INPUT, Counts, Given, LavaLearnt, read_weights


def check_no_host(learner: Learner) -> None:
    """Check that a learner needs no host.

    Raises:
        EngineError: its feedback is transported by the host.
    """
    if learner.feedback == "symmetric":
        raise EngineError(
            "on-chip learning: construction = 'device' runs all trials without the host, and feedback = "
            "'symmetric' needs it to transport the weights between trials. Take feedback = 'fa' or 'dfa', or "
            "construction = 'host'"
        )


def train_on_device(learner: Learner, given: Given, labels: npt.NDArray[np.int64]) -> LavaLearnt:
    """Learn from checked trials; see `lava.train_in_lava`.

    Raises:
        EngineError: the learner needs the host.
    """
    check_no_host(learner)
    from spikesim.hardware.onchip.processes.counter import PhaseCounter
    from spikesim.hardware.onchip.processes.sources import Teacher

    phases, n_out = 2 * len(given), learner.layers[-1].n
    teacher = Teacher(labels=labels, train=teacher_train(learner, 0), n_out=n_out)
    source = _source(learner, given)
    with Session() as session:
        graph = LearnerGraph(learner, source.s_out, teacher.s_out, clearing=True)
        taps = dict(graph.spiking)
        if isinstance(given, Biases):
            taps[INPUT] = source.s_out
        counters = {}
        for name, port in taps.items():
            counters[name] = PhaseCounter(n=port.size, phases=phases, half=learner.half)
            port.connect(counters[name].s_in)
        session.start(graph.root, "fixed_pt" if learner.arithmetic == "fixed" else "floating_pt")
        begun = time.perf_counter()
        session.run(phases * learner.half)
        seconds = time.perf_counter() - begun
        weights = read_weights(graph)
        counted = {name: np.asarray(counter.counts.get()) for name, counter in counters.items()}
    found = Counts(learner, given)
    for phase in range(phases):
        found.add(phase, {name: rows[phase] for name, rows in counted.items()})
    processes = graph.processes + 2 + len(counters)
    return LavaLearnt(weights, found.counts, found.errors, processes, seconds)


def _source(learner: Learner, given: Given) -> Any:
    from spikesim.hardware.onchip.processes.sources import TrialBiases, TrialSpikes

    if isinstance(given, Biases):
        return TrialBiases(biases=given.values, theta=THETA, half=learner.half, active=learner.active)
    return TrialSpikes(
        times=given.times, neurons=given.neurons, offsets=given.offsets, n=given.n, half=learner.half
    )
