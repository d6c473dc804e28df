"""Brian2 as a reference: the same declaration, simulated and trained by Brian2's own groups and synapses.

Stimberg, Brette, Goodman, "Brian 2, an intuitive and efficient neural simulator", eLife 2019. Nothing of
Brian2's global state stays changed: clocks and Network are explicit, and the preferred code generation is
restored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from spikesim.backends.brian2_groups import SHOW, SLOT, Clockwork, cell, groups
from spikesim.backends.brian2_synapses import check_rules, projections, teach
from spikesim.engines.checks import check_recorded, check_run
from spikesim.engines.trains import source_train, target_train
from spikesim.engines.weights import starting_masters
from spikesim.errors import EngineError, MissingExtraError, unknown
from spikesim.network import Network
from spikesim.neurons import Source, Target
from spikesim.recording import Recording, winner
from spikesim.spikes import Spikes, from_raster

Reals = npt.NDArray[np.float64]
CODE = ("numpy", "cython")


class Brian2:
    """Runs any `Network` of IF, ErrorIF, Source and Target in Brian2; holds its plastic weights.

    Attributes:
        network: the declaration.
        masters: projection -> int32 (n_pre, n_post), the plastic weights on the master grid; learning changes
            them.
        code: what Brian2 generates: "numpy", or "cython" (needs a C++ compiler; minutes for the first run).

    Raises:
        DeclarationError: weights of another network.
        EngineError: a model without a translation, or another kind of code.
        MissingExtraError: brian2 is not installed.
    """

    def __init__(
        self,
        network: Network,
        masters: Mapping[str, npt.NDArray[np.int32]] | None = None,
        *,
        code: Literal["numpy", "cython"] = "numpy",
    ) -> None:
        if code not in CODE:
            raise EngineError(f"brian2: {unknown('kind of code', code, CODE)}")
        for name, population in network.populations.items():
            cell(name, population)
        _module()
        self.network = network
        self.masters = starting_masters(network, masters)
        self.code = code

    def run(
        self,
        inputs: Mapping[str, Spikes],
        labels: npt.NDArray[np.int64] | None = None,
        record: Iterable[str] = (),
        learn: bool = False,
        batch: int = 1,
        factor: float = 1.0,
    ) -> Recording:
        """Present a batch of spikes, one presentation after another, in one run of Brian2.

        Memory: 8 bytes for each step and neuron of sources, targets and recorded populations.

        Args:
            inputs: source -> Spikes of B presentations (of the first phase's steps where the source replays).
            labels: int64 (B,), the classes for the targets.
            record: populations of which spikes and membranes are kept.
            learn: change the weights after every `batch` presentations.
            batch: presentations whose count products are summed before the weights change.
            factor: of the step size's schedule.

        Raises:
            DataError: inputs or labels that do not fit the network; an unknown name in `record`.
            DeclarationError: learning without two phases, or a batch below 1.
            EngineError: a normalised step, or a step that could leave the exact range of float64.
        """
        net, b2, keep = self.network, _module(), tuple(record)
        B, classes = check_run(net, inputs, labels, learn, batch, factor)
        check_recorded(keep, net.populations)
        if learn:
            check_rules(net, batch, factor)
        trains = _given(net, inputs, classes)
        with _generating(b2, self.code):
            clocks = Clockwork.of(b2, net)
            cells = groups(clocks, {name: _timeline(clocks, name, train) for name, train in trains.items()})
            synapses = projections(clocks, cells, self.masters)
            if learn:
                teach(clocks, synapses, _due(B, batch), factor)
            seen = _Monitors(clocks, cells, keep)
            simulation = b2.Network(*cells.values(), *synapses.values(), *seen.all())
            # The border after the last presentation is part of the run: it shows the counts and learns.
            simulation.run((B * clocks.length + 1) * b2.second, namespace={})
        clipped = dict.fromkeys(self.masters, 0)
        if learn:
            for p in net.plastic:
                self.masters[p.name] = (
                    np.array(synapses[p.name].master[:]).reshape(net.shape(p)).astype(np.int32)
                )
                clipped[p.name] = int(np.sum(synapses[p.name].cut[:]))
        counts = {name: seen.counts(name, B) for name in net.populations}
        rasters = {name: from_raster(seen.raster(name, B)) for name in keep}
        membranes = {name: seen.v(name, B) for name in keep if seen.cells[name].membranes}
        return Recording(counts, _predictions(net, seen, counts, B), rasters, membranes, clipped)


def _module() -> Any:
    """The module brian2.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import brian2
    except ModuleNotFoundError as problem:
        raise MissingExtraError("brian2", "brian2") from problem
    return brian2


@contextmanager
def _generating(b2: Any, code: str) -> Iterator[None]:
    """Brian2's preferred code generation, for a while."""
    before = b2.prefs["codegen.target"]
    b2.prefs["codegen.target"] = code
    try:
        yield
    finally:
        b2.prefs["codegen.target"] = before


def _given(
    net: Network, inputs: Mapping[str, Spikes], classes: npt.NDArray[np.int64]
) -> dict[str, npt.NDArray[np.int64]]:
    """The spike trains (B, T, n) of sources and targets in their own windows."""
    trains = {}
    for name, population in net.populations.items():
        if isinstance(population, Source):
            rows = [source_train(population, net.window, inputs[name], b) for b in range(len(classes))]
        elif isinstance(population, Target):
            rows = [target_train(population, net.window, label) for label in classes]
        else:
            continue
        trains[name] = np.array(rows, np.int64).reshape(len(classes), net.window.T, population.n)
    return trains


def _timeline(clocks: Clockwork, name: str, train: npt.NDArray[np.int64]) -> Reals:
    """The spike trains (B, T, n) of a population along all steps of the run, (steps, n)."""
    B, T, n = train.shape
    along = np.zeros((B, clocks.length, n))
    first = clocks.first_step(name)
    along[:, first : first + T] = train
    return np.concatenate([along.reshape(-1, n), np.zeros((1, n))])


def _due(B: int, batch: int) -> Reals:
    """1 at the borders at which the weights change: after every batch, and after the last presentation."""
    border = np.arange(B + 1)
    return ((border > 0) & ((border % batch == 0) | (border == B))).astype(np.float64)


def _predictions(net: Network, seen: _Monitors, counts: Mapping[str, Any], B: int) -> npt.NDArray[np.int64]:
    if net.readout is None:
        return np.zeros(0, np.int64)
    name, (_, end) = net.readout.population, net.window.span(net.readout.span)
    h = {"first": counts[name][:, 0], "second": counts[name][:, 1], "all": counts[name].sum(axis=1)}[
        net.readout.span
    ]
    v = seen.v(name, B)
    return np.array([winner(h[b], v[b, end - 1]) for b in range(B)], np.int64)


class _Monitors:
    """What Brian2 keeps of a run, and how it is read."""

    def __init__(self, clocks: Clockwork, groups: Mapping[str, Any], record: tuple[str, ...]) -> None:
        b2, net = clocks.b2, clocks.network
        self.clocks = clocks
        self.cells = {name: cell(name, net.populations[name]) for name in groups}
        moving = {*record, net.readout.population} if net.readout else {*record}
        self.h = {
            name: b2.StateMonitor(
                group,
                ["h_first", "h_second"],
                record=True,
                clock=clocks.border,
                when=SLOT,
                order=SHOW,
                name=clocks.named("counts", name),
            )
            for name, group in groups.items()
        }
        self.membranes = {
            name: b2.StateMonitor(
                groups[name],
                list(self.cells[name].membranes),
                record=True,
                clock=clocks.step,
                when="end",
                name=clocks.named("membranes", name),
            )
            for name in moving
            if self.cells[name].membranes
        }
        self.events = {
            name: {
                event: b2.EventMonitor(groups[name], event, name=clocks.named(event, name))
                for event in self.cells[name].events
            }
            for name in {*record}
        }

    def all(self) -> list[Any]:
        """Every monitor."""
        return [
            *self.h.values(),
            *self.membranes.values(),
            *(m for by in self.events.values() for m in by.values()),
        ]

    def counts(self, name: str, B: int) -> npt.NDArray[np.int64]:
        """int64 (B, 2, n): the counters as they stood at the end of each presentation."""
        h = np.stack([self.h[name].h_first, self.h[name].h_second])  # (2, n, B + 1)
        return np.ascontiguousarray(h[:, :, 1 : B + 1].transpose(2, 0, 1)).astype(np.int64)

    def raster(self, name: str, B: int) -> npt.NDArray[np.int64]:
        """int64 (B, T, n) of -1, 0 and +1 in the population's own window."""
        net, length = self.clocks.network, self.clocks.length
        along = np.zeros((B * length + 1, net.populations[name].n), np.int64)
        for event, monitor in self.events[name].items():
            steps = np.rint(np.asarray(monitor.t)).astype(np.int64)
            np.add.at(along, (steps, np.asarray(monitor.i)), 1 if event == "plus" else -1)
        return self._windows(name, along, B)

    def v(self, name: str, B: int) -> npt.NDArray[np.int64]:
        """int64 (B, T, n), or (B, T, 2, n) of a pair, in counts of the population's grid."""
        kept = [getattr(self.membranes[name], v).T for v in self.cells[name].membranes]
        along = np.stack(kept, axis=1) if len(kept) > 1 else kept[0]
        return self._windows(name, along.astype(np.int64), B)

    def _windows(self, name: str, along: npt.NDArray[np.int64], B: int) -> npt.NDArray[np.int64]:
        """Of all steps of the run those of the population's own window, by presentation."""
        first, T = self.clocks.first_step(name), self.clocks.network.window.T
        return along[:-1].reshape(B, self.clocks.length, *along.shape[1:])[:, first : first + T]
