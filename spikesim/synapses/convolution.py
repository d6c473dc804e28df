"""Two-dimensional convolutions: every spike adds the kernel at the position of its neuron.

    I[o, y, x](t) = sum over c, a, b of w[o, c, a, b] s[c, row, column](t - delay)
    row = y stride + a - padding,  column = x stride + b - padding

(a cross-correlation, as deep-learning libraries call a convolution). Neurons are numbered channel by channel,
row by row. A kernel entry is one weight, used at all places (o, y, x) of its output channel: what a rule adds
to it is the sum over them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from spikesim import grid
from spikesim._jit import kernel
from spikesim._values import named_arguments
from spikesim.errors import DeclarationError
from spikesim.files.field_versions import SINCE
from spikesim.files.plain_values import plain_fields
from spikesim.learning import Rule
from spikesim.synapses.delivery import Delivery, Edges, Piece, Weights, check_delay

Counts = npt.NDArray[np.int64]


@named_arguments
@dataclass(frozen=True, eq=False)
class Conv2d:
    """A convolutional projection.

    Attributes:
        pre, post: names of populations; pre has C * H * W neurons, post the product of `out_shape`.
        w: float64 (out channels, C / groups, kernel height, kernel width), on the grid of `post`; with a rule
            on the master grid of 2**-28.
        shape: (C, H, W) of the presynaptic population.
        stride, padding: (rows, columns); one number means both.
        groups: number of groups of input and output channels; only channels of the same group are connected.
        delay: steps from a spike to its arrival, >= 0.
        name: unique in a network; "pre->post" by default.
        receptor: the receptor of `post` that it feeds, if that has several; None for the first.
        plastic: a `CountRule`, which changes each kernel entry by the sum over its places; None for fixed
            weights.

    Raises:
        DeclarationError: shapes, stride, padding or groups that do not fit each other.

    Examples:
        >>> import numpy as np
        >>> import spikesim as ss
        >>> edges = ss.Conv2d("in", "out", w=np.ones((4, 1, 3, 3)), shape=(1, 8, 8), stride=2, padding=1)
        >>> edges.out_shape  # channels, rows, columns
        (4, 4, 4)
    """

    follows: ClassVar[None] = None

    pre: str
    post: str
    w: npt.NDArray[np.float64] = field(repr=False)
    shape: tuple[int, int, int]
    stride: int | tuple[int, int] = 1
    padding: int | tuple[int, int] = 0
    groups: int = 1
    delay: int = 0
    name: str = ""
    receptor: str | None = field(default=None, metadata={SINCE: "0.2"})
    plastic: Rule = field(default=None, metadata={SINCE: "0.2"})

    def __post_init__(self) -> None:
        plain_fields(self, without=("w",))
        object.__setattr__(self, "name", self.name or f"{self.pre}->{self.post}")
        check_delay(self.name, self.delay)
        w = np.array(self.w, np.float64)
        w.setflags(write=False)
        object.__setattr__(self, "w", w)
        for key, low in (("stride", 1), ("padding", 0)):
            value = getattr(self, key)
            two = (value, value) if grid.whole(value, low) else value
            if not (
                isinstance(two, (tuple, list)) and len(two) == 2 and all(grid.whole(v, low) for v in two)
            ):
                raise DeclarationError(f"{self.name}: {key} = {value!r}; whole numbers >= {low} are needed")
            object.__setattr__(self, key, tuple(int(v) for v in two))
        self._check_shape()

    def _check_shape(self) -> None:
        w, name = self.w, self.name
        given: Any = self.shape
        shape = tuple(given) if isinstance(given, (tuple, list)) else ()
        if w.ndim != 4 or 0 in w.shape:
            raise DeclarationError(
                f"{name}: w has the shape {w.shape}; (out, in / groups, rows, columns) is needed"
            )
        if len(shape) != 3 or not all(grid.whole(v, 1) for v in shape):
            raise DeclarationError(f"{name}: shape = {self.shape!r}; (channels, rows, columns) is needed")
        object.__setattr__(self, "shape", tuple(int(v) for v in shape))
        if not grid.whole(self.groups, 1) or shape[0] % self.groups or w.shape[0] % self.groups:
            raise DeclarationError(
                f"{name}: groups = {self.groups!r}; it must divide the {shape[0]} input and {w.shape[0]} "
                "output channels"
            )
        if w.shape[1] != shape[0] // self.groups:
            raise DeclarationError(
                f"{name}: w has {w.shape[1]} input channels per group; {shape[0]} channels in "
                f"{self.groups} groups need {shape[0] // self.groups}"
            )
        if min(self.out_shape) < 1:
            raise DeclarationError(
                f"{name}: a kernel of {w.shape[2:]} does not fit into {shape[1:]} with padding "
                f"{self.padding}; use a smaller kernel or more padding"
            )

    @cached_property
    def out_shape(self) -> tuple[int, int, int]:
        """(out channels, rows, columns) of the postsynaptic population."""
        assert isinstance(self.stride, tuple) and isinstance(self.padding, tuple)
        rows, columns = (
            (self.shape[1 + d] + 2 * self.padding[d] - self.w.shape[2 + d]) // self.stride[d] + 1
            for d in range(2)
        )
        return self.w.shape[0], rows, columns

    @property
    def longest_delay(self) -> int:
        """The largest delay, in steps."""
        return self.delay

    def check_sizes(self, n_pre: int, n_post: int) -> None:
        """See `Projection`."""
        inputs, outputs = int(np.prod(self.shape)), int(np.prod(self.out_shape))
        if (inputs, outputs) != (n_pre, n_post):
            raise DeclarationError(
                f"{self.name}: the shapes are {self.shape} = {inputs} and {self.out_shape} = {outputs} "
                f"neurons; {self.pre} has {n_pre} and {self.post} has {n_post}"
            )

    def declared(self, n_pre: int, n_post: int) -> Weights:
        """The kernels."""
        return self.w

    def fixed(self, w: Weights) -> Conv2d:
        """See `Projection`."""
        return replace(self, w=w, plastic=None)

    def check_online(self) -> None:
        """Refuse an online rule, which changes every synapse by itself.

        Raises:
            DeclarationError: always.
        """
        raise DeclarationError(
            f"{self.name}: {type(self.plastic).__name__} changes each synapse by itself, and the places of a "
            f"Conv2d share one kernel; use a CountRule, or a Dense or Sparse projection"
        )

    @property
    def places(self) -> int:
        """Number of places at which a kernel is used: rows times columns of the output."""
        return self.out_shape[1] * self.out_shape[2]

    def shared(self, pre: Counts, post: Counts) -> Counts:
        """The products of the pre- and postsynaptic factors of a rule, summed over places and trials.

            product[o, c, a, b] = sum over trials, y, x of pre[c, row, column] post[o, y, x]

        Args:
            pre, post: int64 (B, n_pre) and (B, n_post).

        Returns:
            int64, in the shape of `w`.
        """
        assert isinstance(self.stride, tuple) and isinstance(self.padding, tuple)
        (out, rows, columns), B, g = self.out_shape, len(pre), self.groups
        edges = [(0, 0), (0, 0), *((p, p) for p in self.padding)]
        x = np.pad(np.asarray(pre, np.int64).reshape(B, *self.shape), edges)
        d = np.asarray(post, np.int64).reshape(B, g, out // g, rows * columns)
        product = np.zeros(self.w.shape, np.int64)
        for a, b in np.ndindex(*self.w.shape[2:]):
            seen = x[:, :, a : a + self.stride[0] * rows : self.stride[0]]
            seen = seen[:, :, :rows, b : b + self.stride[1] * columns : self.stride[1]]
            seen = seen.reshape(B, g, self.shape[0] // g, rows * columns)
            found = np.einsum("zgop,zgcp->goc", d, seen)
            product[:, :, a, b] = found.reshape(self.w.shape[:2])
        return product

    def edges(self, w: Weights) -> Edges:
        """See `Projection`: one synapse per position of the kernel with weight != 0, sorted by neurons."""
        entry, pre, post = self._synapses
        kept = w.reshape(-1)[entry] != 0
        entry, pre, post = entry[kept], pre[kept], post[kept]
        order = np.lexsort((post, pre))
        late = np.full(len(order), self.delay, np.int64)
        each = w.reshape(-1)[entry[order]]
        return Edges(pre[order].astype(np.int32), post[order].astype(np.int32), each, late)

    @cached_property
    def _synapses(self) -> tuple[Counts, Counts, Counts]:
        """The entry of the flat kernels, the pre and the post neuron of every synapse, int64."""
        assert isinstance(self.stride, tuple) and isinstance(self.padding, tuple)
        out, rows, columns = self.out_shape
        o, c, a, b = (axis.reshape(-1, 1) for axis in np.indices(self.w.shape))
        y, x = np.divmod(np.arange(rows * columns), columns)
        row, column = y * self.stride[0] + a - self.padding[0], x * self.stride[1] + b - self.padding[1]
        inside = (row >= 0) & (row < self.shape[1]) & (column >= 0) & (column < self.shape[2])
        channel = o // (out // self.groups) * (self.shape[0] // self.groups) + c
        pre = ((channel * self.shape[1] + row) * self.shape[2] + column)[inside]
        post = (o * (rows * columns) + y * columns + x)[inside]
        entry = np.broadcast_to(np.arange(self.w.size)[:, None], inside.shape)[inside]
        return entry, pre, post

    def pieces(self, w: Weights) -> list[Piece]:
        """The delay and the full matrix (n_pre, n_post), with the kernel at every position."""
        entry, pre, post = self._synapses
        matrix = np.zeros((int(np.prod(self.shape)), int(np.prod(self.out_shape))), w.dtype)
        matrix[pre, post] = w.reshape(-1)[entry]
        return [(self.delay, matrix)]

    def deliveries(self, w: Weights) -> list[Delivery]:
        """The delay and its delivery function: a spike adds the kernel at its own position only."""
        sizes = (self.shape, self.out_shape, self.stride, self.padding, self.groups)
        return [(self.delay, lambda fired, signs, current: _add_kernels(w, sizes, fired, signs, current))]

    def reach(self, w: Weights, n_post: int) -> Weights:
        """The largest sum of absolute weights onto each neuron, (n_post,): that of the whole kernel."""
        return np.repeat(np.abs(w).sum(axis=(1, 2, 3)), self.out_shape[1] * self.out_shape[2])


@kernel
def _add_kernels(w, sizes, fired, signs, current):  # type: ignore[no-untyped-def]
    shape, out_shape, stride, padding, groups = sizes
    ins, outs = shape[0] // groups, out_shape[0] // groups
    plane, out_plane = shape[1] * shape[2], out_shape[1] * out_shape[2]
    events = 0
    for k in range(fired.size):
        channel, place = fired[k] // plane, fired[k] % plane
        row, column = place // shape[2] + padding[0], place % shape[2] + padding[1]
        c, first = channel % ins, channel // ins * outs
        for a in range(w.shape[2]):
            y, off = divmod(row - a, stride[0])
            if off or y < 0 or y >= out_shape[1]:
                continue
            for b in range(w.shape[3]):
                x, off = divmod(column - b, stride[1])
                if off or x < 0 or x >= out_shape[2]:
                    continue
                for o in range(first, first + outs):
                    current[o * out_plane + y * out_shape[2] + x] += signs[k] * w[o, c, a, b]
                events += outs
    return events
