"""brian2-loihi as a reference backend: another emulator of Loihi, given the same `IntegerNetwork`.

Michaelis, Lehr, Oed, Tetzlaff, "Brian2Loihi: an emulator for the neuromorphic chip Loihi using the spiking
neural network simulator Brian", Frontiers in Neuroinformatics 16, 2022. It models neither biases nor
overflows.

In each of its steps synapses act before neurons: a generator's spikes arrive in the step in which they are
sent, a neuron's in the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.engines import Runner
from spikesim.engines.inference_only import check_playing, played
from spikesim.errors import MissingExtraError
from spikesim.hardware.limits import LimitError
from spikesim.hardware.loihi.compile import check_begins, check_currents, compile_network
from spikesim.hardware.loihi.emulator import OverflowOnChip
from spikesim.hardware.loihi.integer_network import TOP, IntegerNetwork, IntegerPopulation, IntegerProjection
from spikesim.hardware.split import Joined, split
from spikesim.network import Masters, Network
from spikesim.recording import Recording
from spikesim.spikes import Spikes, from_raster

SIGNS = {"mixed": 1, "excitatory": 2, "inhibitory": 3}


# A group has one threshold, one pair of decays and one refractory time.
ONE_A_GROUP = ("theta", "u_decay", "v_decay", "refractory")


class Brian2Loihi:
    """Runs a network for inference in brian2-loihi.

    Attributes:
        network: the declaration.
        chip: its integers; populations whose parameters differ from neuron to neuron are there in parts (see
            `spikesim.hardware.split`).
        masters: the plastic weights; they do not change.

    Raises:
        EngineError: a neuron model without a normal form.
        LimitError: what the chip cannot hold; a bias, or trials that start at other than 0.
        EngineError: a population that begins after its input, by a declared offset.
        MissingExtraError: brian2-loihi is not installed.
    """

    def __init__(self, network: Network, masters: Mapping[str, npt.NDArray[np.int32]] | None = None) -> None:
        self.network = network
        self.masters: Masters = dict(network.masters() if masters is None else masters)
        check_begins("brian2-loihi", network)
        made, parts = split("brian2-loihi", network.with_masters(self.masters), ONE_A_GROUP)
        self.chip = compile_network(made)
        check_currents(self.chip)
        for p in self.chip.populations.values():
            for what in ("bias", "v_start", "u_start"):
                values = getattr(p, what)
                if values.any():
                    raise LimitError(
                        f"{p.name}: {what} = {int(values[values != 0][0])} units; brian2-loihi has no "
                        f"{what}. Take {what}=0, or compare with another program (lava-fixed)"
                    )
        _modules()
        player = _Groups(self.chip)
        self._player: Runner = Joined(network, parts, player) if parts else player

    def run(
        self,
        inputs: Mapping[str, Spikes],
        labels: npt.NDArray[np.int64] | None = None,
        record: Iterable[str] = (),
        learn: bool = False,
        batch: int = 1,
        factor: float = 1.0,
    ) -> Recording:
        """Play a batch of trials in one run of Brian2; arguments and errors as for the strict emulator."""
        return self._player.run(inputs, labels, record, learn, batch, factor)


class _Groups:
    """Plays an integer network of equal neurons in each population."""

    def __init__(self, chip: IntegerNetwork) -> None:
        self.chip = chip

    def run(
        self,
        inputs: Mapping[str, Spikes],
        labels: npt.NDArray[np.int64] | None = None,
        record: Iterable[str] = (),
        learn: bool = False,
        batch: int = 1,
        factor: float = 1.0,
    ) -> Recording:
        """See `Brian2Loihi.run`."""
        net = self.chip.declared
        refusal = "brian2-loihi: it runs what has been learnt (learn=False); learn with an engine"
        B, keep = check_playing(net, inputs, labels, record, learn, batch, factor, refusal)
        given = {k: np.stack([s.raster(b) for b in range(B)]) for k, s in inputs.items() if B}
        spikes = dict(inputs)
        v: dict[str, npt.NDArray[np.int64]] = {}
        for name, (raster, units) in (play(self.chip, given) if B else {}).items():
            spikes[name] = from_raster(raster)
            if units is not None:
                _check_membranes(name, units)
                v[name] = units // self.chip.populations[name].scale
        if not B:
            spikes |= {k: from_raster(np.zeros((0, net.window.T, p.n))) for k, p in net.populations.items()}
        return played(net, spikes, v, keep)


def _check_membranes(name: str, units: npt.NDArray[np.int64]) -> None:
    """Check that no membrane has left 24 bits, (B, T, n) in units: brian2-loihi does not saturate."""
    far = (units < 1 - TOP) | (units > TOP - 1)
    if far.any():
        b, step, neuron = (int(k) for k in np.argwhere(far)[0])
        raise OverflowOnChip(
            f"brian2-loihi: trial {b}, step {step}, {name}[{neuron}]: the membrane v reaches "
            f"{int(units[b, step, neuron])} units; the chip saturates at 24 bits, 2**23 = {TOP}, and "
            f"brian2-loihi does not. Compare with 'loihi' or 'lava-fixed', or shorten the window"
        )


def _modules() -> tuple[Any, Any]:
    try:
        return import_module("brian2"), import_module("brian2_loihi")
    except ModuleNotFoundError as problem:
        raise MissingExtraError("brian2-loihi", "loihi") from problem


def play(
    chip: IntegerNetwork, inputs: Mapping[str, npt.NDArray[np.int8]]
) -> dict[str, tuple[npt.NDArray[np.int8], npt.NDArray[np.int64] | None]]:
    """Run trials in parallel, each in neurons and synapses of its own.

    Args:
        chip: the network.
        inputs: source -> spikes (B, T, n).

    Returns:
        population -> spikes (B, T, n) and membranes (B, T, n) in units of v, in its own window; a source has
        the given spikes, and None for membranes.
    """
    b2, loihi = _modules()
    before, B = (b2.prefs["codegen.target"], b2.defaultclock.dt), len(next(iter(inputs.values())))
    b2.prefs["codegen.target"] = "numpy"
    try:
        groups = {name: _group(loihi, p, B, inputs.get(name)) for name, p in chip.populations.items()}
        synapses = [
            _synapses(loihi, chip, p, B, groups) for p in chip.projections if len(chip.rows[p.name][1])
        ]
        moving = [name for name, p in chip.populations.items() if not p.source]
        fired = {name: b2.SpikeMonitor(groups[name]) for name in moving}
        traced = {name: b2.StateMonitor(groups[name], "v", record=True, when="end") for name in moving}
        simulation = loihi.LoihiNetwork(*groups.values(), *synapses, *fired.values(), *traced.values())
        simulation.run(chip.steps, namespace={})
        found: dict[str, Any] = {name: (spikes, None) for name, spikes in inputs.items()}
        return found | {name: _window(chip, name, B, fired[name], traced[name], b2.ms) for name in moving}
    finally:
        b2.prefs["codegen.target"], b2.defaultclock.dt = before


def _group(loihi: Any, p: IntegerPopulation, B: int, spikes: npt.NDArray[np.int8] | None) -> Any:
    """A population for B trials: neuron j of trial b is neuron b n + j."""
    if spikes is not None:
        owner, times, neurons = np.nonzero(spikes)
        # A generator's spikes arrive in their own step; sent a step later they take a delay as neurons do.
        return loihi.LoihiSpikeGeneratorGroup(B * p.n, owner * p.n + neurons, times + p.start + 1)
    refractory, vth, dv, du = (int(values[0]) for values in (p.refractory, p.vth, p.dv, p.du))  # all equal
    return loihi.LoihiNeuronGroup(
        B * p.n, refractory=refractory + 1, threshold_v_mant=vth, decay_v=dv, decay_I=du
    )


def _synapses(
    loihi: Any, chip: IntegerNetwork, p: IntegerProjection, B: int, groups: Mapping[str, Any]
) -> Any:
    indptr, indices, weights = chip.rows[p.name]
    pre, post = chip.populations[p.pre], chip.populations[p.post]
    made = loihi.LoihiSynapses(
        groups[p.pre], groups[p.post], delay=p.delay - 1, w_exp=p.weight_exp, sign_mode=SIGNS[p.sign_mode]
    )
    rows, each = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr)), np.repeat(np.arange(B), len(indices))
    made.connect(i=each * pre.n + np.tile(rows, B), j=each * post.n + np.tile(indices, B))
    made.w = np.tile(weights, B)
    return made


def _window(
    chip: IntegerNetwork, name: str, B: int, fired: Any, traced: Any, ms: Any
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int64]]:
    """The steps of a population's own window, by trial."""
    first, T, n = chip.populations[name].start, chip.T, chip.populations[name].n
    along = np.zeros((chip.steps, B * n), np.int8)
    along[np.rint(np.asarray(fired.t / ms)).astype(np.int64), np.asarray(fired.i)] = 1

    def presented(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.ascontiguousarray(values[first : first + T].reshape(T, B, n).transpose(1, 0, 2))

    return presented(along), presented(np.rint(np.asarray(traced.v).T).astype(np.int64))
