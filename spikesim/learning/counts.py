"""The count rule: error-modulated STDP at the end of a presentation (Shrestha 2019, eq. 12).

    dw_ij = eta * sum over the batch of h_i[pre] * (h_j[second] - h_j[first])

h[span] are spike counts in a span of the population's own window. Without error spikes h[second] = h[first],
and nothing changes. Two steps are offered:

    plain       w += dw                                             exact: integers on the master grid
    normalised  g = dw / (eta * batch);  r = .9 r + .1 g**2
                w += eta * g / (sqrt(r) + 1e-8)                     float64, then snapped to the master grid

The normalised step is that of the authors' research code; it promises equality among our own engines only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from spikesim import grid
from spikesim.errors import DeclarationError
from spikesim.learning.online import register_rule
from spikesim.learning.trial import PRODUCTS_EXACT, SUMS_EXACT, clip_master
from spikesim.window import Span

C = TypeVar("C", np.int32, np.int64)
DECAY, EPSILON = 0.9, 1e-8


@register_rule
@dataclass(frozen=True)
class CountRule:
    """What a plastic projection learns by.

    Attributes:
        eta: step size: weight a unit of the count product (plain; 0, or at least a count of the master grid),
            or weight (normalised; below 8, where masters end).
        pre: the span in which the presynaptic spikes are counted.
        clip: range of the weights; clipped updates are counted. Ends beside the master grid are drawn in to
            it, see `clip_master`.
        step: "plain" or "normalised", see above.

    Raises:
        DeclarationError: a field is out of range.
    """

    eta: float
    pre: Span = "first"
    clip: tuple[float, float] = (-1.0, 1.0)
    step: Literal["plain", "normalised"] = "plain"

    def __post_init__(self) -> None:
        if not (np.isfinite(self.eta) and self.eta >= 0):
            raise DeclarationError(f"CountRule: eta = {self.eta!r}; a step size is a finite number >= 0")
        if self.pre not in ("first", "second", "all"):
            raise DeclarationError(f"CountRule: pre = {self.pre!r}; known: 'first', 'second', 'all'")
        if self.step not in ("plain", "normalised"):
            raise DeclarationError(f"CountRule: step = {self.step!r}; known: 'plain', 'normalised'")
        self._check_eta()
        low, high = self.clip
        if not -grid.MASTER_LIMIT < low < high < grid.MASTER_LIMIT:
            raise DeclarationError(
                f"CountRule: clip = {self.clip!r}; low < high inside +-{grid.MASTER_LIMIT} are needed "
                f"(masters are int32 on the grid of 2**-{grid.MASTER_BITS})"
            )
        first, last = self.clip_master()
        if first >= last:
            raise DeclarationError(
                f"CountRule: clip = {self.clip!r} holds fewer than two points of the master grid of "
                f"2**-{grid.MASTER_BITS}; take a wider range"
            )

    def _check_eta(self) -> None:
        if self.step == "plain" and 0 < self.eta * 2**grid.MASTER_BITS < 1:
            raise DeclarationError(
                f"CountRule: eta = {self.eta!r} is less than one step of the master grid, "
                f"2**-{grid.MASTER_BITS} = {2.0**-grid.MASTER_BITS:.4g}; take a larger one, or 0 for weights "
                f"that stay"
            )
        if self.step == "normalised" and self.eta >= grid.MASTER_LIMIT:
            raise DeclarationError(
                f"CountRule: eta = {self.eta!r}; a normalised step is a weight, and masters end at "
                f"+-{grid.MASTER_LIMIT}; take a smaller one"
            )

    def eta_master(self, factor: float = 1.0) -> int:
        """The plain step in counts of the master grid, after a schedule's factor.

        A schedule never stops the learning: factors that lead below one count go on with one, unless eta or
        the factor is 0.
        """
        scaled = self.eta * factor
        return max(1, round(scaled * 2**grid.MASTER_BITS)) if scaled > 0 else 0

    def clip_master(self) -> tuple[int, int]:
        """The clip range in counts of the master grid: the outermost grid points inside `clip`."""
        return clip_master(self.clip)

    def memory(self, shape: tuple[int, int]) -> npt.NDArray[np.float64] | None:
        """The running mean square of normalised steps, float64 (n_pre, n_post); see `TrialRule`."""
        return np.zeros(shape) if self.step == "normalised" else None

    def increments(
        self,
        pre: npt.NDArray[np.int64],
        post: npt.NDArray[np.int64],
        factor: float,
        memory: npt.NDArray[np.float64] | None,
    ) -> npt.NDArray[np.int64]:
        """See `TrialRule`."""
        product = presynaptic(pre, self.pre).T @ (post[:, 1] - post[:, 0])
        return increments(self, product, len(pre), factor, memory)

    def exceeds(self, T: int, batch: int, factor: float) -> bool:
        """See `TrialRule`."""
        plain = self.step == "plain"
        eta = self.eta_master(factor) if plain else 1
        far = not plain and self.eta * factor >= grid.MASTER_LIMIT
        return far or T * T * batch >= PRODUCTS_EXACT or eta * T * T * batch >= SUMS_EXACT


def presynaptic(counts: npt.NDArray[C], span: Span) -> npt.NDArray[C]:
    """Spike counts of a span, (B, n), from those by phase, (B, 2, n)."""
    if span == "all":
        return counts[:, 0] + counts[:, 1]
    return counts[:, 0 if span == "first" else 1]


def increments(
    rule: CountRule,
    product: npt.NDArray[np.int64],
    batch: int,
    factor: float,
    r: npt.NDArray[np.float64] | None,
) -> npt.NDArray[np.int64]:
    """What the rule adds to the masters, before the clip: the readable form.

    Args:
        rule: the rule.
        product: int64 (n_pre, n_post), the count products summed over the batch.
        batch: presentations in the batch.
        factor: of the schedule.
        r: float64 (n_pre, n_post), the running mean square; changed in place by the normalised step,
            None for plain.

    Returns:
        int64 (n_pre, n_post) in counts of the master grid.
    """
    if rule.step == "plain":
        return rule.eta_master(factor) * product
    assert r is not None
    g = product / batch
    r[:] = DECAY * r + (1 - DECAY) * (g * g)
    return grid.snap(rule.eta * factor * g / (np.sqrt(r) + EPSILON), grid.MASTER_BITS)
