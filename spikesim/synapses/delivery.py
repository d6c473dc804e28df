"""The interface of projections: their synapses, weights, delays and plasticity, for every reader."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from spikesim import grid
from spikesim.errors import DeclarationError
from spikesim.learning import Rule
from spikesim.learning.online import Layout

Weights = npt.NDArray[Any]
Piece = tuple[int, Weights]
Deliver = Callable[[npt.NDArray[np.int32], npt.NDArray[np.int8], npt.NDArray[np.float64]], int]
Delivery = tuple[int, Deliver]


class Edges(NamedTuple):
    """All synapses of a projection, one entry each, sorted by presynaptic neuron.

    Attributes:
        pre, post: int32 (n_synapses,), neurons.
        w: (n_synapses,), weights.
        delay: int64 (n_synapses,), steps.
    """

    pre: npt.NDArray[np.int32]
    post: npt.NDArray[np.int32]
    w: Weights
    delay: npt.NDArray[np.int64]


class Projection(Protocol):
    """Synapses from one population to another.

    A kind of projection is a frozen dataclass with these attributes and methods. `w` of the methods holds the
    weights as they are now, in the shape in which `Network.weights` returns them.

    Attributes:
        pre, post: names of populations.
        w: the declared weights.
        delay: the least number of steps from a spike to its arrival.
        name: unique in a network.
        plastic: the rule that changes the weights; None where they are fixed, or the kind has no rules.
        receptor: which of the inputs of `post` it feeds, where its model has several; None for the first.
        follows: name of the projection of which this one is the transpose; None for weights of its own.
        longest_delay: the largest number of steps from a spike to its arrival.
    """

    @property
    def pre(self) -> str:
        """The presynaptic population."""
        ...

    @property
    def post(self) -> str:
        """The postsynaptic population."""
        ...

    @property
    def delay(self) -> int:
        """Steps."""
        ...

    @property
    def longest_delay(self) -> int:
        """Steps."""
        ...

    @property
    def name(self) -> str:
        """Unique in a network."""
        ...

    @property
    def w(self) -> Any:
        """The declared weights."""
        ...

    @property
    def plastic(self) -> Rule:
        """The rule, if any."""
        ...

    @property
    def receptor(self) -> str | None:
        """The input of `post` that it feeds."""
        ...

    @property
    def follows(self) -> str | None:
        """The transposed projection, if any."""
        ...

    def check_sizes(self, n_pre: int, n_post: int) -> None:
        """Check that the projection fits populations of these sizes.

        Raises:
            DeclarationError: it does not.
        """
        ...

    def declared(self, n_pre: int, n_post: int) -> Weights:
        """The declared weights, in the shape that the other methods take."""
        ...

    def fixed(self, w: Weights) -> Projection:
        """The same synapses with these weights, and without a rule."""
        ...

    def edges(self, w: Weights) -> Edges:
        """Every synapse, sorted by presynaptic neuron."""
        ...

    def pieces(self, w: Weights) -> list[Piece]:
        """For each delay the matrix (n_pre, n_post) of what a spike adds: the readable form."""
        ...

    def deliveries(self, w: Weights) -> list[Delivery]:
        """For each delay a function deliver(fired, signs, current) -> n_events.

        It adds what the spikes of `fired` int32 (k,) with `signs` int8 (k,) bring to `current` float64
        (n_post,), and returns how many synapses it went through. It reads `w` anew at every call.
        """
        ...

    def reach(self, w: Weights, n_post: int) -> Weights:
        """The largest sum of absolute weights that one step can bring to each neuron, (n_post,)."""
        ...


class PlasticProjection(Projection, Protocol):
    """A projection that a rule can change."""

    def layout(self, n_pre: int, n_post: int) -> Layout:
        """Which synapse joins what; for online rules."""
        ...

    def shaped(self, w: Weights, n_pre: int, n_post: int) -> Weights:
        """Weights (n_synapses,) in the shape that the other methods take."""
        ...

    def check_online(self) -> None:
        """Check that a rule which acts in every step can act on these synapses.

        Raises:
            DeclarationError: it cannot.
        """
        ...


def check_delay(name: str, delay: int) -> None:
    """Check that a delay is a whole number of steps, not negative.

    Raises:
        DeclarationError: it is not.
    """
    if not grid.whole(delay):
        raise DeclarationError(f"{name}: delay = {delay!r}; a delay is a whole number of steps >= 0")


def edges_of(matrix: Weights, delay: int) -> Edges:
    """The non-zero entries of a matrix (n_pre, n_post) as synapses of one delay."""
    pre, post = np.nonzero(matrix)
    return Edges(
        pre.astype(np.int32), post.astype(np.int32), matrix[pre, post], np.full(len(pre), delay, np.int64)
    )
