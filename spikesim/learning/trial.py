"""The protocol of trial rules, which act at the end of a trial on the spike counts of its phases."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from spikesim import grid

Ints = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]
SUMS_EXACT = 2**62  # limit of weight changes, which are summed in int64
PRODUCTS_EXACT = 2**53  # limit of count products, which are summed in float64


@runtime_checkable
class TrialRule(Protocol):
    """Plasticity at the end of a trial: weight changes from spike counts, on the master grid of 2**-28.

    A rule is a frozen dataclass with these members, in one file; `@register_rule` makes it available to
    networks, their files and the engines `naive` and `stepped` (`windowed` and Brian2 support `CountRule`).
    It changes Dense weights (`CountRule` the kernels of a Conv2d, too). It receives the counts of `batch`
    trials together; the engine adds the returned changes to the master weights, and clips them.

    Attributes:
        clip: (low, high), the range of the weights; initial weights must be inside it.
        error: the population of error neurons whose counts it reads, of the size of the postsynaptic one;
            None if it reads none.
    """

    @property
    def clip(self) -> tuple[float, float]:
        """Range of the weights."""
        ...

    @property
    def error(self) -> str | None:
        """Name of the population of error neurons."""
        ...

    def memory(self, shape: tuple[int, int]) -> Reals | None:
        """The initial running variable of the rule, one value per synapse; None if it has none."""
        ...

    def increments(
        self, pre: Ints, post: Ints, error: Ints | None, factor: float, memory: Reals | None
    ) -> Ints:
        """The changes of the master weights, int64 (n_pre, n_post), in counts of the master grid.

        Args:
            pre, post: int64 (B, 2, n), spike counts of the first and second phase of each trial.
            error: the same of the population `error`, signed; None without one.
            factor: factor of the learning rate schedule.
            memory: the running variable, changed in place.
        """
        ...

    def exceeds(self, T: int, batch: int, factor: float) -> bool:
        """Whether the sums of a batch of trials of T steps could exceed the exact range; learning is then
        refused. The limits are `SUMS_EXACT` for the increments, `PRODUCTS_EXACT` for sums in float64.
        """
        ...


def is_trial_rule(rule: object) -> bool:
    """Whether a rule acts at the end of a trial."""
    return isinstance(rule, TrialRule) and not isinstance(rule, type)


def clip_master(clip: tuple[float, float]) -> tuple[int, int]:
    """A clip range in counts of the master grid: the outermost grid points inside it."""
    low, high = np.asarray(clip, np.float64) * 2.0**grid.MASTER_BITS
    return int(np.ceil(low)), int(np.floor(high))
