"""What Brian2 keeps of a run, and how it is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.backends.brian2.inputs import Outside
from spikesim.backends.brian2.neuron_models import Brian2Model
from spikesim.backends.brian2.populations import SHOW, SLOT, Clockwork
from spikesim.neurons.population import number_type
from spikesim.spikes import Spikes, from_raster

Ints = npt.NDArray[np.int64]


class Seen:
    """The monitors of a run.

    Args:
        clocks: of the run.
        groups: a group for each population.
        models: of the populations that integrate.
        outside: the spikes of those that only send.
        fired: populations of which spikes are kept.
        moved: populations of which membranes are kept.
    """

    def __init__(
        self,
        clocks: Clockwork,
        groups: Mapping[str, Any],
        models: Mapping[str, Brian2Model],
        outside: Outside,
        fired: Iterable[str],
        moved: Iterable[str],
    ) -> None:
        b2 = clocks.b2
        self.clocks, self.models, self.outside = clocks, models, outside
        at_border = {"clock": clocks.border, "when": SLOT, "order": SHOW}
        phases = ["h_first", "h_second"] if clocks.window.split is not None else ["h_first"]
        self._h = {
            name: b2.StateMonitor(
                groups[name], phases, record=True, name=clocks.named("counts", name), **at_border
            )
            for name in models
        }
        self._v = {
            name: b2.StateMonitor(
                groups[name],
                list(models[name].state["v"]),
                record=True,
                clock=clocks.step,
                when="end",
                name=clocks.named("membranes", name),
            )
            for name in {*moved} & models.keys()
        }
        self._events = {
            (name, event): b2.EventMonitor(groups[name], event, name=clocks.named(event, name))
            for name in {*fired} & models.keys()
            for event in models[name].events
        }

    def all(self) -> list[Any]:
        """Every monitor."""
        return [*self._h.values(), *self._v.values(), *self._events.values()]

    def counts(self, name: str, B: int) -> Ints:
        """int64 (B, 2, n): the counters as they stood at the end of each presentation."""
        if name not in self.models:
            return self.outside.counts[name]
        first = np.asarray(self._h[name].h_first)  # (n, B + 1)
        second = np.asarray(self._h[name].h_second) if self.clocks.window.split is not None else 0 * first
        h = np.stack([first, second])
        return np.ascontiguousarray(h[:, :, 1 : B + 1].transpose(2, 0, 1)).astype(np.int64)

    def spikes(self, name: str, B: int) -> Spikes:
        """The spikes of B presentations, over the population's own window."""
        if name not in self.models:
            return self.outside.spikes[name]
        length, n = self.clocks.length, self.clocks.network.populations[name].n
        along = np.zeros((B * length + 1, n), np.int8)
        for event in self.models[name].events:
            monitor = self._events[name, event]
            steps = np.rint(np.asarray(monitor.t)).astype(np.int64)
            along[steps, np.asarray(monitor.i)] += 1 if event == "plus" else -1
        return from_raster(self._windows(name, along, B))

    def v(self, name: str, B: int) -> npt.NDArray[Any]:
        """(B, T, n), or (B, T, 2, n) of a pair, in what the population counts in."""
        kept = [np.asarray(getattr(self._v[name], v)).T for v in self.models[name].state["v"]]
        along = np.stack(kept, axis=1) if len(kept) > 1 else kept[0]
        bits = self.clocks.network.populations[name].grid
        return self._windows(name, along.astype(number_type(bits)), B)

    def _windows(self, name: str, along: npt.NDArray[Any], B: int) -> npt.NDArray[Any]:
        """Of all steps of the run those of the population's own window, by presentation."""
        first, T = 1 + self.clocks.network.offsets[name], self.clocks.window.T
        whole = along[: B * self.clocks.length].reshape(B, self.clocks.length, *along.shape[1:])
        return whole[:, first : first + T]
