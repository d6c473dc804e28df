"""Parses NIR's linear nodes: output shape, operation and bias of each.

Affine and Linear are a `Matrix`, Conv1d, Conv2d, SumPool2d and AvgPool2d a `Kernel`, Scale a `Diagonal`,
Delay is `Late`; Flatten and Identity change the shape only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np

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


def parse_linear(node: Node, shape: Shape, dt: float) -> tuple[LinearOp | None, Reals | None]:
    """The operation of a linear node, None where it changes no values; and its bias (n_out,), or None.

    Raises:
        NirError: numbers that do not fit.
    """
    if node.kind in ("Affine", "Linear"):
        bias = None if node.kind == "Linear" else node.array("bias").reshape(-1)
        w = node.array("weight")
        if bias is not None and bias.size != w.shape[0]:
            raise NirError(f"{_named(node)}: {bias.size} biases for {w.shape[0]} rows of weights")
        return Matrix(w), bias
    if node.kind in ("Conv1d", "Conv2d"):
        kernel, bias = _kernel(node, shape), node.array("bias").reshape(-1)
        if bias.size != kernel.w.shape[0]:
            raise NirError(f"{_named(node)}: {bias.size} biases for {kernel.w.shape[0]} channels")
        return kernel, np.repeat(bias, prod(kernel.out_shape[1:]))
    if node.kind in ("SumPool2d", "AvgPool2d"):
        return _pool(node, shape), None
    if node.kind == "Scale":
        return Diagonal(_each(node, "scale", shape)), None
    if node.kind == "Delay":
        return _late(node, shape, dt), None
    return None, None


def _named(node: Node) -> str:
    return f"{node.name} ({node.kind})"


def _each(node: Node, key: str, shape: Shape) -> Reals:
    values = node.array(key).reshape(-1)
    if values.size not in (1, prod(shape)):
        raise NirError(f"{_named(node)}: {values.size} values of {key} for an input of {shape}")
    return np.broadcast_to(values, (prod(shape),)).copy()


def _late(node: Node, shape: Shape, dt: float) -> Late:
    steps = _each(node, "delay", shape) / dt
    nearest = np.rint(steps)
    off = np.abs(steps - nearest) > node.rounding("delay") * np.maximum(nearest, 1)
    if (steps < 0).any() or off.any() or (nearest > 65_535).any():
        bad = steps[(steps < 0) | off | (nearest > 65_535)][0]
        raise NirError(
            f"{_named(node)}: a delay of {bad:g} steps of dt = {dt:g}; whole steps from 0 to 65,535 "
            "are needed. Choose dt so that all delays are multiples of it"
        )
    return Late(nearest.astype(np.int64))


def _matrix_shape(node: Node, shape: Shape) -> Shape:
    w = node.array("weight")
    if w.ndim != 2:
        raise NirError(f"{_named(node)}: weights of the shape {w.shape}; a matrix (out, in) is needed")
    if w.shape[1] != prod(shape):
        raise NirError(f"{_named(node)}: weights for {w.shape[1]} inputs, and {shape} comes in")
    return (w.shape[0],)


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
    planes, w = _planes(node, shape, axes), node.array("weight")
    if w.ndim != axes + 2 or 0 in w.shape:
        raise NirError(f"{_named(node)}: weights of the shape {w.shape}; {axes + 2} axes are needed")
    if isinstance(node.values.get("input_shape"), np.ndarray):
        stated = node.whole("input_shape", 1)
        if stated[-axes:] != planes[1:]:
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
    wide = np.zeros((*w.shape[:2], *reach))
    places = [slice(None), slice(None), *(slice(None, None, d) for d in dilation)]
    wide[tuple(places)] = w
    wide, padding = _padded(node, wide, reach, stride, axes)
    if axes == 1:
        wide, planes = wide[:, :, None, :], (planes[0], 1, planes[1])
        stride, padding = (1, *stride), (0, *padding)
    made = Kernel(wide, planes, stride, padding, groups[0])  # type: ignore[arg-type]
    return _fitting(node, made)


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


def _padded(
    node: Node, w: Reals, reach: list[int], stride: Shape, axes: int
) -> tuple[Reals, tuple[int, ...]]:
    """The kernel and its padding; "same" of an even reach has one place more at the end than at the
    beginning, which a kernel with one zero more in front says with equal paddings.
    """
    said = node.values["padding"]
    if not isinstance(said, str):
        return w, _pair(node, "padding", 0, axes)
    if said not in ("same", "valid"):
        raise NirError(f"{_named(node)}: padding = {said!r}; numbers, 'same' or 'valid' are needed")
    if said == "valid":
        return w, (0,) * axes
    if any(s != 1 for s in stride):
        raise NirError(f"{_named(node)}: padding = 'same' with a stride of {stride}; it needs a stride of 1")
    front = [(0, 0), (0, 0), *(((r - 1) % 2, 0) for r in reach)]
    return np.pad(w, front), tuple(r // 2 for r in reach)


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
        _each(node, key, shape)
        return shape

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
