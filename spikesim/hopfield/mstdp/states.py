"""States and weights of a continuous Hopfield network.

The states of a batch are one float32 array (batch, neurons) in C order, with the neurons ordered

    visible inputs (pixels) | visible outputs (classes) | hidden

so that the visible and the hidden neurons are slices. Visible neurons are not connected to each other (mSTDP,
section 3), so that two matrices contain all weights W[j, i], from neuron j to neuron i:

    to_hidden  (neurons, hidden) with lateral connections, (visible, hidden) without; no neuron feeds itself
    to_visible (hidden, visible)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from spikesim import rng
from spikesim.errors import DataError, DeclarationError
from spikesim.rng import Stream

Float32 = npt.NDArray[np.float32]

# Indices of the random stream WEIGHTS, one for each array that is drawn.
TO_HIDDEN, TO_VISIBLE, BIAS, STATE = 1000, 1001, 1002, 1003
SCALES = ("uniform", "xavier")


@dataclass(frozen=True)
class UnitLayout:
    """Positions of input, output and hidden neurons in the state array.

    Attributes:
        n_in: number of visible input neurons (784 for MNIST).
        n_out: number of visible output neurons, one for each class.
        n_hidden: number of hidden neurons.

    Raises:
        DeclarationError: a size below 1.
    """

    n_in: int
    n_out: int
    n_hidden: int

    def __post_init__(self) -> None:
        for name in ("n_in", "n_out", "n_hidden"):
            n = getattr(self, name)
            if int(n) != n or n < 1:
                raise DeclarationError(f"UnitLayout: {name} = {n!r}; a whole number >= 1 is needed")

    @property
    def n_visible(self) -> int:
        """Number of visible neurons: inputs and outputs."""
        return self.n_in + self.n_out

    @property
    def n(self) -> int:
        """Number of all neurons."""
        return self.n_in + self.n_out + self.n_hidden

    @property
    def inputs(self) -> slice:
        """Columns of the visible inputs."""
        return slice(0, self.n_in)

    @property
    def outputs(self) -> slice:
        """Columns of the visible outputs."""
        return slice(self.n_in, self.n_visible)

    @property
    def visible(self) -> slice:
        """Columns of the visible neurons."""
        return slice(0, self.n_visible)

    @property
    def hidden(self) -> slice:
        """Columns of the hidden neurons."""
        return slice(self.n_visible, self.n)


@dataclass(frozen=True, eq=False)
class Weights:
    """Weights and biases of a network: float32, C order, changed in place by learning.

    Attributes:
        to_hidden: (neurons, hidden) with lateral connections, where the diagonal of the hidden-to-hidden
            block is 0, or (visible, hidden).
        to_visible: (hidden, visible).
        bias: (neurons,).
    """

    to_hidden: Float32
    to_visible: Float32
    bias: Float32

    @property
    def lateral(self) -> bool:
        """Whether hidden neurons are connected to each other."""
        return self.to_hidden.shape[0] == self.bias.shape[0]

    def copy(self) -> Weights:
        """A deep copy."""
        return Weights(self.to_hidden.copy(), self.to_visible.copy(), self.bias.copy())

    def arrays(self) -> dict[str, Float32]:
        """The arrays by name, as stored in a checkpoint."""
        return {"to_hidden": self.to_hidden, "to_visible": self.to_visible, "bias": self.bias}


def uniform(seed: int, shape: tuple[int, ...], index: int, epoch: int = 0) -> npt.NDArray[np.float64]:
    """Random numbers U(-1, 1), float64: 2 (word + 1/2) / 2**32 - 1, a function of (seed, index, epoch)."""
    found = rng.words(seed, Stream.WEIGHTS, int(np.prod(shape)), epoch=epoch, index=index)
    return ((found.astype(np.float64) + 0.5) * 2.0**-31 - 1.0).reshape(shape)


def initial_weights(
    layout: UnitLayout,
    seed: int,
    *,
    lateral: bool = True,
    bound: float = 0.1,
    bias_bound: float | None = None,
    scale: Literal["uniform", "xavier"] = "uniform",
    mirrored: bool = False,
) -> Weights:
    """Initial weights and biases.

    Args:
        layout: positions of the neurons.
        seed: of the random numbers.
        lateral: whether hidden neurons are connected to each other.
        bound: the bound in U(-bound, bound) (mSTDP, section 3: 0.1), or a factor of Xavier's bound
            sqrt(6 / (fan-in + fan-out)).
        bias_bound: bound of the biases; None is `bound` (as printed) for "uniform", and 0 for "xavier".
        scale: "uniform" (as printed), or "xavier".
        mirrored: to_visible is initially the transpose of the visible rows of to_hidden, and lateral weights
            are symmetric. Differs from the papers: they draw each direction independently.

    Raises:
        DeclarationError: a negative bound, or an unknown scale.
    """
    if scale not in SCALES:
        raise DeclarationError(f"initial_weights: scale = {scale!r}; known: {', '.join(SCALES)}")
    if bias_bound is None:
        bias_bound = bound if scale == "uniform" else 0.0
    for name, value in (("bound", bound), ("bias_bound", bias_bound)):
        if not 0 <= value < np.inf:
            raise DeclarationError(f"initial_weights: {name} = {value!r}; a finite number >= 0 is needed")
    rows = layout.n if lateral else layout.n_visible
    if scale == "xavier":
        bound = bound * float(np.sqrt(6.0 / (rows + layout.n_hidden)))
    to_hidden = bound * uniform(seed, (rows, layout.n_hidden), TO_HIDDEN)
    to_visible = bound * uniform(seed, (layout.n_hidden, layout.n_visible), TO_VISIBLE)
    if mirrored:
        to_visible = to_hidden[layout.visible].T
    if lateral:
        block = to_hidden[layout.hidden]
        if mirrored:
            block[...] = np.tril(block, -1) + np.tril(block, -1).T
        np.fill_diagonal(block, 0.0)
    bias = bias_bound * uniform(seed, (layout.n,), BIAS)
    return Weights(*(np.ascontiguousarray(a, np.float32) for a in (to_hidden, to_visible, bias)))


def initial_states(layout: UnitLayout, batch: int, seed: int, bound: float = 1.0) -> Float32:
    """Random initial states U(-bound, bound), float32 (batch, neurons)."""
    return (bound * uniform(seed, (batch, layout.n), STATE)).astype(np.float32)


def check_images(x: npt.ArrayLike, n_in: int, where: str) -> Float32:
    """Check images and return them as float32 (samples, n_in).

    Raises:
        DataError: a wrong number of values per sample, or a value that is not finite or not in [0, 1].
    """
    x = np.asarray(x)
    flat = x.reshape(len(x), -1) if x.ndim > 1 else x
    if flat.ndim != 2 or flat.shape[1] != n_in:
        raise DataError(f"{where}: the images have shape {x.shape}; {n_in} values per sample are needed")
    bad = ~((flat >= 0) & (flat <= 1))
    if bad.any():
        row, column = (int(k) for k in np.argwhere(bad)[0])
        raise DataError(
            f"{where}: image {row}, pixel {column} is {flat[row, column]}; inputs must be in [0, 1]. "
            "Divide by the largest possible value"
        )
    return np.ascontiguousarray(flat, np.float32)


def check_labels(y: npt.ArrayLike, samples: int, n_out: int, where: str) -> npt.NDArray[np.int64]:
    """Check labels and return them as int64 (samples,).

    Raises:
        DataError: a wrong number of labels, a dtype that is not an integer, or a label outside [0, n_out).
    """
    y = np.asarray(y)
    if y.shape != (samples,):
        raise DataError(
            f"{where}: the labels have shape {y.shape} for {samples} images; one label per image is needed"
        )
    if y.dtype.kind not in "iu":
        raise DataError(f"{where}: labels of dtype {y.dtype}; whole numbers from 0 to {n_out - 1} are needed")
    bad = (y < 0) | (y >= n_out)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise DataError(f"{where}: label {row} is {y[row]}; labels must be from 0 to {n_out - 1}")
    return y.astype(np.int64)
