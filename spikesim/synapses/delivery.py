"""The common interface of projections: synapses, weights, delays and plasticity."""

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
        pre, post: int32 (n_synapses,), indices of neurons.
        w: (n_synapses,), weights.
        delay: int64 (n_synapses,), steps.
    """

    pre: npt.NDArray[np.int32]
    post: npt.NDArray[np.int32]
    w: Weights
    delay: npt.NDArray[np.int64]


class Projection(Protocol):
    """Synapses from one population to another.

    A kind of projection is a frozen dataclass with these attributes and methods. The argument `w` of the
    methods is the array of current weights, in the shape in which `Network.weights` returns them.

    Attributes:
        pre, post: names of populations.
        w: the declared weights.
        delay: the smallest number of steps from a spike to its arrival.
        name: unique in a network.
        plastic: the rule that changes the weights; None for fixed weights, or a kind without rules.
        receptor: the receptor of `post` that it feeds, if its model has several; None for the first.
        follows: name of the projection of which this one is the transpose; None if it has its own weights.
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
        """The smallest delay, in steps."""
        ...

    @property
    def longest_delay(self) -> int:
        """The largest delay, in steps."""
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
        """The receptor of `post` that it feeds."""
        ...

    @property
    def follows(self) -> str | None:
        """The transposed projection, if any."""
        ...

    def check_sizes(self, n_pre: int, n_post: int) -> None:
        """Check that the projection fits populations of these sizes.

        Raises:
            DeclarationError: the sizes do not fit.
        """
        ...

    def declared(self, n_pre: int, n_post: int) -> Weights:
        """The declared weights, in the shape that the other methods expect."""
        ...

    def fixed(self, w: Weights) -> Projection:
        """The same projection with these weights and without a rule."""
        ...

    def edges(self, w: Weights) -> Edges:
        """Every synapse, sorted by presynaptic neuron."""
        ...

    def pieces(self, w: Weights) -> list[Piece]:
        """For each delay the weight matrix (n_pre, n_post), used by the naive engine."""
        ...

    def deliveries(self, w: Weights) -> list[Delivery]:
        """For each delay a function deliver(fired, signs, current) -> n_events.

        It adds the input currents caused by the spikes of the neurons `fired`, int32 (k,), with `signs`, int8
        (k,), to `current`, float64 (n_post,), and returns the number of synaptic events. It reads the current
        values of `w` at every call.
        """
        ...

    def reach(self, w: Weights, n_post: int) -> Weights:
        """The largest sum of absolute weights that can arrive at each neuron in one step, (n_post,)."""
        ...


class PlasticProjection(Projection, Protocol):
    """A projection that a rule can change."""

    def layout(self, n_pre: int, n_post: int) -> Layout:
        """The neurons that each synapse connects, for online rules."""
        ...

    def shaped(self, w: Weights, n_pre: int, n_post: int) -> Weights:
        """Weights (n_synapses,) in the shape that the other methods expect."""
        ...

    def check_online(self) -> None:
        """Check that an online rule can act on these synapses.

        Raises:
            DeclarationError: it cannot.
        """
        ...


def check_delay(name: str, delay: int) -> None:
    """Check that a delay is a whole number of steps >= 0.

    Raises:
        DeclarationError: it is not.
    """
    if not grid.whole(delay):
        raise DeclarationError(f"{name}: delay = {delay!r}; a delay is a whole number of steps >= 0")
