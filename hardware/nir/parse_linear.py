"""Parses NIR's linear nodes: output shape, operations and bias of each.

Affine and Linear are a `Matrix` (with weights of more than two axes: one for each place of the leading axes),
Conv1d, Conv2d, SumPool2d and AvgPool2d a `Kernel`, Scale a `Diagonal`, Delay is `Late`; a Scale or Delay of
more elements than come in repeats its input first, as NumPy broadcasts. Flatten and Identity change the shape
only.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np
from scipy import sparse

from spikesim.hardware.nir.broadcast import spread, spreads, unbatched
from spikesim.hardware.nir.linear_ops import (
    MOST_NEURONS,
    Diagonal,
    Late,
    LinearOp,
    Matrix,
    Reals,
    Shape,
    Synapses,
)
from spikesim.hardware.nir.nodes import NirError, Node
from spikesim.hardware.nir.parse_convolution import exact_weights, kernel_of, named, pool_of


def out_shape(node: Node, shape: Shape) -> Shape:
    """The output shape of a linear node.

    Raises:
        NirError: they do not fit.
    """
    made = SHAPES[node.kind](node, shape)
    if prod(made) > MOST_NEURONS or min(made, default=1) < 1:
        raise NirError(f"{named(node)}: {shape} becomes {made}; 1 to {MOST_NEURONS:,} values are read")
    return made


def parse_linear(node: Node, shape: Shape, dt: float) -> tuple[tuple[LinearOp, ...], Reals | None]:
    """The operations of a linear node, none where it changes no values; and its bias (n_out,), or None.

    Raises:
        NirError: numbers that do not fit.
    """
    if node.kind in ("Affine", "Linear"):
        bias = None if node.kind == "Linear" else _bias(node, _matrix_shape(node, shape))
        w = node.array("weight")
        return (Matrix(w, exact_weights(node, w)) if w.ndim == 2 else _blocks(w),), bias
    if node.kind in ("Conv1d", "Conv2d"):
        kernel, bias = kernel_of(node, shape), node.array("bias").reshape(-1)
        if bias.size != kernel.w.shape[0]:
            raise NirError(f"{named(node)}: {bias.size} biases for {kernel.w.shape[0]} channels")
        return (kernel,), np.repeat(bias, prod(kernel.out_shape[1:]))
    if node.kind in ("SumPool2d", "AvgPool2d"):
        return (pool_of(node, shape),), None
    if node.kind == "Scale":
        over = _each_shape("scale")(node, shape)
        s = _each(node, "scale", over)
        return (*_repeated(shape, over), Diagonal(s, exact_weights(node, s))), None
    if node.kind == "Delay":
        over = _each_shape("delay")(node, shape)
        return (*_repeated(shape, over), _late(node, over, dt)), None
    return (), None


def _each(node: Node, key: str, shape: Shape) -> Reals:
    values = spread(node.array(key), shape)
    assert values is not None  # _each_shape gave the shape
    return np.broadcast_to(values, (prod(shape),)).copy()


def _bias(node: Node, shape: Shape) -> Reals:
    found = spread(node.array("bias"), shape)
    if found is None:
        raise NirError(
            f"{named(node)}: biases of the shape {node.array('bias').shape} for an output of {shape}"
        )
    return np.broadcast_to(found, (prod(shape),)).copy()


def _blocks(w: Reals) -> Synapses:
    """Matrices (..., out, in), each for its own part of the input."""
    w = w.reshape(-1, *w.shape[-2:])
    block, row, column = (axis.reshape(-1) for axis in np.indices(w.shape, np.int32))
    places = block * w.shape[1] + row, block * w.shape[2] + column
    size = (w.shape[0] * w.shape[1], w.shape[0] * w.shape[2])
    return Synapses(sparse.coo_matrix((w.reshape(-1), places), size).tocsr())


def _repeated(shape: Shape, over: Shape) -> tuple[LinearOp, ...]:
    """The operation that repeats what comes in along axes of length 1; none where it is not repeated."""
    if prod(shape) == prod(over):
        return ()
    origin = np.broadcast_to(np.arange(prod(shape)).reshape(shape), over).reshape(-1)
    places = np.arange(len(origin)), origin
    return (Synapses(sparse.csr_matrix((np.ones(len(origin)), places), (len(origin), prod(shape)))),)


def _late(node: Node, shape: Shape, dt: float) -> Late:
    steps = _each(node, "delay", shape) / dt
    nearest = np.floor(steps + 0.5)
    wrong = (steps < 0) | ((nearest == 0) & (steps > 0)) | (nearest > 65_535)
    if wrong.any():
        raise NirError(
            f"{named(node)}: a delay of {steps[wrong][0]:g} steps of dt = {dt:g}; 0, or 1 to 65,535 steps "
            "are needed. Choose another dt"
        )
    return Late(nearest.astype(np.int64))


def rounded_delay(node: Node, dt: float) -> str:
    """A note where the delays of a node are no whole steps, and the nearest ones are taken; else ""."""
    steps = node.array("delay").reshape(-1) / dt
    nearest = np.floor(steps + 0.5)
    off = np.abs(steps - nearest)
    if not (off > node.rounding("delay") * np.maximum(nearest, 1)).any():
        return ""
    k = int(np.argmax(off))
    return f"{named(node)}: a delay of {steps[k]:g} steps of dt = {dt:g} is taken as {nearest[k]:g} steps"


def _matrix_shape(node: Node, shape: Shape) -> Shape:
    w = node.values.get("weight")
    shown = w.shape if isinstance(w, np.ndarray) else ()
    if not isinstance(w, np.ndarray) or w.ndim < 2:
        raise NirError(f"{named(node)}: weights of the shape {shown}; a matrix (out, in) is needed")
    ins = prod(w.shape[:-2]) * w.shape[-1]
    if ins != prod(shape):
        raise NirError(f"{named(node)}: weights for {ins} inputs, and {shape} comes in")
    return (*w.shape[:-2], w.shape[-2])


def _kernel_shape(node: Node, shape: Shape) -> Shape:
    made = kernel_of(node, shape).out_shape
    return (made[0], made[2]) if node.kind == "Conv1d" else made


def _flat_shape(node: Node, shape: Shape) -> Shape:
    ends = [node.one_whole(key, -32) for key in ("start_dim", "end_dim")]
    if isinstance(node.values.get("input_type"), np.ndarray):  # the axes that the ends count
        stated = node.whole("input_type")  # zeros in files of nir 0.2
        shape = stated if prod(stated) == prod(shape) else shape
    first, last = (end + len(shape) if end < 0 else end for end in ends)
    if not 0 <= first <= last < len(shape):
        # A vector that is flattened from its first axis on, as networks of one kind for all inputs have it.
        if len(shape) == 1 and ends[1] in (-1, 0, 1):
            return shape
        raise NirError(f"{named(node)}: axes {ends[0]} to {ends[1]} of the shape {shape}")
    return (*shape[:first], prod(shape[first : last + 1]), *shape[last + 1 :])


def _same_shape(node: Node, shape: Shape) -> Shape:
    if not isinstance(node.values.get("shape"), np.ndarray):
        return shape
    stated = node.whole("shape", 1)
    if prod(stated) != prod(shape):
        raise NirError(f"{named(node)}: shape = {stated}, and {shape} comes in")
    return stated


def _each_shape(key: str) -> Callable[[Node, Shape], Shape]:
    def check(node: Node, shape: Shape) -> Shape:
        own = node.array(key).shape
        if spreads(own, shape):
            return shape
        try:
            return np.broadcast_shapes(unbatched(own, len(shape)), shape)
        except ValueError as problem:
            raise NirError(
                f"{named(node)}: {key} of the shape {own} for an input of {shape}, to which it does not "
                "broadcast"
            ) from problem

    return check


SHAPES: dict[str, Callable[[Node, Shape], Shape]] = {
    "Affine": _matrix_shape,
    "Linear": _matrix_shape,
    "Conv1d": _kernel_shape,
    "Conv2d": _kernel_shape,
    "SumPool2d": lambda node, shape: pool_of(node, shape).out_shape,
    "AvgPool2d": lambda node, shape: pool_of(node, shape).out_shape,
    "Flatten": _flat_shape,
    "Scale": _each_shape("scale"),
    "Delay": _each_shape("delay"),
    "Identity": _same_shape,
    "Output": _same_shape,
}
