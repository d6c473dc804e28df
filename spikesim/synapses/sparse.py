"""Sparse projections, by rows (CSR): I_post(t) = sum over the synapses k of s_pre(k)(t - delay_k) * w_k."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from spikesim._jit import kernel
from spikesim.errors import DeclarationError
from spikesim.files.field_versions import SINCE
from spikesim.learning import Rule
from spikesim.learning.online import Layout
from spikesim.synapses.delivery import Deliver, Delivery, Edges, Piece, Weights, check_delay


@dataclass(frozen=True, eq=False)
class Sparse:
    """A projection of single synapses; the functions of `spikesim.connect` make them.

    12 bytes a synapse with weights of float64, 8 with float32, 4 with one weight for all.

    Attributes:
        pre, post: names of populations.
        indptr: int64 (n_pre + 1,); the synapses of neuron i are indptr[i] .. indptr[i + 1] - 1.
        indices: int32 (n_synapses,), the postsynaptic neurons.
        w: float64 or float32 (n_synapses,), or one number; on the grid of `post`, where it has one.
        delay: steps from a spike to its arrival, >= 0.
        delays: uint16 (n_synapses,), steps more than `delay`, synapse by synapse; None for none.
        plastic: an online rule that changes the weights; None where they are fixed.
        name: "pre->post" where it is not given.
        receptor: which of the inputs of `post` it feeds, where that has several; None for the first.

    Raises:
        DeclarationError: arrays that do not fit each other, an index below 0, a delay that is none, a NaN.
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
        object.__setattr__(self, "name", self.name or f"{self.pre}->{self.post}")
        check_delay(self.name, self.delay)
        indptr = _integers(self.name, "indptr", self.indptr, np.int64)
        indices = _integers(self.name, "indices", self.indices, np.int32)
        if indptr.ndim != 1 or not len(indptr) or indptr[0] != 0 or (np.diff(indptr) < 0).any():
            raise DeclarationError(
                f"{self.name}: indptr begins with 0 and never falls; one entry for each presynaptic "
                "neuron, and one"
            )
        if indptr[-1] != len(indices):
            raise DeclarationError(
                f"{self.name}: indptr ends at {indptr[-1]}, and there are {len(indices)} indices"
            )
        if len(indices) and indices.min() < 0:
            k = int(np.argmax(indices < 0))
            raise DeclarationError(
                f"{self.name}: synapse {k} goes to neuron {indices[k]}; neurons count from 0"
            )
        w = np.asarray(self.w)
        if not np.can_cast(w.dtype, np.float64):
            raise DeclarationError(f"{self.name}: weights of {w.dtype}; real numbers are needed")
        w = w if w.dtype in (np.float32, np.float64) else w.astype(np.float64)
        if w.shape not in ((), indices.shape):
            raise DeclarationError(f"{self.name}: weights of {w.shape} for {len(indices)} synapses")
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
        """How many synapses there are."""
        return len(self.indices)

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """The presynaptic neuron of every synapse, int64 (n_synapses,)."""
        return np.repeat(np.arange(len(self.indptr) - 1), np.diff(self.indptr))

    @property
    def late(self) -> npt.NDArray[np.int64]:
        """Steps from a spike to its arrival beyond `delay`, synapse by synapse, int64 (n_synapses,)."""
        return np.zeros(self.n_synapses, np.int64) if self.delays is None else self.delays.astype(np.int64)

    @property
    def longest_delay(self) -> int:
        """Steps."""
        return self.delay + (0 if self.delays is None else int(self.delays.max(initial=0)))

    def check_sizes(self, n_pre: int, n_post: int) -> None:
        """See `Projection`."""
        if len(self.indptr) != n_pre + 1:
            raise DeclarationError(
                f"{self.name}: rows for {len(self.indptr) - 1} presynaptic neurons, and {self.pre} has "
                f"{n_pre}"
            )
        if self.n_synapses and self.indices.max() >= n_post:
            k = int(np.argmax(self.indices))
            raise DeclarationError(
                f"{self.name}: synapse {k} goes to neuron {self.indices[k]}, and {self.post} has {n_post} "
                f"(0 .. {n_post - 1})"
            )

    def declared(self, n_pre: int, n_post: int) -> Weights:
        """The declared weights, (n_synapses,), or () where all synapses have one weight."""
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
        """The weights as they are, (n_synapses,)."""
        return w

    def check_online(self) -> None:
        """See `PlasticProjection`: each synapse has a weight of its own, and all have one delay."""
        if np.ndim(self.w) == 0:
            raise DeclarationError(
                f"{self.name}: one weight for all synapses, and {type(self.plastic).__name__} changes "
                f"each of them; give w as an array of {self.n_synapses}"
            )
        if self.delays is not None:
            raise DeclarationError(
                f"{self.name}: synapses that learn share one delay; declare a projection for each delay, "
                f"without delays="
            )

    def pieces(self, w: Weights) -> list[Piece]:
        """For each delay the matrix (n_pre, n_post); several synapses between two neurons add up."""
        late = self.late
        each, rows = np.broadcast_to(w, self.indices.shape), self.rows
        # As wide as its farthest synapse: the network knows the rest, and zeros add nothing.
        shape = (len(self.indptr) - 1, int(self.indices.max(initial=-1)) + 1)
        found = []
        for extra in np.unique(late):
            matrix, mine = np.zeros(shape, each.dtype), late == extra
            np.add.at(matrix, (rows[mine], self.indices[mine]), each[mine])
            found.append((self.delay + int(extra), matrix))
        return found

    def deliveries(self, w: Weights) -> list[Delivery]:
        """For each delay the event-driven way; see `Projection`. One delay needs no copy of anything."""
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
        """The largest sum of absolute weights into each neuron, float64 (n_post,)."""
        total = np.zeros(n_post)
        _add_absolute(self.indices, w.reshape(-1), total)
        return total


def _integers(name: str, what: str, values: Any, kind: type[Any]) -> npt.NDArray[Any]:
    """Values as integers of a kind, copied only where they are not.

    Raises:
        DeclarationError: another shape, no integers, or beyond the kind's range.
    """
    array = np.asarray(values)
    if array.ndim != 1 or not (np.issubdtype(array.dtype, np.integer) or array.size == 0):
        raise DeclarationError(
            f"{name}: {what} are {array.dtype} {array.shape}; a list of integers is needed"
        )
    limits = np.iinfo(kind)
    if array.size and array.dtype != kind and (array.min() < limits.min or array.max() > limits.max):
        raise DeclarationError(
            f"{name}: {what} from {array.min()} to {array.max()}; they lie in [{limits.min}, {limits.max}]"
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
    """Without a copy of the indices, as NumPy's bincount makes one: there may be 10**8 of them."""
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
