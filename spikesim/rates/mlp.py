"""Feed-forward network of rates: p = sigmoid(x W + b), layer after layer.

Products are summed in a fixed order and not by a BLAS, so that results do not depend on its version or its
threads; inputs of 0 are skipped. Between machines, exp may differ in its last bit: there, results are equal
within a tolerance, as for all real-valued rates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from spikesim import rng
from spikesim._jit import kernel
from spikesim.errors import DataError, DeclarationError
from spikesim.grid import whole
from spikesim.rng import Stream

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RateMLP:
    """Weights and biases of a feed-forward network; optimisers change the arrays in place.

    Attributes:
        weights: float64 (n_pre, n_post) of each layer.
        biases: float64 (n_post,) of each layer.
    """

    weights: tuple[Floats, ...]
    biases: tuple[Floats, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Neurons of the input and of every layer."""
        return (self.weights[0].shape[0], *(w.shape[1] for w in self.weights))

    @property
    def arrays(self) -> list[Floats]:
        """All weights, then all biases, in the order that optimisers use."""
        return [*self.weights, *self.biases]

    def forward(self, x: npt.NDArray[np.floating]) -> list[Floats]:
        """Rates of every layer, input first, float64 (B, n) each.

        Args:
            x: (B, n_in), in [0, 1].

        Raises:
            DataError: x has another shape.
        """
        if x.ndim != 2 or x.shape[1] != self.sizes[0]:
            raise DataError(f"RateMLP {self.sizes}: x has shape {x.shape}; (B, {self.sizes[0]}) is needed")
        rates = [np.ascontiguousarray(x, np.float64)]
        for w, b in zip(self.weights, self.biases, strict=True):
            out = np.empty((len(x), w.shape[1]))
            _layer(rates[-1], w, b, out)
            rates.append(out)
        return rates

    def output(self, x: npt.NDArray[np.floating], batch: int = 1000) -> Floats:
        """Rates of the output, float64 (B, n_out), computed in batches to limit the memory."""
        parts = [self.forward(x[k : k + batch])[-1] for k in range(0, len(x), batch)]
        return np.concatenate(parts) if parts else np.zeros((0, self.sizes[-1]))

    def copy(self) -> RateMLP:
        """A deep copy."""
        return RateMLP(tuple(w.copy() for w in self.weights), tuple(b.copy() for b in self.biases))


def uniform_mlp(sizes: Sequence[int], seed: int, bias: float | Sequence[float] = 0.0) -> RateMLP:
    """Create a network with weights U(-1, 1) / sqrt(fan-in) and constant biases.

    Args:
        sizes: neurons of the input and of every layer.
        seed: of the weights, which are the same on every machine.
        bias: initial value of the biases: one for all layers, or one for each.

    Raises:
        DeclarationError: fewer than two sizes, a size below 1, or biases for another number of layers.
    """
    if len(sizes) < 2 or not all(whole(n, 1) for n in sizes):
        raise DeclarationError(
            f"uniform_mlp: sizes = {tuple(sizes)}; an input and at least one layer are needed, of 1 or more "
            "neurons each"
        )
    weights = []
    for layer, (n, m) in enumerate(pairwise(sizes)):
        words = rng.words(seed, Stream.WEIGHTS, n * m, index=layer).astype(np.float64)
        weights.append(((words + 0.5) * 2.0**-31 - 1.0).reshape(n, m) / np.sqrt(n))
    starts = [float(bias)] * len(weights) if isinstance(bias, int | float) else [float(b) for b in bias]
    if len(starts) != len(weights):
        raise DeclarationError(
            f"uniform_mlp: bias = {bias}; one value is needed, or one for each of the {len(weights)} layers"
        )
    biases = tuple(np.full(m, start) for m, start in zip(sizes[1:], starts, strict=True))
    return RateMLP(tuple(weights), biases)


@kernel
def _layer(x, w, b, out):  # type: ignore[no-untyped-def]
    """Compute out = sigmoid(x w + b), summed over the inputs that are not 0 in order, four at a time."""
    n, m = w.shape
    active = np.empty(n + 1, np.int64)
    for k in range(x.shape[0]):
        row, count = out[k], 0
        for j in range(m):
            row[j] = b[j]
        for i in range(n):
            active[count] = i
            count += x[k, i] != 0
        whole = count - count % 4
        for a in range(0, whole, 4):
            i0, i1, i2, i3 = active[a], active[a + 1], active[a + 2], active[a + 3]
            x0, x1, x2, x3 = x[k, i0], x[k, i1], x[k, i2], x[k, i3]
            w0, w1, w2, w3 = w[i0], w[i1], w[i2], w[i3]
            for j in range(m):
                row[j] += (x0 * w0[j] + x1 * w1[j]) + (x2 * w2[j] + x3 * w3[j])
        for a in range(whole, count):
            scale, weights = x[k, active[a]], w[active[a]]
            for j in range(m):
                row[j] += scale * weights[j]
        for j in range(m):
            row[j] = 1 / (1 + np.exp(-row[j]))
