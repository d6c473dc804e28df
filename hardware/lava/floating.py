"""A network in Lava's floating point.

integrate   u = (1 - du) u + a;  v = (1 - dv) v + u + bias      (float64)
fire        v > vth;  v = 0

v >= theta is v > vth, with vth the next number below theta. On a grid without a leak every sum is exact, and
spikes and membranes equal those of the engine. Without a grid they agree to rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from spikesim.errors import EngineError
from spikesim.hardware.lava.assemble import Wiring, assemble, check_supported, clocks
from spikesim.hardware.lava.graph import ONE_A_PROCESS, Cells, LavaGraph, low_enough
from spikesim.hardware.loihi.compile import KINDS, by_delay
from spikesim.hardware.neurons import integrating, normal_form
from spikesim.hardware.split import split
from spikesim.network import Network


def floating(network: Network) -> LavaGraph:
    """The graph of a network for inference, in floating point.

    Raises:
        EngineError: Lava's stock processes cannot run it; or a leak in integers, which truncates.
        LimitError: a population of too many different parameters.
    """
    check_supported(network)
    network, _ = split("Lava", network, ONE_A_PROCESS)
    starts, delays = clocks(network)
    cells = {name: _cells(network, name, starts[name]) for name in integrating(network)}
    return assemble(network, "float", cells, _wirings(network, delays), starts)


def _cells(network: Network, name: str, start: int) -> Cells:
    p, neuron = network.populations[name], normal_form("Lava", name, network.populations[name])
    du, dv = float(neuron.u_decay[0]), float(neuron.v_decay[0])  # all are equal: the population was split
    if p.grid is not None and neuron.leaks:
        raise EngineError(
            f"Lava in floating point: {name} has a leak in integers (grid = {p.grid}, u_decay = {du}, "
            f"v_decay = {dv}), which is cut off in every step; floating point cuts nothing. Use fixed point "
            f"(lava-fixed)"
        )
    return Cells(
        name=name,
        n=p.n,
        ternary=neuron.form == "ternary",
        du=du,
        dv=dv,
        vth=float(np.nextafter(neuron.theta[0], -np.inf)),
        bias_mant=neuron.bias,
        bias_exp=0,
        v0=low_enough(neuron.bias, start),
        start=start,
        unit=1.0 if p.grid is None else 2.0**-p.grid,
        v_start=neuron.v_start,
        u_start=neuron.u_start,
    )


def _wirings(network: Network, delays: Mapping[str, int]) -> Iterator[Wiring]:
    for p in network.projections:
        delay = delays[p.name]
        w = np.asarray(network.weights(p.name), np.float64)
        if KINDS[type(p)] != "sparse":
            yield Wiring(p.name, p, w, delay)
            continue
        for name, late, each, indptr, indices in by_delay(p, w, delay):  # a process for each delay
            yield Wiring(name, p, each, late, 0, indptr, indices)
