"""The protocol of rules that act at the end of a trial, on the spike counts of its phases."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from spikesim import grid

Ints = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]
SUMS_EXACT = 2**62  # what a rule adds to the masters is summed in int64
PRODUCTS_EXACT = 2**53  # count products are summed in float64


@runtime_checkable
class TrialRule(Protocol):
    """Plasticity at the end of a trial: weight changes from spike counts, on the master grid of 2**-28.

    A rule is a frozen dataclass with these members, in one file; with `@register_rule` networks, their files
    and the engines `naive` and `stepped` know it (`windowed` and Brian2 run `CountRule`). It changes Dense
    weights. Counts of `batch` trials come together; the engine adds what the rule returns to the masters, and
    clips them.

    Attributes:
        clip: (low, high), the range of the weights; they start inside it.
    """

    @property
    def clip(self) -> tuple[float, float]:
        """Range of the weights."""
        ...

    def memory(self, shape: tuple[int, int]) -> Reals | None:
        """The rule's running variable at the start, one a synapse; None where it has none."""
        ...

    def increments(self, pre: Ints, post: Ints, factor: float, memory: Reals | None) -> Ints:
        """What is added to the masters, int64 (n_pre, n_post), in counts of the master grid.

        Args:
            pre, post: int64 (B, 2, n), spike counts of the first and second phase of each trial.
            factor: of the step size's schedule.
            memory: the running variable, changed in place.
        """
        ...

    def exceeds(self, T: int, batch: int, factor: float) -> bool:
        """Whether the sums of a batch of trials of T steps could leave the exact range: `SUMS_EXACT` for the
        increments, `PRODUCTS_EXACT` for sums in float64. Such a training is refused.
        """
        ...


def is_trial_rule(rule: object) -> bool:
    """Whether a rule acts at the end of a trial."""
    return isinstance(rule, TrialRule) and not isinstance(rule, type)


def clip_master(clip: tuple[float, float]) -> tuple[int, int]:
    """A clip range in counts of the master grid: the outermost grid points inside it."""
    low, high = np.asarray(clip, np.float64) * 2.0**grid.MASTER_BITS
    return int(np.ceil(low)), int(np.floor(high))
