"""Training of a learner in Lava: weights are learnt by Lava's learning connections alone.

Two constructions. "host" has stock processes and a step of the host where a phase ends, see `host`; "device"
runs all trials in one run without the host, with processes of its own beside the stock ones, see `device`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from spikesim.errors import DataError, DeclarationError, unknown
from spikesim.hardware.lava.install import require
from spikesim.hardware.onchip.bias import Biases
from spikesim.hardware.onchip.device import check_no_host, train_on_device
from spikesim.hardware.onchip.host import train_with_host
from spikesim.hardware.onchip.learner import Learner
from spikesim.hardware.onchip.learnt_in_lava import Given, LavaLearnt

Construction = Literal["host", "device"]
CONSTRUCTIONS = ("host", "device")


def train_in_lava(
    learner: Learner, given: Given, labels: npt.NDArray[np.int64], construction: Construction = "host"
) -> LavaLearnt:
    """Learn from trials one after the other, in Lava on the CPU.

    Args:
        learner: the learner.
        given: the input of one phase: spikes of `learner.active` steps, or the biases of its neurons.
        labels: int64 (B,), the classes.
        construction: with a step of the host where a phase ends, or all trials in one run ("device"; not
            with symmetric feedback).

    Raises:
        DataError: inputs or labels that do not fit.
        DeclarationError: an unknown construction.
        EngineError: a process of Lava has failed, or the construction cannot hold the learner.
        MissingExtraError: Lava is not installed.
    """
    if construction not in CONSTRUCTIONS:
        raise DeclarationError(f"on-chip learning: {unknown('construction', construction, CONSTRUCTIONS)}")
    if not len(given):
        raise DataError("on-chip learning: no trials were given; at least one is needed")
    learner.check(given.spikes(learner.active) if isinstance(given, Biases) else given, labels)
    if construction == "device":
        check_no_host(learner)
    require()
    train = train_with_host if construction == "host" else train_on_device
    return train(learner, given, np.asarray(labels, np.int64))
