"""Drives: external input currents of a population, and the input of many Poisson synapses."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from spikesim import grid, rng
from spikesim._jit import kernel
from spikesim._values import named_arguments
from spikesim.errors import DeclarationError
from spikesim.files.field_versions import SINCE
from spikesim.files.plain_values import is_number, plain_fields
from spikesim.rng import Stream, philox

LARGEST_MEAN = 50.0


@named_arguments
@dataclass(frozen=True)
class CurrentInput:
    """An external current: `inputs[name]` of a run, float64 (steps, n), or (n,) for all steps.

    Attributes:
        post: name of a population; the current is in the unit of its threshold, on its grid if it has one.
        name: unique in a network; "->post" by default.
        receptor: the receptor of `post` that it feeds, if that has several; None for the first.

    Examples:
        >>> import numpy as np
        >>> import spikesim as ss
        >>> drive = ss.CurrentInput("exc", name="stimulus")
        >>> network = ss.Network({"exc": ss.LIF(1, theta=1.0)}, [], drives=[drive])
        >>> current = np.array([[0.0], [1.5], [0.0]])  # (steps, n)
        >>> ss.simulate(network, {"stimulus": current}, steps=3, record="spikes").spikes["exc"].times
        array([1], dtype=int32)
    """

    given: ClassVar[bool] = True  # its values are inputs of the run

    post: str
    name: str = ""
    receptor: str | None = field(default=None, metadata={SINCE: "0.2"})

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name or f"->{self.post}")

    def check_grid(self, bits: int | None) -> None:
        """No check here: the values are checked as inputs of a run."""

    def reach(self, bits: int) -> int:
        """0: the declaration does not bound the current; the engine checks the membrane in every step."""
        return 0


@named_arguments
@dataclass(frozen=True)
class PoissonInput:
    """Poisson noise: w times a Poisson number of mean `rate`, independent for each neuron and step.

    It replaces many independent presynaptic Poisson trains. The number k of neuron j in step t is the number
    of c_1 <= c_2 <= ... that are <= word(seed, DRIVE, t, j), where c_k is the probability of fewer than k, in
    units of 2**-32.

    Attributes:
        post: name of a population.
        rate: mean number of spikes per step, in (0, 50] (all trains together: rate in Hz times the step).
        w: weight of one spike, in the unit of the threshold, on the grid of `post` if it has one.
        seed: drives with the same seed are identical; None for one that the network derives from its own seed
            and the name of the drive.
        name: unique in a network; "poisson->post" by default.
        receptor: the receptor of `post` that it feeds, if that has several; None for the first.
        trains: number of trains that fire independently, each with the probability rate / trains in a step:
            the number of spikes is then binomial (Brian2's PoissonInput); None for a Poisson number.

    Raises:
        DeclarationError: rate, weight, seed or number of trains is out of range.

    Examples:
        >>> import spikesim as ss
        >>> drive = ss.PoissonInput("exc", rate=0.5, w=0.1)  # to each neuron a train of its own
        >>> network = ss.Network({"exc": ss.LIF(10, theta=1.0, v_decay=0.02)}, [], drives=[drive], seed=1)
        >>> len(ss.simulate(network, steps=200, record="spikes").spikes["exc"].times)
        73
    """

    given: ClassVar[bool] = False

    post: str
    rate: float
    w: float
    seed: int | None = None
    name: str = ""
    receptor: str | None = field(default=None, metadata={SINCE: "0.2"})
    trains: int | None = field(default=None, metadata={SINCE: "0.2"})

    def __post_init__(self) -> None:
        plain_fields(self)
        object.__setattr__(self, "name", self.name or f"poisson->{self.post}")
        if self.seed is not None:
            rng.key(self.seed)
        for what, value in (("rate", self.rate), ("w", self.w)):
            if not is_number(value):
                raise DeclarationError(f"{self.name}: {what} = {value!r:.60}; one number is needed")
        if not 0 < self.rate <= LARGEST_MEAN:
            raise DeclarationError(
                f"{self.name}: rate = {self.rate!r}; a mean number of spikes per step in (0, "
                f"{LARGEST_MEAN:g}] is needed; for more, declare several drives of different names"
            )
        if not np.isfinite(self.w):
            raise DeclarationError(f"{self.name}: w = {self.w!r}; a finite weight is needed")
        if self.trains is not None and not (grid.whole(self.trains, 1) and self.rate < self.trains):
            raise DeclarationError(
                f"{self.name}: trains = {self.trains!r} with rate = {self.rate!r}; a whole number above "
                "the mean number of spikes per step is needed, or None for a Poisson number"
            )

    @cached_property
    def _limits(self) -> npt.NDArray[np.uint64]:
        """c_1, c_2, ... in units of 2**-32, up to the first that equals 1 to rounding."""
        n = self.trains
        p = 0.0 if n is None else self.rate / n
        term, below, limits = float(np.exp(-self.rate) if n is None else (1 - p) ** n), 0.0, []
        k = 0
        while True:
            below += term
            limits.append(min(round(below * 2.0**32), 2**32))
            if limits[-1] >= 2**32 or (k > self.rate and term < 2.0**-34) or k == n:
                return np.array(limits, np.uint64)
            k += 1
            term *= self.rate / k if n is None else (n - k + 1) * p / (k * (1 - p))

    def check_grid(self, bits: int | None) -> None:
        """Check that the weight is on the grid of the population.

        Raises:
            DeclarationError: it is not.
        """
        grid.on_grid(self.w, bits, f"{self.name}: w")

    def reach(self, bits: int) -> int:
        """The largest current of one step, in counts of 2**-bits."""
        return abs(int(grid.snap(self.w, bits))) * self.most

    @property
    def most(self) -> int:
        """The largest Poisson number of a step."""
        return len(self._limits)

    def numbers(self, t: int, n: int) -> npt.NDArray[np.float64]:
        """The Poisson numbers of step t, float64 (n,).

        Raises:
            DeclarationError: there is no seed, because no network has derived it.
        """
        out = np.zeros(n)
        self.add(t, 1.0, out)
        return out

    def add(self, t: int, w: float, current: npt.NDArray[Any]) -> None:
        """Add w times the Poisson numbers of step t to `current` float64 (n,)."""
        _add_poisson(
            rng.key(self.seed), rng.tag(Stream.DRIVE, 0), np.uint64(t), self._limits, self._table, w, current
        )

    @cached_property
    def _table(self) -> npt.NDArray[np.int64]:
        """For the first eight bits of a word, the smallest Poisson number that it can stand for."""
        return np.searchsorted(self._limits, np.arange(256, dtype=np.uint64) << np.uint64(24), side="right")


@kernel
def _add_poisson(key, tag, t, limits, table, w, current):  # type: ignore[no-untyped-def]
    low = np.uint64(0xFFFFFFFF)
    k0, k1 = key & low, key >> np.uint64(32)
    for block in range((current.size + 3) // 4):
        four = philox(np.uint64(block), t & low, t >> np.uint64(32), tag, k0, k1)
        for lane in range(4):
            j = 4 * block + lane
            if j < current.size:
                word = four[lane]
                number = table[word >> np.uint64(24)]
                while number < limits.size and limits[number] <= word:
                    number += 1
                current[j] += w * number
