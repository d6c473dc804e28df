"""The time window of a trial: T steps, and the boundary between its two phases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from spikesim._values import named_arguments
from spikesim.errors import DeclarationError
from spikesim.grid import whole

Phase = Literal["first", "second"]
Span = Literal["first", "second", "all"]


@named_arguments
@dataclass(frozen=True)
class Window:
    """A trial of T time steps, with an optional second phase from step `split`.

    Between trials the network is reset: membranes are cleared and no spikes remain in transit. A population
    whose delay of the path from the input is d steps has its window d steps later: its own clock runs from 0
    to T - 1 (see `Network.offsets`).

    Attributes:
        T: number of time steps, at least 1.
        split: first step of the second phase; None if there is only one phase.
        endless: no trials: time continues for as many steps as `simulate` is given, and nothing is reset. T
            is 1 then.

    Raises:
        DeclarationError: T < 1, or split outside 1 .. T - 1.

    Examples:
        >>> import spikesim as ss
        >>> ss.Window(T=100, split=50)  # trials of two phases
        Window(T=100, split=50, endless=False)
        >>> ss.Window.without_end().endless  # what a network has that declares none
        True
    """

    T: int
    split: int | None = None
    endless: bool = False

    def __post_init__(self) -> None:
        for name in ("T", "split", "endless"):  # Python's numbers, whatever was given
            if hasattr(value := getattr(self, name), "__array__") and np.ndim(value) == 0:
                object.__setattr__(self, name, np.asarray(value).item())
        if not whole(self.T, 1):
            raise DeclarationError(
                f"Window: T = {self.T!r}; a trial needs a whole number of steps, at least 1"
            )
        if self.split is not None and not (whole(self.split, 1) and self.split < self.T):
            raise DeclarationError(f"Window: split = {self.split}; must lie in 1 .. T - 1 = {self.T - 1}")

        if self.endless and (self.T != 1 or self.split is not None):
            raise DeclarationError(
                f"Window: T = {self.T}, split = {self.split}; an endless window has neither. Write "
                f"Window.without_end()"
            )

    @classmethod
    def without_end(cls) -> Window:
        """Continuous time without trials, for recurrent networks and plasticity that acts in every step."""
        return cls(1, None, True)

    @classmethod
    def halved(cls, T: int) -> Window:
        """Two phases of T / 2 steps (Shrestha 2019, section 3.6).

        Raises:
            DeclarationError: T is odd, or less than 2.
        """
        if not whole(T, 2) or T % 2:
            raise DeclarationError(
                f"Window: T = {T} cannot be halved into two phases; use an even number of steps >= 2"
            )
        return cls(T, T // 2)

    @property
    def boundary(self) -> int:
        """End of the first phase: `split`, or T if there is no second phase."""
        return self.T if self.split is None else self.split

    def phase(self, t: int) -> Phase:
        """The phase of step t of a population's own clock."""
        return "first" if t < self.boundary else "second"

    def span(self, which: Span) -> tuple[int, int]:
        """(first step, end) of a span; the end is exclusive."""
        spans = {"first": (0, self.boundary), "second": (self.boundary, self.T), "all": (0, self.T)}
        return spans[which]
