"""Two recordings of a network that learns in every step: spikes, membranes, weights and traces of the rules.

Weights have to be equal bit for bit where the rule has no exponentials, and to TOLERANCE of the larger end of
the clip range where it has. Membranes of real numbers are equal up to rounding; spikes are always equal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spikesim.engines import Stepped
from spikesim.learning import SquareSTDP
from spikesim.learning.online import clip_of
from spikesim.network.scheduling import is_source
from spikesim.recording import Recording
from spikesim.recording.monitor import Monitor
from spikesim.spikes import Spikes, from_raster
from spikesim.tools.dev.random_learning import Learning

TOLERANCE = 1e-12  # of weights, relative to their clip range; see spikesim.backends.brian2.learning
ROUNDING = 1e-9  # of membranes and traces that are real numbers
STATES = (
    "x",
    "y",
    "fired",
    "arrivals",
    "arrived",
    "spikes",
    "spiked",
    "at",
    "now",
)  # engines keep the others lazily


@dataclass
class Seen:
    """What was compared, by rule of the projection.

    Attributes:
        counts: by rule, what was counted.
        gaps: by rule, the largest difference of a weight relative to the clip range.
        moved: by rule, the sum of the changes of all weights, in the unit of the threshold.
    """

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    gaps: dict[str, float] = field(default_factory=dict)
    moved: dict[str, float] = field(default_factory=dict)
    networks: Counter[str] = field(default_factory=Counter)


def run(
    drawn: Learning, made: type[Any], *, learn: bool = True, monitors: tuple[Monitor, ...] = ()
) -> Recording:
    """A network on an engine or backend, everything recorded."""
    record = (*drawn.network.order, *monitors)
    found: Recording = made(drawn.network).advance(
        drawn.steps, drawn.inputs, drawn.signals, record, None, learn
    )
    return found


def rule_of(drawn: Learning, p: Any) -> str:
    """The name of a projection's rule, for tables."""
    on_grid = drawn.network.populations[p.post].grid is not None
    return type(p.plastic).__name__ + (", on a grid" if on_grid else "")


def limit_of(rule: Any) -> float:
    """The largest difference of weights that a rule allows."""
    return 0.0 if isinstance(rule, SquareSTDP) else TOLERANCE * float(np.abs(clip_of(rule)).max())


def difference(drawn: Learning, a: Recording, b: Recording) -> str | None:
    """What differs between two recordings of a network, in a word and its name; None for nothing."""
    net = drawn.network
    rounding = 0.0 if drawn.exact else ROUNDING
    for name in net.order:
        if a.spikes[name] != b.spikes[name] or not np.array_equal(a.counts[name], b.counts[name]):
            return f"spikes of {name}"
        if is_source(net.populations[name]):
            continue
        if not np.allclose(a.v[name], b.v[name], rtol=0, atol=rounding):
            return f"membranes of {name}"
    assert a.state is not None and b.state is not None
    for p in net.online:
        gap = np.abs(a.state.weights[p.name] - b.state.weights[p.name])
        if not (gap <= limit_of(p.plastic)).all():
            return f"weights of {p.name} (by {gap.max():.3g})"
        one, other = a.state.traces[p.name], b.state.traces[p.name]
        for key in one.keys() & set(STATES):
            if not np.allclose(one[key], other[key], rtol=0, atol=rounding):
                return f"trace {key} of {p.name}"
    return None


def count(drawn: Learning, truth: Recording, others: Mapping[str, Recording], seen: Seen) -> None:
    """Note what was compared and how much the weights changed, so that equality is not that of idle rules."""
    net = drawn.network
    monitors = tuple(Monitor(p.name, "weights") for p in net.online)
    changes = run(drawn, Stepped, monitors=monitors).monitors
    still = run(drawn, Stepped, learn=False)
    seen.networks["networks"] += 1
    seen.networks["steps"] += drawn.steps
    seen.networks["spikes"] += sum(
        truth.spikes[n].times.size for n, p in net.populations.items() if not is_source(p)
    )
    seen.networks["networks whose spikes learning changes"] += truth.spikes != still.spikes
    assert truth.state is not None
    for p in net.online:
        start, end = net.weights(p.name).reshape(-1), truth.state.weights[p.name]
        key = rule_of(drawn, p)
        by = seen.counts.setdefault(key, Counter())
        over_time = np.concatenate([start[None], changes[Monitor(p.name, "weights")].values])
        by["projections"] += 1
        by["synapses"] += end.size
        by["changes"] += int((np.diff(over_time, axis=0) != 0).sum())
        by["recurrent"] += p.pre == p.post
        by["at an end of the clip range"] += int(np.isin(end, clip_of(p.plastic)).sum())
        by[type(p).__name__] += 1
        by[str(p.plastic.pairing)] += 1
        seen.moved[key] = seen.moved.get(key, 0.0) + float(np.abs(end - start).sum())
        for other, recording in others.items():
            assert recording.state is not None
            gap = np.abs(end - recording.state.weights[p.name])
            by[f"equal on {other}"] += int((gap == 0).sum())
            by[f"differing on {other}"] += int((gap > limit_of(p.plastic)).sum())
            relative = float(gap.max(initial=0)) / float(np.abs(clip_of(p.plastic)).max())
            seen.gaps[f"{key} on {other}"] = max(seen.gaps.get(f"{key} on {other}", 0.0), relative)


def in_two_pieces(drawn: Learning, kinds: tuple[type[Any], type[Any]]) -> Recording:
    """The recording of a run that is cut in two, one piece on each engine, joined by the state."""
    cut, state = 1 + drawn.seed % (drawn.steps - 1), None
    parts: list[Recording] = []
    for made, rows in zip(kinds, (slice(0, cut), slice(cut, drawn.steps)), strict=True):
        inputs = {name: _piece(given, rows, drawn.steps) for name, given in drawn.inputs.items()}
        signals = {name: values[rows] for name, values in drawn.signals.items()}
        steps = len(range(drawn.steps)[rows])
        part = made(drawn.network).advance(steps, inputs, signals, drawn.network.order, state)
        parts, state = [*parts, part], part.state
    spikes = {
        name: from_raster(np.concatenate([part.spikes[name].raster() for part in parts])[None])
        for name in drawn.network.order
    }
    counts = {name: parts[0].counts[name] + parts[1].counts[name] for name in drawn.network.order}
    v = {name: np.concatenate([part.v[name] for part in parts], axis=1) for name in parts[0].v}
    return Recording(counts, parts[0].predictions, spikes, v, {}, state)


def _piece(given: Any, rows: slice, steps: int) -> Any:
    """What is given in some of the steps."""
    if isinstance(given, Spikes):
        return from_raster(given.raster()[None, rows])
    return given[rows] if given.ndim == 2 and len(given) == steps else given
