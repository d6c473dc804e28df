"""A divergence is met at the step where it happens, with the last good state at hand."""

from __future__ import annotations

import math
from typing import Any

from spikesim.errors import SpikesimError


class DivergenceError(SpikesimError, ArithmeticError):
    """Weights became infinite, NaN or absurdly large.

    Attributes:
        step: the update that did it, counted from 1.
        norm: Euclidean norm of all weights and biases after it.
        last_good: the network as it was before (at the last checked point), or None.
    """

    def __init__(self, message: str, step: int, norm: float, last_good: Any = None) -> None:
        super().__init__(message)
        self.step, self.norm, self.last_good = step, norm, last_good


def check_norm(squares: float, step: int, remedies: str, last_good: Any = None, most: float = 1e6) -> None:
    """Stop a training whose weights have left all bounds.

    Args:
        squares: sum of the squares of all weights.
        step: the update that led there, from 1.
        remedies: what usually helps, for the message.
        last_good: the network before, for the error's `last_good`.
        most: the largest norm that counts as sound.

    Raises:
        DivergenceError: the norm is not finite, or beyond `most`.
    """
    norm = math.sqrt(squares) if squares >= 0 else math.nan
    if not norm <= most:
        raise DivergenceError(
            f"diverged at step {step}: the norm of the weights is {norm:.4g}, the limit {most:.4g}. "
            f"Usual remedies: {remedies}. The last good state is the error's `last_good`",
            step,
            norm,
            last_good,
        )
