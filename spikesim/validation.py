"""The checks of a declaration: names and shapes, then numbers and the proofs that their sums are exact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spikesim import grid
from spikesim.errors import DeclarationError, unknown
from spikesim.neurons import Source, Target
from spikesim.synapses import Dense, OneToOne, Transpose

if TYPE_CHECKING:
    from spikesim.network import Network

Counts = npt.NDArray[np.int64]
SPANS = ("first", "second", "all")


def check_structure(network: Network) -> None:
    """Names and shapes.

    Raises:
        DeclarationError: the first thing that does not fit.
    """
    pops = network.populations
    if not pops:
        raise DeclarationError("Network: no populations")
    _check_ends(network)
    for p in network.projections:
        _check_shape(network, p)
    for name, population in pops.items():
        _check_gate(network, name, population)
    _check_readout(network)
    _check_phases(network)


def _check_ends(network: Network) -> None:
    pops = network.populations
    seen: set[str] = set()
    for p in network.projections:
        for end in (p.pre, p.post):
            if end not in pops:
                raise DeclarationError(f"{p.name}: {unknown('population', end, pops)}")
        if p.name in seen:
            raise DeclarationError(f"two projections are called {p.name!r}; give one of them a name")
        seen.add(p.name)
        if isinstance(pops[p.post], Source | Target):
            raise DeclarationError(
                f"{p.name}: {p.post!r} is a {type(pops[p.post]).__name__}, which only sends"
            )


def _check_readout(network: Network) -> None:
    readout, pops = network.readout, network.populations
    if readout is None:
        return
    if readout.population not in pops:
        raise DeclarationError(f"readout: {unknown('population', readout.population, pops)}")
    population = pops[readout.population]
    if isinstance(population, Source | Target) or population.rest().shape != (population.n,):
        raise DeclarationError(
            f"readout: {readout.population!r} is a {type(population).__name__}; ties are broken by the "
            f"membrane, so that a population with one membrane a neuron is needed"
        )
    if readout.span not in SPANS:
        raise DeclarationError(f"readout: {unknown('span', readout.span, SPANS)}")
    if readout.span == "second" and network.window.split is None:
        raise DeclarationError("readout: span = 'second' needs a second phase, and the window has no split")


def _check_phases(network: Network) -> None:
    """What needs a second phase has one; a replay finds in the first phase all that the second repeats."""
    window = network.window
    for name, population in network.populations.items():
        replays = isinstance(population, Source) and population.replay
        split_reset = "split" in getattr(population, "reset_at", ())
        second = getattr(population, "active_in", None) == "second"
        if window.split is None and (replays or split_reset or second):
            what = "replay" if replays else "active_in='second'" if second else "reset_at='split'"
            raise DeclarationError(f"{name}: {what} needs a second phase, and the window has no split")
        if replays and window.T - window.boundary > window.boundary:
            raise DeclarationError(
                f"{name}: replay=True repeats the first phase in the second, and the second is longer "
                f"({window.T - window.boundary} steps after {window.boundary}); move the split to "
                f"{(window.T + 1) // 2} or later, or give the spikes of the whole window with replay=False"
            )


def _check_shape(network: Network, p: Dense | OneToOne) -> None:
    pre, post = network.populations[p.pre].n, network.populations[p.post].n
    if isinstance(p, OneToOne):
        if pre != post:
            raise DeclarationError(
                f"{p.name}: one-to-one needs equal sizes, and {p.pre} has {pre}, {p.post} has {post}"
            )
        return
    if isinstance(p.w, Transpose):
        other = next((q for q in network.projections if q.name == p.w.of), None)
        if not isinstance(other, Dense) or isinstance(other.w, Transpose):
            known = [
                q.name for q in network.projections if isinstance(q, Dense) and not isinstance(q.w, Transpose)
            ]
            raise DeclarationError(f"{p.name}: {unknown('projection to transpose', p.w.of, known)}")
        shape = tuple(reversed(network.shape(other)))
        bits, own = network.populations[other.post].grid, network.populations[p.post].grid
        if bits != own:
            raise DeclarationError(
                f"{p.name}: the transpose of {other.name} brings the grid of 2**-{bits}, and {p.post} has "
                f"2**-{own}; declare {p.post} with grid={bits}"
            )
    else:
        shape = p.w.shape
    if shape != (pre, post):
        raise DeclarationError(
            f"{p.name}: weights of {shape} between {p.pre} of {pre} and {p.post} of {post} neurons"
        )


def _check_gate(network: Network, name: str, population: Any) -> None:
    gate = getattr(population, "gate_by", None)
    if gate is None:
        return
    if gate not in network.populations:
        raise DeclarationError(f"{name}: gate_by: {unknown('population', gate, network.populations)}")
    other = network.populations[gate]
    if other.n != population.n or population.active_in != "second":
        raise DeclarationError(
            f"{name}: gate_by={gate!r} needs a population of the same size ({population.n}, not {other.n}), "
            f"and active_in='second' (the gate is known when the first phase has ended)"
        )


def check_numbers(network: Network) -> None:
    """Weights on their grids, and for each population the proof that no sum leaves the exact range.

    Raises:
        DeclarationError: the first number or bound that fails.
    """
    for p in network.projections:
        _check_weights(network, p)
    window = network.window
    for name, population in network.populations.items():
        if isinstance(population, Source | Target):
            continue
        total = int((_reach(network, name) + np.abs(grid.snap(population.bias, population.grid))).max())
        halves = "split" in population.reset_at or population.active_in is not None
        steps = max(window.boundary, window.T - window.boundary) if halves else window.T
        theta = int(grid.snap(population.theta, population.grid))
        grid.prove_current(total, name, population.grid)
        grid.prove_membrane(total, steps, theta, name, population.grid)


def _check_weights(network: Network, p: Dense | OneToOne) -> None:
    bits = network.populations[p.post].grid
    if isinstance(p.w, Transpose):
        return
    if isinstance(p, OneToOne) or p.plastic is None:
        grid.on_grid(p.w, bits, f"{p.name}: w")
        return
    masters = grid.on_grid(p.w, grid.MASTER_BITS, f"{p.name}: w")
    low, high = p.plastic.clip_master()
    if masters.min() < low or masters.max() > high:
        raise DeclarationError(
            f"{p.name}: weights from {p.w.min():.4g} to {p.w.max():.4g} start outside the clip range "
            f"[{p.plastic.clip[0]}, {p.plastic.clip[1]}]; widen it, or scale the weights"
        )
    if high + (1 << grid.MASTER_BITS - bits >> 1) >= grid.INT32_EXACT:
        raise DeclarationError(
            f"{p.name}: clip = {p.plastic.clip}: rounded to the grid of 2**-{bits}, a weight can reach "
            f"{grid.MASTER_LIMIT}, where int32 masters end; take a range below "
            f"{grid.MASTER_LIMIT - 2.0 ** -(bits + 1)}"
        )


def _reach(network: Network, name: str) -> Counts:
    """For each neuron the largest sum of absolute weights that one step can bring, int64 (n,)."""
    population = network.populations[name]
    total = np.zeros(population.n, np.int64)
    for p in network.incoming(name):
        if isinstance(p, OneToOne):
            total += abs(int(grid.snap(p.w, population.grid)))
            continue
        source = network.named[p.w.of] if isinstance(p.w, Transpose) else p
        assert isinstance(source, Dense) and not isinstance(source.w, Transpose)
        if source.plastic is not None:
            ends = np.array(source.plastic.clip_master(), np.int32)
            total += network.populations[p.pre].n * int(np.abs(grid.propagating(ends, population.grid)).max())
        else:
            w = np.abs(grid.snap(source.w, population.grid))
            total += w.sum(axis=1 if isinstance(p.w, Transpose) else 0)
    return total
