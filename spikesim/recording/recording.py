"""`Recording`: the result of a run, the same from every engine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from spikesim._renamed import renamed_attribute
from spikesim._values import equal_fields, lines, listed, sized
from spikesim.errors import DataError, unknown
from spikesim.recording import frames, segments
from spikesim.recording.monitor import Monitor, Series
from spikesim.recording.state import State
from spikesim.spikes import Spikes

if TYPE_CHECKING:
    from spikesim.network import Network


@dataclass(eq=False)
class Recording:
    """Spike counts of a batch of B trials, and the recorded variables.

    A continuous simulation counts as one trial: B = 1, T = the number of steps, and all counts belong to the
    first phase.

    Attributes:
        counts: population -> int32 or int64 (B, 2, n), signed spike counts of the first and second phase of
            its own window.
        predictions: int64 (B,), the readout's class; empty if the network has no readout.
        spikes: recorded population -> Spikes over the T steps of its own window.
        v: recorded population -> (B, T, n) (pairs of error neurons: (B, T, 2, n)), the membrane after the
            reset. With a grid: int64 in grid integers, that is in counts of 2**-grid; without: float64 in the
            unit of weights and thresholds. `membrane` returns that unit in both cases.
        clipped: projection -> number of weight updates cut by the clip range.
        state: final state of a continuous simulation, from which `simulate` can continue; else None.
        monitors: Monitor -> recorded series, if it was recorded in memory. With trials, step t of trial b is
            b * T + t; weights are recorded after each trial, as step b.
        events: synaptic events (deliveries of a spike through a synapse), if the engine counts them
            (`stepped`).

    Examples:
        >>> import spikesim as ss
        >>> network = ss.Network({"exc": ss.LIF(2, theta=1.0, bias=0.3)}, [])
        >>> recording = ss.simulate(network, steps=10, record=["exc"])
        >>> recording
        Recording of a continuous simulation, to step 10
          spike counts  exc 4
          spikes        exc 10 steps of 2
          membranes     exc (1, 10, 2)
        >>> recording.counts["exc"][0, 0]
        array([2, 2])
    """

    counts: dict[str, npt.NDArray[Any]]
    predictions: npt.NDArray[np.int64]
    spikes: dict[str, Spikes] = field(default_factory=dict)
    v: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    clipped: dict[str, int] = field(default_factory=dict)
    state: State | None = None
    events: int = 0
    monitors: dict[Monitor, Series] = field(default_factory=dict)

    watched = renamed_attribute("Recording", "watched", "monitors")

    def __eq__(self, other: object) -> bool:
        """Whether all that was recorded is equal, by value; `events` is a count of work and not compared."""
        if not isinstance(other, Recording):
            return NotImplemented
        return equal_fields(self, other, without=("events",))

    def __repr__(self) -> str:
        """A few lines: how many trials and spikes, and what was recorded."""
        trials = len(next(iter(self.counts.values()), ()))
        head = f"Recording of {trials} trial{'s' if trials != 1 else ''}"
        if self.state is not None:
            head = f"Recording of a continuous simulation, to step {self.state.t}"
        totals = (f"{name} {int(np.abs(c).sum()):,}" for name, c in self.counts.items())
        rows = {
            "spike counts": listed(totals),
            "predictions": f"{len(self.predictions)} classes" if len(self.predictions) else "",
            "spikes": listed(f"{name} {s.T} steps of {s.n}" for name, s in self.spikes.items()),
            "membranes": listed(sized(self.v)),
            "monitors": listed(f"{m.what} of {m.name} ({len(s.t)} rows)" for m, s in self.monitors.items()),
            "updates cut": listed(f"{name} {k:,}" for name, k in self.clipped.items() if k),
            "events": f"{self.events:,}" if self.events else "",
        }
        return lines(head, rows)

    def membrane(self, name: str, network: Network) -> npt.NDArray[np.float64]:
        """The recorded membrane in the unit of weights and thresholds: v * 2**-grid, or v without a grid.

        Args:
            name: a recorded population.
            network: the network of the run; its declaration has the grid.

        Returns:
            float64 (B, T, n), or (B, T, 2, n) for pairs of error neurons: the membrane after the reset.

        Raises:
            DataError: the population is unknown, has another size, or its membrane was not recorded.
        """
        if name not in network.populations:
            raise DataError(f"membrane: {unknown('population', name, network.populations)}")
        if name not in self.v:
            raise DataError(
                f"membrane: {unknown('recorded population', name, self.v)}. Run simulate with record={name!r}"
            )
        population, v = network.populations[name], self.v[name]
        if v.shape[-1] != population.n:
            raise DataError(
                f"membrane: {name!r} has {v.shape[-1]} neurons in the recording and {population.n} in the "
                f"network; pass the network of this run"
            )
        return v.astype(np.float64) * (1.0 if population.grid is None else 2.0**-population.grid)

    def to_pandas(
        self,
        what: Literal["spikes", "membranes", "counts", "monitors"] = "spikes",
        dt: float | None = None,
        network: Network | None = None,
    ) -> Any:
        """What was recorded as a data frame of pandas, with one row for each spike or value.

        Args:
            what: the rows, with their columns:

                "spikes"      trial, population, neuron, time_step, sign (-1 only for signed error neurons)
                "membranes"   trial, population, neuron, half (1: of a pair of error neurons), time_step, v
                "counts"      trial, population, neuron, phase (0, 1), count
                "monitors"    name, what, neuron, half, time_step, value

            dt: length of a step in ms; the frame then has the column time_ms after time_step, which is
                time_step * dt. None for no such column.
            network: the network of the run, to get membranes in the unit of thresholds (see `membrane`); None
                for membranes as they are stored.

        Steps count from the start of each trial, or of the simulation; those of monitors as in `Series`.

        Raises:
            DataError: dt is no number above 0, an unknown kind, or nothing of this kind was recorded.
            MissingExtraError: pandas is not installed.
        """
        return frames.frame(self, what, dt, network)

    def to_neo(
        self, dt: float, populations: Iterable[str] | None = None, network: Network | None = None
    ) -> Any:
        """Spikes and membranes as a `neo.Block` with a segment for each trial, for Elephant and other tools.

            segment = recording.to_neo(dt=0.1).segments[0]
            elephant.statistics.mean_firing_rate(segment.spiketrains[0])

        A segment has a `SpikeTrain` in ms for each neuron, silent ones too, annotated with population and
        neuron (and sign, for signed error neurons), and an `AnalogSignal` (T, n) for each recorded membrane.
        A spike in step t is at t * dt, and the train ends at T * dt.

        Args:
            dt: length of a step in ms.
            populations: names of recorded populations; None for all.
            network: as in `to_pandas`. Signals have no unit ("dimensionless").

        Raises:
            DataError: dt is no number above 0, a population was not recorded, or nothing was.
            MissingExtraError: neo is not installed.
        """
        return segments.block(self, dt, populations, network)


def winner(counts: npt.NDArray[np.int64], v: npt.NDArray[np.int64]) -> int:
    """The neuron with the most spikes; ties: the higher membrane, then the lowest index."""
    best = np.flatnonzero(counts == counts.max())
    return int(best[np.argmax(v[best])])


def winners(counts: npt.NDArray[np.int64], v: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """The winner of every trial, int64 (B,); counts and membranes are (B, n)."""
    return np.array([winner(h, membrane) for h, membrane in zip(counts, v, strict=True)], np.int64)
