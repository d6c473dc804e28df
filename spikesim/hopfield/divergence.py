"""A Hopfield network whose states run away: found at once, with the step, the norm and the usual remedies."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spikesim.errors import SpikesimError
from spikesim.hopfield.mstdp.states import Float32

REMEDIES = (
    "Take a smaller learning rate, a smaller step size epsilon, a data range of -1/2 to 1/2, smoothing, "
    "or smaller initial weights"
)


class DivergenceError(SpikesimError, ArithmeticError):
    """States or weights that run away while a network learns.

    Attributes:
        step: presentation (of a batch) at which it was seen, counted from 0.
        norm: the largest absolute state, NaN or infinite where numbers have overflowed.
        saved: where the last good state lies; None where none was asked for.
    """

    def __init__(self, where: str, step: int, norm: float, limit: float, saved: Path | None = None) -> None:
        self.where, self.step, self.norm, self.limit, self.saved = where, step, norm, limit, saved
        kept = f" The last good state is in {saved}." if saved is not None else ""
        super().__init__(
            f"{where}: diverged at presentation {step}: the largest |state| is {norm:.3g}, the limit "
            f"{limit:.3g}. {REMEDIES}.{kept}"
        )


def largest(s: Float32) -> float:
    """The largest absolute value; NaN where there is one."""
    return float(np.max(np.abs(s))) if s.size else 0.0


def check_states(s: Float32, limit: float, where: str, step: int) -> None:
    """Raise DivergenceError unless every |state| is finite and at most `limit`."""
    norm = largest(s)
    if not norm <= limit:
        raise DivergenceError(where, step, norm, limit)
