"""Comparison of two recordings of one network: the first difference, or None."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.recording import Recording
from spikesim.spikes import Spikes


@dataclass(frozen=True)
class Difference:
    """The first difference of two recordings.

    Attributes:
        what: "spike", "membrane", "weight" or "prediction".
        presentation, step, population, neuron: its trial, step, population and neuron; the step is that of
            the population's own window (of the run, for a continuous simulation).
        values: the values of the two backends: spikes, membranes after the reset, weights, or classes.
            Membranes are in counts of 2**-grid; without a grid, in the unit of the threshold.
        membranes: for a spike, the membranes of the two backends after the step; None if not recorded.
        before: for a spike, the membrane before the reset, computed by the naive engine from the spikes up to
            that step; None if it cannot be computed.
        threshold: for a spike, the threshold with which the model compared `before` in that step: that of the
            neuron, moved as an adaptive model has moved it.
        rounding: whether `before` is so close to the threshold that rounding of real numbers may decide.
        signed: whether the neuron also fires below -threshold.
    """

    what: str
    presentation: int
    step: int
    population: str
    neuron: tuple[int, ...]
    values: tuple[float, float]
    membranes: tuple[float, float] | None = None
    before: float | None = None
    threshold: float | None = None
    rounding: bool = False
    signed: bool = True

    @property
    def gap(self) -> float | None:
        """Distance of the membrane above the threshold; negative below it."""
        if self.before is None or self.threshold is None:
            return None
        return (abs(self.before) if self.signed else self.before) - self.threshold

    def __str__(self) -> str:
        where = f"trial {self.presentation}, step {self.step}, {self.population}{list(self.neuron)}"
        text = f"a {self.what}: {where}: {self.values[0]:.17g} and {self.values[1]:.17g}"
        if self.membranes is not None:
            text += f"; membranes after it {self.membranes[0]:.17g} and {self.membranes[1]:.17g}"
        if self.before is not None:
            text += (
                f"; before the reset {self.before:.17g} at a threshold of {self.threshold:.17g} "
                f"(gap {self.gap:.3g})"
            )
        return text + ("; within rounding of the threshold" if self.rounding else "")


def compare(
    a: Recording, b: Recording, populations: tuple[str, ...], tolerance: Mapping[str, float] | None = None
) -> Difference | None:
    """The first difference of two recordings; populations in the order of a step, spikes before membranes.

    Args:
        a, b: recordings of one network by two backends.
        populations: names to compare; membranes are compared if both recordings have them.
        tolerance: population -> largest difference of membranes that counts as rounding; missing means 0.
    """
    firsts = []
    for rank, name in enumerate(populations):
        left, right = a.v.get(name), b.v.get(name)
        found = _first_spike(a.spikes[name], b.spikes[name])
        if found is not None:
            b_, step, neuron, values = found
            both = None
            if left is not None and right is not None and left.shape == right.shape and left.ndim == 3:
                both = (float(left[b_, step, neuron]), float(right[b_, step, neuron]))
            difference = Difference("spike", b_, step, name, (neuron,), values, both)
            firsts.append(((b_, step, rank, 0), difference))
        if left is None or right is None or left.shape != right.shape:
            continue
        limit = 0.0 if tolerance is None else tolerance.get(name, 0.0)
        where = np.argwhere(left != right if limit == 0 else ~(np.abs(left - right) <= limit))
        if len(where):
            b_, step, *place = (int(k) for k in where[0])
            values = (left[tuple(where[0])].item(), right[tuple(where[0])].item())
            firsts.append(((b_, step, rank, 1), Difference("membrane", b_, step, name, tuple(place), values)))
    if firsts:
        return min(firsts, key=lambda entry: entry[0])[1]
    if a.predictions.shape != b.predictions.shape:
        return None  # one of them does not classify
    where = np.argwhere(a.predictions != b.predictions)
    if len(where):
        k = int(where[0, 0])
        return Difference("prediction", k, -1, "readout", (), (int(a.predictions[k]), int(b.predictions[k])))
    return None


def _first_spike(a: Spikes, b: Spikes) -> tuple[int, int, int, tuple[int, int]] | None:
    """The first event (trial, step, neuron) that is missing or has another sign in one of them, and both
    signs. Events are compared as dictionaries, without building rasters.
    """
    for k in range(max(len(a), len(b))):
        left, right = _events(a, k), _events(b, k)
        if left == right:
            continue
        step, neuron = min(key for key in left.keys() | right.keys() if left.get(key) != right.get(key))
        return k, step, neuron, (left.get((step, neuron), 0), right.get((step, neuron), 0))
    return None


def _events(spikes: Spikes, b: int) -> dict[tuple[int, int], int]:
    if b >= len(spikes):
        return {}
    mine = slice(spikes.offsets[b], spikes.offsets[b + 1])
    times, neurons = spikes.times[mine].tolist(), spikes.neurons[mine].tolist()
    signs = [1] * len(times) if spikes.signs is None else spikes.signs[mine].tolist()
    return dict(zip(zip(times, neurons, strict=True), signs, strict=True))


def compare_weights(
    a: Mapping[str, npt.NDArray[Any]], b: Mapping[str, npt.NDArray[Any]], tolerance: float = 0.0
) -> Difference | None:
    """The first learned weight that differs (master weights in counts of the master grid)."""
    for name in a:
        where = np.argwhere(~(np.abs(a[name].astype(np.float64) - b[name]) <= tolerance))
        if len(where):
            place = tuple(int(k) for k in where[0])
            values = (a[name][place].item(), b[name][place].item())
            return Difference("weight", -1, -1, name, place, values)
    return None
