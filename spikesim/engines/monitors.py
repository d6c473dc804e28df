"""Collectors: they take what a watch wants, step by step, and hand it on in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.engines.stepped.step import Fired
from spikesim.errors import DataError, unknown
from spikesim.network import Network
from spikesim.network.scheduling import sends
from spikesim.recording.monitor import Series, Watch

Arrays = Mapping[str, npt.NDArray[Any]]


class Collector:
    """Takes one watch's part of every step.

    Attributes:
        watch: what it takes.
        chosen: int64 (k,), the neurons (synapses) that it takes.
        kind: dtype of its values.
        shape: of one step's values; () of spikes.
        size: bytes that it holds now.
    """

    def __init__(self, network: Network, watch: Watch) -> None:
        self.watch, self.size = watch, 0
        n, self.kind, leading = _about(network, watch)
        self.chosen = np.arange(n) if watch.neurons is None else np.array(watch.neurons)
        if len(self.chosen) and self.chosen.max() >= n:
            raise DataError(f"Watch {watch.name!r}: neuron {self.chosen.max()}; there are {n} (0 .. {n - 1})")
        self.shape = () if watch.what == "spikes" else (*leading, len(self.chosen))
        self._all = watch.neurons is None
        self._wanted = np.zeros(n, np.bool_)
        self._wanted[self.chosen] = True
        self._rows: list[tuple[int, Any, Any]] = []

    def observe(
        self, t: int, fired: Mapping[str, Fired], states: Mapping[str, Arrays], weights: Arrays
    ) -> None:
        """See `spikesim.engines.memory_recorder.Observer`."""
        watch = self.watch
        if not watch.due(t) or watch.name not in (weights if watch.what == "weights" else fired):
            return
        if watch.what == "spikes":
            neurons, signs = fired[watch.name]
            if not self._all:
                mine = self._wanted[neurons]
                neurons, signs = neurons[mine], signs[mine]
            if neurons.size:
                self._rows.append((t, neurons, signs))
                self.size += 13 * neurons.size
            return
        values = (
            weights[watch.name].reshape(-1) if watch.what == "weights" else states[watch.name][watch.what]
        )
        kept = values[..., self.chosen]  # a copy, also of all
        self._rows.append((t, None, kept))
        self.size += kept.nbytes + 8

    def drain(self) -> Series:
        """What was taken since the last time."""
        rows, self._rows, self.size = self._rows, [], 0
        if self.watch.what == "spikes":
            t = np.repeat(np.array([t for t, _, _ in rows], np.int64), [len(j) for _, j, _ in rows])
            neurons = np.concatenate([j for _, j, _ in rows] or [np.zeros(0, np.int32)])
            return Series(t, neurons, np.concatenate([s for _, _, s in rows] or [np.zeros(0, np.int8)]))
        values = np.array([v for _, _, v in rows], self.kind).reshape(len(rows), *self.shape)
        return Series(np.array([t for t, _, _ in rows], np.int64), self.chosen, values)


def _about(network: Network, watch: Watch) -> tuple[int, npt.DTypeLike, tuple[int, ...]]:
    """How many neurons or synapses a watch chooses from, the type of its values, and their leading axes.

    Raises:
        DataError: no such population, projection or variable.
    """
    if watch.what == "weights":
        if watch.name not in network.named:
            raise DataError(f"Watch: {unknown('projection', watch.name, network.named)}")
        w = network.weights(watch.name)
        return w.size, w.dtype, ()
    if watch.name not in network.populations:
        raise DataError(f"Watch: {unknown('population', watch.name, network.populations)}")
    population = network.populations[watch.name]
    if watch.what == "spikes":
        return population.n, np.int8, ()
    state = {} if sends(population) else population.rest()
    if watch.what not in state:
        raise DataError(f"Watch {watch.name!r}: {unknown('variable', watch.what, ('spikes', *state))}")
    value = state[watch.what]
    return population.n, value.dtype, value.shape[:-1]


def watches(record: Iterable[str | Watch]) -> tuple[tuple[str, ...], tuple[Watch, ...]]:
    """The names (of which spikes and membranes are kept) and the watches of what is to be recorded.

    Raises:
        DataError: neither a name nor a Watch.
    """
    names, wanted = [], []
    for entry in record:
        if isinstance(entry, Watch):
            wanted.append(entry)
        elif isinstance(entry, str):
            names.append(entry)
        else:
            raise DataError(f"record: {entry!r}; a population's name or a Watch is needed")
    return tuple(names), tuple(wanted)
