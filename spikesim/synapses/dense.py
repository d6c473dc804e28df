"""All-to-all projections: I_post(t) = sum over i of s_pre,i(t - delay) * w[i, post]."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from spikesim._jit import kernel
from spikesim._values import named_arguments
from spikesim.errors import DeclarationError
from spikesim.files.field_versions import SINCE
from spikesim.files.plain_values import plain_fields
from spikesim.learning import Rule
from spikesim.learning.online import Layout
from spikesim.synapses.delivery import Delivery, Edges, Piece, Weights, check_delay


@named_arguments
@dataclass(frozen=True)
class Transpose:
    """Symmetric feedback: the transposed weights of the named projection, also while it learns.

    Examples:
        >>> import numpy as np
        >>> import spikesim as ss
        >>> back = ss.Dense("err", "hid", ss.Transpose("hid->out"))  # feedback by the forward weights
        >>> network = ss.Network(
        ...     {"hid": ss.IF(3, theta=1.0), "out": ss.IF(2, theta=1.0), "err": ss.ErrorIF(2, theta=1.0)},
        ...     [ss.Dense("hid", "out", np.ones((3, 2))), back],
        ... )
        >>> network.projections[1].w
        Transpose(of='hid->out')
    """

    of: str


@named_arguments
@dataclass(frozen=True, eq=False)
class Dense:
    """A dense projection.

    Attributes:
        pre, post: names of populations.
        w: float64 (n_pre, n_post), in the unit of the threshold: fixed weights on the grid of `post`, weights
            with a trial rule on the master grid of 2**-28, weights with an online rule real numbers; or a
            `Transpose` of another projection, with the grid of that one.
        delay: steps from a spike to its arrival, >= 0.
        plastic: the rule that changes the weights; None for fixed weights.
        name: unique in a network; "pre->post" by default.
        receptor: the receptor of `post` that it feeds, if that has several; None for the first.

    Raises:
        DeclarationError: weights that are not a matrix, a negative delay, a plastic transpose.

    Examples:
        >>> import numpy as np
        >>> import spikesim as ss
        >>> w = np.array([[0.5, 0.25], [0.0, 1.0]])  # (n_pre, n_post)
        >>> network = ss.Network({"in": ss.Source(2), "out": ss.IF(2, theta=1.0)}, [ss.Dense("in", "out", w)])
        >>> network.projections[0].name
        'in->out'
    """

    pre: str
    post: str
    w: npt.NDArray[np.float64] | Transpose = field(repr=False)
    delay: int = 0
    plastic: Rule = None
    name: str = ""
    receptor: str | None = field(default=None, metadata={SINCE: "0.2"})

    def __post_init__(self) -> None:
        plain_fields(self, without=("w",))
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

    @property
    def follows(self) -> str | None:
        """The projection of which this one is the transpose; None if it has its own weights."""
        return self.w.of if isinstance(self.w, Transpose) else None

    @property
    def longest_delay(self) -> int:
        """The largest delay, in steps."""
        return self.delay

    def check_sizes(self, n_pre: int, n_post: int) -> None:
        """See `Projection`."""
        if not isinstance(self.w, Transpose) and self.w.shape != (n_pre, n_post):
            raise DeclarationError(
                f"{self.name}: w has the shape {self.w.shape}; ({n_pre}, {n_post}) is needed, the sizes of "
                f"{self.pre} and {self.post}"
            )

    def declared(self, n_pre: int, n_post: int) -> Weights:
        """The declared matrix, float64 (n_pre, n_post)."""
        return self.matrix

    def fixed(self, w: Weights) -> Dense:
        """See `Projection`."""
        return replace(self, w=w, plastic=None)

    def edges(self, w: Weights) -> Edges:
        """Every synapse, row by row, including those of weight 0."""
        n_pre, n_post = w.shape
        return Edges(
            np.repeat(np.arange(n_pre, dtype=np.int32), n_post),
            np.tile(np.arange(n_post, dtype=np.int32), n_pre),
            w.reshape(-1),
            np.full(w.size, self.delay, np.int64),
        )

    def layout(self, n_pre: int, n_post: int) -> Layout:
        """Synapses row by row; see `PlasticProjection`."""
        post = np.tile(np.arange(n_post, dtype=np.int32), n_pre)
        return Layout.of(np.arange(n_pre + 1, dtype=np.int64) * n_post, post, n_post)

    def shaped(self, w: Weights, n_pre: int, n_post: int) -> Weights:
        """The weights (n_synapses,) as a matrix."""
        return w.reshape(n_pre, n_post)

    def check_online(self) -> None:
        """See `PlasticProjection`: every online rule can act on a matrix."""

    def pieces(self, w: Weights) -> list[Piece]:
        """The delay and the matrix (n_pre, n_post); see `Projection`."""
        return [(self.delay, w)]

    def deliveries(self, w: Weights) -> list[Delivery]:
        """The delay and its delivery function; see `Projection`."""
        rows = np.ascontiguousarray(w)
        return [(self.delay, lambda fired, signs, current: _add_rows(rows, fired, signs, current))]

    def reach(self, w: Weights, n_post: int) -> Weights:
        """The largest sum of absolute weights onto each neuron, (n_post,)."""
        return np.asarray(np.abs(w).sum(axis=0))

    @property
    def matrix(self) -> npt.NDArray[np.float64]:
        """The weights, float64 (n_pre, n_post); not for a transpose."""
        assert not isinstance(self.w, Transpose), f"{self.name} is a transpose"
        return self.w


@kernel
def _add_rows(w, fired, signs, current):  # type: ignore[no-untyped-def]
    for k in range(fired.size):
        row, sign = w[fired[k]], signs[k]
        for j in range(current.size):
            current[j] += sign * row[j]
    return fired.size * current.size
