"""What every kind of projection offers the engines: itself as matrices, and an event-driven way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Weights = npt.NDArray[Any]
Piece = tuple[int, Weights]
Deliver = Callable[[npt.NDArray[np.int32], npt.NDArray[np.int8], npt.NDArray[np.float64]], int]
Delivery = tuple[int, Deliver]


class Projection(Protocol):
    """Synapses from one population to another.

    A kind of projection is a frozen dataclass with these fields and the two methods. `w` of the methods holds
    the weights as they are now, in the shape in which `Network.weights` gives them.

    Attributes:
        pre, post: names of populations.
        w: the declared weights.
        delay: the least number of steps from a spike to its arrival.
        name: unique in a network.
    """

    @property
    def pre(self) -> str:
        """The population that sends."""
        ...

    @property
    def post(self) -> str:
        """The population that listens."""
        ...

    @property
    def delay(self) -> int:
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

    def pieces(self, w: Weights) -> list[Piece]:
        """For each delay the matrix (n_pre, n_post) of what a spike adds: the readable form."""
        ...

    def deliveries(self, w: Weights) -> list[Delivery]:
        """For each delay a function deliver(fired, signs, current) -> n_events.

        It adds what the spikes of `fired` int32 (k,) with `signs` int8 (k,) bring to `current` float64
        (n_post,), and says how many synapses it went through. It reads `w` anew at every call.
        """
        ...

    def reach(self, w: Weights, n_post: int) -> Weights:
        """The largest sum of absolute weights that one step can bring to each neuron, (n_post,)."""
        ...
