"""Z: whether a neuron associates (+1) with a sample or not (-1) (Gupta 2020, section 2, fig. 1).

Fixed: a code of +-1 for each class and neuron, drawn once. In a binary task each hidden layer has as many +1
as -1 for class 1, and the opposite for class 0 (Z^0 = -Z^1); the output has +1 for its class and -1 else.
With more classes, each neuron associates with half of them, drawn anew for each neuron (ours: the paper has
two classes).

Fed back: Z_l = sign(Z_{l+1} W_{l+1}^T), from the output's Z down, with the weights as they are.
"""

from __future__ import annotations

import numpy as np

from spikesim import rng
from spikesim.rates.mlp import Floats, RateMLP
from spikesim.rng import Stream

Codes = tuple[Floats, ...]


def output_codes(n_out: int, balanced: bool = True) -> Floats:
    """The output's Z by class, float64 (classes, n_out): two classes for one neuron, else one neuron each.

    With n_out > 2 classes a neuron meets n_out - 1 samples of others for each of its own, and the printed
    Z = -1 silences it. Differs from the paper, which has two classes: `balanced` gives others
    Z = -1 / (n_out - 1).
    """
    if n_out == 1:
        return np.array([[-1.0], [1.0]])
    return np.where(np.eye(n_out) == 1, 1.0, -1.0 / (n_out - 1) if balanced else -1.0)


def fixed_codes(sizes: tuple[int, ...], seed: int) -> Codes:
    """Every layer's Z by class, float64 (classes, n) each, balanced and shuffled from `seed`."""
    out = output_codes(sizes[-1])
    hidden = tuple(_balanced(n, len(out), seed, layer) for layer, n in enumerate(sizes[1:-1]))
    return (*hidden, out)


def _balanced(n: int, classes: int, seed: int, layer: int) -> Floats:
    """(classes, n) of +-1: two classes are opposite, and half of the neurons are +1 for either of them."""
    if classes == 2:
        order = np.argsort(rng.words(seed, Stream.FEEDBACK, n, index=layer), kind="stable")
        z = np.empty(n)
        z[order] = np.where(np.arange(n) < n // 2, 1.0, -1.0)
        return np.stack([-z, z])
    words = rng.words(seed, Stream.FEEDBACK, n * classes, index=layer).reshape(n, classes)
    rank = np.argsort(np.argsort(words, axis=1, kind="stable"), axis=1, kind="stable")
    return np.where(rank < classes // 2, 1.0, -1.0).T.copy()


def fed_back(net: RateMLP, z_out: Floats) -> list[Floats]:
    """Every layer's Z for each sample, float64 (B, n), from the output's (B, n_out); sign(0) is +1."""
    found = [z_out]
    for w in net.weights[:0:-1]:
        found.append(np.where(np.einsum("bj,ij->bi", found[-1], w) >= 0, 1.0, -1.0))
    return found[::-1]
