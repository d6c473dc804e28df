"""Backpropagation of the binary cross-entropy, the baseline for local rules and the gradient for attacks.

L = -mean over the batch, sum over the outputs, of y log p + (1 - y) log(1 - p)
delta_L = p - y,  delta_l = (delta_{l+1} W^T) p (1 - p),  dL/dW = x^T delta / B
"""

from __future__ import annotations

import numpy as np

from spikesim._jit import kernel
from spikesim.rates.mlp import Floats, RateMLP


def cross_entropy(net: RateMLP, x: Floats, targets: Floats) -> float:
    """Mean loss of a batch; targets float64 (B, n_out) in [0, 1]. Rates are clipped inside (0, 1)."""
    p = np.clip(net.output(x), 1e-300, 1 - 1e-16)
    return float(-(targets * np.log(p) + (1 - targets) * np.log1p(-p)).sum(axis=1).mean())


def gradients(net: RateMLP, rates: list[Floats], targets: Floats) -> list[Floats]:
    """Gradients of the loss with respect to each of `net.arrays`.

    Args:
        net: the network.
        rates: the result of `net.forward(x)`.
        targets: float64 (B, n_out).
    """
    weights, biases = [], []
    for x, delta in zip(rates[:-1], _deltas(net, rates, targets), strict=True):
        w, b = np.zeros((x.shape[1], delta.shape[1])), np.zeros(delta.shape[1])
        _products(x, delta, w, b)
        weights.append(w)
        biases.append(b)
    return [*weights, *biases]


def input_gradient(net: RateMLP, rates: list[Floats], targets: Floats) -> Floats:
    """Gradient of the loss of each sample with respect to its input, float64 (B, n_in)."""
    return _back(_deltas(net, rates, targets)[0], net.weights[0])


def _deltas(net: RateMLP, rates: list[Floats], targets: Floats) -> list[Floats]:
    """Gradients of the loss of each sample with respect to the currents of each layer, first layer first."""
    deltas = [rates[-1] - targets]
    for w, p in zip(net.weights[:0:-1], rates[-2:0:-1], strict=True):
        deltas.append(_back(deltas[-1], w) * p * (1 - p))
    return deltas[::-1]


def _back(delta: Floats, w: Floats) -> Floats:
    out = np.zeros((len(delta), len(w)))
    _spread(delta, np.ascontiguousarray(w.T), out)
    return out


@kernel
def _spread(delta, transposed, out):  # type: ignore[no-untyped-def]
    """Compute out += delta w^T, summed over the outputs in order, four at a time."""
    n, m = transposed.shape
    whole = n - n % 4
    for b in range(delta.shape[0]):
        row = out[b]
        for j in range(0, whole, 4):
            d0, d1, d2, d3 = delta[b, j], delta[b, j + 1], delta[b, j + 2], delta[b, j + 3]
            w0, w1, w2, w3 = transposed[j], transposed[j + 1], transposed[j + 2], transposed[j + 3]
            for i in range(m):
                row[i] += (d0 * w0[i] + d1 * w1[i]) + (d2 * w2[i] + d3 * w3[i])
        for j in range(whole, n):
            scale, weights = delta[b, j], transposed[j]
            for i in range(m):
                row[i] += scale * weights[i]


@kernel
def _products(x, delta, weights, biases):  # type: ignore[no-untyped-def]
    """Compute weights = x^T delta / B and biases = mean of delta over the batch."""
    for b in range(x.shape[0]):
        post = delta[b]
        for i in range(x.shape[1]):
            if x[b, i] != 0:
                scale, row = x[b, i], weights[i]
                for j in range(post.size):
                    row[j] += scale * post[j]
        for j in range(post.size):
            biases[j] += post[j]
    for i in range(x.shape[1]):
        for j in range(delta.shape[1]):
            weights[i, j] /= x.shape[0]
    for j in range(delta.shape[1]):
        biases[j] /= x.shape[0]
