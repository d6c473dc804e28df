"""Collectors: gather the values of a monitor step by step, and return them as series."""

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
    """Gathers the values of one monitor in every step.

    Attributes:
        monitor: the variable to record.
        chosen: int64 (k,), the recorded neurons (or synapses).
        kind: dtype of the values.
        shape: shape of the values of one step; () for spikes.
        size: bytes held at present.
    """

    def __init__(self, network: Network, monitor: Monitor) -> None:
        self.monitor, self.size = monitor, 0
        n, self.kind, leading = _format(network, monitor)
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
                wanted = self._wanted[neurons]
                neurons, signs = neurons[wanted], signs[wanted]
            if neurons.size:
                self._rows.append((t, neurons, signs))
                self.size += 13 * neurons.size
            return
        values = (
            weights[monitor.name].reshape(-1)
            if monitor.what == "weights"
            else states[monitor.name][monitor.what]
        )
        copied = values[..., self.chosen]  # indexing with an array copies
        self._rows.append((t, None, copied))
        self.size += copied.nbytes + 8

    def drain(self) -> Series:
        """The values gathered since the last call."""
        rows, self._rows, self.size = self._rows, [], 0
        if self.monitor.what == "spikes":
            t = np.repeat(np.array([t for t, _, _ in rows], np.int64), [len(j) for _, j, _ in rows])
            neurons = np.concatenate([j for _, j, _ in rows] or [np.zeros(0, np.int32)])
            return Series(t, neurons, np.concatenate([s for _, _, s in rows] or [np.zeros(0, np.int8)]))
        values = np.array([v for _, _, v in rows], self.kind).reshape(len(rows), *self.shape)
        return Series(np.array([t for t, _, _ in rows], np.int64), self.chosen, values)


def _format(network: Network, monitor: Monitor) -> tuple[int, npt.DTypeLike, tuple[int, ...]]:
    """The number of neurons or synapses of a monitor's variable, its dtype, and its leading axes.

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
    """The names (for spikes and membranes) and the monitors in the argument `record`.

    Raises:
        DataError: an entry is neither a name nor a Monitor.
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
