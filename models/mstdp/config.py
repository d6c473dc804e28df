"""Configurations of mSTDP: the literal one of the paper, and the amended ones of the tables."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from spikesim.hopfield.mstdp.network import Mstdp

PAPER = "mSTDP: momentum spike-timing dependent plasticity"
# Accuracies that the paper prints (section 3.1), in percent.
PAPER_TEST, PAPER_TRAIN = 96.0, 100.0

LITERAL = Mstdp()
"""Section 3, as printed: 784 + 10 visible and 2048 hidden neurons, batch 1, data as 0 and 1."""

IN_BATCHES = replace(LITERAL, batch=32, alpha=32 * LITERAL.alpha)
"""The printed rule in batches of 32, to save time; an update is a mean, so that alpha is 32 times as large.
"""

HALF_RANGE = replace(IN_BATCHES, low=-0.5, high=0.5)
"""The printed rule in batches of 32, with data as -1/2 and 1/2; the paper prints no range."""

NEAR = Mstdp(
    n_hidden=256,
    lateral=False,
    batch=32,
    alpha=0.016,
    iterations=16,
    free_iterations=16,
    cycles=3,
    low=-0.5,
    high=0.5,
    centre="half",
    learn_first=False,
    immediate=False,
    schedule="linear",
)
"""The clamped and free phases of the paper (nothing is held), with the amendments needed for learning."""

AMENDED = Mstdp(
    n_hidden=512,
    lateral=False,
    batch=32,
    cycles=1,
    low=-0.5,
    high=0.5,
    centre="mean",
    held="inputs",
    restart="sample",
    free_first=True,
    immediate=False,
    xavier=True,
    mirrored=True,
    schedule="linear",
    alpha=0.03,
    hidden_gain=90.0,
    feedback_gain=0.1,
    epsilon=0.3,
    beta=0.8,
    momentum=0.0,
    iterations=12,
    free_iterations=25,
    init=2.0,
    smoothing=0.0,
    averaging=0.998,
    test_iterations=50,
    test_tail=10,
)
"""Inputs are held at their data, so that only the labels are free, in training as in a test.

The rule is eq. 7 without smoothing. With inputs held, one cycle per trial and updates at the end of a phase
it is close to equilibrium propagation on a vector field (Scellier et al., "Generalization of equilibrium
propagation to vector field dynamics", 2018), in which labels are nudged instead of clamped.
"""


def sized(config: Mstdp, n_hidden: int) -> Mstdp:
    """A configuration with another number of hidden neurons."""
    return replace(config, n_hidden=n_hidden)


GENERATING: dict[str, Any] = {
    "held": "outputs",
    "generating_gain": 0.0,
    "averaging": 0.0,
    "iterations": 5,
    "free_iterations": 30,
    "test_iterations": 30,
    "alpha": 0.03,
}
"""Fields that change when a network that classifies learns to generate."""
