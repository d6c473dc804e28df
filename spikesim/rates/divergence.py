"""Divergence check for networks of rates: the norm of all weights after an update."""

from __future__ import annotations

import math
from typing import Any

from spikesim.errors import DivergenceError

__all__ = ["DivergenceError", "check_norm"]


def check_norm(squares: float, step: int, remedies: str, last_good: Any = None, most: float = 1e6) -> None:
    """Stop a training whose weights are not finite or too large.

    Args:
        squares: sum of the squares of all weights and biases.
        step: number of the update after which they are checked, counted from 1.
        remedies: what usually helps; quoted in the message.
        last_good: the network at the last check, kept as the error's `last_good`.
        most: the largest Euclidean norm that is accepted.

    Raises:
        DivergenceError: the norm is not finite, or larger than `most`.
    """
    norm = math.sqrt(squares) if squares >= 0 else math.nan
    if not norm <= most:
        raise DivergenceError(
            f"diverged at step {step}: the norm of the weights is {norm:.4g}, the limit {most:.4g}. "
            f"Usual remedies: {remedies}. The last good network is the error's attribute `last_good`",
            step,
            norm,
            most,
            last_good,
        )
