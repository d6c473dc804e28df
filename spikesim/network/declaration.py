"""The declaration of a network: populations, projections, a window, a readout, and the numbers in them.

Plain, unvalidated data. `Network` subclasses it and adds validation and update order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim import grid
from spikesim._values import named_arguments
from spikesim.errors import DeclarationError
from spikesim.files.field_versions import SINCE
from spikesim.learning import is_trial_rule
from spikesim.neurons.timed_input import TimedInput
from spikesim.synapses import Conv2d, CurrentInput, Dense, PoissonInput, Projection
from spikesim.synapses.delivery import PlasticProjection
from spikesim.synapses.unsized import SEED
from spikesim.window import Span, Window

Drive = CurrentInput | PoissonInput | TimedInput
Masters = dict[str, npt.NDArray[np.int32]]


@named_arguments
@dataclass(frozen=True)
class Readout:
    """The readout of a class: the neuron of `population` with the most spikes in `span`.

    Ties are broken by the membrane at the end of the span, then by the lowest index.

    Examples:
        >>> import numpy as np
        >>> import spikesim as ss
        >>> network = ss.Network(
        ...     {"in": ss.Source(2), "out": ss.IF(2, theta=1.0)},
        ...     [ss.Dense("in", "out", np.eye(2))],
        ...     window=ss.Window(T=4),
        ...     readout=ss.Readout("out"),
        ... )
        >>> spikes = ss.from_events([0, 2], [1, 1], T=4, n=2)
        >>> ss.simulate(network, {"in": spikes}).predictions  # the neuron with the most spikes
        array([1])
    """

    population: str
    span: Span = "all"


@dataclass(frozen=True, eq=False)
class Declaration:
    """Unvalidated data of a network: populations, projections, a window, a readout.

    Attributes:
        populations: name -> Source, Target, IF, ErrorIF or another registered model.
        projections: Dense, Sparse, Conv2d, OneToOne or another kind; their names are unique.
        window: steps and phases of a trial; by default `Window.without_end()`: continuous, without trials.
        readout: how a class is read from spike counts; None if the network does not classify.
        drives: external currents and Poisson noise: CurrentInput, TimedInput, PoissonInput.
        seed: of all random numbers that have no seed of their own.
    """

    populations: Mapping[str, Any]
    projections: tuple[Projection, ...]
    window: Window = field(default_factory=Window.without_end)
    readout: Readout | None = None
    drives: tuple[Drive, ...] = ()
    seed: int = field(default=SEED, metadata={SINCE: "0.2"})

    @cached_property
    def named(self) -> Mapping[str, Projection]:
        """Projections by name."""
        return MappingProxyType({p.name: p for p in self.projections})

    @cached_property
    def plastic(self) -> tuple[Dense | Conv2d, ...]:
        """The projections that learn at the end of a trial, by a `TrialRule`."""
        return tuple(p for p in self.projections if is_trial_rule(p.plastic))  # type: ignore[misc]

    @cached_property
    def online(self) -> tuple[PlasticProjection, ...]:
        """The projections that learn in every step, by an `OnlineRule`."""
        return tuple(
            p  # type: ignore[misc]
            for p in self.projections
            if p.plastic is not None and not is_trial_rule(p.plastic)
        )

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the populations whose spikes are external inputs."""
        return tuple(name for name, p in self.populations.items() if p.description.role == "input")

    def incoming(self, name: str) -> tuple[Projection, ...]:
        """The projections into a population, in the order of their declaration."""
        return tuple(p for p in self.projections if p.post == name)

    def shape(self, projection: Projection) -> tuple[int, int]:
        """(n_pre, n_post) of a projection."""
        return self.populations[projection.pre].n, self.populations[projection.post].n

    def masters(self) -> Masters:
        """The declared plastic weights on the master grid: name -> int32, in the shape of the weights."""
        declared = {p.name: p.declared(*self.shape(p)) for p in self.plastic}
        return {name: grid.snap(w, grid.MASTER_BITS).astype(np.int32) for name, w in declared.items()}

    def propagating(self, name: str, masters: Mapping[str, npt.NDArray[np.int32]]) -> npt.NDArray[np.int64]:
        """The weights that act, in counts of the post population's grid: int64 (n_pre, n_post), for
        a Conv2d in the shape of its kernels.

        Args:
            name: of a dense or convolutional projection.
            masters: the current plastic weights on the master grid.

        Raises:
            DeclarationError: the projection has no weight matrix.
        """
        p = self.named[name]
        if p.follows is not None:
            return self._transposed(p.follows, self.propagating(p.follows, masters))
        bits = self.populations[p.post].grid
        if is_trial_rule(p.plastic):
            return grid.propagating(masters[name], bits)
        w = p.declared(*self.shape(p))
        if w.shape != self.shape(p) and not isinstance(p, Conv2d):
            raise DeclarationError(f"{name} is {type(p).__name__} and has no matrix; use Network.weights")
        return grid.snap(w, bits)

    def weights(
        self, name: str, masters: Mapping[str, npt.NDArray[np.int32]] | None = None
    ) -> npt.NDArray[Any]:
        """The weights that act (the input current per spike), in the unit of the threshold.

        Shapes: Dense float64 (n_pre, n_post), for a transpose (of a Conv2d, too); OneToOne (n,); Sparse
        (n_synapses,), or () if all synapses share one weight; Conv2d its kernels; a projection of another
        kind its `w`.

        Args:
            name: of a projection.
            masters: the current plastic weights of trial rules, on the master grid; None: as declared.
        """
        p = self.named[name]
        if p.follows is not None:
            return self._transposed(p.follows, self.weights(p.follows, masters))
        if not is_trial_rule(p.plastic):
            return p.declared(*self.shape(p))
        bits = self.populations[p.post].grid
        return grid.propagating((self.masters() if masters is None else masters)[name], bits) * 2.0**-bits

    def _transposed(self, name: str, w: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The transposed matrix (n_post, n_pre) of a dense or convolutional projection with weights w."""
        ((_, matrix),) = self.named[name].pieces(w)
        return np.ascontiguousarray(matrix.T)
