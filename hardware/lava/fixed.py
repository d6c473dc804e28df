"""A network in Lava's fixed point: the integers of `spikesim.hardware.loihi.compile` for stock processes.

Error neurons are compiled as integrate-and-fire neurons; the second threshold, or the second channel, is
added by the process.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from spikesim.errors import EngineError
from spikesim.hardware.lava.assemble import Wiring, assemble, check_supported, clocks
from spikesim.hardware.lava.graph import ONE_A_PROCESS, Cells, LavaGraph, low_enough
from spikesim.hardware.lava.multapses import single_synapses
from spikesim.hardware.limits import LimitError
from spikesim.hardware.loihi.compile import check_currents, compile_network
from spikesim.hardware.loihi.integer_network import UNITY, IntegerNetwork, IntegerPopulation
from spikesim.hardware.neurons import normal_forms
from spikesim.hardware.split import split
from spikesim.network import Network
from spikesim.neurons import IF
from spikesim.neurons.description import LinearNeuron


def fixed(network: Network) -> LavaGraph:
    """The graph of a network for inference, in fixed point.

    Raises:
        EngineError: Lava's stock processes cannot run it.
        LimitError: numbers beyond Loihi's, or a current that could wrap (see `spikesim.hardware.quantise`); a
            population of too many different parameters.
    """
    check_supported(network, floors=True)  # the chip's own saturation is one that it has
    network, _ = split("Lava", network, ONE_A_PROCESS)
    starts, _ = clocks(network)
    chip = compile_network(_without_errors(network))
    check_currents(chip)
    forms = normal_forms("Lava", network)
    cells = {name: _cells(chip.populations[name], form, starts[name]) for name, form in forms.items()}
    return assemble(network, "fixed", cells, _wirings(forms, chip), starts)


def _without_errors(network: Network) -> Network:
    """The network with an IF in place of each error population: the compiler knows single membranes."""
    populations = dict(network.populations)
    for name, form in normal_forms("Lava", network).items():
        if form.form != "single":
            p = network.populations[name]
            populations[name] = IF(p.n, tuple(form.theta.tolist()), p.grid, offset=p.offset)
    return replace(network, populations=populations)


def _cells(chip: IntegerPopulation, neuron: LinearNeuron, start: int) -> Cells:
    du, dv = int(chip.du[0]), int(chip.dv[0])  # all are equal: the population was split
    if du == 0 or dv == UNITY:
        raise EngineError(
            f"Lava: {chip.name} has u_decay = {du / UNITY}, v_decay = {dv / UNITY}; its registers "
            f"of 12 bits hold u_decay from 1/4096 to 1, and v_decay from 0 to 4095/4096. Take the nearest"
        )
    return Cells(
        name=chip.name,
        n=chip.n,
        ternary=neuron.form == "ternary",
        du=du - 1,  # the process adds one
        dv=dv,
        vth=int(chip.vth[0]),
        bias_mant=chip.bias_mant.astype(np.int32),
        bias_exp=chip.bias_exp,
        v0=low_enough(chip.bias, start),
        start=start,
        unit=float(chip.scale),
        v_start=chip.v_start,
        u_start=chip.u_start,
    )


def _wirings(forms: Mapping[str, LinearNeuron], chip: IntegerNetwork) -> Iterator[Wiring]:
    pairs = {name for name, form in forms.items() if form.form == "pair"}
    single = (q for p in chip.projections for q in single_synapses(p, chip.populations[p.post].n))
    for p in single:
        low = int(p.weights.min(initial=0))
        if pairs & {p.pre, p.post} and low == -256:
            raise LimitError(
                f"{p.name}: a weight of -256, which a pair of error neurons needs with both signs, and 256 "
                f"is beyond Loihi's 254. Quantise with fewer bits"
            )
        weights, exponent = p.weights, p.weight_exp
        if p.kind == "conv" and p.delay == 1:  # Lava's Conv reads no exponent and no sign mode
            weights = weights << exponent if exponent >= 0 else weights >> -exponent
            exponent = 0
        mixed = low == -256 and p.weights.max() <= 0  # the whole projection is mixed, this part is not
        yield Wiring(p.name, p.declared, weights, p.delay, exponent, p.indptr, p.indices, mixed)
