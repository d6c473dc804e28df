"""Populations that only send spikes: external inputs, and the spike train of a target."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from spikesim.errors import DeclarationError
from spikesim.files.plain_values import plain_fields
from spikesim.neurons.description import NeuronModel
from spikesim.neurons.population import Ints, Sender, check_offset, check_size, register

DENOMINATORS = 10**6


@register
@dataclass(frozen=True)
class Source(Sender):
    """External input: n encoded spike trains.

    Attributes:
        n: number of inputs.
        replay: repeat the spikes of the first phase in the second; the inputs of a run then have the length
            of the first phase.
        offset: as in `Neuron`.

    Examples:
        >>> import spikesim as ss
        >>> network = ss.Network({"in": ss.Source(3)}, [])
        >>> spikes = ss.from_raster([[1, 0, 0], [0, 1, 1]])
        >>> ss.simulate(network, {"in": spikes}, steps=2, record="spikes").spikes["in"] == spikes
        True
    """

    description: ClassVar[NeuronModel] = NeuronModel("external spikes", role="input")

    n: int
    replay: bool = False
    offset: int | None = None

    def __post_init__(self) -> None:
        plain_fields(self)
        check_size("Source", self.n)
        check_offset("Source", self.offset)


@register
@dataclass(frozen=True)
class Target(Sender):
    """The spike train of a target (Shrestha 2019, section 3.4).

    In the second phase the neuron of the true class fires regularly at `rate`, the others never: step k of
    the phase has a spike if floor((k + 1) rate) > floor(k rate).

    Attributes:
        n: number of classes.
        rate: spikes per step, 0 < rate <= 1; rounded to the nearest fraction with a denominator <= 10**6.
        offset: as in `Neuron`.

    Raises:
        DeclarationError: a field is out of range, or the nearest fraction is 0.

    Examples:
        >>> import spikesim as ss
        >>> from spikesim.models import emstdp
        >>> network = emstdp.build(emstdp.Emstdp(sizes=(4, 8, 3), target_rate=0.3))
        >>> network.populations["target"]
        Target(n=3, rate=0.3, offset=None)
    """

    description: ClassVar[NeuronModel] = NeuronModel(
        "step k of the second phase: a spike of the true class where floor((k + 1) rate) > floor(k rate)",
        role="target",
    )

    n: int
    rate: float = 0.2
    offset: int | None = None

    def __post_init__(self) -> None:
        plain_fields(self)
        check_size("Target", self.n)
        check_offset("Target", self.offset)
        if not 0 < self.rate <= 1:
            raise DeclarationError(
                f"Target: rate = {self.rate!r}; 0 < rate <= 1 is needed, in spikes per step"
            )
        if self._fraction() == 0:
            raise DeclarationError(
                f"Target: rate = {self.rate!r} rounds to 0, as fractions have a denominator up to "
                f"{DENOMINATORS}; use {1 / DENOMINATORS} or more"
            )

    def _fraction(self) -> Fraction:
        return Fraction(self.rate).limit_denominator(DENOMINATORS)

    def train(self, steps: int) -> npt.NDArray[np.int64]:
        """The spikes of the true class in a phase of `steps` steps, int64 (steps,) of 0 and 1."""
        rate = self._fraction()
        reached: Ints = np.arange(steps + 1, dtype=np.int64) * rate.numerator // rate.denominator
        return np.diff(reached)
