"""Collectors: they take what a monitor wants, step by step, and hand it on in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.engines.stepped.step import Fired
from spikesim.errors import DataError, unknown
from spikesim.network import Network
from spikesim.network.scheduling import is_source
from spikesim.recording.monitor import Monitor, Series

Arrays = Mapping[str, npt.NDArray[Any]]


class Collector:
    """Takes one monitor's part of every step.

    Attributes:
        monitor: what it takes.
        chosen: int64 (k,), the neurons (synapses) that it takes.
        kind: dtype of its values.
        shape: of one step's values; () of spikes.
        size: bytes that it holds now.
    """

    def __init__(self, network: Network, monitor: Monitor) -> None:
        self.monitor, self.size = monitor, 0
        n, self.kind, leading = _about(network, monitor)
        self.chosen = np.arange(n) if monitor.neurons is None else np.array(monitor.neurons)
        if len(self.chosen) and self.chosen.max() >= n:
            raise DataError(
                f"Monitor {monitor.name!r}: neuron {self.chosen.max()}; there are {n} (0 .. {n - 1})"
            )
        self.shape = () if monitor.what == "spikes" else (*leading, len(self.chosen))
        self._all = monitor.neurons is None
        self._wanted = np.zeros(n, np.bool_)
        self._wanted[self.chosen] = True
        self._rows: list[tuple[int, Any, Any]] = []

    def observe(
        self, t: int, fired: Mapping[str, Fired], states: Mapping[str, Arrays], weights: Arrays
    ) -> None:
        """See `spikesim.engines.memory_recorder.Observer`."""
        monitor = self.monitor
        if not monitor.due(t) or monitor.name not in (weights if monitor.what == "weights" else fired):
            return
        if monitor.what == "spikes":
            neurons, signs = fired[monitor.name]
            if not self._all:
                mine = self._wanted[neurons]
                neurons, signs = neurons[mine], signs[mine]
            if neurons.size:
                self._rows.append((t, neurons, signs))
                self.size += 13 * neurons.size
            return
        values = (
            weights[monitor.name].reshape(-1)
            if monitor.what == "weights"
            else states[monitor.name][monitor.what]
        )
        kept = values[..., self.chosen]  # a copy, also of all
        self._rows.append((t, None, kept))
        self.size += kept.nbytes + 8

    def drain(self) -> Series:
        """What was taken since the last time."""
        rows, self._rows, self.size = self._rows, [], 0
        if self.monitor.what == "spikes":
            t = np.repeat(np.array([t for t, _, _ in rows], np.int64), [len(j) for _, j, _ in rows])
            neurons = np.concatenate([j for _, j, _ in rows] or [np.zeros(0, np.int32)])
            return Series(t, neurons, np.concatenate([s for _, _, s in rows] or [np.zeros(0, np.int8)]))
        values = np.array([v for _, _, v in rows], self.kind).reshape(len(rows), *self.shape)
        return Series(np.array([t for t, _, _ in rows], np.int64), self.chosen, values)


def _about(network: Network, monitor: Monitor) -> tuple[int, npt.DTypeLike, tuple[int, ...]]:
    """How many neurons or synapses a monitor chooses from, the type of its values, and their leading axes.

    Raises:
        DataError: no such population, projection or variable.
    """
    if monitor.what == "weights":
        if monitor.name not in network.named:
            raise DataError(f"Monitor: {unknown('projection', monitor.name, network.named)}")
        w = network.weights(monitor.name)
        return w.size, w.dtype, ()
    if monitor.name not in network.populations:
        raise DataError(f"Monitor: {unknown('population', monitor.name, network.populations)}")
    population = network.populations[monitor.name]
    if monitor.what == "spikes":
        return population.n, np.int8, ()
    state = {} if is_source(population) else population.initial_state()
    if monitor.what not in state:
        raise DataError(f"Monitor {monitor.name!r}: {unknown('variable', monitor.what, ('spikes', *state))}")
    value = state[monitor.what]
    return population.n, value.dtype, value.shape[:-1]


def monitors_of(record: Iterable[str | Monitor]) -> tuple[tuple[str, ...], tuple[Monitor, ...]]:
    """The names (of which spikes and membranes are kept) and the monitors of what is to be recorded.

    Raises:
        DataError: neither a name nor a Monitor.
    """
    names, wanted = [], []
    for entry in record:
        if isinstance(entry, Monitor):
            wanted.append(entry)
        elif isinstance(entry, str):
            names.append(entry)
        else:
            raise DataError(f"record: {entry!r}; a population's name or a Monitor is needed")
    return tuple(names), tuple(wanted)
