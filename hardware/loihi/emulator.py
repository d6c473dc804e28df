"""Loihi's integer arithmetic as a backend, with the interface of an engine.

It models the chip's neuron as published (see `spikesim.hardware.loihi.integer_network`). It is compared with
Lava's fixed-point processes and with brian2-loihi; it has not been compared with a chip.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from spikesim.engines.inference_only import check_playing
from spikesim.errors import EngineError, SpikesimError, unknown
from spikesim.hardware.loihi.compile import compile_network
from spikesim.hardware.loihi.integer_network import IntegerNetwork, IntegerPopulation
from spikesim.hardware.loihi.kernels import EARLY, SATURATED, WRAPPED, present
from spikesim.network import Masters, Network
from spikesim.network.scheduling import is_source
from spikesim.recording import Recording, winner
from spikesim.spikes import Spikes, from_raster

Mode = Literal["strict", "chip"]
WHAT = {
    WRAPPED: "the current u",
    SATURATED: "the membrane v",
    EARLY: "the membrane v, which has saturated and kept a 64th of a count of it,",
}


class OverflowOnChip(SpikesimError, ArithmeticError):
    """A current or membrane exceeded 24 bits in strict mode: names layer, neuron, step and value."""


class Loihi:
    """Emulator of Loihi for a network for inference (`network.inference()`).

    Attributes:
        network: the declaration.
        chip: its integers.
        mode: "strict" stops at the first wrap, clip or saturation; "chip" wraps, clips and saturates as the
            chip does, and counts.
        events: "wraps" and "saturations" by population, "clips" of weights by projection, since creation.
        masters: the plastic weights that it was compiled with; they do not change.

    Raises:
        LimitError: the chip cannot hold the network; see `compile_network`.
        EngineError: an unknown mode, or a neuron model without a normal form.
    """

    def __init__(
        self,
        network: Network,
        masters: Mapping[str, npt.NDArray[np.int32]] | None = None,
        mode: Mode = "strict",
    ) -> None:
        if mode not in ("strict", "chip"):
            raise EngineError(f"loihi: {unknown('mode', mode, ('strict', 'chip'))}")
        self.network = network
        self.masters: Masters = dict(network.masters() if masters is None else masters)
        self.mode = mode
        self.chip = compile_network(network, self.masters, clip=mode == "chip")
        self.events: dict[str, dict[str, int]] = {
            "wraps": {name: 0 for name, p in self.chip.populations.items() if not p.source},
            "saturations": {name: 0 for name, p in self.chip.populations.items() if not p.source},
            "clips": {p.name: p.clipped for p in self.chip.projections},
        }
        self._flat = flatten(self.chip)

    def run(
        self,
        inputs: Mapping[str, Spikes],
        labels: npt.NDArray[np.int64] | None = None,
        record: Iterable[str] = (),
        learn: bool = False,
        batch: int = 1,
        factor: float = 1.0,
    ) -> Recording:
        """Run a batch of trials; arguments as for the engines.

        Membranes are in counts of the declared grid (floored, where a wrap or a saturation has left them
        between two).

        Raises:
            DataError: inputs that do not fit; an unknown name in `record`.
            EngineError: learn=True: the emulator does not learn.
            OverflowOnChip: a current or a membrane exceeded 24 bits, in strict mode.
        """
        net = self.network
        refusal = "loihi: the emulator runs what has been learnt; learn with an engine (learn=False here)"
        B, keep = check_playing(net, inputs, labels, record, learn, batch, factor, refusal)
        names = list(net.populations)
        base = self._flat["base"]
        where = {name: slice(base[k], base[k + 1]) for k, name in enumerate(names)}
        counts = {name: np.zeros((B, 2, p.n), np.int64) for name, p in net.populations.items()}
        T = net.window.T
        rasters = {name: np.zeros((B, T, net.populations[name].n), np.int8) for name in keep}
        moving = [name for name in keep if not is_source(net.populations[name])]
        v = {name: np.zeros((B, T, net.populations[name].n), np.int64) for name in moving}
        predictions = np.zeros(B if net.readout else 0, np.int64)
        for b in range(B):
            raster, trace = self._present(inputs, where, b)
            for name in names:
                for phase, span in enumerate(("first", "second")):
                    first, last = net.window.span(span)  # type: ignore[arg-type]
                    counts[name][b, phase] = raster[first:last, where[name]].sum(axis=0, dtype=np.int64)
            for name in keep:
                rasters[name][b] = raster[:, where[name]]
            for name in moving:
                v[name][b] = self._counts(name, trace[:, where[name]])
            if net.readout is not None:
                predictions[b] = self._winner(raster, trace, where)
        return Recording(counts, predictions, {n: from_raster(r) for n, r in rasters.items()}, v)

    def _present(
        self, inputs: Mapping[str, Spikes], where: Mapping[str, slice], b: int
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
        flat, T = self._flat, self.network.window.T
        N = int(flat["base"][-1])
        raster, trace = np.zeros((T, N), np.uint8), np.zeros((T, N), np.int32)
        for name, spikes in inputs.items():
            raster[:, where[name]] = spikes.raster(b)
        state = tuple(np.zeros(N, np.int64) for _ in range(5))
        events = np.zeros((2, len(where)), np.int64)
        found = present(
            flat["neurons"],
            flat["synapses"],
            flat["incoming"],
            T,
            self.chip.steps,
            self.mode == "strict",
            raster,
            trace,
            state,
            events,
        )
        if found[0]:
            kind, t, p, neuron, value = (int(x) for x in found)
            raise OverflowOnChip(
                f"loihi, strict: trial {b}, step {t}, {list(where)[p]}[{neuron}]: {WHAT[kind]} "
                f"reaches {value} units, and 24 bits end at 2**23 = {2**23}. Quantise with fewer bits, "
                f"shorten the window, or take mode='chip', which goes on as the chip does, and counts"
            )
        for row, kind_name in enumerate(("wraps", "saturations")):
            for p, name in enumerate(where):
                if name in self.events[kind_name]:
                    self.events[kind_name][name] += int(events[row, p])
        return raster, trace

    def _counts(self, name: str, units: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        return units.astype(np.int64) // self.chip.populations[name].scale

    def _winner(self, raster: Any, trace: Any, where: Mapping[str, slice]) -> int:
        readout = self.network.readout
        assert readout is not None
        first, last = self.network.window.span(readout.span)
        mine = where[readout.population]
        h = raster[first:last, mine].sum(axis=0, dtype=np.int64)
        return winner(h, self._counts(readout.population, trace[last - 1, mine]))


def flatten(chip: IntegerNetwork) -> dict[str, Any]:
    """An integer network as flat arrays for the kernel."""
    pops = list(chip.populations.values())
    index = {p.name: k for k, p in enumerate(pops)}
    base = np.concatenate([[0], np.cumsum([p.n for p in pops])]).astype(np.int64)
    fields = ("vth", "du", "dv", "refractory", "floored", "bias", "v_start", "u_start")
    columns = tuple(np.concatenate([_column(p, field) for p in pops]) for field in fields)
    clocks = tuple(np.array([getattr(p, field) for p in pops], np.int64) for field in ("start", "source"))
    links = chip.projections
    rows = [chip.rows[p.name] for p in links]
    first = np.cumsum([0, *(len(r[0]) for r in rows)]).astype(np.int64)
    synapse = np.cumsum([0, *(len(r[1]) for r in rows)]).astype(np.int64)
    none = np.zeros(0, np.int64)
    synapses = (
        np.array([index[p.pre] for p in links], np.int64),
        np.array([p.delay for p in links], np.int64),
        np.array([p.weight_exp for p in links], np.int64),
        first,
        np.concatenate([none, *(r[0] + s for r, s in zip(rows, synapse[:-1], strict=True))]),
        np.concatenate([none.astype(np.int32), *(r[1] for r in rows)]),
        np.concatenate([none.astype(np.int32), *(r[2] for r in rows)]),
    )
    heard = [[k for k, p in enumerate(links) if p.post == pop.name] for pop in pops]
    incoming = (
        np.cumsum([0, *map(len, heard)]).astype(np.int64),
        np.array([k for listed in heard for k in listed], np.int64),
    )
    return {"base": base, "neurons": (base, *clocks, *columns), "synapses": synapses, "incoming": incoming}


def _column(p: IntegerPopulation, field: str) -> npt.NDArray[np.int64]:
    """A parameter of every neuron, int64 (n,); zeros for a source. `floored` is 0 or the units of a count."""
    if p.source:
        return np.zeros(p.n, np.int64)
    values: npt.NDArray[Any] = getattr(p, field)
    return values.astype(np.int64) * (p.scale if field == "floored" else 1)
