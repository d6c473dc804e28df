"""All-to-all projections: I_post(t) = sum over i of s_pre,i(t - delay) * w[i, post]."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from spikesim import grid
from spikesim._jit import kernel
from spikesim.errors import DeclarationError
from spikesim.learning import Rule
from spikesim.synapses.delivery import Delivery, Piece, Weights


@dataclass(frozen=True)
class Transpose:
    """Symmetric feedback: the weights of the named projection, transposed, following it while it learns."""

    of: str


@dataclass(frozen=True, eq=False)
class Dense:
    """A dense projection.

    Attributes:
        pre, post: names of populations.
        w: float64 (n_pre, n_post), on the grid of `post` where fixed, on the master grid of 2**-28 where a
            CountRule changes it, real numbers where another rule does; or a `Transpose` of another
            projection, which brings that one's grid.
        delay: steps from the spike to its arrival, >= 0.
        plastic: the rule that changes the weights; None where they are fixed.
        name: how results and other projections call it; "pre->post" where it is not given.

    Raises:
        DeclarationError: weights that are not a matrix, a negative delay, a plastic transpose.
    """

    pre: str
    post: str
    w: npt.NDArray[np.float64] | Transpose = field(repr=False)
    delay: int = 0
    plastic: Rule | None = None
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name or f"{self.pre}->{self.post}")
        check_delay(self.name, self.delay)
        if isinstance(self.w, Transpose):
            if self.plastic is not None:
                raise DeclarationError(
                    f"{self.name}: a transpose follows {self.w.of!r} and has no rule of its own"
                )
            return
        w = np.array(self.w, np.float64)
        if w.ndim != 2:
            raise DeclarationError(f"{self.name}: w has the shape {w.shape}; (n_pre, n_post) is needed")
        w.setflags(write=False)
        object.__setattr__(self, "w", w)

    def pieces(self, w: Weights) -> list[Piece]:
        """The delay and the matrix (n_pre, n_post); see `Projection`."""
        return [(self.delay, w)]

    def deliveries(self, w: Weights) -> list[Delivery]:
        """The delay, and the event-driven way from spikes to currents; see `Projection`."""
        rows = np.ascontiguousarray(w)
        return [(self.delay, lambda fired, signs, current: _add_rows(rows, fired, signs, current))]

    def reach(self, w: Weights, n_post: int) -> Weights:
        """The largest sum of absolute weights into each neuron, (n_post,)."""
        return np.asarray(np.abs(w).sum(axis=0))

    @property
    def matrix(self) -> npt.NDArray[np.float64]:
        """The weights of a projection that has its own, float64 (n_pre, n_post)."""
        assert not isinstance(self.w, Transpose), f"{self.name} is a transpose"
        return self.w


@kernel
def _add_rows(w, fired, signs, current):  # type: ignore[no-untyped-def]
    for k in range(fired.size):
        row, sign = w[fired[k]], signs[k]
        for j in range(current.size):
            current[j] += sign * row[j]
    return fired.size * current.size


def check_delay(name: str, delay: int) -> None:
    """A delay is a whole number of steps, not negative.

    Raises:
        DeclarationError: it is not.
    """
    if not grid.whole(delay):
        raise DeclarationError(f"{name}: delay = {delay!r}; a delay is a whole number of steps >= 0")
