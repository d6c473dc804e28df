"""Energy estimate of SANA-FE, on its own model of Loihi (Boyle et al., "SANA-FE: simulating advanced
neuromorphic architectures for fast exploration", IEEE TCAD 44, 2025).

Its neurons resolve 1/64 of a unit, fire at v > threshold, and receive a spike one step later. The network is
written in whole counts, so that its arithmetic is exact; the spikes are counted and compared with the
emulator's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module, metadata
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.errors import EngineError, MissingExtraError
from spikesim.hardware.energy import cores_of
from spikesim.hardware.loihi.compile import check_begins, compile_network
from spikesim.hardware.loihi.emulator import Loihi
from spikesim.hardware.loihi.integer_network import UNITY, IntegerNetwork, IntegerPopulation, shifted
from spikesim.hardware.split import split
from spikesim.network import Network
from spikesim.spikes import Spikes


@dataclass(frozen=True)
class SanaFe:
    """SANA-FE's estimate, averaged over trials.

    Attributes:
        presentations: number of trials.
        energy: nJ, by component.
        time: us.
        spikes: number of spikes without the input's.
        expected: the same from the emulator; if it differs, the two did not run the same network.
        version: of SANA-FE.
    """

    presentations: int
    energy: Mapping[str, float]
    time: float
    spikes: float
    expected: float
    version: str


def sanafe_estimate(network: Network, inputs: Mapping[str, Spikes]) -> SanaFe:
    """Run trials on SANA-FE's Loihi, each from the initial state.

    A population of several thresholds is placed as one population for each, on cores of their own.

    Args:
        network: for inference, of integrate-and-fire neurons on a chip's grid, with delays of 1 on the chip.
        inputs: source -> Spikes of B trials.

    Raises:
        LimitError: what Loihi cannot hold.
        EngineError: leaks, or delays above 1, where SANA-FE's arithmetic differs.
        MissingExtraError: sanafe is not installed.
    """
    sanafe = _module()
    check_begins("SANA-FE", network)
    chip = compile_network(split("SANA-FE", network, ("theta",))[0])
    for p in chip.populations.values():
        if (p.du != UNITY).any() or p.dv.any() or p.refractory.any() or p.v_start.any():
            raise EngineError(
                f"SANA-FE: {p.name} leaks, is refractory, or starts at other than 0; the estimate here is "
                f"for IF neurons"
            )
    for link in chip.projections:
        if link.delay != 1:
            raise EngineError(
                f"SANA-FE: {link.name} has a delay of {link.delay} steps on the chip; 1 is needed"
            )
    B, found = len(next(iter(inputs.values()))), dict[str, float]()
    time, spikes = 0.0, 0
    for b in range(B):
        given = {name: train.raster(b) for name, train in inputs.items()}
        with _silent():
            played = _play(sanafe, chip, given)
        for part, joules in played["energy"].items():
            found[part] = found.get(part, 0.0) + joules * 1e9 / B
        time += played["sim_time"] * 1e6 / B
        spikes += int(played["neurons_fired"]) - sum(int(g.sum()) for g in given.values())
    counted = Loihi(network, mode="chip").run(inputs).counts
    expected = sum(int(counts.sum()) for name, counts in counted.items() if name not in inputs)
    return SanaFe(B, found, time, spikes / B, expected / B, _version())


@contextmanager
def _silent() -> Iterator[None]:
    """Silence the standard output of the process, to which SANA-FE writes its progress."""
    sys.stdout.flush()
    kept = os.dup(1)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        try:
            yield
        finally:
            os.dup2(kept, 1)
            os.close(kept)


def _module() -> Any:
    try:
        return import_module("sanafe")
    except ModuleNotFoundError as problem:
        raise MissingExtraError("sanafe", "loihi") from problem


def _version() -> str:
    try:
        return metadata.version("sanafe")
    except metadata.PackageNotFoundError:
        return "unknown"


def _play(sanafe: Any, chip: IntegerNetwork, given: Mapping[str, npt.NDArray[np.int8]]) -> dict[str, Any]:
    """One trial on a new chip."""
    architecture, net = sanafe.load_loihi(), sanafe.Network()
    cores = iter([core for tile in architecture.tiles for core in tile.cores])
    groups, held = {}, cores_of(chip.declared)
    for name, p in chip.populations.items():
        attributes = {} if p.source else {"threshold": float(p.vth[0]), "reset": 0.0, "reset_mode": "hard"}
        groups[name] = net.create_neuron_group(name, p.n, model_attributes=attributes)
        _place(groups[name], p, cores, held[name], given.get(name), chip.steps)
    for link in chip.projections:
        indptr, indices, weights = chip.rows[link.name]
        rows = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
        counts = shifted(weights.astype(np.int64), link.weight_exp).astype(float).tolist()
        pairs = list(zip(rows.tolist(), indices.tolist(), strict=True))
        groups[link.pre].connect_neurons_sparse(groups[link.post], {"weight": counts}, pairs)
    machine = sanafe.SpikingChip(architecture)
    machine.load(net)
    return dict(machine.sim(chip.steps))


def _place(
    group: Any, p: IntegerPopulation, cores: Iterator[Any], held: int, spikes: Any, steps: int
) -> None:
    """Place a population on cores of its own, as many as its neurons and synapses need."""
    each, core = -(-p.n // held), None
    for k in range(p.n):
        if k % each == 0:
            core = next(cores, None)
            if core is None:
                raise EngineError("SANA-FE: the network needs more cores than the chip has")
        neuron = group[k]
        if p.source:
            train = np.zeros(steps, bool)
            train[p.start : p.start + len(spikes)] = spikes[:, k]
            soma = f"loihi_inputs[{k % each}]"
            neuron.set_attributes(soma_hw_name=soma, model_attributes={"spikes": train.tolist()})
        else:
            neuron.set_attributes(soma_hw_name="loihi_lif", soma_attributes={"bias": float(p.bias[k] / 64)})
        neuron.map_to_core(core)
