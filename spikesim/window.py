"""Time as a presentation has it: T steps, and a phase boundary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from spikesim.errors import DeclarationError
from spikesim.grid import whole

Phase = Literal["first", "second"]
Span = Literal["first", "second", "all"]


@dataclass(frozen=True)
class Window:
    """A presentation of T steps; the first phase ends, and the second begins, at `split`.

    Between presentations the network is drained: membranes are cleared and nothing stays in flight. A
    population `hops` steps behind the input lives `hops` steps later: its own clock runs from 0 to T - 1 (see
    `Network.offsets`).

    Attributes:
        T: steps, at least 1.
        split: the second phase's first step, or None where there is one phase only.
        endless: there are no presentations: time goes on, step by step, for as long as `simulate` is told,
            and nothing is cleared. T is 1 then.

    Raises:
        DeclarationError: T < 1, or split outside 1 .. T - 1.
    """

    T: int
    split: int | None = None
    endless: bool = False

    def __post_init__(self) -> None:
        if not whole(self.T, 1):
            raise DeclarationError(
                f"Window: T = {self.T!r}; a presentation has a whole number of steps, at least 1"
            )
        if self.split is not None and not (whole(self.split, 1) and self.split < self.T):
            raise DeclarationError(
                f"Window: split = {self.split}; it has to lie inside 1 .. T - 1 = {self.T - 1}"
            )

        if self.endless and (self.T != 1 or self.split is not None):
            raise DeclarationError(
                f"Window: T = {self.T}, split = {self.split}; time without end has neither. Write "
                f"Window.without_end()"
            )

    @classmethod
    def without_end(cls) -> Window:
        """Time that goes on, without presentations: recurrent networks, plasticity that acts in every
        step.
        """
        return cls(1, None, True)

    @classmethod
    def halved(cls, T: int) -> Window:
        """Two phases of T / 2 steps (Shrestha 2019, section 3.6).

        Raises:
            DeclarationError: T is odd, or less than 2.
        """
        if not whole(T, 2) or T % 2:
            raise DeclarationError(
                f"Window: T = {T} cannot be halved into two phases; take an even number of steps >= 2"
            )
        return cls(T, T // 2)

    @property
    def boundary(self) -> int:
        """Where the first phase ends: split, or T where there is no second phase."""
        return self.T if self.split is None else self.split

    def phase(self, t: int) -> Phase:
        """The phase of a population's own step t."""
        return "first" if t < self.boundary else "second"

    def span(self, which: Span) -> tuple[int, int]:
        """First step and end of a span."""
        spans = {"first": (0, self.boundary), "second": (self.boundary, self.T), "all": (0, self.T)}
        return spans[which]
