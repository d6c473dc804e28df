"""What a run gives back, the same from every engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim._renamed import renamed_attribute
from spikesim.recording.monitor import Monitor, Series
from spikesim.recording.state import State
from spikesim.spikes import Spikes


@dataclass
class Recording:
    """The counts of a batch of B presentations, and what was asked for besides.

    A run without presentations is one presentation of as many steps as were asked for: B = 1, T = steps, and
    all counts are those of a first phase.

    Attributes:
        counts: population -> int32 or int64 (B, 2, n), signed spike counts of the first and second phase of
            its own window.
        predictions: int64 (B,), the readout's class; empty where the network has no readout.
        spikes: recorded population -> Spikes over its own window's T steps.
        v: recorded population -> int64 (B, T, n) (a pair of error neurons: (B, T, 2, n)), the membrane after
            the reset, in counts of its grid; float64 where it has none.
        clipped: projection -> updates that the clip range cut, over the run.
        state: where a run without presentations stands, for `simulate` to go on from; else None.
        monitors: Monitor -> what it has kept, where it was kept in memory. Steps of a run with presentations
            count on: step t of presentation b is b * T + t; weights are kept after each one, as step b.
        events: synaptic events, where the engine counts them (`stepped`): synapses that a spike went through.
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


def winner(counts: npt.NDArray[np.int64], v: npt.NDArray[np.int64]) -> int:
    """The neuron with the most spikes; ties by the higher membrane, then by the lowest index."""
    best = np.flatnonzero(counts == counts.max())
    return int(best[np.argmax(v[best])])


def winners(counts: npt.NDArray[np.int64], v: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """The winner of every presentation, int64 (B,); counts and membranes are (B, n)."""
    return np.array([winner(h, membrane) for h, membrane in zip(counts, v, strict=True)], np.int64)
