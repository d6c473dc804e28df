"""Gupta's local rule for rates (Gupta 2020, "A more biologically plausible local learning rule for ANNs").

    dW_ij = eta * mean over the batch of Z_j f(x_i, p_j)
    f(x, p) = x**3 p (x - p) / ((2p - x)**2 + eps)                       eq. 3; eps is given below it

x_i and p_j are the rates of the pre- and the postsynaptic neuron in [0, 1]; Z_j is the association of the
postsynaptic neuron with the sample, +1 or -1. f is the STDP curve of eq. 6 with T = 1 / rate. A bias learns
by the same rule with x = 1.

At x = 2p the denominator is eps alone: with the printed eps = 1e-9 one sample near this point outweighs all
others (f reaches 1e8, its median is near 4). Therefore `eps` and `clip` are parameters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from spikesim._jit import kernel
from spikesim.errors import DeclarationError, unknown

Floats = npt.NDArray[np.float64]
PRINTED_EPS = 1e-9  # Gupta 2020, section 2, below eq. 2


@dataclass(frozen=True)
class GuptaRule:
    """Parameters of Gupta's rule.

    Attributes:
        eps: constant added to the denominator (section 2: 1e-9). Differs from the paper: 1e-2, which keeps f
            bounded.
        clip: bound of |f|; None for no bound (the paper).

    Raises:
        DeclarationError: eps or clip is not a positive number.
    """

    eps: float = 1e-2
    clip: float | None = None

    def __post_init__(self) -> None:
        if not (0 < self.eps < math.inf):
            raise DeclarationError(
                f"GuptaRule: eps = {self.eps!r}; a positive number is needed, since the denominator would be "
                f"0 at x = 2p (the paper: {PRINTED_EPS}; 1e-2 is stable)"
            )
        if self.clip is not None and not self.clip > 0:
            raise DeclarationError(
                f"GuptaRule: clip = {self.clip!r}; a positive number is needed, or None for no bound"
            )

    @property
    def limit(self) -> float:
        """The bound of |f| as a number; infinity if `clip` is None."""
        return math.inf if self.clip is None else self.clip

    def f(self, x: npt.ArrayLike, p: npt.ArrayLike) -> Floats:
        """f(x, p) for each pair of rates, float64 of their broadcast shape."""
        pre, post = np.asarray(x, np.float64), np.asarray(p, np.float64)
        gap = 2 * post - pre
        with np.errstate(over="ignore"):  # an eps near 0 may give infinity, which the caller checks
            values = pre * pre * pre * post * (pre - post) / (gap * gap + self.eps)
        return np.clip(values, -self.limit, self.limit)

    def update(self, x: Floats, p: Floats, z: Floats) -> tuple[Floats, Floats]:
        """Directions of the changes of weights and biases, without the factor eta.

        Args:
            x: float64 (B, n_pre), presynaptic rates.
            p: float64 (B, n_post), postsynaptic rates.
            z: float64 (B, n_post) of -1 and +1, associations.

        Returns:
            float64 (n_pre, n_post) and (n_post,): the means over the batch of Z f(x, p) and of Z f(1, p).

        Raises:
            DeclarationError: shapes that do not match, or an empty batch.
        """
        if x.ndim != 2 or p.ndim != 2 or p.shape != z.shape or len(x) != len(p) or not len(x):
            raise DeclarationError(
                f"GuptaRule.update: x has shape {x.shape}, p {p.shape}, z {z.shape}; (B, n_pre), (B, n_post) "
                f"and (B, n_post) with B >= 1 are needed"
            )
        weights, biases = np.zeros((x.shape[1], p.shape[1])), np.zeros(p.shape[1])
        arrays = [np.ascontiguousarray(a, np.float64) for a in (x, p, z)]
        _accumulate(arrays[0], arrays[1], arrays[2], self.eps, self.limit, weights, biases)
        return weights, biases


@kernel
def _accumulate(x, p, z, eps, limit, weights, biases):  # type: ignore[no-untyped-def]
    """Compute weights[i, j] = mean over b of z[b, j] f(x[b, i], p[b, j]), and biases[j] with x = 1.

    Inputs of 0 are skipped: f(0, p) = 0.
    """
    n_post = p.shape[1]
    for b in range(x.shape[0]):
        post, sign = p[b], z[b]
        for i in range(x.shape[1]):
            if x[b, i] > 0:
                _add_row(x[b, i], post, sign, eps, limit, weights[i])
        _add_row(1.0, post, sign, eps, limit, biases)
    for i in range(x.shape[1]):
        for j in range(n_post):
            weights[i, j] /= x.shape[0]
    for j in range(n_post):
        biases[j] /= x.shape[0]


@kernel
def _add_row(x, p, z, eps, limit, row):  # type: ignore[no-untyped-def]
    """Add to a row: row[j] += z[j] f(x, p[j])."""
    cube = x * x * x
    for j in range(p.size):
        gap = 2 * p[j] - x
        f = cube * p[j] * (x - p[j]) / (gap * gap + eps)
        f = limit if f > limit else f
        f = -limit if f < -limit else f
        row[j] += z[j] * f


def stdp_window(dt: npt.ArrayLike, t_pre: float, form: Literal["eq5", "eq6"] = "eq6") -> Floats:
    """Weight change as a function of spike timing (fig. 4).

        eq5   dt / (t_pre**2 (t_pre + dt)**2)        xp (x - p) with x = 1 / t_pre, p = 1 / t_post
        eq6   dt / (t_pre**2 (t_pre - dt)**2)        the corrected form, from which the rule follows

    Args:
        dt: t_post - t_pre, above -t_pre (so that t_post > 0). The curve of eq6 has a pole at dt = t_pre.
        t_pre: time of the presynaptic spike, > 0, in the unit of dt.
        form: "eq5" (dotted in fig. 4) or "eq6" (solid).

    Returns:
        float64 of the shape of dt; infinity at the pole.

    Raises:
        DeclarationError: an unknown form, or t_pre <= 0.
    """
    if form not in ("eq5", "eq6"):
        raise DeclarationError(unknown("STDP window", form, ("eq5", "eq6")))
    if not t_pre > 0:
        raise DeclarationError(f"stdp_window: t_pre = {t_pre!r}; a time > 0 is needed")
    delta = np.asarray(dt, np.float64)
    other = t_pre + delta if form == "eq5" else t_pre - delta
    with np.errstate(divide="ignore", over="ignore"):
        return np.asarray(delta / (t_pre**2 * other**2), np.float64)
