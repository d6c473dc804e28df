"""One step of each population in the stepped engine; its arrays are bound once, before the loop.

Spikes are passed as lists of neurons. A projection delivers in the step in which spikes arrive: those sent
`delay` steps earlier by its pre population. The cost is thus proportional to the spikes, and a weight is read
when it acts. Currents are float64 in the unit of the threshold: on a grid all their sums are exact.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.engines.external_inputs import longest_delay
from spikesim.engines.overflow_check import outside, raise_range
from spikesim.network import Network
from spikesim.network.scheduling import is_source
from spikesim.neurons.population import Advance, no_current, scaled
from spikesim.synapses.delivery import Deliver, Weights

Ints = npt.NDArray[np.int64]
Fired = tuple[npt.NDArray[np.int32], npt.NDArray[np.int8]]
NOBODY: Fired = (np.zeros(0, np.int32), np.zeros(0, np.int8))
OPEN = np.zeros(0, np.bool_)


class SpikeBuffer:
    """Ring buffer of the last spikes of a population, as far back as its longest delay.

    Attributes:
        depth: that delay, in steps.
    """

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self._kept: list[Fired] = [NOBODY] * (depth + 1)

    def send(self, t: int, fired: Fired) -> None:
        """Store the spikes of step t."""
        self._kept[t % len(self._kept)] = fired

    def sent(self, t: int) -> Fired:
        """The spikes of step t; t is at most the longest delay ago."""
        return self._kept[t % len(self._kept)]

    def clear(self) -> None:
        """Remove all spikes in transit."""
        self._kept = [NOBODY] * len(self._kept)


class Afferent:
    """The input of a population from one projection, for one of its delays."""

    def __init__(self, train: SpikeBuffer, delay: int, deliver: Deliver, current: Any) -> None:
        self.train, self.delay, self.deliver, self.current = train, delay, deliver, current


class LivePopulation:
    """A population of neurons during a simulation.

    Attributes:
        name, population: as declared.
        state: state variables of the model; the arrays are changed in place.
        current: float64 (n,), the input current of this step; (receptors, n) for a model with receptors.
        train: its spikes in transit.
        afferents: its inputs.
        events: number of synaptic events so far: deliveries of a spike through a synapse to it.
    """

    def __init__(self, name: str, population: Any, train: SpikeBuffer) -> None:
        self.name, self.population, self.train = name, population, train
        self.state: dict[str, Any] = population.initial_state()
        self.current = no_current(population)
        self.afferents: list[Afferent] = []
        self.closed = OPEN  # bool (n,), neurons whose gate is closed; empty without a gate
        self.events = 0
        self._fired, self._signs = np.zeros(population.n, np.int32), np.zeros(population.n, np.int8)
        self._advance = advance_of(population)

    def reset(self) -> None:
        """Reset to the initial state, with open gates."""
        self.closed = OPEN
        for key, value in self.population.initial_state().items():
            self.state[key][...] = value

    def input(self, receptor: str | None) -> Any:
        """The input current of a receptor, float64 (n,): a view of `current`."""
        if not self.population.description.receptors:
            return self.current
        return self.current[self.population.description.receptor(receptor)]

    def advance(self, t: int, now: int) -> Fired:
        """Deliver, integrate, fire, reset; `now` is the step of the run, `t` the step for messages."""
        for arrival in self.afferents:
            fired, signs = arrival.train.sent(now - arrival.delay)
            if fired.size:
                self.events += arrival.deliver(fired, signs, arrival.current)
        count = self._advance(self.state, self.current, self.closed, self._fired, self._signs)
        if count < 0:
            raise_range(self.name, self.population, self.state, -1 - count, t)
        return (self._fired[:count].copy(), self._signs[:count].copy()) if count else NOBODY


def advance_of(population: Any) -> Advance:
    """The step of a model, in place: its compiled one, or a wrapper of its `step`."""
    if hasattr(population, "compiled"):
        return population.compiled()

    def advance(state: Any, current: Any, closed: Any, fired: Any, signs: Any) -> int:
        after, s = population.step(state, scaled(current, population.grid))
        current[:] = 0
        if closed.size:
            s = np.where(closed, 0, s)
            after = {key: np.where(closed, state[key], value) for key, value in after.items()}
        for key, value in after.items():
            state[key][...] = value
        beyond = outside(population, state)
        if beyond is not None:
            return -1 - beyond
        found = np.flatnonzero(s)
        fired[: found.size], signs[: found.size] = found, s[found]
        return int(found.size)

    return advance


def wire(
    network: Network, weights: Callable[[str], Weights]
) -> tuple[dict[str, SpikeBuffer], dict[str, LivePopulation]]:
    """Spike buffers of all populations, and the connected populations of neurons.

    Args:
        network: the declaration.
        weights: name of a projection -> its weights; changes of the arrays act from the next spike on.
    """
    trains = {name: SpikeBuffer(longest_delay(network, name)) for name in network.populations}
    cells = {
        name: LivePopulation(name, population, trains[name])
        for name, population in network.populations.items()
        if not is_source(population)
    }
    for p in network.projections:
        for delay, deliver in p.deliveries(weights(p.name)):
            cells[p.post].afferents.append(
                Afferent(trains[p.pre], delay, deliver, cells[p.post].input(p.receptor))
            )
    return trains, cells
