"""A network in Lava's floating point.

integrate   u = (1 - du) u + a;  v = (1 - dv) v + u + bias      (float64)
fire        v > vth;  v = 0

so that v >= theta is v > vth with the next number below theta. On a grid without a leak every sum is exact,
and spikes and membranes are those of the engine. Without a grid they agree to rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from spikesim.errors import EngineError
from spikesim.hardware.lava.assemble import Wiring, assemble, check_supported, clocks
from spikesim.hardware.lava.graph import Cells, LavaGraph, low_enough
from spikesim.network import Network
from spikesim.neurons import ErrorIF, Source
from spikesim.synapses import OneToOne, Sparse


def floating(network: Network) -> LavaGraph:
    """The graph of a network for inference, in floating point.

    Raises:
        EngineError: what Lava does not do; a leak in integers, which floating point does not cut off.
    """
    check_supported(network)
    starts, delays = clocks(network)
    cells = {
        name: _cells(network, name, starts[name])
        for name, p in network.populations.items()
        if not isinstance(p, Source)
    }
    return assemble(network, "float", cells, _wirings(network, delays), starts)


def _cells(network: Network, name: str, start: int) -> Cells:
    p = network.populations[name]
    du, dv = getattr(p, "u_decay", 1.0), getattr(p, "v_decay", 0.0)
    if p.grid is not None and (du, dv) != (1.0, 0.0):
        raise EngineError(
            f"Lava in floating point: {name} has a leak in integers (grid = {p.grid}, u_decay = {du}, "
            f"v_decay = {dv}), which is cut off in every step; floating point cuts nothing. Use fixed point "
            f"(lava-fixed)"
        )
    bias = np.broadcast_to(np.asarray(p.bias, np.float64), (p.n,)).copy()
    return Cells(
        name=name,
        n=p.n,
        ternary=isinstance(p, ErrorIF) and p.form == "ternary",
        du=du,
        dv=dv,
        vth=float(np.nextafter(p.theta, -np.inf)),
        bias_mant=bias,
        bias_exp=0,
        v0=low_enough(bias, start),
        start=start,
        unit=1.0 if p.grid is None else 2.0**-p.grid,
    )


def _wirings(network: Network, delays: Mapping[str, int]) -> Iterator[Wiring]:
    for p in network.projections:
        w = np.asarray(p.w if isinstance(p, OneToOne) else network.weights(p.name), np.float64)
        if not isinstance(p, Sparse) or p.delays is None:
            indptr, indices = (p.indptr, p.indices) if isinstance(p, Sparse) else (None, None)
            yield Wiring(p.name, p, w, delays[p.name], 0, indptr, indices)
            continue
        rows, each = p.rows, np.broadcast_to(w, p.indices.shape)
        for extra in np.unique(p.delays):  # a process for each delay
            mine = p.delays == extra
            counts = np.bincount(rows[mine], minlength=len(p.indptr) - 1)
            indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
            name, delay = f"{p.name}+{extra}", delays[p.name] + int(extra)
            yield Wiring(name, p, each[mine], delay, 0, indptr, p.indices[mine])
