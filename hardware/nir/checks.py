"""Checks that NIR can hold a network, before anything is written."""

from __future__ import annotations

import numpy as np

from spikesim.hardware.limits import exceeded
from spikesim.hardware.neurons import shown
from spikesim.hardware.nir.nodes import NirError
from spikesim.hardware.nir.written_neurons import GRADED, written_forms
from spikesim.network import Network
from spikesim.neurons.description import LinearNeuron

MOST_BYTES = 1 << 30
OWN = ("reset", "window", "grid")  # checked below


def check(network: Network) -> None:
    """Check that NIR can hold a network.

    Raises:
        EngineError: a neuron model without a normal form.
        NirError: the first such thing, with the way out, and how many more there are.
    """
    forms = written_forms(network)
    known = {name for name, p in network.populations.items() if type(p) in GRADED}
    found = [
        str(e)
        for e in exceeded(network, "nir")
        if e.limit not in OWN and not (e.limit == "neuron model" and e.where in known)
    ]
    for name in sorted(known):
        p = network.populations[name]
        if p.gate_by is not None or p.active_in is not None or "split" in p.reset_at:
            found.append(f"{name}: gate_by, active_in or reset_at='split'; a trial has one phase")
    if not network.sources:
        found.append("no population is a Source, and a graph needs an Input. Add one, with weights of 0")
    for name, form in forms.items():
        found += _of_neurons(name, network.populations[name].grid, form)
        if not network.incoming(name):
            found.append(
                f"{name}: nothing leads to it, and readers put an Input before such neurons. Give it a "
                f"Dense projection (of zeros)"
            )
    if found:
        more = f" ({len(found) - 1} more)" if len(found) > 1 else ""
        raise NirError(f"NIR cannot hold this network: {found[0]}{more}")


def _of_neurons(name: str, grid: int | None, p: LinearNeuron) -> list[str]:
    found = []
    if p.subtract or not p.resets:
        found.append(f"{name}: reset = {p.reset_shown}; NIR resets to a value. Train with a reset to zero")
    decays = f"u_decay = {shown(p.u_decay)}, v_decay = {shown(p.v_decay)}"
    if grid is not None and not _whole(p):
        found.append(
            f"{name}: grid = {grid} with {decays}: what is left of a decay is cut off to the grid (Loihi), "
            f"and NIR's neurons keep real numbers. Declare it with grid=None"
        )
    if p.leaks and not ((p.u_decay > 0).all() and (p.v_decay > 0).all()):
        found.append(
            f"{name}: {decays}: LIF and CubaLIF have finite time constants for every neuron. Take decays "
            f"above 0, or a population of its own for neurons without a leak"
        )
    return found


def _whole(p: LinearNeuron) -> bool:
    """Whether every decay keeps all or nothing, so that nothing is cut off."""
    return all(bool(np.isin(decay, (0.0, 1.0)).all()) for decay in (p.u_decay, p.v_decay))
