"""Parses NIR's convolutions and poolings: a `Kernel` each, with its dilation written out.

A Conv1d is a kernel of one row. A pooling is a convolution of each channel by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from spikesim.hardware.nir.linear_ops import MOST_NEURONS, MOST_WEIGHTS, Kernel, Reals, Shape
from spikesim.hardware.nir.nodes import NirError, Node


def named(node: Node) -> str:
    """A node for messages."""
    return f"{node.name} ({node.kind})"


def exact_weights(node: Node, w: Reals) -> Reals | None:
    """What a file of ours states beside weights that were divided by a gain, in their shape; else None."""
    value = node.metadata.get("exact")
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or value.size != w.size:
        return None
    return value.astype(np.float64).reshape(w.shape)


def _planes(node: Node, shape: Shape, axes: int) -> tuple[int, ...]:
    """A shape as channels and `axes` axes: leading ones are dropped, a single channel may be omitted."""
    while len(shape) > axes + 1 and shape[0] == 1:
        shape = shape[1:]
    shape = (1, *shape) if len(shape) == axes else shape
    if len(shape) != axes + 1:
        raise NirError(f"{named(node)}: an input of the shape {shape}; channels and {axes} axes are needed")
    return shape


def _pair(node: Node, key: str, low: int, axes: int = 2) -> tuple[int, ...]:
    values = node.whole(key, low)
    if len(values) not in (1, axes):
        raise NirError(f"{named(node)}: {key} = {values}; one number, or {axes}, are needed")
    return values * (axes if len(values) == 1 else 1)


def kernel_of(node: Node, shape: Shape) -> Kernel:
    """The kernel of a Conv1d or Conv2d for what comes in.

    Raises:
        NirError: numbers that do not fit, or more weights than are made.
    """
    axes = 1 if node.kind == "Conv1d" else 2
    w = node.array("weight")
    if w.ndim != axes + 2 or 0 in w.shape:
        raise NirError(f"{named(node)}: weights of the shape {w.shape}; {axes + 2} axes are needed")
    stated = None
    if isinstance(node.values.get("input_shape"), np.ndarray):
        stated = node.whole("input_shape", 1)[-axes:]
        if len(shape) == 1 and shape[0] % prod(stated) == 0:  # a vector of all channels
            shape = (shape[0] // prod(stated), *stated)
    planes = _planes(node, shape, axes)
    if stated is not None and stated != planes[1:]:
        raise NirError(f"{named(node)}: input_shape = {stated}, and {shape} comes in")
    stride, dilation = _pair(node, "stride", 1, axes), _pair(node, "dilation", 1, axes)
    groups = node.whole("groups", 1)
    if (
        len(groups) != 1
        or planes[0] % groups[0]
        or w.shape[0] % groups[0]
        or w.shape[1] * groups[0] != planes[0]
    ):
        raise NirError(
            f"{named(node)}: weights of {w.shape} in {groups} groups do not fit the {planes[0]} channels "
            f"that come in"
        )
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, w.shape[2:], strict=True)]
    _check_reach(node, prod(w.shape[:2]), reach, w.size)
    front, padding = _padding(node, reach, stride, axes)

    def wide(kernel: Reals) -> Reals:
        """The kernel with its dilation, and zeros in front."""
        made = np.zeros((*w.shape[:2], *(r + f for r, f in zip(reach, front, strict=True))))
        places = [slice(f, None, d) for f, d in zip(front, dilation, strict=True)]
        inside = (slice(None), slice(None), *places)
        made[inside] = kernel
        return made if axes == 2 else made[:, :, None, :]

    if axes == 1:
        planes, stride, padding = (planes[0], 1, planes[1]), (1, *stride), (0, *padding)
    exact = exact_weights(node, w)
    kept = None if exact is None else wide(exact)
    return _fitting(node, Kernel(wide(w), planes, stride, padding, groups[0], kept))  # type: ignore[arg-type]


def _check_reach(node: Node, channels: int, reach: Sequence[int], stored: int = 0) -> None:
    """Check the size of a kernel before it is written out with its dilation."""
    if channels * prod(reach) > max(stored, MOST_WEIGHTS):
        raise NirError(
            f"{named(node)}: {channels:,} kernels over {tuple(reach)}; {MOST_WEIGHTS:,} weights are made"
        )


def _fitting(node: Node, kernel: Kernel) -> Kernel:
    if min(kernel.out_shape) < 1 or prod(kernel.out_shape) > MOST_NEURONS:
        raise NirError(
            f"{named(node)}: {kernel.shape} becomes {kernel.out_shape}; 1 to {MOST_NEURONS:,} values are read"
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
        raise NirError(f"{named(node)}: padding = {said!r}; numbers, 'same' or 'valid' are needed")
    if said == "valid":
        return none, none
    if any(s != 1 for s in stride):
        raise NirError(f"{named(node)}: padding = 'same' with a stride of {stride}; it needs a stride of 1")
    return tuple((r - 1) % 2 for r in reach), tuple(r // 2 for r in reach)


def pool_of(node: Node, shape: Shape) -> Kernel:
    """The kernel of a SumPool2d or AvgPool2d for what comes in; places of the padding count in an average.

    Raises:
        NirError: numbers that do not fit, or more weights than are made.
    """
    planes = _planes(node, shape, 2)
    size = _pair(node, "kernel_size", 1)
    _check_reach(node, planes[0], size)
    value = 1.0 if node.kind == "SumPool2d" else 1.0 / prod(size)
    stride, padding = _pair(node, "stride", 1), _pair(node, "padding", 0)
    w = np.full((planes[0], 1, *size), value)
    return _fitting(node, Kernel(w, planes, stride, padding, planes[0]))  # type: ignore[arg-type]
