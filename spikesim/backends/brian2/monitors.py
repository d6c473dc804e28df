"""Brian2 monitors of a run, and their conversion to a recording."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.backends.brian2.inputs import Outside
from spikesim.backends.brian2.neuron_models import Brian2Model
from spikesim.backends.brian2.populations import SHOW, SLOT, Clockwork
from spikesim.neurons.population import number_type
from spikesim.spikes import Spikes, from_raster

Ints = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]


class Seen:
    """The monitors of a run.

    Args:
        clocks: the clocks of the run.
        groups: population -> its group.
        models: translations of the populations of neurons.
        outside: the external spikes.
        fired: populations whose spikes are recorded.
        moved: populations whose membranes are recorded.
        learning: Synapses that learn in every step, by projection, and their variables.
        weights: projections whose weights are recorded in every step.
    """

    def __init__(
        self,
        clocks: Clockwork,
        groups: Mapping[str, Any],
        models: Mapping[str, Brian2Model],
        outside: Outside,
        fired: Iterable[str],
        moved: Iterable[str],
        learning: Mapping[str, tuple[Any, tuple[str, ...]]] = MappingProxyType({}),
        weights: Iterable[str] = (),
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
        # At the border after the last step: nothing that is in transit then has acted yet.
        self._learned = {
            name: b2.StateMonitor(
                synapses, ["w", *variables], record=True, name=f"learned_{synapses.name}", **at_border
            )
            for name, (synapses, variables) in learning.items()
        }
        self._w = {
            name: b2.StateMonitor(
                learning[name][0],
                "w",
                record=True,
                clock=clocks.step,
                when="end",
                name=f"weights_{learning[name][0].name}",
            )
            for name in weights
        }

    def all(self) -> list[Any]:
        """Every monitor."""
        return [
            *self._h.values(),
            *self._v.values(),
            *self._events.values(),
            *self._learned.values(),
            *self._w.values(),
        ]

    def learned(self, name: str, variable: str) -> Reals:
        """float64 (n_synapses,): a variable of a projection after the last step, as Brian2 holds it."""
        return np.array(getattr(self._learned[name], variable)[:, -1], np.float64)

    def weights(self, name: str, steps: int) -> Reals:
        """float64 (steps, n_synapses): the weights after every step of a continuous simulation."""
        return np.array(self._w[name].w, np.float64).T[1 : 1 + steps]

    def counts(self, name: str, B: int) -> Ints:
        """int64 (B, 2, n): the counters at the end of each trial."""
        if name not in self.models:
            return self.outside.counts[name]
        first = np.asarray(self._h[name].h_first)  # (n, B + 1)
        second = np.asarray(self._h[name].h_second) if self.clocks.window.split is not None else 0 * first
        h = np.stack([first, second])
        return np.ascontiguousarray(h[:, :, 1 : B + 1].transpose(2, 0, 1)).astype(np.int64)

    def spikes(self, name: str, B: int) -> Spikes:
        """The spikes of B trials, over the population's own window."""
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
        """Membranes (B, T, n), or (B, T, 2, n) for a pair, in the numbers of the population."""
        channels = [np.asarray(getattr(self._v[name], v)).T for v in self.models[name].state["v"]]
        along = np.stack(channels, axis=1) if len(channels) > 1 else channels[0]
        bits = self.clocks.network.populations[name].grid
        return self._windows(name, along.astype(number_type(bits)), B)

    def _windows(self, name: str, along: npt.NDArray[Any], B: int) -> npt.NDArray[Any]:
        """The steps of the population's own window, by trial, out of all steps of the run."""
        first, T = 1 + self.clocks.network.offsets[name], self.clocks.window.T
        whole = along[: B * self.clocks.length].reshape(B, self.clocks.length, *along.shape[1:])
        return whole[:, first : first + T]
