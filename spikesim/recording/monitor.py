"""Monitors: which variable to record, of which neurons, in which steps; and the recorded series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim._values import equal_fields, named_arguments
from spikesim.errors import DataError
from spikesim.files.plain_values import plain_fields
from spikesim.grid import whole


class SpikesOf(str):
    """The name of a population of which the spikes are recorded, and not the membranes."""

    __slots__ = ()


@named_arguments
@dataclass(frozen=True)
class Monitor:
    """One variable to be recorded.

    Attributes:
        name: of a population; for weights of a projection.
        what: "spikes", "weights", or a variable of the population's model ("v", "u").
        neurons: indices of the neurons; None for all. For weights: indices of synapses, in the order of the
            projection's array.
        start, stop: record the steps start <= t < stop; stop = None for no end.
        every: interval between recorded steps, except for spikes.

    Raises:
        DataError: a field is out of range.

    Examples:
        >>> import spikesim as ss
        >>> network = ss.Network({"exc": ss.LIF(5, theta=1.0, bias=0.3)}, [])
        >>> monitor = ss.Monitor("exc", "v", neurons=(0, 3), every=2)
        >>> series = ss.simulate(network, steps=6, record=monitor).monitors[monitor]
        >>> series.t, series.values.shape
        (array([0, 2, 4]), (3, 2))
    """

    name: str
    what: str = "spikes"
    neurons: tuple[int, ...] | None = None
    start: int = 0
    stop: int | None = None
    every: int = 1

    def __post_init__(self) -> None:
        plain_fields(self)
        if self.neurons is not None:
            chosen = np.asarray(self.neurons)
            listed = tuple(chosen.reshape(-1).tolist()) if chosen.dtype.kind in "iu" else ()
            if not listed or min(listed) < 0 or len(set(listed)) < len(listed):
                raise DataError(
                    f"Monitor {self.name!r}: neurons = {self.neurons!r}; different indices >= 0 are needed"
                )
            object.__setattr__(self, "neurons", tuple(sorted(listed)))
        later = self.stop is None or (whole(self.stop, 1) and self.stop > self.start)
        if not (whole(self.start) and later):
            raise DataError(
                f"Monitor {self.name!r}: steps {self.start!r} to {self.stop!r}; whole numbers with start "
                f"before stop are needed"
            )
        if not whole(self.every, 1):
            raise DataError(f"Monitor {self.name!r}: every = {self.every!r}; a whole number >= 1 is needed")

    def due(self, t: int) -> bool:
        """Whether step t is to be recorded."""
        return t >= self.start and (self.stop is None or t < self.stop) and (t - self.start) % self.every == 0


@dataclass(frozen=True, eq=False)
class Series:
    """The recorded values of a monitor.

    Attributes:
        t: int64 (rows,), the steps, ascending; for spikes one row per spike.
        neurons: for spikes int32 (rows,), the neuron that fired; else int64 (k,), the neurons of the columns.
        values: for spikes int8 (rows,), their signs; else (rows, k), or (rows, 2, k) for pairs of error
            neurons. Membranes and currents of a population with a grid are integers, in counts of 2**-grid;
            without a grid they are float64, in the unit of weights and thresholds.
    """

    t: npt.NDArray[np.int64]
    neurons: npt.NDArray[Any]
    values: npt.NDArray[Any]

    def __eq__(self, other: object) -> bool:
        """Whether all steps, neurons and values are equal."""
        return equal_fields(self, other) if isinstance(other, Series) else NotImplemented
