"""Functions that make sparse projections, from arrays or by a rule.

    connect.fixed_probability("exc", "inh", 0.1, w=0.25, delay=15, seed=3)
    connect.fixed_in_degree("exc", "exc", 100, connect.normal(0.2, 0.05, bits=12))
    connect.fixed_probability("exc", "inh", 8000, 2000, 0.1, w=0.25)

Sizes may be given after the names, as in the last line; without them the network takes those of its
populations.

Synapses lie row by row, by presynaptic neuron. Weights are one number (4 bytes a synapse in all), an array in
the order of the synapses, or a function (n_synapses, seed) -> array such as `uniform` and `normal` give;
delays (steps more than `delay`) are an array or such a function. What is drawn is a pure function of the
seed, on every machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim import grid, rng
from spikesim.errors import DeclarationError
from spikesim.learning import Rule
from spikesim.rng import Stream
from spikesim.synapses import Sparse
from spikesim.synapses.connect_kernels import by_rows, fill_degrees, fill_gaps, log
from spikesim.synapses.unsized import sizes_optional
from spikesim.synapses.weight_distributions import SYNAPSES, Drawn, normal, steps, uniform

Numbers = npt.NDArray[Any]
Weights = float | Numbers | Drawn
Delays = Numbers | Drawn | None
SMALL = 1e-6  # probabilities below it take the series of ln(1 - p)

__all__ = [
    "all_to_all",
    "fixed_in_degree",
    "fixed_probability",
    "from_coordinates",
    "from_scipy",
    "normal",
    "one_to_one",
    "steps",
    "uniform",
]


@sizes_optional
def from_coordinates(
    pre: str,
    post: str,
    i: npt.ArrayLike,
    j: npt.ArrayLike,
    w: Weights,
    *,
    n_pre: int,
    delay: int = 0,
    delays: Delays = None,
    seed: int = 1,
    plastic: Rule | None = None,
    name: str = "",
) -> Sparse:
    """Synapses from i[k] to j[k], in any order; several between two neurons add up.

    Args:
        pre, post: names of populations.
        i, j: integers (n_synapses,); those of one neuron i keep their order.
        w: weights in the order of i and j, see above.
        n_pre: neurons of `pre`.
        delay, delays, plastic, name: see `Sparse`; delays in the order of i and j.
        seed: of functions that draw.

    Raises:
        DeclarationError: arrays of unequal length, no integers, an index outside of [0, n_pre).
    """
    rows, columns = _indices("i", i, n_pre, post), _indices("j", j, None, post)
    if rows.size != columns.size:
        raise DeclarationError(
            f"{pre}->{post}: {rows.size} presynaptic and {columns.size} postsynaptic neurons"
        )
    drawn = {"w": _numbers(w, rows.size, seed), "delays": _steps(delays, rows.size, seed)}
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.bincount(rows, minlength=n_pre))])
    order = by_rows(indptr, rows)
    for key, values in drawn.items():
        if np.ndim(values) and len(values) == rows.size:
            drawn[key] = values[order]
    return Sparse(pre, post, indptr, columns[order], **drawn, delay=delay, plastic=plastic, name=name)


def from_scipy(
    pre: str,
    post: str,
    matrix: Any,
    *,
    delay: int = 0,
    delays: Delays = None,
    seed: int = 1,
    plastic: Rule | None = None,
    name: str = "",
) -> Sparse:
    """The entries of a scipy.sparse matrix or array (n_pre, n_post), those that are 0 too.

    Weights are float32 where the matrix is, else float64. Delays are in the order of matrix.tocsr().

    Raises:
        DeclarationError: no two-dimensional sparse matrix, or complex numbers.
    """
    if not hasattr(matrix, "tocsr") or len(matrix.shape) != 2:
        raise DeclarationError(
            f"{pre}->{post}: {type(matrix).__name__}; a scipy.sparse matrix (n_pre, n_post) is needed"
        )
    rows = matrix.tocsr()
    if not np.can_cast(rows.dtype, np.float64):
        raise DeclarationError(f"{pre}->{post}: a matrix of {rows.dtype}; real numbers are needed")
    w = rows.data if rows.dtype == np.float32 else rows.data.astype(np.float64, copy=False)
    late = _steps(delays, len(w), seed)
    return Sparse(pre, post, rows.indptr, rows.indices, w, delay, late, plastic, name)


@sizes_optional
def all_to_all(
    pre: str,
    post: str,
    n_pre: int,
    n_post: int,
    w: Weights,
    *,
    delay: int = 0,
    delays: Delays = None,
    seed: int = 1,
    self_connections: bool = True,
    plastic: Rule | None = None,
    name: str = "",
) -> Sparse:
    """A synapse from every neuron to every neuron; `Dense` does with less memory where all weights differ.

    Raises:
        DeclarationError: see `fixed_probability`.
    """
    width = _width(pre, post, n_pre, n_post, self_connections)
    indptr = np.arange(n_pre + 1, dtype=np.int64) * width
    indices = np.tile(np.arange(width, dtype=np.int32), n_pre)
    if width < n_post:
        indices += indices >= np.repeat(np.arange(n_pre, dtype=np.int32), width)
    return _made(pre, post, indptr, indices, w, delay, delays, seed, plastic, name)


@sizes_optional
def one_to_one(
    pre: str,
    post: str,
    n: int,
    w: Weights,
    *,
    delay: int = 0,
    delays: Delays = None,
    seed: int = 1,
    plastic: Rule | None = None,
    name: str = "",
) -> Sparse:
    """A synapse from neuron i to neuron i, each with a weight and delay of its own if wanted; see `OneToOne`.

    Raises:
        DeclarationError: n is no size.
    """
    _check_size("n", n, pre, post)
    indptr = np.arange(n + 1, dtype=np.int64)
    indices = np.arange(n, dtype=np.int32)
    return _made(pre, post, indptr, indices, w, delay, delays, seed, plastic, name)


@sizes_optional
def fixed_probability(
    pre: str,
    post: str,
    n_pre: int,
    n_post: int,
    p: float,
    w: Weights,
    *,
    delay: int = 0,
    delays: Delays = None,
    seed: int = 1,
    self_connections: bool = True,
    plastic: Rule | None = None,
    name: str = "",
) -> Sparse:
    """Each pair of neurons is connected with probability p, independently.

    The gaps between the synapses of a row are drawn: gap = floor(ln(u) / ln(1 - p)), with u a multiple of
    2**-53 from two words of (seed, CONNECT, row); so work is proportional to the synapses.

    Args:
        pre, post: names of populations.
        n_pre, n_post: their neurons.
        p: in [0, 1].
        w: weights, see above.
        delay, delays, plastic, name: see `Sparse`.
        seed: two projections of one seed and size have the same synapses.
        self_connections: whether a neuron may be connected to itself; of one population only.

    Raises:
        DeclarationError: p, a size or the seed is out of range.
    """
    width = _width(pre, post, n_pre, n_post, self_connections)
    if not 0 <= p <= 1:
        raise DeclarationError(f"{pre}->{post}: p = {p!r}; a probability lies in [0, 1]")
    if p == 1:
        return all_to_all(
            pre,
            post,
            n_pre,
            n_post,
            w,
            delay=delay,
            delays=delays,
            seed=seed,
            self_connections=self_connections,
            plastic=plastic,
            name=name,
        )
    key, tag = rng.key(seed), rng.tag(Stream.CONNECT, SYNAPSES)
    indptr = np.zeros(n_pre + 1, np.int64)
    none = np.zeros(0, np.int32)
    scale = log(1 - p) if p > SMALL else -p * (1 + p / 2)
    if p > 0:
        fill_gaps(key, tag, scale, width, width < n_post, indptr, none)
    np.cumsum(indptr, out=indptr)
    indices = np.empty(int(indptr[-1]), np.int32)
    if indices.size:
        fill_gaps(key, tag, scale, width, width < n_post, indptr, indices)
    return _made(pre, post, indptr, indices, w, delay, delays, seed, plastic, name)


@sizes_optional
def fixed_in_degree(
    pre: str,
    post: str,
    n_pre: int,
    n_post: int,
    k: int,
    w: Weights,
    *,
    delay: int = 0,
    delays: Delays = None,
    seed: int = 1,
    self_connections: bool = True,
    multapses: bool = True,
    plastic: Rule | None = None,
    name: str = "",
) -> Sparse:
    """Every neuron of `post` has k synapses, from neurons of `pre` that are drawn evenly.

    Args:
        pre, post: names of populations.
        n_pre, n_post: their neurons.
        k: synapses into each neuron.
        w: weights, see above.
        delay, delays, plastic, name: see `Sparse`.
        seed: two projections of one seed and size have the same synapses.
        self_connections: whether a neuron may be connected to itself; of one population only.
        multapses: whether two neurons may be connected more than once.

    Raises:
        DeclarationError: k is no number of synapses, or more than there are partners without multapses; a
            size or the seed is out of range.
    """
    width = _width(post, pre, n_post, n_pre, self_connections)
    if not grid.whole(k) or (k and not width):
        raise DeclarationError(f"{pre}->{post}: k = {k!r}; a whole number of synapses >= 0 is needed")
    if not multapses and k > width:
        raise DeclarationError(
            f"{pre}->{post}: k = {k} synapses into a neuron from {width} partners; allow multapses, or "
            f"take {width} or fewer"
        )
    key, tag = rng.key(seed), rng.tag(Stream.CONNECT, SYNAPSES)
    indptr, none = np.zeros(n_pre + 1, np.int64), np.zeros(0, np.int32)
    sizes = (int(width), int(n_post), int(k), width < n_pre, bool(multapses))
    fill_degrees(key, tag, sizes, indptr[1:], none)
    np.cumsum(indptr, out=indptr)
    indices = np.empty(n_post * k, np.int32)
    fill_degrees(key, tag, sizes, indptr[:-1].copy(), indices)
    return _made(pre, post, indptr, indices, w, delay, delays, seed, plastic, name)


def _made(
    pre: str,
    post: str,
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
    w: Weights,
    delay: int,
    delays: Delays,
    seed: int,
    plastic: Rule | None,
    name: str,
) -> Sparse:
    n = len(indices)
    return Sparse(
        pre, post, indptr, indices, _numbers(w, n, seed), delay, _steps(delays, n, seed), plastic, name
    )


def _numbers(w: Weights, n: int, seed: int) -> Any:
    return w(n, seed) if callable(w) else w


def _steps(delays: Delays, n: int, seed: int) -> Any:
    return delays(n, seed) if callable(delays) else delays


def _width(pre: str, post: str, n_pre: int, n_post: int, self_connections: bool) -> int:
    """How many neurons each neuron of `pre` may be connected to.

    Raises:
        DeclarationError: a size is none, or self-connections of two populations.
    """
    _check_size(f"neurons of {pre!r}", n_pre, pre, post)
    _check_size(f"neurons of {post!r}", n_post, pre, post)
    if self_connections:
        return n_post
    if pre != post or n_pre != n_post:
        raise DeclarationError(
            f"{pre}->{post}: self_connections=False is for the synapses of one population among "
            f"itself, and these join {n_pre} with {n_post} neurons of two; leave it out"
        )
    return n_post - 1


def _check_size(what: str, n: int, pre: str, post: str) -> None:
    if not grid.whole(n, 1) or n >= 2**31:
        raise DeclarationError(f"{pre}->{post}: {n!r} {what}; a whole number >= 1 is needed, below 2**31")


def _indices(what: str, values: npt.ArrayLike, n: int | None, post: str) -> npt.NDArray[np.int32]:
    """Indices of neurons as int32.

    Raises:
        DeclarationError: no list of integers, or one out of range.
    """
    array = np.asarray(values)
    if array.ndim != 1 or not (np.issubdtype(array.dtype, np.integer) or array.size == 0):
        raise DeclarationError(f"{what}: {array.dtype} {array.shape}; a list of integers is needed")
    limit = 2**31 if n is None else n
    wrong = (array < 0) | (array >= limit)
    if wrong.any():
        k = int(np.argmax(wrong))
        raise DeclarationError(f"{what}[{k}] = {array[k]}; neurons count from 0 to {limit - 1}")
    return array.astype(np.int32, copy=False)
