"""Runs trials on Lava processes, and returns a `Recording`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.engines.inference_only import check_playing, played
from spikesim.hardware.lava.session import Reals, Session
from spikesim.hardware.loihi.emulator import Mode, OverflowOnChip
from spikesim.hardware.neurons import normal_form
from spikesim.network import Network
from spikesim.recording import Recording
from spikesim.spikes import Spikes, from_raster

log = logging.getLogger(__name__)

TOP = 2**23 - 1  # v saturates there in fixed point


@dataclass(frozen=True)
class Part:
    """A process of a population.

    Attributes:
        spikes: an OutPort of shape (n,).
        v: the Var of its membrane; of three dimensions (columns, rows, channels) in some of lava-dl's layers.
        sign: of its spikes: -1 for the lower half of a pair of error neurons.
        starts: Vars and what they are set to where a trial begins; none where it clears itself.
        from_rest: whether its state is right when Lava begins, so that it is set from the second trial on.
    """

    spikes: Any
    v: Any
    sign: int = 1
    starts: tuple[tuple[Any, npt.NDArray[Any]], ...] = ()
    from_rest: bool = True


@dataclass(frozen=True)
class Stage:
    """Connected processes, ready for one run.

    Attributes:
        root: any of them.
        connect: connects the OutPort (n,) of a source, by its name.
        parts: population -> its processes.
        starts: population -> Lava step of its own step 0, sources too.
        units: population -> value of a process's v for one count of the declared grid.
        fixed: in fixed point.
    """

    root: Any
    connect: Callable[[str, Any], None]
    parts: Mapping[str, tuple[Part, ...]]
    starts: Mapping[str, int]
    units: Mapping[str, float]
    fixed: bool


class Player:
    """Runs trials on processes that are built anew for every run.

    Args:
        network: for its names, window and readout.
        stage: builds the processes.
        drained: no spike arrives after its trial, so that all trials fit into one run.
        hardware: run on Loihi 2.
        mode: "strict" stops where a recorded membrane saturates that declares no floor; "chip" goes on.
    """

    def __init__(
        self,
        network: Network,
        stage: Callable[[], Stage],
        drained: bool = True,
        hardware: bool = False,
        mode: Mode = "strict",
    ) -> None:
        self.network, self._stage, self._drained, self._hardware = network, stage, drained, hardware
        self._mode = mode

    def run(
        self,
        inputs: Mapping[str, Spikes],
        labels: npt.NDArray[np.int64] | None = None,
        record: Iterable[str] = (),
        learn: bool = False,
        batch: int = 1,
        factor: float = 1.0,
    ) -> Recording:
        """Run a batch of trials; arguments and result as for the engines.

        Raises:
            DataError: inputs that do not fit, or an unknown name in `record`.
            EngineError: learn=True, or a process of Lava that fails.
            OverflowOnChip: a membrane saturates, in strict mode.
        """
        refusal = "Lava: this graph runs what was learnt; learn with an engine (learn=False here)"
        B, keep = check_playing(self.network, inputs, labels, record, learn, batch, factor, refusal)
        found = _Kept(self.network, keep, B, self._mode == "strict")
        runs = [range(B)] if self._drained else [range(b, b + 1) for b in range(B)]
        for chosen in runs:
            if len(chosen):
                self._play({name: s[chosen.start : chosen.stop] for name, s in inputs.items()}, found, chosen)
        return found.recording(inputs)

    def _play(self, inputs: Mapping[str, Spikes], found: _Kept, chosen: range) -> None:
        """One run of Lava."""
        T, B = self.network.window.T, len(chosen)
        with Session(self._hardware) as session:
            stage = self._stage()
            heard = {p.pre for p in self.network.projections}
            inputs = {name: spikes for name, spikes in inputs.items() if name in heard}
            for name, spikes in inputs.items():
                stage.connect(name, session.inject(name, spikes.n))
            for population, parts in stage.parts.items():
                for k, part in enumerate(parts):
                    session.extract(("s", population, k), part.spikes)
                    if population in found.monitors:
                        session.watch(("v", population, k), part.v)
            session.start(stage.root, "fixed_pt" if stage.fixed else "floating_pt")
            given = {name: trains(s, stage.starts[name]) for name, s in inputs.items()}
            steps = max(stage.starts.values()) + B * T - 1
            for t, step in enumerate(session.stream(given, steps, _settings(stage, B, T)), 1):
                for (what, population, k), values in step.items():
                    own = t - stage.starts[population]
                    if 0 <= own < B * T:
                        found.take(stage, what, population, k, (chosen.start + own // T, own % T), values)


def _settings(stage: Stage, B: int, T: int) -> dict[int, list[tuple[Any, npt.NDArray[Any]]]]:
    """Lava step -> the Vars that are set at its end, each with its values."""
    found: dict[int, list[tuple[Any, npt.NDArray[Any]]]] = {}
    for population, parts in stage.parts.items():
        for part in parts:
            for b in range(int(part.from_rest), B if part.starts else 0):
                found.setdefault(stage.starts[population] - 1 + b * T, []).extend(part.starts)
    return found


def trains(spikes: Spikes, start: int) -> Iterator[Reals]:
    """The spikes (n,) of a source in each step of Lava, endless; the first trial begins at `start`."""
    silence = np.zeros(spikes.n)
    for _ in range(start - 1):
        yield silence
    for b in range(len(spikes)):
        yield from spikes.raster(b).astype(np.float64)
    while True:
        yield silence


class _Kept:
    """The recording of a run, filled step by step.

    Attributes:
        monitors: populations whose membrane is needed: recorded ones, and the readout, where a tie is broken.
    """

    def __init__(self, network: Network, recorded: tuple[str, ...], B: int, strict: bool) -> None:
        self._network, self._recorded, self._strict = network, recorded, strict
        readout = () if network.readout is None else (network.readout.population,)
        moving = {name: p for name, p in network.populations.items() if name not in network.sources}
        self.monitors = tuple(name for name in moving if name in {*recorded, *readout})
        shapes = dict.fromkeys(moving, (B, network.window.T))
        self._rasters = {name: np.zeros((*shapes[name], p.n), np.int8) for name, p in moving.items()}
        self._v: dict[str, npt.NDArray[Any]] = {}
        for name in self.monitors:
            membranes = 2 if normal_form("Lava", name, moving[name]).form == "pair" else 1
            kind = np.float64 if moving[name].grid is None else np.int64
            self._v[name] = np.zeros((*shapes[name], membranes, moving[name].n), kind)
        self._told: set[str] = set()

    def take(self, stage: Stage, what: str, name: str, k: int, when: tuple[int, int], values: Reals) -> None:
        """Store what a process sent or held at (trial, step)."""
        if what == "s":
            self._rasters[name][when] += (stage.parts[name][k].sign * values).astype(np.int8)
            return
        flat = values.transpose(2, 1, 0).ravel() if values.ndim == 3 else values
        declared = self._network.populations[name].floor is not None
        if stage.fixed and not declared and name not in self._told and (np.abs(flat) >= TOP).any():
            self._told.add(name)
            said = (
                f"Lava: the membrane of {name} saturates at 2**23 - 1, first in trial {when[0]}, step "
                f"{when[1]}, neuron {int(np.argmax(np.abs(flat) >= TOP))}. Quantise it, which declares that "
                f"as its floor; take fewer bits; or shorten the window"
            )
            if self._strict:
                raise OverflowOnChip(f"{said}; or take mode='chip', which goes on")
            log.warning("%s", said)
        counts = flat / stage.units[name]
        self._v[name][when][k] = counts if self._v[name].dtype.kind == "f" else np.floor(counts)

    def recording(self, inputs: Mapping[str, Spikes]) -> Recording:
        """The recording as the engines return it."""
        spikes = {name: from_raster(raster) for name, raster in self._rasters.items()} | dict(inputs)
        v = {name: held if held.shape[2] > 1 else held[:, :, 0] for name, held in self._v.items()}
        return played(self._network, spikes, v, self._recorded)
