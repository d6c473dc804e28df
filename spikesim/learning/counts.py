"""The count rule: error-modulated STDP at the end of a trial (Shrestha 2019, eq. 12).

    dw_ij = eta * sum over the batch of h_i[pre] * (h_j[second] - h_j[first])

h[span] are spike counts in a span of the population's own window. Without error spikes h[second] = h[first],
and the weights do not change. With `error` the signed count of the error neurons in the second phase takes
the place of h_j[second] - h_j[first]: this is what eqs. 5 to 10 derive, before eq. 12 replaces it by the
change that the error spikes cause. With `ceiling` the factor of a neuron is at most ceiling - h_j[first]:
what its count can still rise by. A kernel entry of a Conv2d is one weight at many places, and dw is the sum
over them: the gradient of a shared weight. There are two kinds of steps:

    plain       w += dw                                             exact: integers on the master grid
    normalised  g = dw / (eta * batch);  r = .9 r + .1 g**2
                w += eta * g / (sqrt(r) + 1e-8)                     float64, then rounded to the master grid

The normalised step is that of the authors' research code; equal results are guaranteed for the engines of
this package only.

Weight decay is a shift of the master weights m (integers), after the update of the batch that completes every
`decay_every`-th trial:

    m -= sign(m) * (|m| >> decay_bits)

The loss is rounded towards 0, equally for both signs, so |m| < 2**decay_bits (2**-18 for 10 bits) does not
decay. The period follows the learning rate: it is decay_every / factor, rounded, with the factor of the
schedule, so that the ratio of decay and learning rate is constant.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from spikesim import grid
from spikesim.errors import DeclarationError
from spikesim.files.field_versions import SINCE
from spikesim.files.plain_values import plain_fields
from spikesim.grid import whole
from spikesim.learning.online import register_rule
from spikesim.learning.trial import PRODUCTS_EXACT, SUMS_EXACT, clip_master
from spikesim.window import Span

C = TypeVar("C", np.int32, np.int64)
DECAY, EPSILON = 0.9, 1e-8
NEVER = 2.0**53  # trials; weights with a longer period do not decay


@register_rule
@dataclass(frozen=True)
class CountRule:
    """EMSTDP's learning rule of a plastic projection.

    Attributes:
        eta: learning rate. `plain`: weight change per unit of the count product; 0 or >= 2**-28, one count of
            the master grid. `normalised`: weight change per step; < 8, the limit of master weights.
        pre: the span in which presynaptic spikes are counted.
        clip: range of the weights; clipped updates are counted. Ends off the master grid are moved inwards to
            it, see `clip_master`.
        step: "plain" or "normalised", see above.
        error: population of error neurons, one for each postsynaptic neuron, whose counts are read; None for
            eq. 12.
        ceiling: the largest count of a phase; None for no bound of the changes.
        decay_every: trials between two decays of the weights, see above; None for no decay. The clip range
            must contain 0.
        decay_bits: a decay takes 2**-decay_bits of a weight.

    Raises:
        DeclarationError: a field is out of range.

    Examples:
        >>> import numpy as np
        >>> import spikesim as ss
        >>> rule = ss.CountRule(eta=2**-10)
        >>> pre, post = np.array([[[3], [2]]]), np.array([[[1], [4]]])  # (trials, phases, neurons): counts
        >>> changes = rule.increments(pre, post, None, factor=1.0, memory=None)
        >>> changes / 2**28  # eta (h_second - h_first) h_pre = 2**-10 * (4 - 1) * 3
        array([[0.00878906]])
    """

    eta: float
    pre: Span = "first"
    clip: tuple[float, float] = (-1.0, 1.0)
    step: Literal["plain", "normalised"] = "plain"
    error: str | None = field(default=None, metadata={SINCE: "0.2"})
    ceiling: int | None = field(default=None, metadata={SINCE: "0.2"})
    decay_every: int | None = field(default=None, metadata={SINCE: "0.2"})
    decay_bits: int = field(default=10, metadata={SINCE: "0.2"})

    def __post_init__(self) -> None:
        plain_fields(self)
        if not (np.isfinite(self.eta) and self.eta >= 0):
            raise DeclarationError(f"CountRule: eta = {self.eta!r}; a finite learning rate >= 0 is needed")
        if self.pre not in ("first", "second", "all"):
            raise DeclarationError(f"CountRule: pre = {self.pre!r}; known: 'first', 'second', 'all'")
        if self.step not in ("plain", "normalised"):
            raise DeclarationError(f"CountRule: step = {self.step!r}; known: 'plain', 'normalised'")
        if self.ceiling is not None and not whole(self.ceiling, 1):
            raise DeclarationError(
                f"CountRule: ceiling = {self.ceiling!r}; a whole number of spikes >= 1, or None, is needed"
            )
        self._check_eta()
        low, high = self.clip
        if not -grid.MASTER_LIMIT < low < high < grid.MASTER_LIMIT:
            raise DeclarationError(
                f"CountRule: clip = {self.clip!r}; low < high inside +-{grid.MASTER_LIMIT} are needed "
                f"(master weights are int32 on the grid of 2**-{grid.MASTER_BITS})"
            )
        first, last = self.clip_master()
        if first >= last:
            raise DeclarationError(
                f"CountRule: clip = {self.clip!r} contains fewer than two points of the master grid of "
                f"2**-{grid.MASTER_BITS}; use a wider range"
            )

        self._check_decay()

    def _check_decay(self) -> None:
        if self.decay_every is not None and not whole(self.decay_every, 1):
            raise DeclarationError(
                f"CountRule: decay_every = {self.decay_every!r}; a whole number of trials >= 1, or None, is "
                f"needed"
            )
        if not whole(self.decay_bits, 1) or self.decay_bits > grid.MASTER_BITS:
            raise DeclarationError(
                f"CountRule: decay_bits = {self.decay_bits!r}; a whole number, 1 .. {grid.MASTER_BITS}, is "
                f"needed: a decay takes 2**-decay_bits of a weight"
            )
        if self.decay_every is not None and not self.clip[0] <= 0 <= self.clip[1]:
            raise DeclarationError(
                f"CountRule: clip = {self.clip!r} does not contain 0, towards which decay_every = "
                f"{self.decay_every} moves the weights; widen it, or declare no decay"
            )

    def _check_eta(self) -> None:
        if self.step == "plain" and 0 < self.eta * 2**grid.MASTER_BITS < 1:
            raise DeclarationError(
                f"CountRule: eta = {self.eta!r} is less than one step of the master grid, "
                f"2**-{grid.MASTER_BITS} = {2.0**-grid.MASTER_BITS:.4g}; use a larger one, or 0 for constant "
                f"weights"
            )
        if self.step == "normalised" and self.eta >= grid.MASTER_LIMIT:
            raise DeclarationError(
                f"CountRule: eta = {self.eta!r}; a normalised step is a weight change, and master weights "
                f"are limited to +-{grid.MASTER_LIMIT}; use a smaller one"
            )

    def eta_master(self, factor: float = 1.0) -> int:
        """The learning rate of a plain step in counts of the master grid, times the factor of a schedule.

        A schedule never stops learning: the result is at least one count, unless eta or the factor is 0.
        """
        scaled = self.eta * factor
        return max(1, round(scaled * 2**grid.MASTER_BITS)) if scaled > 0 else 0

    def clip_master(self) -> tuple[int, int]:
        """The clip range in counts of the master grid: the outermost grid points inside `clip`."""
        return clip_master(self.clip)

    def decay_period(self, factor: float = 1.0) -> int:
        """Trials between two decays with the factor of a schedule; 0 for no decay."""
        if self.decay_every is None or self.decay_every >= factor * NEVER:
            return 0
        return max(1, round(self.decay_every / factor))

    def decays(self, before: int, after: int, factor: float = 1.0) -> bool:
        """Whether weights decay in an update after which `after` trials are learnt, and `before` so far."""
        period = self.decay_period(factor)
        return period > 0 and after // period > before // period

    def memory(self, shape: tuple[int, ...]) -> npt.NDArray[np.float64] | None:
        """The running mean square of normalised steps, float64, one per weight; see `TrialRule`."""
        return np.zeros(shape) if self.step == "normalised" else None

    def increments(
        self,
        pre: npt.NDArray[np.int64],
        post: npt.NDArray[np.int64],
        error: npt.NDArray[np.int64] | None,
        factor: float,
        memory: npt.NDArray[np.float64] | None,
    ) -> npt.NDArray[np.int64]:
        """See `TrialRule`."""
        product = presynaptic(pre, self.pre).T @ postsynaptic(self, post, error)
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


def postsynaptic(rule: CountRule, post: npt.NDArray[C], error: npt.NDArray[C] | None) -> npt.NDArray[C]:
    """The postsynaptic factors, (B, n), from the counts (B, 2, n) of the neurons and their error neurons."""
    found = post[:, 1] - post[:, 0] if error is None else error[:, 1]
    return found if rule.ceiling is None else np.minimum(found, rule.ceiling - post[:, 0])


def decayed(masters: npt.NDArray[np.int32], bits: int) -> npt.NDArray[np.int32]:
    """Master weights after a decay by 2**-bits, rounded as in the module's description."""
    found: npt.NDArray[np.int32] = masters - np.sign(masters) * (np.abs(masters) >> np.int32(bits))
    return found


def increments(
    rule: CountRule,
    product: npt.NDArray[np.int64],
    batch: int,
    factor: float,
    r: npt.NDArray[np.float64] | None,
) -> npt.NDArray[np.int64]:
    """The weight changes in counts of the master grid, before clipping: the reference implementation.

    Args:
        rule: the rule.
        product: int64 (n_pre, n_post), or in the shape of the kernels of a Conv2d: the count products summed
            over the batch (and over places).
        batch: number of trials in the batch.
        factor: factor of the learning rate schedule.
        r: float64, in the same shape, the running mean square, changed in place by the normalised step; None
            for the plain one.

    Returns:
        int64, in the same shape, in counts of the master grid.
    """
    if rule.step == "plain":
        return rule.eta_master(factor) * product
    assert r is not None
    g = product / batch
    r[:] = DECAY * r + (1 - DECAY) * (g * g)
    return grid.snap(rule.eta * factor * g / (np.sqrt(r) + EPSILON), grid.MASTER_BITS)
