"""Spike generators for continuous networks: Poisson and regular.

The spikes of a generator are a pure function of its declaration, the step and the neuron: they do not depend
on the engine, or on how a run is divided.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from spikesim import grid, rng
from spikesim._jit import kernel
from spikesim.errors import DeclarationError
from spikesim.files.plain_values import plain_fields
from spikesim.neurons.description import NeuronModel
from spikesim.neurons.population import Ints, Sender, Steps, Values, check_size, register
from spikesim.rng import Stream, philox

FULL = 2.0**32


@register
@dataclass(frozen=True)
class PoissonSource(Sender):
    """n independent spike trains with a spike of probability `rate` in every step.

    s_i(t) = 1 where word(seed, GENERATOR, t, i) < floor(rate_i 2**32).

    Attributes:
        n: number of neurons.
        rate: probability of a spike per step, in [0, 1]; one number, or one per neuron (10 Hz at 1 ms is
            0.01).
        seed: sources with the same seed send the same spikes; None for one that the network derives from its
            own seed and the name of the population.

    Raises:
        DeclarationError: a field is out of range.

    Examples:
        >>> import spikesim as ss
        >>> network = ss.Network({"noise": ss.PoissonSource(100, rate=0.02)}, [], seed=1)
        >>> len(ss.simulate(network, steps=500, record="spikes").spikes["noise"].times)
        968
    """

    description: ClassVar[NeuronModel] = NeuronModel(
        "a spike where word(seed, GENERATOR, t, i) < floor(rate_i 2**32)", role="generator"
    )

    n: int
    rate: Values
    seed: int | None = None
    offset: int | None = None

    def __post_init__(self) -> None:
        plain_fields(self)
        check_size("PoissonSource", self.n)
        if self.seed is not None:
            rng.key(self.seed)
        rate = np.asarray(self.rate, np.float64)
        if rate.ndim and rate.shape != (self.n,):
            raise DeclarationError(
                f"PoissonSource: {rate.size} rates for {self.n} neurons; one, or one per neuron, is needed"
            )
        if not ((rate >= 0) & (rate <= 1)).all():
            raise DeclarationError(
                f"PoissonSource: rate = {rate[~((rate >= 0) & (rate <= 1))].flat[0]!r}; a probability per "
                "step, in [0, 1], is needed (a rate in Hz times the step in seconds)"
            )

    @cached_property
    def _limits(self) -> npt.NDArray[np.uint64]:
        limits = np.floor(np.asarray(self.rate, np.float64) * FULL).astype(np.uint64)
        return np.broadcast_to(limits, (self.n,)).copy()

    def fired(self, t: int) -> npt.NDArray[np.int32]:
        """The neurons that fire in step t, int32, ascending.

        Raises:
            DeclarationError: there is no seed, because no network has derived it.
        """
        out = np.empty(self.n, np.int32)
        tag, key = rng.tag(Stream.GENERATOR, 0), rng.key(self.seed)
        return out[: _poisson(key, tag, np.uint64(t), self._limits, out)].copy()


@register
@dataclass(frozen=True)
class RegularSource(Sender):
    """n periodic spike trains: neuron i fires in the steps t with t mod period = phase_i.

    Attributes:
        n: number of neurons.
        period: steps between two spikes, at least 1.
        phase: the step of the first spike, < period; one number, or one per neuron.

    Raises:
        DeclarationError: a field is out of range.

    Examples:
        >>> import spikesim as ss
        >>> network = ss.Network({"clock": ss.RegularSource(1, period=4, phase=1)}, [])
        >>> ss.simulate(network, steps=12, record="spikes").spikes["clock"].times
        array([1, 5, 9], dtype=int32)
    """

    description: ClassVar[NeuronModel] = NeuronModel("a spike where t mod period = phase_i", role="generator")

    n: int
    period: int
    phase: Steps = 0
    offset: int | None = None

    def __post_init__(self) -> None:
        plain_fields(self)
        check_size("RegularSource", self.n)
        phase = np.asarray(self.phase)
        if phase.ndim and phase.shape != (self.n,):
            raise DeclarationError(
                f"RegularSource: {phase.size} phases for {self.n} neurons; one, or one per neuron, is needed"
            )
        whole = np.issubdtype(phase.dtype, np.integer) and grid.whole(self.period, 1)
        if not whole or (phase < 0).any() or (phase >= self.period).any():
            raise DeclarationError(
                f"RegularSource: period = {self.period!r}, phase = {self.phase!r}; whole numbers of "
                "steps with 0 <= phase < period are needed"
            )

    @cached_property
    def _phases(self) -> Ints:
        return np.broadcast_to(np.asarray(self.phase, np.int64), (self.n,)).copy()

    def fired(self, t: int) -> npt.NDArray[np.int32]:
        """The neurons that fire in step t, int32, ascending."""
        return np.flatnonzero(self._phases == t % self.period).astype(np.int32)


@kernel
def _poisson(key, tag, t, limits, out):  # type: ignore[no-untyped-def]
    """The neurons whose random word of step t is below their limit; one block of words per four neurons."""
    low, count = np.uint64(0xFFFFFFFF), 0
    k0, k1 = key & low, key >> np.uint64(32)
    for block in range((limits.size + 3) // 4):
        four = philox(np.uint64(block), t & low, t >> np.uint64(32), tag, k0, k1)
        for lane in range(4):
            j = 4 * block + lane
            if j < limits.size and four[lane] < limits[j]:
                out[count] = j
                count += 1
    return count
