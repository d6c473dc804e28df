"""Parameters of a node for each element of its shape, by NumPy's rules of broadcasting.

Leading axes of length 1 (a batch of one) count for nothing: (1, C, 1, 1) spreads over (C, H, W). A parameter
with as many values as there are elements is one for each, in their order, whatever its own axes are.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.hardware.nir.linear_ops import Shape


def spreads(own: Shape, over: Shape) -> bool:
    """Whether values of one shape can be broadcast to another, or are one for each of its elements."""
    return prod(own) in (1, prod(over)) or _broadcasts(unbatched(own, len(over)), over)


def spread(values: npt.NDArray[Any], over: Shape) -> npt.NDArray[Any] | None:
    """Values for each element of a shape, (n,), or (1,) for one that is for all; None where they do not fit.

    >>> spread(np.array([[[1.0]], [[2.0]]]), (2, 1, 3)).tolist()
    [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]
    """
    if values.size == 1:
        return values.reshape(1)
    own = unbatched(values.shape, len(over))
    if _broadcasts(own, over):
        return np.broadcast_to(values.reshape(own), over).reshape(-1)
    return values.reshape(-1) if values.size == prod(over) else None


def joined(shapes: list[Shape]) -> Shape:
    """The shape to which all of these broadcast; the largest one where they do not."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        return max(shapes, key=prod)


def partial(shape: Shape) -> bool:
    """Whether values of this shape may be for some axes only, as (C, 1, 1) for each channel."""
    return len(shape) > 1 and 1 in shape


def unbatched(shape: Shape, axes: int) -> Shape:
    """A shape without leading axes of length 1 beyond a number of axes."""
    while len(shape) > axes and shape[0] == 1:
        shape = shape[1:]
    return shape


def _broadcasts(own: Shape, over: Shape) -> bool:
    tail = over[len(over) - len(own) :] if own else ()
    return len(own) <= len(over) and all(a in (1, b) for a, b in zip(own, tail, strict=True))
