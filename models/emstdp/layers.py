"""The layers of an EMSTDP network: names, sizes, and the kernels of convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from spikesim.errors import DeclarationError
from spikesim.grid import whole

if TYPE_CHECKING:
    from spikesim.models.emstdp.config import Emstdp


class Layer(NamedTuple):
    """A layer of a network.

    Attributes:
        name: in, conv1, ..., hid1, ..., out.
        n: number of neurons.
        fan_in: synapses onto each neuron from the layer before.
        fan_back: synapses of the same projection from each neuron of the layer before, on average over a
            convolution without borders; those onto a neuron of the transposed projection.
        shape: (channels, rows, columns); () if the neurons have no places.
        kernel: shape of the kernels into it; () for a dense projection.
        stride, padding: of the convolution into it.
    """

    name: str
    n: int
    fan_in: int = 0
    fan_back: float = 0.0
    shape: Any = ()
    kernel: tuple[int, ...] = ()
    stride: int = 1
    padding: int = 0

    @property
    def error(self) -> str:
        """Name of its error population."""
        return f"err{self.name[3:]}" if self.name.startswith("hid") else f"err_{self.name}"


def layers_of(config: Emstdp) -> tuple[Layer, ...]:
    """The layers of a configuration, from the input to the output.

    Raises:
        DeclarationError: an image that does not fit the input, or a convolution that does not fit its input.
    """
    found = [Layer("in", config.sizes[0], shape=_image(config) if config.conv else ())]
    for k, entry in enumerate(config.conv, 1):
        found.append(_convolution(f"conv{k}", entry, found[-1].shape))
    for k, n in enumerate(config.sizes[1:], 1):
        name = "out" if k == len(config.sizes) - 1 else f"hid{k}"
        found.append(Layer(name, n, found[-1].n, float(n)))
    return tuple(found)


def title(config: Emstdp) -> str:
    """The layers in short: 784-500-10, or 784-16c5s2-100-10 for 16 channels, kernel of 5, stride of 2."""
    convolutions = [f"{c}c{k}s{s}" + f"p{p}" * bool(p) for c, k, s, p in map(_four, config.conv)]
    first, *dense = map(str, config.sizes)
    return "-".join((first, *convolutions, *dense))


def _image(config: Emstdp) -> tuple[int, ...]:
    """(channels, rows, columns) of the input; a square of one channel unless declared."""
    side = round(config.sizes[0] ** 0.5)
    image = config.image or (1, side, side)
    if len(image) != 3 or not all(whole(v, 1) for v in image) or int(np.prod(image)) != config.sizes[0]:
        raise DeclarationError(
            f"Emstdp: image = {config.image} for sizes[0] = {config.sizes[0]} inputs; (channels, rows, "
            f"columns) of this product are needed, or () for a square of one channel"
        )
    return image


def _four(entry: tuple[int, ...]) -> tuple[int, int, int, int]:
    """(channels, kernel, stride, padding) of a convolution.

    Raises:
        DeclarationError: other entries.
    """
    if len(entry) not in (3, 4):
        raise DeclarationError(
            f"Emstdp: conv: {entry!r}; (channels, kernel, stride) or (channels, kernel, stride, padding) "
            f"is needed for each convolution"
        )
    channels, kernel, stride, padding = (*entry, 0)[:4]
    if not (all(whole(v, 1) for v in (channels, kernel, stride)) and whole(padding)):
        raise DeclarationError(
            f"Emstdp: conv: {entry!r}; channels, kernel and stride are whole numbers >= 1, padding one >= 0"
        )
    return channels, kernel, stride, padding


def _convolution(name: str, entry: tuple[int, ...], before: tuple[int, ...]) -> Layer:
    channels, kernel, stride, padding = _four(entry)
    sides = tuple((side + 2 * padding - kernel) // stride + 1 for side in before[1:])
    if min(sides) < 1:
        raise DeclarationError(
            f"Emstdp: {name}: a kernel of {kernel} does not fit into {before[1:]} with padding {padding}; "
            f"use a smaller kernel, or more padding"
        )
    area = kernel * kernel
    shape = (channels, *sides)
    return Layer(
        name,
        int(np.prod(shape)),
        before[0] * area,
        channels * area / stride**2,
        shape,
        (channels, before[0], kernel, kernel),
        stride,
        padding,
    )
