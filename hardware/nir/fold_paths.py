"""Folds a path of linear nodes between two populations into one projection."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from spikesim.hardware.nir.linear_ops import (
    MOST_SYNAPSES,
    Diagonal,
    Kernel,
    Late,
    LinearOp,
    LinearPath,
    Matrix,
    Reals,
    Synapses,
)
from spikesim.hardware.nir.nodes import NirError
from spikesim.synapses import Conv2d, Dense, OneToOne, Sparse


def projection(route: LinearPath, gain: Reals, n_pre: int, n_post: int, late: bool) -> Any:
    """The projection of a path: Dense, Conv2d or OneToOne; Sparse where operations are multiplied out.

    Args:
        route: the path.
        gain: factor of the input, (1,) or (n_post,).
        n_pre, n_post: sizes of the populations.
        late: undelayed spikes arrive in the next step.

    Raises:
        NirError: too many synapses, or a weight beyond float64.
    """
    even = [s for s in route.steps if isinstance(s, Late) and (s.steps == s.steps[0]).all()]
    delay = sum(int(s.steps[0]) for s in even)
    steps = [s for s in route.steps if s not in even and not _idle(s)]
    if not any(isinstance(s, Late) for s in steps):
        delay = max(delay, int(late))
    if (gain != 1).any():
        steps.append(Diagonal(np.broadcast_to(gain, (n_post,)).copy()))
    steps = [s for s in _folded(steps) if not _idle(s)]
    if not steps:
        return OneToOne(route.pre, route.post, 1.0, delay)
    if len(steps) == 1:
        only = steps[0]
        if isinstance(only, Matrix):
            return Dense(route.pre, route.post, only.w.T, delay)
        if isinstance(only, Kernel):
            return Conv2d(
                route.pre, route.post, only.w, only.shape, only.stride, only.padding, only.groups, delay
            )
        if isinstance(only, Diagonal) and (only.s == only.s[0]).all():
            return OneToOne(route.pre, route.post, float(only.s[0]), delay)
    return _multiplied(route, steps, n_pre, delay, int(late))


def _idle(step: LinearOp) -> bool:
    return isinstance(step, Diagonal) and step.exact is None and bool((step.s == 1).all())


def _folded(steps: list[LinearOp]) -> list[LinearOp]:
    """The operations with factors merged into the weights before or after them."""
    made: list[LinearOp] = []
    for step in steps:
        last = made[-1] if made else None
        if isinstance(step, Diagonal) and isinstance(last, Matrix | Kernel | Diagonal | Synapses):
            scaled = last.scaled(step.s)
            if scaled is not None:
                made[-1] = scaled
                continue
        if isinstance(last, Diagonal) and isinstance(step, Matrix):
            made[-1] = Matrix(step.w * last.s)
            continue
        if isinstance(last, Diagonal) and isinstance(step, Kernel) and (last.s == last.s[0]).all():
            made[-1] = replace(step, w=step.w * last.s[0], exact=None)
            continue
        made.append(step)
    return made


def _multiplied(route: LinearPath, steps: list[LinearOp], n_pre: int, delay: int, least: int) -> Sparse:
    """The product of all operations as synapses, with a delay of at least `least`; delays that differ from
    element to element are kept apart.
    """
    terms: list[tuple[int, Any]] = [(0, None)]
    for step in steps:
        if isinstance(step, Late):
            late = np.unique(step.steps)
            if len(terms) * len(late) > 4096 or len(terms) * len(late) * step.steps.size > MOST_SYNAPSES:
                raise NirError(
                    f"{route.where}: {len(terms) * len(late):,} delays over one path of {step.steps.size:,} "
                    "elements, which is not read. Take fewer different delays"
                )
            terms = [
                (whole + int(d), _kept(product, step.steps == d, n_pre))
                for whole, product in terms
                for d in late
            ]
            terms = [(whole, product) for whole, product in terms if product.nnz]
            continue
        if step.synapses() > MOST_SYNAPSES:
            raise NirError(f"{route.where}: {step.synapses():,} synapses; {MOST_SYNAPSES:,} are read")
        matrix = step.matrix()
        terms = [
            (late, matrix if product is None else _product(route, matrix, product)) for late, product in terms
        ]
    return _sparse(route, _by_delay(terms, delay, least), n_pre, least)


def _by_delay(terms: list[tuple[int, Any]], delay: int, least: int) -> dict[int, Any]:
    """Delay of the whole path -> sum of the products with this delay."""
    found: dict[int, Any] = {}
    for late, product in terms:
        whole = max(late + delay, least)
        found[whole] = found[whole] + product if whole in found else product
    return found


def _kept(product: Any, mine: npt.NDArray[np.bool_], n_pre: int) -> Any:
    chosen = sparse.diags(mine.astype(np.float64)).tocsr()
    made = chosen if product is None else chosen @ product
    made.eliminate_zeros()
    return made


def _product(route: LinearPath, matrix: Any, product: Any) -> Any:
    """The product of two sparse matrices, after a check of its size."""
    columns = np.diff(matrix.tocsc().indptr).astype(np.int64)
    work = int((columns * np.diff(product.tocsr().indptr)).sum())
    if work > MOST_SYNAPSES:
        raise NirError(
            f"{route.where}: its linear nodes multiplied out go through {work:,} products; "
            f"{MOST_SYNAPSES:,} are read. "
            f"Put neurons between them"
        )
    return matrix @ product


def _sparse(route: LinearPath, terms: dict[int, Any], n_pre: int, least: int) -> Sparse:
    """Synapses of the products by delay; of zeros there are none, with a delay of at least 1."""
    found = [(late, product.tocoo()) for late, product in terms.items()]
    rows = np.concatenate([m.col for _, m in found] or [np.zeros(0, np.int64)]).astype(np.int64)
    columns = np.concatenate([m.row for _, m in found] or [np.zeros(0, np.int64)]).astype(np.int64)
    w = np.concatenate([m.data for _, m in found] or [np.zeros(0)])
    late = np.concatenate([np.full(m.nnz, d, np.int64) for d, m in found] or [np.zeros(0, np.int64)])
    order = np.lexsort((columns, late, rows))
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.bincount(rows, minlength=n_pre))])
    least = int(late.min()) if late.size else max(least, 1)  # what sends nothing closes no cycle
    delays = (late[order] - least).astype(np.uint16) if (late != least).any() else None
    return Sparse(route.pre, route.post, indptr, columns[order].astype(np.int32), w[order], least, delays)
