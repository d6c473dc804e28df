"""Adam (Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1), as an ascent.

    m = beta1 m + (1 - beta1) g          v = beta2 v + (1 - beta2) g**2
    w += rate (m / (1 - beta1**t)) / (sqrt(v / (1 - beta2**t)) + epsilon)

g is a direction of ascent: the update of a local rule, or a negative gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spikesim._jit import kernel
from spikesim.errors import DeclarationError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class AdamSettings:
    """Constants of Adam; the defaults are those of its authors.

    Attributes:
        rate: step size, > 0.
        beta1, beta2: decay of the first and the second moment, in [0, 1).
        epsilon: constant in the denominator, > 0.

    Raises:
        DeclarationError: a rate or an epsilon that is not positive, or a decay outside [0, 1).
    """

    rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        if not self.rate > 0 or not self.epsilon > 0:
            raise DeclarationError(
                f"Adam: rate = {self.rate!r}, epsilon = {self.epsilon!r}; both must be positive"
            )
        if not (0 <= self.beta1 < 1 and 0 <= self.beta2 < 1):
            raise DeclarationError(
                f"Adam: beta1 = {self.beta1!r}, beta2 = {self.beta2!r}; both must be in [0, 1)"
            )


class Adam:
    """Adam for a list of arrays, with their running moments.

    Args:
        arrays: float64 arrays, which `ascend` changes in place.
        settings: constants; None for the defaults.

    Attributes:
        settings: constants.
        steps: number of calls of `ascend`.
    """

    def __init__(self, arrays: Sequence[Floats], settings: AdamSettings | None = None) -> None:
        self.settings = settings or AdamSettings()
        self.steps = 0
        self._arrays = tuple(arrays)
        self._m = [np.zeros(a.size) for a in arrays]
        self._v = [np.zeros(a.size) for a in arrays]

    def attach(self, arrays: Sequence[Floats]) -> None:
        """Go on with other arrays of the same shapes, as after a copy of the network has been read.

        Raises:
            DeclarationError: the shapes differ.
        """
        if [a.shape for a in arrays] != [a.shape for a in self._arrays]:
            raise DeclarationError(
                f"Adam.attach: arrays of shapes {[a.shape for a in arrays]}, but the moments are those of "
                f"{[a.shape for a in self._arrays]}; attach the arrays of the same network"
            )
        self._arrays = tuple(arrays)

    def ascend(self, directions: Sequence[Floats]) -> float:
        """Move every array in place along its direction; returns the sum of all squares after the step.

        Raises:
            DeclarationError: the shapes of the directions are not those of the arrays.
        """
        if [d.shape for d in directions] != [a.shape for a in self._arrays]:
            raise DeclarationError(
                f"Adam.ascend: directions of shapes {[d.shape for d in directions]} for arrays of shapes "
                f"{[a.shape for a in self._arrays]}; one direction of the same shape is needed for each array"
            )
        s = self.settings
        self.steps += 1
        first, second = 1 - s.beta1**self.steps, 1 - s.beta2**self.steps
        total = 0.0
        for w, g, m, v in zip(self._arrays, directions, self._m, self._v, strict=True):
            total += _ascend(
                w.reshape(-1), np.ascontiguousarray(g).reshape(-1), m, v, s.rate, s.beta1, s.beta2,
                s.epsilon, first, second,
            )  # fmt: skip
        return total


@kernel
def _ascend(w, g, m, v, rate, beta1, beta2, epsilon, first, second):  # type: ignore[no-untyped-def]
    """One step for flat arrays; returns the sum of w**2."""
    for k in range(w.size):
        m[k] = beta1 * m[k] + (1 - beta1) * g[k]
        v[k] = beta2 * v[k] + (1 - beta2) * (g[k] * g[k])
        w[k] += rate * (m[k] / first) / (np.sqrt(v[k] / second) + epsilon)
    total = 0.0
    for k in range(w.size):
        total += w[k] * w[k]
    return total
