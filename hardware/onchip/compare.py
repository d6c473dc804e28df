"""The twin against Lava: the same trials are learnt by both, and counts and weights compared."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.hardware.onchip.bias import Biases
from spikesim.hardware.onchip.device import check_no_host
from spikesim.hardware.onchip.lava import Construction, train_in_lava
from spikesim.hardware.onchip.learner import Learner
from spikesim.hardware.onchip.learnt_in_lava import Given
from spikesim.hardware.onchip.twin import Twin


@dataclass(frozen=True)
class LearningVerdict:
    """The result of a comparison.

    Attributes:
        arithmetic: of Lava.
        trials: learnt by both.
        counts: spike counts compared, by trial, phase and neuron.
        counts_differ: how many of them differ.
        weights: weights compared after the last trial.
        weights_differ: how many of them differ.
        changed: weights that learning has changed, in the twin.
        error_spikes: of Lava's error neurons.
        difference: the first count, else the first weight that differs; "" where all is equal.
        processes: of Lava.
        seconds: of Lava's run.
        construction: of the graph, "host" or "device".
        inputs: what was given, "spikes" or "bias".
    """

    arithmetic: str
    trials: int
    counts: int
    counts_differ: int
    weights: int
    weights_differ: int
    changed: int
    error_spikes: int
    difference: str
    processes: int
    seconds: float
    construction: Construction = "host"
    inputs: str = "spikes"

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not self.difference

    def describe(self) -> dict[str, Any]:
        """The verdict as JSON."""
        return asdict(self) | {"equal": self.equal}

    def __str__(self) -> str:
        how = {"host": "", "device": " without the host"}[self.construction]
        how += " with inputs by bias" if self.inputs == "bias" else ""
        if self.equal:
            return (
                f"twin and lava-learning-{self.arithmetic}{how}: {self.weights:,} learned weights "
                f"({self.changed:,} changed) after {self.trials} trials, 0 differ; {self.counts:,} spike "
                f"counts, 0 differ"
            )
        return (
            f"twin and lava-learning-{self.arithmetic}{how} differ first in {self.difference}; "
            f"{self.weights_differ:,} of {self.weights:,} weights differ after {self.trials} trials"
        )


def compare_learning(
    learner: Learner, given: Given, labels: npt.NDArray[np.int64], construction: Construction = "host"
) -> LearningVerdict:
    """Train in the twin and in Lava, and compare; arguments and errors as `train_in_lava`."""
    if construction == "device":
        check_no_host(learner)
    twin, by_bias = Twin(learner), isinstance(given, Biases)
    mine = twin.train(given.spikes(learner.active) if isinstance(given, Biases) else given, labels)
    theirs = train_in_lava(learner, given, labels, construction)
    unlike = mine.counts != theirs.counts
    pairs = list(zip(twin.weights, theirs.weights, strict=True))
    names = ["the input", *(layer.name for layer in learner.layers)]
    difference = ""
    if unlike.any():
        b, phase, k, j = (int(v) for v in np.argwhere(unlike)[0])
        difference = (
            f"trial {b}, phase {phase + 1}, {names[k]}, neuron {j}: {mine.counts[b, phase, k, j]} spikes, "
            f"and {theirs.counts[b, phase, k, j]} in Lava"
        )
    elif wrong := [k for k, (a, b) in enumerate(pairs) if (a != b).any()]:
        k = wrong[0]
        a, w = pairs[k]
        i, j = (int(v) for v in np.argwhere(a != w)[0])
        difference = f"a weight into {names[k + 1]}, ({i}, {j}): {a[i, j]}, and {w[i, j]} in Lava"
    return LearningVerdict(
        learner.arithmetic,
        len(given),
        2 * len(given) * sum(learner.sizes if by_bias else learner.sizes[1:]),
        int(unlike.sum()),
        sum(a.size for a, _ in pairs),
        sum(int((a != b).sum()) for a, b in pairs),
        sum(int((a != layer.w).sum()) for (a, _), layer in zip(pairs, learner.layers, strict=True)),
        int(np.abs(theirs.errors).sum()),
        difference,
        theirs.processes,
        round(theirs.seconds, 2),
        construction,
        "bias" if by_bias else "spikes",
    )
