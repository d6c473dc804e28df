"""Kernels for fixed convolutions: a rate network of the same layers, trained by backpropagation.

    a_0 = intensities;  a_l = max(0, W_l a_(l-1)) for hidden layers;  p = softmax(W_L a_(L-1))

without biases, so that a spiking network with the same kernels in another scale has the same features. The
loss is the cross entropy, and its steps are those of Adam. The convolutions of the authors' chip version were
learned before, too, by another rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from spikesim import rng
from spikesim.datasets.dataset import Split
from spikesim.models.emstdp.config import Emstdp
from spikesim.models.emstdp.layers import Layer, layers_of
from spikesim.rates.adam import Adam, AdamSettings
from spikesim.rng import Stream

Floats = npt.NDArray[np.float64]


class RateNetwork(NamedTuple):
    """A rate network of the layers of a configuration.

    Attributes:
        layers: of the configuration.
        w: a matrix (n_pre, n_post) or kernels (out, channels, rows, columns) for each layer after the input.
    """

    layers: tuple[Layer, ...]
    w: list[Floats]

    def kernels(self) -> dict[str, Floats]:
        """The kernels of the convolutional layers: layer -> float64 (out, channels, rows, columns)."""
        return {layer.name: w for layer, w in zip(self.layers[1:], self.w, strict=True) if layer.kernel}


def rate_network(config: Emstdp, seed: int) -> RateNetwork:
    """The network before training: normal weights of variance 2 / fan-in, drawn from the seed."""
    layers = layers_of(config)
    found = []
    for k, layer in enumerate(layers[1:], 1):
        shape = layer.kernel or (layers[k - 1].n, layer.n)
        found.append(rng.normal(seed, Stream.WEIGHTS, shape, index=k) * np.sqrt(2 / layer.fan_in))
    return RateNetwork(layers, found)


def forward(net: RateNetwork, x: Floats) -> list[Floats]:
    """Activities of all layers, float64 (B, n); those of the output are class probabilities."""
    found = [x]
    for k, layer in enumerate(net.layers[1:], 1):
        w = net.w[k - 1]
        if layer.kernel:
            patches = _patches(net.layers[k - 1], layer, found[-1])
            u = (patches @ w.reshape(len(w), -1).T).transpose(0, 2, 1).reshape(len(x), layer.n)
        else:
            u = found[-1] @ w
        found.append(np.maximum(u, 0))
    e = np.exp(u - u.max(axis=1, keepdims=True))
    found[-1] = e / e.sum(axis=1, keepdims=True)
    return found


def descent(net: RateNetwork, x: Floats, y: npt.NDArray[np.int64]) -> list[Floats]:
    """The negative gradients of the mean cross entropy, in the shapes of the weights."""
    a = forward(net, x)
    error = (np.eye(net.layers[-1].n)[y] - a[-1]) / len(x)
    found = [np.zeros(0)] * len(net.w)
    for k in range(len(net.w), 0, -1):
        layer, before, w = net.layers[k], net.layers[k - 1], net.w[k - 1]
        if k < len(net.w):
            error = error * (a[k] > 0)
        if layer.kernel:
            d = error.reshape(len(x), len(w), -1).transpose(0, 2, 1)  # (B, places, out)
            patches = _patches(before, layer, a[k - 1])
            found[k - 1] = np.tensordot(d, patches, ((0, 1), (0, 1))).reshape(w.shape)
            if k > 1:
                error = _summed(before, layer, d @ w.reshape(len(w), -1))
        else:
            found[k - 1] = a[k - 1].T @ error
            error = error @ w.T
    return found


def pretrain(
    config: Emstdp, split: Split, images: int, epochs: int, seed: int = 1, batch: int = 64, rate: float = 2e-3
) -> RateNetwork:
    """Train a rate network on the first `images` samples of a split; the rate falls linearly to 0."""
    net = rate_network(config, seed)
    x, y = np.asarray(split.x[:images], np.float64), np.asarray(split.y[:images], np.int64)
    adam = Adam(net.w)
    steps = epochs * -(-len(x) // batch)
    for epoch in range(epochs):
        order = rng.permutation(seed, len(x), epoch)
        for first in range(0, len(x), batch):
            rows = order[first : first + batch]
            adam.settings = AdamSettings(rate=rate * (1 - adam.steps / steps))
            adam.ascend(descent(net, x[rows], y[rows]))
    return net


def accuracy(net: RateNetwork, split: Split, chunk: int = 500) -> float:
    """Share of correct classes."""
    parts: Sequence[slice] = [slice(k, k + chunk) for k in range(0, len(split), chunk)]
    right = sum(
        int((forward(net, np.asarray(split.x[s], np.float64))[-1].argmax(axis=1) == split.y[s]).sum())
        for s in parts
    )
    return right / len(split)


def _places(before: Layer, layer: Layer) -> tuple[npt.NDArray[np.int64], int]:
    """Where the inputs of each place lie in the padded input, int64 (places, fan-in), and its size."""
    C, H, W = before.shape
    high, wide = H + 2 * layer.padding, W + 2 * layer.padding
    size = layer.kernel[2]
    y, x = np.indices(layer.shape[1:]).reshape(2, -1, 1) * layer.stride
    c, a, b = np.indices((C, size, size)).reshape(3, 1, -1)
    return (c * high + y + a) * wide + x + b, C * high * wide


def _patches(before: Layer, layer: Layer, a: Floats) -> Floats:
    """The inputs of every place, float64 (B, places, fan-in)."""
    p = layer.padding
    padded = np.pad(a.reshape(-1, *before.shape), ((0, 0), (0, 0), (p, p), (p, p)))
    where, _ = _places(before, layer)
    return padded.reshape(len(a), -1)[:, where]


def _summed(before: Layer, layer: Layer, d: Floats) -> Floats:
    """The sums over places at each input, (B, n_pre), of d (B, places, fan-in)."""
    where, size = _places(before, layer)
    p, (C, H, W) = layer.padding, before.shape
    found = np.zeros((len(d), size))
    for place, at in enumerate(where):
        found[:, at] += d[:, place]
    found = found.reshape(len(d), C, H + 2 * p, W + 2 * p)[:, :, p : p + H, p : p + W]
    return found.reshape(len(d), -1)
