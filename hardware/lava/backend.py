"""Lava as a backend: the same call and the same result as an engine; stock processes do the work."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.engines.checks import check_recorded, check_run
from spikesim.errors import EngineError
from spikesim.hardware.lava.graph import Arithmetic, Graph
from spikesim.hardware.lava.install import require, require_hardware
from spikesim.hardware.lava.network import BUILDERS, LavaNetwork
from spikesim.hardware.lava.session import Reals, Session
from spikesim.network import Masters, Network
from spikesim.recording import Recording, winner
from spikesim.spikes import Spikes, from_raster

log = logging.getLogger(__name__)

TOP = 2**23 - 1  # v saturates there


class Lava:
    """Runs a network for inference in Lava: `lava_float` and `lava_fixed` make one.

    A set of presentations is one run: neurons are cleared where one ends, and nothing pauses. Networks in
    which a spike can outlive its presentation (loops, several delays) get a run for each.

    Attributes:
        network: the declaration.
        masters: its plastic weights, which nothing changes here.
        graph: what Lava gets.
        hardware: run on Loihi 2, where there is one.

    Raises:
        EngineError: what Lava's stock processes do not do, or hardware that is not there.
        LimitError: numbers beyond Loihi's (fixed point).
        MissingExtraError: Lava is not installed.
    """

    def __init__(self, network: Network, arithmetic: Arithmetic, hardware: bool = False) -> None:
        require_hardware() if hardware else require()
        self.network = network
        self.masters: Masters = network.masters()
        self.graph: Graph = BUILDERS[arithmetic](network)
        self.hardware = hardware

    def run(
        self,
        inputs: Mapping[str, Spikes],
        labels: npt.NDArray[np.int64] | None = None,
        record: Iterable[str] = (),
        learn: bool = False,
        batch: int = 1,
        factor: float = 1.0,
    ) -> Recording:
        """Present a batch of spikes; arguments and result as for the engines.

        Raises:
            DataError: inputs that do not fit, or an unknown name in `record`.
            EngineError: learn=True, or a process of Lava that fails.
        """
        net, keep = self.network, tuple(record)
        if learn:
            raise EngineError(
                "Lava: this graph plays what was learnt; learn with an engine (learn=False here)"
            )
        B, _ = check_run(net, inputs, labels, learn, batch, factor)
        check_recorded(keep, net.populations)
        runs = [range(B)] if self.graph.drained else [range(b, b + 1) for b in range(B)]
        found = _Kept.of(self, keep, B)
        for chosen in runs:
            if len(chosen):
                self._play({name: s[chosen.start : chosen.stop] for name, s in inputs.items()}, found, chosen)
        return found.recording(net, inputs)

    def _play(self, inputs: Mapping[str, Spikes], found: _Kept, chosen: range) -> None:
        """One run of Lava."""
        graph, T = self.graph, self.network.window.T
        lava = LavaNetwork(self.network, graph.arithmetic, resets=False)
        steps = graph.last_step(len(chosen), T)
        clear: dict[int, list[Any]] = {}
        for name, cells in graph.cells.items():
            for b in range(1, len(chosen) if cells.ternary else 0):
                clear.setdefault(cells.start - 1 + b * T, []).append(lava.neurons[name].v)
        with Session("fixed_pt" if graph.arithmetic == "fixed" else "floating_pt", self.hardware) as session:
            for name, n in graph.sources.items():
                lava.connect(name, session.inject(name, n))
            for population in graph.parts:
                for k, (port, _) in enumerate(lava.spikes(population)):
                    session.extract(("s", population, k), port)
            for population in found.watched:
                for k, (part, _) in enumerate(graph.parts[population]):
                    session.watch(("v", population, k), lava.neurons[part].v)
            session.start(lava.root)
            given = {name: trains(s, graph.starts[name]) for name, s in inputs.items()}
            for t, step in enumerate(session.stream(given, steps, clear), 1):
                for (what, population, k), values in step.items():
                    own = t - graph.starts[population]
                    if 0 <= own < len(chosen) * T:
                        found.take(what, population, k, chosen.start + own // T, own % T, values)


def trains(spikes: Spikes, start: int) -> Iterator[Reals]:
    """What a source sends in each step of Lava, (n,) of 0 and 1, without end; from Lava's step `start` on."""
    silence = np.zeros(spikes.n)
    for _ in range(start - 1):
        yield silence
    for b in range(len(spikes)):
        yield from spikes.raster(b).astype(np.float64)
    while True:
        yield silence


@dataclass
class _Kept:
    """What a run is to give back, as it comes in.

    Attributes:
        graph: of what runs.
        recorded: populations of which spikes and membranes are asked for.
        watched: populations whose membrane is needed: recorded ones, and the readout, where a tie is broken.
        rasters: population -> int8 (B, T, n), signed.
        v: watched population -> float64 (B, T, parts, n), as the process has it.
    """

    graph: Graph
    recorded: tuple[str, ...]
    watched: tuple[str, ...]
    rasters: dict[str, npt.NDArray[np.int8]]
    v: dict[str, Reals]

    @classmethod
    def of(cls, lava: Lava, recorded: tuple[str, ...], B: int) -> _Kept:
        net, graph = lava.network, lava.graph
        readout = () if net.readout is None else (net.readout.population,)
        watched = tuple(name for name in graph.parts if name in {*recorded, *readout})
        sizes = {name: (B, net.window.T, p.n) for name, p in net.populations.items() if name in graph.parts}
        rasters = {name: np.zeros(size, np.int8) for name, size in sizes.items()}
        v = {name: np.zeros((*sizes[name][:2], len(graph.parts[name]), sizes[name][2])) for name in watched}
        return cls(graph, recorded, watched, rasters, v)

    def take(self, what: str, population: str, part: int, b: int, t: int, values: Reals) -> None:
        """Step t of presentation b."""
        if what == "v":
            self.v[population][b, t, part] = values
        else:
            sign = self.graph.parts[population][part][1]
            self.rasters[population][b, t] += (sign * values).astype(np.int8)

    def recording(self, net: Network, inputs: Mapping[str, Spikes]) -> Recording:
        """As the engines give it."""
        spikes = {name: from_raster(raster) for name, raster in self.rasters.items()} | dict(inputs)
        boundary = net.window.boundary
        counts = {
            name: np.stack([spikes[name].counts(0, boundary), spikes[name].counts(boundary)], axis=1)
            for name in net.populations
        }
        membranes = {name: self._membrane(name, net.populations[name]) for name in self.watched}
        predictions = np.zeros(0, np.int64)
        if net.readout is not None:
            name, (first, last) = net.readout.population, net.window.span(net.readout.span)
            h = spikes[name].counts(first, last)
            predictions = np.array(
                [winner(c, v) for c, v in zip(h, membranes[name][:, last - 1], strict=True)]
            )
            predictions = predictions.astype(np.int64)
        v = {name: membranes[name] for name in self.recorded if name in membranes}
        return Recording(counts, predictions, {name: spikes[name] for name in self.recorded}, v)

    def _membrane(self, name: str, population: Any) -> npt.NDArray[Any]:
        """In counts of the grid: (B, T, n), or (B, T, 2, n) of a pair; float64 where there is no grid."""
        held = self.v[name]
        if self.graph.arithmetic == "fixed":
            self._tell_saturation(name, held)
        unit = self.graph.cells[self.graph.parts[name][0][0]].unit
        values = held if held.shape[2] > 1 else held[:, :, 0]
        return values / unit if population.grid is None else np.floor(values / unit).astype(np.int64)

    @staticmethod
    def _tell_saturation(name: str, held: Reals) -> None:
        full = np.abs(held) >= TOP
        if full.any():
            b, t, _, neuron = (int(k) for k in np.argwhere(full)[0])
            log.warning(
                "Lava: the membrane of %s saturated at 2**23 - 1 in %d entries, first in presentation %d, "
                "step %d, neuron %d. Quantise with fewer bits, or shorten the window",
                name,
                int(full.sum()),
                b,
                t,
                neuron,
            )


def lava_float(network: Network, hardware: bool = False) -> Lava:
    """Lava in floating point."""
    return Lava(network, "float", hardware)


def lava_fixed(network: Network, hardware: bool = False) -> Lava:
    """Lava in fixed point, in Loihi's integers."""
    return Lava(network, "fixed", hardware)
