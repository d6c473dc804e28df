"""Construction of sparse projections from arrays, matrices or connection rules.

    connect.fixed_probability("exc", "inh", 0.1, w=0.25, delay=15)
    connect.fixed_in_degree("exc", "exc", 100, connect.normal(0.2, 0.05, bits=12))
    connect.fixed_probability("exc", "inh", 8000, 2000, 0.1, w=0.25)

Sizes may be given after the names, as in the last line; otherwise they are those of the populations of the
network.

Synapses are stored row by row, by presynaptic neuron. Weights are one number (then 4 bytes per synapse in
all), an array in the order of the synapses, or a function (n_synapses, seed) -> array such as those returned
by `uniform` and `normal`; delays (steps in addition to `delay`) are an array or such a function.

Random numbers depend on the seed only, and are the same on every machine. Without `seed`, each projection has
its own, derived from the seed of the network and its name (`rng.derived_seed`), so that no two are alike;
projections with equal seeds and sizes have equal synapses. A projection that no network has taken yet has the
synapses of a network with the default seed.

Examples:
    >>> import spikesim as ss
    >>> from spikesim import connect
    >>> network = ss.Network(
    ...     {"a": ss.PoissonSource(50, rate=0.1), "b": ss.LIF(20, theta=1.0)},
    ...     [connect.fixed_in_degree("a", "b", 5, w=connect.normal(0.3, 0.05))],
    ...     seed=1,
    ... )
    >>> network.projections[0].n_synapses
    100
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
SMALL = 1e-6  # for probabilities below it, ln(1 - p) is computed from its series

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
    seed: int | None = None,
    plastic: Rule | None = None,
    name: str = "",
) -> Sparse:
    """Synapses from i[k] to j[k], in any order; several between two neurons add up.

    Args:
        pre, post: names of populations.
        i, j: integers (n_synapses,); the synapses of one neuron i keep their order.
        w: weights in the order of i and j, see above.
        n_pre: number of neurons of `pre`.
        delay, delays, plastic, name: see `Sparse`; delays in the order of i and j.
        seed: seed of random weights and delays; None to derive it, see above.

    Raises:
        DeclarationError: arrays of unequal length or without integers, an index outside [0, n_pre).
    """
    rows, columns = _indices("i", i, n_pre, post), _indices("j", j, None, post)
    if rows.size != columns.size:
        raise DeclarationError(
            f"{pre}->{post}: i has {rows.size} entries and j has {columns.size}; equal numbers are needed"
        )
    drawn = {"w": _weights(w, rows.size, seed, plastic), "delays": _numbers(delays, rows.size, seed)}
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.bincount(rows, minlength=n_pre))])
    order = by_rows(indptr, rows)
    for key, values in drawn.items():
        if np.ndim(values) and len(values) == rows.size:
            drawn[key] = values[order]
    return Sparse(pre, post, indptr, columns[order], **drawn, delay=delay, plastic=plastic, name=name)


@sizes_optional
def from_scipy(
    pre: str,
    post: str,
    matrix: Any,
    *,
    delay: int = 0,
    delays: Delays = None,
    seed: int | None = None,
    plastic: Rule | None = None,
    name: str = "",
) -> Sparse:
    """Synapses from the stored entries of a scipy.sparse matrix or array (n_pre, n_post), zeros included.

    Weights are float32 for a float32 matrix, else float64. Delays are in the order of matrix.tocsr().

    Raises:
        DeclarationError: not a two-dimensional sparse matrix, or complex numbers.
    """
    if not hasattr(matrix, "tocsr") or len(matrix.shape) != 2:
        raise DeclarationError(
            f"{pre}->{post}: {type(matrix).__name__}; a scipy.sparse matrix (n_pre, n_post) is needed"
        )
    rows = matrix.tocsr()
    if not np.can_cast(rows.dtype, np.float64):
        raise DeclarationError(f"{pre}->{post}: a matrix of {rows.dtype}; real numbers are needed")
    w = rows.data if rows.dtype == np.float32 else rows.data.astype(np.float64, copy=False)
    late = _numbers(delays, len(w), seed)
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
    seed: int | None = None,
    self_connections: bool = True,
    plastic: Rule | None = None,
    name: str = "",
) -> Sparse:
    """A synapse from every neuron to every neuron; for individual weights, `Dense` needs less memory.

    Raises:
        DeclarationError: see `fixed_probability`.
    """
    width = _width(pre, post, n_pre, n_post, self_connections)
    indptr = np.arange(n_pre + 1, dtype=np.int64) * width
    indices = np.tile(np.arange(width, dtype=np.int32), n_pre)
    if width < n_post:
        indices += indices >= np.repeat(np.arange(n_pre, dtype=np.int32), width)
    return _sparse(pre, post, indptr, indices, w, delay, delays, seed, plastic, name)


@sizes_optional
def one_to_one(
    pre: str,
    post: str,
    n: int,
    w: Weights,
    *,
    delay: int = 0,
    delays: Delays = None,
    seed: int | None = None,
    plastic: Rule | None = None,
    name: str = "",
) -> Sparse:
    """A synapse from neuron i to neuron i, optionally with individual weights and delays; see `OneToOne`.

    Raises:
        DeclarationError: n is not a whole number >= 1.
    """
    _check_size("n", n, pre, post)
    indptr = np.arange(n + 1, dtype=np.int64)
    indices = np.arange(n, dtype=np.int32)
    return _sparse(pre, post, indptr, indices, w, delay, delays, seed, plastic, name)


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
    seed: int | None = None,
    self_connections: bool = True,
    plastic: Rule | None = None,
    name: str = "",
) -> Sparse:
    """Connect each pair of neurons with probability p, independently.

    The gaps between the synapses of a row are random: gap = floor(ln(u) / ln(1 - p)), with u a multiple of
    2**-53 from two words of (seed, CONNECT, row); the cost is thus proportional to the number of synapses.

    Args:
        pre, post: names of populations.
        n_pre, n_post: their numbers of neurons.
        p: in [0, 1].
        w: weights, see above.
        delay, delays, plastic, name: see `Sparse`.
        seed: projections with the same seed and sizes have the same synapses; None to derive it, see above.
        self_connections: whether a neuron may be connected to itself; False only if pre = post.

    Raises:
        DeclarationError: p, a size or the seed is out of range.
    """
    width = _width(pre, post, n_pre, n_post, self_connections)
    if not 0 <= p <= 1:
        raise DeclarationError(f"{pre}->{post}: p = {p!r}; a probability in [0, 1] is needed")
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
    return _sparse(pre, post, indptr, indices, w, delay, delays, seed, plastic, name)


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
    seed: int | None = None,
    self_connections: bool = True,
    multapses: bool = True,
    plastic: Rule | None = None,
    name: str = "",
) -> Sparse:
    """Connect every neuron of `post` from k neurons of `pre`, drawn uniformly.

    Args:
        pre, post: names of populations.
        n_pre, n_post: their numbers of neurons.
        k: number of synapses onto each neuron.
        w: weights, see above.
        delay, delays, plastic, name: see `Sparse`.
        seed: projections with the same seed and sizes have the same synapses; None to derive it, see above.
        self_connections: whether a neuron may be connected to itself; False only if pre = post.
        multapses: whether two neurons may be connected more than once.

    Raises:
        DeclarationError: k is not a whole number >= 0, or exceeds the number of possible partners without
            multapses; a size or the seed is out of range.
    """
    width = _width(post, pre, n_post, n_pre, self_connections)
    if not grid.whole(k) or (k and not width):
        raise DeclarationError(f"{pre}->{post}: k = {k!r}; a whole number of synapses >= 0 is needed")
    if not multapses and k > width:
        raise DeclarationError(
            f"{pre}->{post}: k = {k} synapses per neuron exceed its {width} possible partners; allow "
            f"multapses, or use k <= {width}"
        )
    key, tag = rng.key(seed), rng.tag(Stream.CONNECT, SYNAPSES)
    indptr, none = np.zeros(n_pre + 1, np.int64), np.zeros(0, np.int32)
    sizes = (int(width), int(n_post), int(k), width < n_pre, bool(multapses))
    fill_degrees(key, tag, sizes, indptr[1:], none)
    np.cumsum(indptr, out=indptr)
    indices = np.empty(n_post * k, np.int32)
    fill_degrees(key, tag, sizes, indptr[:-1].copy(), indices)
    return _sparse(pre, post, indptr, indices, w, delay, delays, seed, plastic, name)


def _sparse(
    pre: str,
    post: str,
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
    w: Weights,
    delay: int,
    delays: Delays,
    seed: int | None,
    plastic: Rule | None,
    name: str,
) -> Sparse:
    n = len(indices)
    weights, late = _weights(w, n, seed, plastic), _numbers(delays, n, seed)
    return Sparse(pre, post, indptr, indices, weights, delay, late, plastic, name)


def _weights(w: Weights, n: int, seed: int | None, plastic: Rule | None) -> Any:
    """Weights of n synapses; one number for all becomes an array where a rule changes each of them."""
    found = _numbers(w, n, seed)
    return found if plastic is None or np.ndim(found) else np.full(n, found)


def _numbers(w: Weights | Delays, n: int, seed: int | None) -> Any:
    """Weights or delays of n synapses as an array; a function draws them."""
    if callable(w):
        return w(n, int(rng.key(seed)))
    return w if w is None else np.asarray(w)


def _width(pre: str, post: str, n_pre: int, n_post: int, self_connections: bool) -> int:
    """The number of neurons to which each neuron of `pre` may be connected.

    Raises:
        DeclarationError: a size is out of range, or self_connections=False between two populations.
    """
    _check_size(f"neurons of {pre!r}", n_pre, pre, post)
    _check_size(f"neurons of {post!r}", n_post, pre, post)
    if self_connections:
        return n_post
    if pre != post or n_pre != n_post:
        raise DeclarationError(
            f"{pre}->{post}: self_connections=False is for synapses within one population, and these "
            f"connect {n_pre} with {n_post} neurons of two; leave it out"
        )
    return n_post - 1


def _check_size(what: str, n: int, pre: str, post: str) -> None:
    if not grid.whole(n, 1) or n >= 2**31:
        raise DeclarationError(f"{pre}->{post}: {n!r} {what}; a whole number from 1 to 2**31 - 1 is needed")


def _indices(what: str, values: npt.ArrayLike, n: int | None, post: str) -> npt.NDArray[np.int32]:
    """Indices of neurons as int32.

    Raises:
        DeclarationError: not a one-dimensional array of integers, or an index out of range.
    """
    array = np.asarray(values)
    if array.ndim != 1 or not (np.issubdtype(array.dtype, np.integer) or array.size == 0):
        raise DeclarationError(
            f"{what}: dtype {array.dtype}, shape {array.shape}; a list of integers is needed"
        )
    limit = 2**31 if n is None else n
    wrong = (array < 0) | (array >= limit)
    if wrong.any():
        k = int(np.argmax(wrong))
        raise DeclarationError(f"{what}[{k}] = {array[k]}; the neurons are numbered 0 to {limit - 1}")
    return array.astype(np.int32, copy=False)
