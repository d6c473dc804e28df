"""Recordings as objects of Neo, with units, which Elephant and other tools of electrophysiology read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from spikesim.errors import DataError, MissingExtraError, unknown
from spikesim.recording.frames import check_dt

if TYPE_CHECKING:
    from spikesim.network import Network
    from spikesim.recording.recording import Recording


def block(recording: Recording, dt: float, populations: Iterable[str] | None, network: Network | None) -> Any:
    """The block of `Recording.to_neo`, see there."""
    try:
        import neo
        import quantities
    except ImportError:
        raise MissingExtraError("neo", "analysis") from None
    step = check_dt("to_neo", dt)
    if step is None:
        raise DataError("to_neo: dt is missing; give the length of a step in ms, for example dt=0.1")
    chosen = _chosen(recording, populations)
    trials = len(next((recording.spikes[n] if n in recording.spikes else recording.v[n] for n in chosen), ()))
    made = neo.Block(name="spikesim", dt_ms=step)
    for b in range(trials):
        segment = neo.Segment(name=f"trial {b}", index=b)
        for name in chosen:
            if name in recording.spikes:
                segment.spiketrains.extend(_trains(neo, recording, name, b, step))
            if name in recording.v:
                v = recording.v[name] if network is None else recording.membrane(name, network)
                for half, values in enumerate(np.moveaxis(v[b], 1, 0) if v.ndim == 4 else [v[b]]):
                    signal = neo.AnalogSignal(
                        values,
                        units="dimensionless",
                        sampling_period=step * quantities.ms,
                        t_start=0 * quantities.ms,
                        name=f"v of {name}",
                        population=name,
                        half=half,
                    )
                    segment.analogsignals.append(signal)
        made.segments.append(segment)
    return made


def _chosen(recording: Recording, populations: Iterable[str] | None) -> list[str]:
    """The populations to be converted, in the order of the recording."""
    known = list(dict.fromkeys([*recording.spikes, *recording.v]))
    if not known:
        raise DataError(
            "to_neo: the recording has neither spikes nor membranes; run simulate with "
            "record='spikes' or names"
        )
    if populations is None:
        return known
    wanted = [populations] if isinstance(populations, str) else list(populations)
    for name in wanted:
        if name not in known:
            raise DataError(f"to_neo: {unknown('recorded population', name, known)}")
    return wanted


def _trains(neo: Any, recording: Recording, name: str, b: int, dt: float) -> list[Any]:
    """The spike trains of all neurons of a population in a trial, silent ones too."""
    spikes = recording.spikes[name][b]
    order = np.argsort(spikes.neurons, kind="stable")
    times = spikes.times[order] * dt
    signs = None if spikes.signs is None else spikes.signs[order]
    ends = np.searchsorted(spikes.neurons[order], np.arange(spikes.n + 1))
    found = []
    for j in range(spikes.n):
        mine = slice(ends[j], ends[j + 1])
        found.append(
            neo.SpikeTrain(
                times[mine],
                t_stop=spikes.T * dt,
                units="ms",
                name=f"{name}[{j}]",
                population=name,
                neuron=j,
                array_annotations=None if signs is None else {"sign": signs[mine]},
            )
        )
    return found
