"""Sparse projections, by rows (CSR): I_post(t) = sum over the synapses k of s_pre(k)(t - delay_k) * w_k."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from spikesim._jit import kernel
from spikesim._values import named_arguments
from spikesim.errors import DeclarationError
from spikesim.files.field_versions import SINCE
from spikesim.files.plain_values import plain_fields
from spikesim.learning import Rule
from spikesim.learning.online import Layout
from spikesim.synapses.delivery import Deliver, Delivery, Edges, Piece, Weights, check_delay


@named_arguments
@dataclass(frozen=True, eq=False)
class Sparse:
    """A projection of individual synapses, usually built by the functions of `spikesim.connect`.

    Memory: 12 bytes per synapse with float64 weights, 8 with float32, 4 with one weight for all.

    Attributes:
        pre, post: names of populations.
        indptr: int64 (n_pre + 1,); the synapses of neuron i are indptr[i] .. indptr[i + 1] - 1.
        indices: int32 (n_synapses,), the postsynaptic neurons.
        w: float64 or float32 (n_synapses,), or one number; in the unit of the threshold, on the grid of
            `post` if it has one.
        delay: smallest number of steps from a spike to its arrival, >= 0.
        delays: uint16 (n_synapses,), additional steps of each synapse; None for none.
        plastic: an online rule that changes the weights; None for fixed weights.
        name: unique in a network; "pre->post" by default.
        receptor: the receptor of `post` that it feeds, if that has several; None for the first.

    Raises:
        DeclarationError: arrays that do not fit each other, an index below 0, an invalid delay, NaN.

    Examples:
        >>> import numpy as np
        >>> import spikesim as ss
        >>> rows, columns = np.array([0, 2, 3]), np.array([0, 1, 1], np.int32)  # 0 to 0 and 1, 1 to 1
        >>> ss.Sparse("a", "b", rows, columns, w=np.array([0.5, 0.5, 1.0])).n_synapses
        3
    """

    follows: ClassVar[None] = None

    pre: str
    post: str
    indptr: npt.NDArray[np.int64] = field(repr=False)
    indices: npt.NDArray[np.int32] = field(repr=False)
    w: npt.NDArray[Any] | float = field(repr=False)
    delay: int = 0
    delays: npt.NDArray[np.uint16] | None = field(default=None, repr=False)
    plastic: Rule = None
    name: str = ""
    receptor: str | None = field(default=None, metadata={SINCE: "0.2"})

    def __post_init__(self) -> None:
        plain_fields(self, without=("indptr", "indices", "w", "delays"))
        object.__setattr__(self, "name", self.name or f"{self.pre}->{self.post}")
        check_delay(self.name, self.delay)
        indptr = _integers(self.name, "indptr", self.indptr, np.int64)
        indices = _integers(self.name, "indices", self.indices, np.int32)
        if indptr.ndim != 1 or not len(indptr) or indptr[0] != 0 or (np.diff(indptr) < 0).any():
            raise DeclarationError(
                f"{self.name}: indptr must begin with 0 and not decrease, with n_pre + 1 entries"
            )
        if indptr[-1] != len(indices):
            raise DeclarationError(
                f"{self.name}: indptr ends with {indptr[-1]}; {len(indices)} is needed, the number of indices"
            )
        if len(indices) and indices.min() < 0:
            k = int(np.argmax(indices < 0))
            raise DeclarationError(
                f"{self.name}: synapse {k} goes to neuron {indices[k]}; neurons are numbered from 0"
            )
        w = np.asarray(self.w)
        if w.dtype.kind not in "buif":
            raise DeclarationError(f"{self.name}: weights of dtype {w.dtype}; real numbers are needed")
        w = w if w.dtype == np.float64 or (w.dtype == np.float32 and w.ndim) else w.astype(np.float64)
        if w.shape not in ((), indices.shape):
            raise DeclarationError(
                f"{self.name}: weights of the shape {w.shape} for {len(indices)} synapses; one number, or "
                f"one per synapse, is needed"
            )
        arrays: dict[str, Any] = {"indptr": indptr, "indices": indices, "w": w}
        if self.delays is not None:
            arrays["delays"] = _integers(self.name, "delays", self.delays, np.uint16)
            if arrays["delays"].shape != indices.shape:
                raise DeclarationError(
                    f"{self.name}: {arrays['delays'].size} delays for {len(indices)} synapses"
                )
        for key, array in arrays.items():
            array = array.view()
            array.setflags(write=False)
            object.__setattr__(self, key, array)

    @property
    def n_synapses(self) -> int:
        """The number of synapses."""
        return len(self.indices)

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """The presynaptic neuron of every synapse, int64 (n_synapses,)."""
        return np.repeat(np.arange(len(self.indptr) - 1), np.diff(self.indptr))

    @property
    def late(self) -> npt.NDArray[np.int64]:
        """The additional delay of each synapse beyond `delay`, int64 (n_synapses,), in steps."""
        return np.zeros(self.n_synapses, np.int64) if self.delays is None else self.delays.astype(np.int64)

    @property
    def longest_delay(self) -> int:
        """The largest delay, in steps."""
        return self.delay + (0 if self.delays is None else int(self.delays.max(initial=0)))

    def check_sizes(self, n_pre: int, n_post: int) -> None:
        """See `Projection`."""
        if len(self.indptr) != n_pre + 1:
            raise DeclarationError(
                f"{self.name}: indptr has rows for {len(self.indptr) - 1} presynaptic neurons; {self.pre} "
                f"has {n_pre}"
            )
        if self.n_synapses and self.indices.max() >= n_post:
            k = int(np.argmax(self.indices))
            raise DeclarationError(
                f"{self.name}: synapse {k} goes to neuron {self.indices[k]}; {self.post} has {n_post} "
                f"neurons (0 .. {n_post - 1})"
            )

    def declared(self, n_pre: int, n_post: int) -> Weights:
        """The declared weights, (n_synapses,), or () if all synapses share one weight."""
        return np.asarray(self.w)

    def fixed(self, w: Weights) -> Sparse:
        """See `Projection`."""
        return replace(self, w=w, plastic=None)

    def edges(self, w: Weights) -> Edges:
        """See `Projection`."""
        each = np.broadcast_to(w, self.indices.shape)
        return Edges(self.rows.astype(np.int32), self.indices, each, self.delay + self.late)

    def layout(self, n_pre: int, n_post: int) -> Layout:
        """See `PlasticProjection`."""
        return Layout.of(self.indptr, self.indices, n_post)

    def shaped(self, w: Weights, n_pre: int, n_post: int) -> Weights:
        """The weights unchanged, (n_synapses,)."""
        return w

    def check_online(self) -> None:
        """See `PlasticProjection`: needs one weight per synapse, and one delay for all."""
        if np.ndim(self.w) == 0:
            raise DeclarationError(
                f"{self.name}: all synapses share one weight, and {type(self.plastic).__name__} changes each "
                f"individually; give w as an array of {self.n_synapses}"
            )
        if self.delays is not None:
            raise DeclarationError(
                f"{self.name}: synapses with an online rule must have one delay; declare a projection for "
                f"each delay, without delays="
            )

    def pieces(self, w: Weights) -> list[Piece]:
        """For each delay the matrix (n_pre, n_post); several synapses between two neurons add up."""
        late = self.late
        each, rows = np.broadcast_to(w, self.indices.shape), self.rows
        # The matrix ends with the last neuron that has a synapse; the columns after it would be zeros.
        shape = (len(self.indptr) - 1, int(self.indices.max(initial=-1)) + 1)
        found = []
        for extra in np.unique(late):
            matrix, mine = np.zeros(shape), late == extra  # float32 weights are added up in float64
            np.add.at(matrix, (rows[mine], self.indices[mine]), each[mine])
            found.append((self.delay + int(extra), matrix))
        return found

    def deliveries(self, w: Weights) -> list[Delivery]:
        """For each delay its delivery function; see `Projection`. With one delay, no array is copied."""
        if self.delays is None:
            return [(self.delay, _deliver(self.indptr, self.indices, w, None))]
        rows, found = self.rows, []
        for extra in np.unique(self.delays):
            mine = np.flatnonzero(self.delays == extra)
            counts = np.bincount(rows[mine], minlength=len(self.indptr) - 1)
            indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
            found.append((self.delay + int(extra), _deliver(indptr, self.indices[mine], w, mine)))
        return found

    def reach(self, w: Weights, n_post: int) -> Weights:
        """The largest sum of absolute weights onto each neuron, float64 (n_post,)."""
        total = np.zeros(n_post)
        _add_absolute(self.indices, w.reshape(-1), total)
        return total


def _integers(name: str, what: str, values: Any, kind: type[Any]) -> npt.NDArray[Any]:
    """Values as an array of an integer dtype, copied only if they have another.

    Raises:
        DeclarationError: another shape, no integers, or outside the range of the dtype.
    """
    array = np.asarray(values)
    if array.ndim != 1 or not (np.issubdtype(array.dtype, np.integer) or array.size == 0):
        raise DeclarationError(
            f"{name}: {what} has dtype {array.dtype} and shape {array.shape}; a list of integers is needed"
        )
    limits = np.iinfo(kind)
    if array.size and array.dtype != kind and (array.min() < limits.min or array.max() > limits.max):
        raise DeclarationError(
            f"{name}: {what} from {array.min()} to {array.max()}; the limits are {limits.min} and "
            f"{limits.max}"
        )
    return array.astype(kind, copy=False)


def _deliver(indptr: Any, indices: Any, w: Weights, chosen: Any) -> Deliver:
    if w.ndim == 0:
        return lambda fired, signs, current: _add_one(indptr, indices, w[()], fired, signs, current)
    if chosen is None:
        return lambda fired, signs, current: _add_each(indptr, indices, w, fired, signs, current)
    return lambda fired, signs, current: _add_chosen(indptr, indices, w, chosen, fired, signs, current)


@kernel
def _add_absolute(indices, w, total):  # type: ignore[no-untyped-def]
    """Sum |w| per neuron without copying the indices (as NumPy's bincount does): there may be 10**8."""
    for m in range(indices.size):
        total[indices[m]] += abs(w[m if w.size > 1 else 0])


@kernel
def _add_one(indptr, indices, w, fired, signs, current):  # type: ignore[no-untyped-def]
    events = 0
    for k in range(fired.size):
        first, last, amount = indptr[fired[k]], indptr[fired[k] + 1], signs[k] * w
        for m in range(first, last):
            current[indices[m]] += amount
        events += last - first
    return events


@kernel
def _add_each(indptr, indices, w, fired, signs, current):  # type: ignore[no-untyped-def]
    events = 0
    for k in range(fired.size):
        first, last, sign = indptr[fired[k]], indptr[fired[k] + 1], signs[k]
        for m in range(first, last):
            current[indices[m]] += sign * w[m]
        events += last - first
    return events


@kernel
def _add_chosen(indptr, indices, w, chosen, fired, signs, current):  # type: ignore[no-untyped-def]
    events = 0
    for k in range(fired.size):
        first, last, sign = indptr[fired[k]], indptr[fired[k] + 1], signs[k]
        for m in range(first, last):
            current[indices[m]] += sign * w[chosen[m]]
        events += last - first
    return events
