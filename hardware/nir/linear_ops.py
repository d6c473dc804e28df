"""Linear operations of nodes, and paths of them between populations.

An operation is a `Matrix`, a `Kernel`, a `Diagonal`, `Synapses`, or `Late`. A path of one Matrix or Kernel
is kept; longer ones are multiplied out into synapses.

Files of ours hold weights divided by the gain of the neurons after them, and, where that division was
rounded, the weights themselves as `exact`: they are taken where dividing them by the gain gives the file's
numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from spikesim.synapses import Conv2d

Reals = npt.NDArray[np.float64]
Shape = tuple[int, ...]
MOST_NEURONS = 1 << 21
MOST_WEIGHTS = 1 << 22  # of a kernel that is written out from fewer numbers
MOST_SYNAPSES = 1 << 27
NEVER = np.int64(1 << 40)  # the delay over no synapse


@dataclass(frozen=True, eq=False)
class Matrix:
    """y = w x; w float64 (n_out, n_in)."""

    w: Reals
    exact: Reals | None = None

    def synapses(self) -> int:
        """Number of synapses, multiplied out."""
        return self.w.size

    def matrix(self) -> Any:
        """Sparse (n_out, n_in)."""
        return sparse.csr_matrix(self.w)

    def on(self, x: Reals) -> Reals:
        """The result for a constant input."""
        return self.w @ x

    def scaled(self, s: Reals) -> Matrix | None:
        """The same, followed by a factor for each output."""
        return Matrix(_times(self.w, s[:, None], self.exact))


@dataclass(frozen=True, eq=False)
class Kernel:
    """A cross-correlation; w float64 (out, in / groups, rows, columns), shape (C, H, W) of what comes in."""

    w: Reals
    shape: tuple[int, int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    groups: int
    exact: Reals | None = None

    @property
    def out_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of what goes out."""
        rows, columns = (
            (self.shape[1 + d] + 2 * self.padding[d] - self.w.shape[2 + d]) // self.stride[d] + 1
            for d in range(2)
        )
        return self.w.shape[0], rows, columns

    def synapses(self) -> int:
        """Largest number of synapses, multiplied out."""
        return prod(self.out_shape) * prod(self.w.shape[1:])

    def matrix(self) -> Any:
        """Sparse (n_out, n_in)."""
        conv = Conv2d("in", "out", self.w, self.shape, self.stride, self.padding, self.groups)
        pre, post, w, _ = conv.edges(conv.w)
        return sparse.csr_matrix((w, (post, pre)), (prod(self.out_shape), prod(self.shape)))

    def on(self, x: Reals) -> Reals:
        """The result for a constant input."""
        return self.matrix() @ x if x.any() else np.zeros(prod(self.out_shape))

    def scaled(self, s: Reals) -> Kernel | None:
        """The same, followed by a factor for each output; None where a channel has several factors."""
        planes = s.reshape(self.w.shape[0], -1)
        if (planes != planes[:, :1]).any():
            return None
        return replace(self, w=_times(self.w, planes[:, 0, None, None, None], self.exact), exact=None)


@dataclass(frozen=True, eq=False)
class Diagonal:
    """y = s x, element by element; s float64 (n,)."""

    s: Reals
    exact: Reals | None = None

    def synapses(self) -> int:
        """Number of synapses, multiplied out."""
        return self.s.size

    def matrix(self) -> Any:
        """Sparse (n, n)."""
        return sparse.diags(self.s).tocsr()

    def on(self, x: Reals) -> Reals:
        """The result for a constant input."""
        return self.s * x

    def scaled(self, s: Reals) -> Diagonal | None:
        """The same, followed by a factor for each output."""
        return Diagonal(_times(self.s, s, self.exact))


@dataclass(frozen=True, eq=False)
class Synapses:
    """y = w x; w sparse (n_out, n_in), in rows."""

    w: Any

    def synapses(self) -> int:
        """Number of synapses."""
        return int(self.w.nnz)

    def matrix(self) -> Any:
        """Sparse (n_out, n_in)."""
        return self.w

    def on(self, x: Reals) -> Reals:
        """The result for a constant input."""
        found: Reals = self.w @ x
        return found

    def scaled(self, s: Reals) -> Synapses | None:
        """The same, followed by a factor for each output."""
        return Synapses((sparse.diags(s) @ self.w).tocsr())


@dataclass(frozen=True, eq=False)
class Late:
    """y(t) = x(t - steps), element by element; steps int64 (n,)."""

    steps: npt.NDArray[np.int64]


LinearOp = Matrix | Kernel | Diagonal | Synapses | Late


def _times(w: Reals, factor: Reals, exact: Reals | None) -> Reals:
    """w * factor; or `exact`, where w is what dividing it by the factor gives."""
    if exact is not None and (factor != 0).all() and (exact / factor == w).all():
        return exact
    found: Reals = w * factor
    return found


@dataclass(frozen=True, eq=False)
class LinearPath:
    """The operations between the spikes of `pre` and the input of `post`; none for unchanged spikes."""

    pre: str
    post: str
    steps: tuple[LinearOp, ...]

    def earliest(self) -> int:
        """The least delay from any neuron of `pre` to any of `post`."""
        late = np.zeros(1, np.int64)
        for s in self.steps:
            if isinstance(s, Late):
                late = late + s.steps
            elif (late == late[0]).all():
                late = late[:1]
            elif not isinstance(s, Diagonal):
                weights = s.matrix().tocoo()
                late, before = np.full(weights.shape[0], NEVER), late
                np.minimum.at(late, weights.row, before[weights.col])
        return int(late.min())

    @property
    def where(self) -> str:
        """For messages."""
        return f"{self.pre} -> {self.post}"
