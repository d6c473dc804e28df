"""Associations Z: +1 if a neuron is associated with a sample, else -1 (Gupta 2020, section 2, fig. 1).

Fixed: a code of +-1 for each class and neuron, drawn once. In a binary task each hidden layer has as many +1
as -1 for class 1, and the opposite for class 0 (Z^0 = -Z^1); an output neuron has +1 for its class, else -1.
With more classes, each neuron is associated with half of them, drawn independently for each neuron (an
extension: the paper has two classes).

Fed back: Z_l = sign(Z_{l+1} W_{l+1}^T), from the Z of the output downwards, with the current weights.
"""

from __future__ import annotations

import numpy as np

from spikesim import rng
from spikesim.rates.mlp import Floats, RateMLP
from spikesim.rng import Stream

Codes = tuple[Floats, ...]


def output_codes(n_out: int, balanced: bool = True) -> Floats:
    """Z of the output by class, float64 (classes, n_out): two classes for one neuron, else one neuron each.

    With n_out > 2 classes a neuron sees n_out - 1 samples of other classes for each sample of its own, and
    the printed Z = -1 silences it. Differs from the paper, which has two classes: with `balanced`, Z is
    -1 / (n_out - 1) for other classes.
    """
    if n_out == 1:
        return np.array([[-1.0], [1.0]])
    return np.where(np.eye(n_out) == 1, 1.0, -1.0 / (n_out - 1) if balanced else -1.0)


def fixed_codes(sizes: tuple[int, ...], seed: int) -> Codes:
    """Fixed Z of every layer by class, float64 (classes, n) each, balanced and shuffled with `seed`."""
    out = output_codes(sizes[-1])
    hidden = tuple(_balanced(n, len(out), seed, layer) for layer, n in enumerate(sizes[1:-1]))
    return (*hidden, out)


def _balanced(n: int, classes: int, seed: int, layer: int) -> Floats:
    """Codes of +-1, (classes, n): each neuron is +1 for half of the classes; two classes are opposite."""
    if classes == 2:
        order = np.argsort(rng.words(seed, Stream.FEEDBACK, n, index=layer), kind="stable")
        z = np.empty(n)
        z[order] = np.where(np.arange(n) < n // 2, 1.0, -1.0)
        return np.stack([-z, z])
    words = rng.words(seed, Stream.FEEDBACK, n * classes, index=layer).reshape(n, classes)
    rank = np.argsort(np.argsort(words, axis=1, kind="stable"), axis=1, kind="stable")
    return np.where(rank < classes // 2, 1.0, -1.0).T.copy()


def fed_back(net: RateMLP, z_out: Floats) -> list[Floats]:
    """Fed-back Z of every layer, float64 (B, n) each, from Z of the output (B, n_out); sign(0) is +1."""
    found = [z_out]
    for w in net.weights[:0:-1]:
        found.append(np.where(np.einsum("bj,ij->bi", found[-1], w) >= 0, 1.0, -1.0))
    return found[::-1]
