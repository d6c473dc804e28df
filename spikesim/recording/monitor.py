"""What to keep of a run: which variable, of which neurons, in which steps; and what was kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.errors import DataError
from spikesim.grid import whole


@dataclass(frozen=True)
class Monitor:
    """One thing to be kept of a run.

    Attributes:
        name: of a population; for weights of a projection.
        what: "spikes", "weights", or a variable of the population's model ("v", "u").
        neurons: which ones; None for all. Of weights: which synapses, in the order of the projection's array.
        start, stop: the steps start <= t < stop; None for no end.
        every: of "v" and the like, one step in so many.

    Raises:
        DataError: a field is out of range.
    """

    name: str
    what: str = "spikes"
    neurons: tuple[int, ...] | None = None
    start: int = 0
    stop: int | None = None
    every: int = 1

    def __post_init__(self) -> None:
        if self.neurons is not None:
            chosen = np.asarray(self.neurons)
            listed = tuple(int(j) for j in chosen.reshape(-1)) if chosen.dtype.kind in "iu" else ()
            if not listed or min(listed) < 0 or len(set(listed)) < len(listed):
                raise DataError(
                    f"Monitor {self.name!r}: neurons = {self.neurons!r}; different indices >= 0 are needed"
                )
            object.__setattr__(self, "neurons", tuple(sorted(listed)))
        later = self.stop is None or (whole(self.stop, 1) and self.stop > self.start)
        if not (whole(self.start) and later):
            raise DataError(
                f"Monitor {self.name!r}: steps {self.start!r} to {self.stop!r}; whole numbers, start before "
                f"stop"
            )
        if not whole(self.every, 1):
            raise DataError(f"Monitor {self.name!r}: every = {self.every!r}; a whole number >= 1 is needed")

    def due(self, t: int) -> bool:
        """Whether step t is to be kept."""
        return t >= self.start and (self.stop is None or t < self.stop) and (t - self.start) % self.every == 0


@dataclass(frozen=True)
class Series:
    """What a monitor has kept.

    Attributes:
        t: int64 (rows,), the steps (of spikes one row a spike, sorted).
        neurons: of spikes int32 (rows,), who fired; else int64 (k,), which neurons the columns are.
        values: of spikes int8 (rows,), their signs; else (rows, k), or (rows, 2, k) of a pair.
    """

    t: npt.NDArray[np.int64]
    neurons: npt.NDArray[Any]
    values: npt.NDArray[Any]
