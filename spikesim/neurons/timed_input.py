"""A drive with a table of values: a current that is known when the network is declared."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from spikesim import grid as grids
from spikesim._values import named_arguments
from spikesim.errors import DeclarationError
from spikesim.files.plain_values import plain_fields

Reals = npt.NDArray[np.float64]


@named_arguments
@dataclass(frozen=True)
class TimedInput:
    """A current with a value for each stretch of time (Brian2's TimedArray); the last value stays.

    In step t each neuron receives values[t // hold], and after the table its last row.

    Attributes:
        post: name of a population; the current is in the unit of its threshold, on its grid if it has one.
        values: one number per stretch, or a row of n numbers, one for each neuron.
        hold: steps of a stretch, at least 1.
        name: unique in a network; "timed->post" by default.
        receptor: the receptor of `post` that it feeds, if that has several; None for the first.

    Raises:
        DeclarationError: no values, rows of unequal length, numbers that are not finite, or a wrong hold.

    Examples:
        >>> import spikesim as ss
        >>> drive = ss.TimedInput("exc", values=(0.0, 0.6), hold=5)  # 0 for five steps, then 0.6
        >>> network = ss.Network({"exc": ss.LIF(1, theta=1.0)}, [], drives=[drive])
        >>> ss.simulate(network, steps=10, record="spikes").spikes["exc"].times
        array([6, 8], dtype=int32)
    """

    given: ClassVar[bool] = False
    w: ClassVar[float] = 1.0

    post: str
    values: tuple[float, ...] | tuple[tuple[float, ...], ...]
    hold: int = 1
    name: str = ""
    receptor: str | None = None

    def __post_init__(self) -> None:
        plain_fields(self)
        object.__setattr__(self, "name", self.name or f"timed->{self.post}")
        if not grids.whole(self.hold, 1):
            raise DeclarationError(
                f"{self.name}: hold = {self.hold!r}; a whole number of steps >= 1 is needed"
            )
        try:
            table = np.asarray(self.values, np.float64)
        except (ValueError, TypeError):
            table = np.zeros(0)
        if table.ndim not in (1, 2) or not table.size or not np.isfinite(table).all():
            raise DeclarationError(
                f"{self.name}: values = {self.values!r:.60}; finite numbers are needed: one per stretch of "
                f"{self.hold} steps, or rows with one per neuron"
            )

    @cached_property
    def table(self) -> Reals:
        """The values, float64 (stretches, 1), or (stretches, n) with one for each neuron."""
        values = np.asarray(self.values, np.float64)
        return values[:, None] if values.ndim == 1 else values

    def check_grid(self, bits: int | None) -> None:
        """Check that the values are on the grid of the population.

        Raises:
            DeclarationError: one is not.
        """
        grids.on_grid(self.table, bits, self.name)

    def reach(self, bits: int) -> int:
        """The largest current of one step, in counts of 2**-bits."""
        return int(np.abs(grids.snap(self.table, bits)).max())

    def add(self, t: int, w: float, current: npt.NDArray[Any]) -> None:
        """Add the values of step t to `current` float64 (n,).

        Raises:
            DeclarationError: rows of another length than the population.
        """
        row = self.table[min(t // self.hold, len(self.table) - 1)]
        if row.size not in (1, current.size):
            raise DeclarationError(
                f"{self.name}: rows of {row.size} values for the {current.size} neurons of {self.post}; one "
                "number per stretch, or one per neuron, is needed"
            )
        current += w * row
