"""Populations that only send: spikes that are given from outside, and the target's spike train."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from spikesim.errors import DeclarationError
from spikesim.neurons.description import NeuronModel
from spikesim.neurons.population import Ints, Sender, check_offset, check_size, register

DENOMINATORS = 10**6


@register
@dataclass(frozen=True)
class Source(Sender):
    """The encoded input: n spike trains given from outside.

    Attributes:
        n: inputs.
        replay: the second phase repeats the spikes of the first; then only the first phase's spikes are
            given.
    """

    description: ClassVar[NeuronModel] = NeuronModel("spikes are given", role="input")

    n: int
    replay: bool = False
    offset: int | None = None

    def __post_init__(self) -> None:
        check_size("Source", self.n)
        check_offset("Source", self.offset)


@register
@dataclass(frozen=True)
class Target(Sender):
    """The target's spike train (Shrestha 2019, section 3.4): in the second phase the neuron of the true class
    fires evenly at `rate`, the others never. Step k of the phase has a spike where floor((k + 1) rate) >
    floor(k rate).

    Attributes:
        n: classes.
        rate: spikes a step, 0 < rate <= 1; taken as the nearest fraction with a denominator up to 10**6.

    Raises:
        DeclarationError: a field is out of range, or the nearest fraction is 0.
    """

    description: ClassVar[NeuronModel] = NeuronModel(
        "step k of the second phase: a spike of the true class where floor((k + 1) rate) > floor(k rate)",
        role="target",
    )

    n: int
    rate: float = 0.2
    offset: int | None = None

    def __post_init__(self) -> None:
        check_size("Target", self.n)
        check_offset("Target", self.offset)
        if not 0 < self.rate <= 1:
            raise DeclarationError(
                f"Target: rate = {self.rate!r}; a target fires 0 < rate <= 1 spikes a step"
            )
        if self._fraction() == 0:
            raise DeclarationError(
                f"Target: rate = {self.rate!r} is nearest to 0 of the fractions with a denominator up to "
                f"{DENOMINATORS}, and would never fire; take {1 / DENOMINATORS} or more"
            )

    def _fraction(self) -> Fraction:
        return Fraction(self.rate).limit_denominator(DENOMINATORS)

    def train(self, steps: int) -> npt.NDArray[np.int64]:
        """The true class's spikes of a phase of `steps` steps, int64 (steps,) of 0 and 1."""
        rate = self._fraction()
        reached: Ints = np.arange(steps + 1, dtype=np.int64) * rate.numerator // rate.denominator
        return np.diff(reached)
