"""A network in Lava's fixed point: the integers of `spikesim.hardware.loihi.compile`, as processes take them.

Error neurons, which the chip's stock neuron is not, are compiled as the integrate-and-fire neurons that they
are beside their second threshold or their second channel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from spikesim.errors import EngineError
from spikesim.hardware.lava.assemble import Wiring, assemble, check_supported, clocks
from spikesim.hardware.lava.graph import Cells, LavaGraph, low_enough
from spikesim.hardware.limits import LimitError
from spikesim.hardware.loihi.compile import compile_network
from spikesim.hardware.loihi.integer_network import UNITY, IntegerNetwork, IntegerPopulation, reach
from spikesim.network import Network
from spikesim.neurons import IF, ErrorIF, Source
from spikesim.synapses import Conv2d


def fixed(network: Network) -> LavaGraph:
    """The graph of a network for inference, in fixed point.

    Raises:
        EngineError: what Lava does not do.
        LimitError: numbers beyond Loihi's, a current that could wrap included; `spikesim.hardware.quantise`
            brings them there.
    """
    check_supported(network, floors=True)  # the chip's own saturation is one that it has
    starts, _ = clocks(network)
    chip = compile_network(_without_errors(network))
    for bound in reach(chip):
        if bound.may_wrap:
            raise LimitError(
                f"{bound.population}: the current of {bound.may_wrap} neurons can reach {bound.u_high} (or "
                f"{bound.u_low}) units, and u wraps beyond 24 bits, 2**23 = {2**23}. Quantise with fewer "
                f"bits, or take fewer inputs"
            )
    cells = {
        name: _cells(chip.populations[name], p, starts[name])
        for name, p in network.populations.items()
        if not isinstance(p, Source)
    }
    return assemble(network, "fixed", cells, _wirings(network, chip), starts)


def _without_errors(network: Network) -> Network:
    populations = {
        name: IF(p.n, p.theta, p.grid, offset=p.offset) if isinstance(p, ErrorIF) else p
        for name, p in network.populations.items()
    }
    readout = network.readout
    return replace(network, populations=populations, readout=readout)


def _cells(chip: IntegerPopulation, population: Any, start: int) -> Cells:
    if chip.du == 0 or chip.dv == UNITY:
        raise EngineError(
            f"Lava: {chip.name} has u_decay = {chip.du / UNITY}, v_decay = {chip.dv / UNITY}; its registers "
            f"of 12 bits hold u_decay from 1/4096 to 1, and v_decay from 0 to 4095/4096. Take the nearest"
        )
    mantissa = np.zeros(chip.n, np.int32) if chip.bias_mant is None else chip.bias_mant
    return Cells(
        name=chip.name,
        n=chip.n,
        ternary=isinstance(population, ErrorIF) and population.form == "ternary",
        du=chip.du - 1,  # the process adds one
        dv=chip.dv,
        vth=chip.vth,
        bias_mant=mantissa,
        bias_exp=chip.bias_exp,
        v0=low_enough(chip.bias, start),
        start=start,
        unit=float(chip.scale),
    )


def _wirings(network: Network, chip: IntegerNetwork) -> Iterator[Wiring]:
    pairs = {n for n, p in network.populations.items() if isinstance(p, ErrorIF) and p.form == "pair"}
    for p in chip.projections:
        if pairs & {p.pre, p.post} and p.sign_mode == "mixed" and p.weights.min() == -256:
            raise LimitError(
                f"{p.name}: a weight of -256, which a pair of error neurons needs with both signs, and 256 "
                f"is beyond Loihi's 254. Quantise with fewer bits"
            )
        weights, exponent = p.weights, p.weight_exp
        if isinstance(p.declared, Conv2d) and p.delay == 1:  # Lava's Conv reads no exponent and no sign mode
            weights = weights << exponent if exponent >= 0 else weights >> -exponent
            exponent = 0
        yield Wiring(p.name, p.declared, weights, p.delay, exponent, p.indptr, p.indices)
