"""One-to-one projections with one fixed weight: I_j(t) = w * s_pre,j(t - delay)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from spikesim._jit import kernel
from spikesim._values import named_arguments
from spikesim.errors import DeclarationError
from spikesim.files.field_versions import SINCE
from spikesim.files.plain_values import is_number, plain_fields
from spikesim.synapses.delivery import Delivery, Edges, Piece, Weights, check_delay


@named_arguments
@dataclass(frozen=True)
class OneToOne:
    """Neuron j of `pre` to neuron j of `post`, as in the loss circuit and the injection of fig. 4(b).

    Attributes:
        pre, post: names of populations of equal size.
        w: the weight, in the unit of the threshold, on the grid of `post`.
        delay: steps from a spike to its arrival, >= 0.
        name: unique in a network; "pre->post" by default.
        receptor: the receptor of `post` that it feeds, if that has several; None for the first.

    Raises:
        DeclarationError: w is not one number, or the delay is invalid.

    Examples:
        >>> import spikesim as ss
        >>> cells = {"in": ss.Source(2), "out": ss.IF(2, theta=1.0)}
        >>> network = ss.Network(cells, [ss.OneToOne("in", "out", 1.0)])
        >>> spikes = ss.from_raster([[1, 0], [0, 1]])
        >>> ss.simulate(network, {"in": spikes}, steps=2, record="spikes").spikes["out"].raster()
        array([[1, 0],
               [0, 1]], dtype=int8)
    """

    follows: ClassVar[None] = None
    plastic: ClassVar[None] = None

    pre: str
    post: str
    w: float
    delay: int = 0
    name: str = ""
    receptor: str | None = field(default=None, metadata={SINCE: "0.2"})

    def __post_init__(self) -> None:
        plain_fields(self)
        object.__setattr__(self, "name", self.name or f"{self.pre}->{self.post}")
        if not is_number(self.w):
            raise DeclarationError(
                f"{self.name}: w = {self.w!r:.60}; one number is needed, for individual weights use "
                "connect.one_to_one"
            )
        check_delay(self.name, self.delay)

    @property
    def longest_delay(self) -> int:
        """The largest delay, in steps."""
        return self.delay

    def check_sizes(self, n_pre: int, n_post: int) -> None:
        """See `Projection`."""
        if n_pre != n_post:
            raise DeclarationError(
                f"{self.name}: one-to-one needs equal sizes; {self.pre} has {n_pre} neurons, {self.post} has "
                f"{n_post}"
            )

    def declared(self, n_pre: int, n_post: int) -> Weights:
        """The weight of every synapse, float64 (n,)."""
        return np.full(n_post, self.w)

    def fixed(self, w: Weights) -> OneToOne:
        """See `Projection`; all entries of `w` are equal."""
        return replace(self, w=float(w.flat[0]))

    def edges(self, w: Weights) -> Edges:
        """See `Projection`."""
        both = np.arange(len(w), dtype=np.int32)
        return Edges(both, both, w, np.full(len(w), self.delay, np.int64))

    def pieces(self, w: Weights) -> list[Piece]:
        """The delay and the matrix (n, n); see `Projection`. `w` is (n,)."""
        return [(self.delay, np.diag(w))]

    def deliveries(self, w: Weights) -> list[Delivery]:
        """The delay and its delivery function; see `Projection`. `w` is (n,)."""
        return [(self.delay, lambda fired, signs, current: _add(w, fired, signs, current))]

    def reach(self, w: Weights, n_post: int) -> Weights:
        """The absolute weight onto each neuron, (n_post,)."""
        return np.abs(w)


@kernel
def _add(w, fired, signs, current):  # type: ignore[no-untyped-def]
    for k in range(fired.size):
        current[fired[k]] += signs[k] * w[fired[k]]
    return fired.size
