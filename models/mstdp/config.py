"""mSTDP's configurations: the paper's, literally, and the amended ones that the tables show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from spikesim.hopfield.mstdp.network import Mstdp

PAPER = "mSTDP: momentum spike-timing dependent plasticity"
# What the paper prints (section 3.1): in percent.
PAPER_TEST, PAPER_TRAIN = 96.0, 100.0

LITERAL = Mstdp()
"""Section 3, as printed: 784 + 10 visible and 2048 hidden neurons, batch 1, data as 0 and 1."""

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
"""The paper's clamped and free phases, in which nothing is held, with the amendments that make them learn."""

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
"""Inputs held at their data, so that training frees what a test frees: the labels.

The rule is eq. 7 without smoothing. With inputs held, one cycle a sample and updates at the end of a phase it
is close to equilibrium propagation on a vector field (Scellier et al., "Generalization of equilibrium
propagation to vector field dynamics", 2018), which nudges labels where this one clamps them.
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
"""What changes when a network that classifies learns to generate."""
