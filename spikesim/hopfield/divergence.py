"""Divergence check for continuous Hopfield networks: the largest absolute state after a trial."""

from __future__ import annotations

import numpy as np

from spikesim.errors import DivergenceError
from spikesim.hopfield.mstdp.states import Float32

__all__ = ["REMEDIES", "DivergenceError", "check_states", "largest"]

REMEDIES = (
    "Take a smaller learning rate, a smaller step size epsilon, a data range of -1/2 to 1/2, smoothing, "
    "or smaller initial weights"
)


def largest(s: Float32) -> float:
    """The largest absolute value; NaN if any value is NaN, 0 for an empty array."""
    return float(np.max(np.abs(s))) if s.size else 0.0


def check_states(s: Float32, limit: float, where: str, step: int) -> None:
    """Check that every |state| is finite and at most `limit`.

    Args:
        s: states, float32 of any shape.
        limit: the largest absolute state that is accepted.
        where: the network and the place, for the message.
        step: number of the trial (of a batch), counted from 0.

    Raises:
        DivergenceError: a state is not finite or beyond the limit.
    """
    norm = largest(s)
    if not norm <= limit:
        raise DivergenceError(
            f"{where}: diverged at trial {step}: the largest |state| is {norm:.3g}, the limit {limit:.3g}. "
            f"{REMEDIES}.",
            step,
            norm,
            limit,
        )
