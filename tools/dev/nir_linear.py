"""NIR's linear nodes in NumPy, each from its definition, for the interpreter of the NIR test.

Arrays may have axes in front of those that a node acts on (a batch): Affine and Linear act on the last axis,
convolutions of d dimensions and poolings on the last d + 1 (channels first).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def _pair(value: Any, d: int) -> tuple[int, ...]:
    """A stride, padding or dilation for each of d dimensions."""
    flat = np.asarray(value).reshape(-1)
    return tuple(int(x) for x in (np.repeat(flat, d) if flat.size == 1 else flat))


def matmul(x: Any, weight: Any, bias: Any = 0.0) -> Any:
    """weight (..., m, n) times x (..., n), plus bias."""
    return (weight * x[..., None, :]).sum(axis=-1) + bias


def _padded(x: Any, before: Sequence[int], after: Sequence[int]) -> Any:
    sides = zip(before, after, strict=True)
    return np.pad(x, [(0, 0)] * (x.ndim - len(before)) + [(a, b) for a, b in sides])


def _windows(x: Any, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Any:
    """(offset in the kernel, the elements of x that this offset meets) for every offset."""
    d = len(kernel)
    size = x.shape[-d:]
    out = [(size[k] - dilation[k] * (kernel[k] - 1) - 1) // stride[k] + 1 for k in range(d)]
    for offset in np.ndindex(*kernel):
        cut = [
            slice(o * dilation[k], o * dilation[k] + stride[k] * (out[k] - 1) + 1, stride[k])
            for k, o in enumerate(offset)
        ]
        index = (Ellipsis, *cut)
        yield offset, x[index]


def convolution(x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: Any) -> Any:
    """A cross-correlation as PyTorch's: weight (c_out, c_in / groups, *kernel), bias (c_out,).

    Padding is a number of zeros on both sides, or "valid" (none), or "same" (the output is as large as the
    input, for a stride of 1; an odd zero goes to the end).
    """
    d = weight.ndim - 2
    kernel, stride, dilation = weight.shape[2:], _pair(stride, d), _pair(dilation, d)
    if isinstance(padding, str):
        whole = [dilation[k] * (kernel[k] - 1) if padding == "same" else 0 for k in range(d)]
        before = [n // 2 for n in whole]
        after = [n - b for n, b in zip(whole, before, strict=True)]
    else:
        before = after = list(_pair(padding, d))
    x = _padded(x, before, after)
    each, per = weight.shape[1], weight.shape[0] // int(groups)
    total: Any = 0.0
    for offset, part in _windows(x, kernel, stride, dilation):
        channels = np.moveaxis(part, -d - 1, 0)
        rows = [
            sum(weight[o, c][offset] * channels[o // per * each + c] for c in range(each))
            for o in range(weight.shape[0])
        ]
        total = total + np.stack(rows)
    return np.moveaxis(total, 0, -d - 1) + np.reshape(bias, (-1,) + (1,) * d)


def pooling(x: Any, kernel: Any, stride: Any, padding: Any, average: bool) -> Any:
    """Sums over windows of the last two axes; averages count the zeros of the padding."""
    kernel, pad = _pair(kernel, 2), _pair(padding, 2)
    windows = _windows(_padded(x, pad, pad), kernel, _pair(stride, 2), (1, 1))
    total = sum(part for _, part in windows)
    return total / (kernel[0] * kernel[1]) if average else total


def flat(x: Any, start: int, end: int) -> Any:
    """The axes from start to end (counted as PyTorch does, the last included) made one."""
    start, end = int(start) % x.ndim, int(end) % x.ndim
    return x.reshape(*x.shape[:start], -1, *x.shape[end + 1 :])
