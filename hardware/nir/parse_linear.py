"""Parses NIR's linear nodes: output shape, operations and bias of each.

Affine and Linear are a `Matrix` (with weights of more than two axes: one for each place of the leading axes),
Conv1d, Conv2d, SumPool2d and AvgPool2d a `Kernel`, Scale a `Diagonal`, Delay is `Late`; a Scale or Delay of
more elements than come in repeats its input first, as NumPy broadcasts. Flatten and Identity change the shape
only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np
from scipy import sparse

from spikesim.hardware.nir.broadcast import spread, spreads, unbatched
from spikesim.hardware.nir.linear_ops import (
    MOST_NEURONS,
    MOST_WEIGHTS,
    Diagonal,
    Kernel,
    Late,
    LinearOp,
    Matrix,
    Reals,
    Shape,
    Synapses,
)
from spikesim.hardware.nir.nodes import NirError, Node


def out_shape(node: Node, shape: Shape) -> Shape:
    """The output shape of a linear node.

    Raises:
        NirError: they do not fit.
    """
    made = SHAPES[node.kind](node, shape)
    if prod(made) > MOST_NEURONS or min(made, default=1) < 1:
        raise NirError(f"{_named(node)}: {shape} becomes {made}; 1 to {MOST_NEURONS:,} values are read")
    return made


def parse_linear(node: Node, shape: Shape, dt: float) -> tuple[tuple[LinearOp, ...], Reals | None]:
    """The operations of a linear node, none where it changes no values; and its bias (n_out,), or None.

    Raises:
        NirError: numbers that do not fit.
    """
    if node.kind in ("Affine", "Linear"):
        bias = None if node.kind == "Linear" else _bias(node, _matrix_shape(node, shape))
        w = node.array("weight")
        return (Matrix(w, _exact(node, w)) if w.ndim == 2 else _blocks(w),), bias
    if node.kind in ("Conv1d", "Conv2d"):
        kernel, bias = _kernel(node, shape), node.array("bias").reshape(-1)
        if bias.size != kernel.w.shape[0]:
            raise NirError(f"{_named(node)}: {bias.size} biases for {kernel.w.shape[0]} channels")
        return (kernel,), np.repeat(bias, prod(kernel.out_shape[1:]))
    if node.kind in ("SumPool2d", "AvgPool2d"):
        return (_pool(node, shape),), None
    if node.kind == "Scale":
        over = _each_shape("scale")(node, shape)
        s = _each(node, "scale", over)
        return (*_repeated(shape, over), Diagonal(s, _exact(node, s))), None
    if node.kind == "Delay":
        over = _each_shape("delay")(node, shape)
        return (*_repeated(shape, over), _late(node, over, dt)), None
    return (), None


def _named(node: Node) -> str:
    return f"{node.name} ({node.kind})"


def _each(node: Node, key: str, shape: Shape) -> Reals:
    values = spread(node.array(key), shape)
    assert values is not None  # _each_shape gave the shape
    return np.broadcast_to(values, (prod(shape),)).copy()


def _exact(node: Node, w: Reals) -> Reals | None:
    """What a file of ours states beside weights that were divided by a gain, in their shape; else None."""
    value = node.metadata.get("exact")
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or value.size != w.size:
        return None
    return value.astype(np.float64).reshape(w.shape)


def _bias(node: Node, shape: Shape) -> Reals:
    found = spread(node.array("bias"), shape)
    if found is None:
        raise NirError(
            f"{_named(node)}: biases of the shape {node.array('bias').shape} for an output of {shape}"
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
            f"{_named(node)}: a delay of {steps[wrong][0]:g} steps of dt = {dt:g}; 0, or 1 to 65,535 steps "
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
    return f"{_named(node)}: a delay of {steps[k]:g} steps of dt = {dt:g} is taken as {nearest[k]:g} steps"


def _matrix_shape(node: Node, shape: Shape) -> Shape:
    w = node.values.get("weight")
    if not isinstance(w, np.ndarray) or w.ndim < 2:
        raise NirError(
            f"{_named(node)}: weights of the shape {np.shape(w)}; a matrix (out, in) is needed"  # type: ignore
        )
    ins = prod(w.shape[:-2]) * w.shape[-1]
    if ins != prod(shape):
        raise NirError(f"{_named(node)}: weights for {ins} inputs, and {shape} comes in")
    return (*w.shape[:-2], w.shape[-2])


def _planes(node: Node, shape: Shape, axes: int) -> tuple[int, ...]:
    """A shape as channels and `axes` axes: leading ones are dropped, a single channel may be omitted."""
    while len(shape) > axes + 1 and shape[0] == 1:
        shape = shape[1:]
    shape = (1, *shape) if len(shape) == axes else shape
    if len(shape) != axes + 1:
        raise NirError(f"{_named(node)}: an input of the shape {shape}; channels and {axes} axes are needed")
    return shape


def _pair(node: Node, key: str, low: int, axes: int = 2) -> tuple[int, ...]:
    values = node.whole(key, low)
    if len(values) not in (1, axes):
        raise NirError(f"{_named(node)}: {key} = {values}; one number, or {axes}, are needed")
    return values * (axes if len(values) == 1 else 1)


def _kernel(node: Node, shape: Shape) -> Kernel:
    axes = 1 if node.kind == "Conv1d" else 2
    w = node.array("weight")
    if w.ndim != axes + 2 or 0 in w.shape:
        raise NirError(f"{_named(node)}: weights of the shape {w.shape}; {axes + 2} axes are needed")
    stated = None
    if isinstance(node.values.get("input_shape"), np.ndarray):
        stated = node.whole("input_shape", 1)[-axes:]
        if len(shape) == 1 and shape[0] % prod(stated) == 0:  # a vector of all channels
            shape = (shape[0] // prod(stated), *stated)
    planes = _planes(node, shape, axes)
    if stated is not None and stated != planes[1:]:
        raise NirError(f"{_named(node)}: input_shape = {stated}, and {shape} comes in")
    stride, dilation = _pair(node, "stride", 1, axes), _pair(node, "dilation", 1, axes)
    groups = node.whole("groups", 1)
    if (
        len(groups) != 1
        or planes[0] % groups[0]
        or w.shape[0] % groups[0]
        or w.shape[1] * groups[0] != planes[0]
    ):
        raise NirError(
            f"{_named(node)}: weights of {w.shape} in {groups} groups do not fit the {planes[0]} channels "
            f"that come in"
        )
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, w.shape[2:], strict=True)]
    _check_reach(node, prod(w.shape[:2]), reach, w.size)
    front, padding = _padding(node, reach, stride, axes)

    def wide(kernel: Reals) -> Reals:
        """The kernel with its dilation, and zeros in front."""
        made = np.zeros((*w.shape[:2], *(r + f for r, f in zip(reach, front, strict=True))))
        places = [slice(f, None, d) for f, d in zip(front, dilation, strict=True)]
        made[(slice(None), slice(None), *places)] = kernel
        return made if axes == 2 else made[:, :, None, :]

    if axes == 1:
        planes, stride, padding = (planes[0], 1, planes[1]), (1, *stride), (0, *padding)
    exact = _exact(node, w)
    kept = None if exact is None else wide(exact)
    return _fitting(node, Kernel(wide(w), planes, stride, padding, groups[0], kept))  # type: ignore[arg-type]


def _check_reach(node: Node, channels: int, reach: Sequence[int], stored: int = 0) -> None:
    """Check the size of a kernel before it is written out with its dilation."""
    if channels * prod(reach) > max(stored, MOST_WEIGHTS):
        raise NirError(
            f"{_named(node)}: {channels:,} kernels over {tuple(reach)}; {MOST_WEIGHTS:,} weights are made"
        )


def _fitting(node: Node, kernel: Kernel) -> Kernel:
    if min(kernel.out_shape) < 1 or prod(kernel.out_shape) > MOST_NEURONS:
        raise NirError(
            f"{_named(node)}: {kernel.shape} becomes {kernel.out_shape}; 1 to {MOST_NEURONS:,} values are "
            f"read"
        )
    return kernel


def _padding(
    node: Node, reach: list[int], stride: Shape, axes: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The zeros in front of a kernel, and its padding; "same" of an even reach has one place more at the end
    than at the beginning, which a kernel with one zero more in front says with equal paddings.
    """
    none, said = (0,) * axes, node.values["padding"]
    if not isinstance(said, str):
        return none, _pair(node, "padding", 0, axes)
    if said not in ("same", "valid"):
        raise NirError(f"{_named(node)}: padding = {said!r}; numbers, 'same' or 'valid' are needed")
    if said == "valid":
        return none, none
    if any(s != 1 for s in stride):
        raise NirError(f"{_named(node)}: padding = 'same' with a stride of {stride}; it needs a stride of 1")
    return tuple((r - 1) % 2 for r in reach), tuple(r // 2 for r in reach)


def _pool(node: Node, shape: Shape) -> Kernel:
    planes = _planes(node, shape, 2)
    size = _pair(node, "kernel_size", 1)
    _check_reach(node, planes[0], size)
    value = 1.0 if node.kind == "SumPool2d" else 1.0 / prod(size)
    stride, padding = _pair(node, "stride", 1), _pair(node, "padding", 0)
    w = np.full((planes[0], 1, *size), value)
    return _fitting(node, Kernel(w, planes, stride, padding, planes[0]))  # type: ignore[arg-type]


def _kernel_shape(node: Node, shape: Shape) -> Shape:
    made = _kernel(node, shape).out_shape
    return (made[0], made[2]) if node.kind == "Conv1d" else made


def _flat_shape(node: Node, shape: Shape) -> Shape:
    ends = [node.one_whole(key, -32) for key in ("start_dim", "end_dim")]
    if isinstance(node.values.get("input_type"), np.ndarray):  # the axes that the ends count
        stated = node.whole("input_type", 1)
        shape = stated if prod(stated) == prod(shape) else shape
    first, last = (end + len(shape) if end < 0 else end for end in ends)
    if not 0 <= first <= last < len(shape):
        # A vector that is flattened from its first axis on, as networks of one kind for all inputs have it.
        if len(shape) == 1 and ends[1] in (-1, 0, 1):
            return shape
        raise NirError(f"{_named(node)}: axes {ends[0]} to {ends[1]} of the shape {shape}")
    return (*shape[:first], prod(shape[first : last + 1]), *shape[last + 1 :])


def _same_shape(node: Node, shape: Shape) -> Shape:
    if not isinstance(node.values.get("shape"), np.ndarray):
        return shape
    stated = node.whole("shape", 1)
    if prod(stated) != prod(shape):
        raise NirError(f"{_named(node)}: shape = {stated}, and {shape} comes in")
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
                f"{_named(node)}: {key} of the shape {own} for an input of {shape}, to which it does not "
                "broadcast"
            ) from problem

    return check


SHAPES: dict[str, Callable[[Node, Shape], Shape]] = {
    "Affine": _matrix_shape,
    "Linear": _matrix_shape,
    "Conv1d": _kernel_shape,
    "Conv2d": _kernel_shape,
    "SumPool2d": lambda node, shape: _pool(node, shape).out_shape,
    "AvgPool2d": lambda node, shape: _pool(node, shape).out_shape,
    "Flatten": _flat_shape,
    "Scale": _each_shape("scale"),
    "Delay": _each_shape("delay"),
    "Identity": _same_shape,
    "Output": _same_shape,
}
