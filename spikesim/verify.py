"""Two programs, one network: equal, or the first spike that differs.

Populations are compared in the order of a step: spikes first, then membranes (which are in counts of the
grid, so that equal means equal).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.engines import Naive, Windowed
from spikesim.errors import DeclarationError, unknown
from spikesim.network import Network
from spikesim.recording import Recording
from spikesim.spikes import Spikes


def _brian2(network: Network) -> Any:
    from spikesim.backends.brian2 import Brian2

    return Brian2(network)


RUNNERS: dict[str, Callable[[Network], Any]] = {"naive": Naive, "windowed": Windowed, "brian2": _brian2}


@dataclass(frozen=True)
class Difference:
    """Where two recordings part first.

    Attributes:
        what: "spike", "membrane", "weight" or "prediction".
        presentation, step, population, neuron: where; the step is of the population's own window.
        values: what the two programs have there, membranes in counts of the population's grid.
    """

    what: str
    presentation: int
    step: int
    population: str
    neuron: tuple[int, ...]
    values: tuple[int, int]


@dataclass(frozen=True)
class Verdict:
    """What a comparison came to.

    Attributes:
        a, b: names of the programs.
        presentations: how many were played.
        spikes: signed and unsigned spikes that were compared.
        difference: the first one; None where all is equal.
    """

    a: str
    b: str
    presentations: int
    spikes: int
    difference: Difference | None

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return self.difference is None

    def __str__(self) -> str:
        if self.difference is None:
            played = f"{self.spikes:,} spikes in {self.presentations} presentations"
            return f"{self.a} and {self.b}: {played}, 0 differ"
        d = self.difference
        return (
            f"{self.a} and {self.b} differ first in a {d.what}: presentation {d.presentation}, "
            f"step {d.step}, {d.population}{list(d.neuron)}: {d.values[0]} and {d.values[1]}"
        )


def verify(
    network: Network,
    inputs: Mapping[str, Spikes],
    labels: npt.NDArray[np.int64] | None = None,
    a: str = "windowed",
    b: str = "naive",
    learn: bool = False,
) -> Verdict:
    """Play the same presentations on two programs and compare every spike and membrane.

    Args:
        network: what to run.
        inputs: source -> Spikes, as for the engines.
        labels: int64 (B,), the classes for targets.
        a, b: "windowed", "naive" or "brian2".
        learn: let both learn after every presentation, and compare the weights too.

    Raises:
        DeclarationError: an unknown program.
        EngineError: a program that does not run this network.
        MissingExtraError: Brian2 is asked for and not installed.
    """
    for name in (a, b):
        if name not in RUNNERS:
            raise DeclarationError(unknown("program", name, RUNNERS))
    moving = tuple(name for name in network.order if hasattr(network.populations[name], "theta"))
    runners = [RUNNERS[name](network) for name in (a, b)]
    found = [runner.run(inputs, labels, record=moving, learn=learn) for runner in runners]
    weights = compare_weights(runners[0].masters, runners[1].masters)
    difference = compare(found[0], found[1], moving) or weights
    spikes = sum(len(s.times) for s in found[0].spikes.values())
    return Verdict(a, b, len(next(iter(inputs.values()))), spikes, difference)


def compare(a: Recording, b: Recording, populations: tuple[str, ...]) -> Difference | None:
    """The first difference of two recordings; populations in the order of a step."""
    firsts = []
    for rank, name in enumerate(populations):
        for what, left, right in (
            ("spike", _rasters(a.spikes[name]), _rasters(b.spikes[name])),
            ("membrane", a.v[name], b.v[name]),
        ):
            where = np.argwhere(left != right)
            if len(where):
                presentation, step, *neuron = (int(k) for k in where[0])
                values = int(left[tuple(where[0])]), int(right[tuple(where[0])])
                key = (presentation, step, rank, what != "spike")
                firsts.append((key, Difference(what, presentation, step, name, tuple(neuron), values)))
    if firsts:
        return min(firsts, key=lambda entry: entry[0])[1]
    where = np.argwhere(a.predictions != b.predictions)
    if len(where):
        k = int(where[0, 0])
        return Difference("prediction", k, -1, "readout", (), (int(a.predictions[k]), int(b.predictions[k])))
    return None


def _rasters(spikes: Spikes) -> npt.NDArray[np.int8]:
    """int8 (B, T, n), of no presentation too."""
    out = np.zeros((len(spikes), spikes.T, spikes.n), np.int8)
    for b in range(len(spikes)):
        out[b] = spikes.raster(b)
    return out


def compare_weights(
    a: Mapping[str, npt.NDArray[np.int32]], b: Mapping[str, npt.NDArray[np.int32]]
) -> Difference | None:
    """The first learnt weight that differs, in counts of the master grid."""
    for name in a:
        where = np.argwhere(a[name] != b[name])
        if len(where):
            i, j = (int(k) for k in where[0])
            return Difference("weight", -1, -1, name, (i, j), (int(a[name][i, j]), int(b[name][i, j])))
    return None
