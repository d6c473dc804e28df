"""The checks of a declaration: names and shapes first, then the numbers and the proofs that their sums are exact."""

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


def check_structure(network: Network) -> None:
    """Names and shapes.

    Raises:
        DeclarationError: the first thing that does not fit.
    """
    pops = network.populations
    if not pops:
        raise DeclarationError("Network: no populations")
    seen: set[str] = set()
    for p in network.projections:
        for end in (p.pre, p.post):
            if end not in pops:
                raise DeclarationError(f"{p.name}: {unknown('population', end, pops)}")
        if p.name in seen:
            raise DeclarationError(f"two projections are called {p.name!r}; give one of them a name")
        seen.add(p.name)
        if isinstance(pops[p.post], Source | Target):
            raise DeclarationError(f"{p.name}: {p.post!r} is a {type(pops[p.post]).__name__}, which only sends")
    for p in network.projections:
        _check_shape(network, p)
    for name, population in pops.items():
        _check_gate(network, name, population)
    if network.readout is not None and network.readout.population not in pops:
        raise DeclarationError(f"readout: {unknown('population', network.readout.population, pops)}")
    if network.window.split is None:
        for name, population in pops.items():
            if getattr(population, "replay", False) or getattr(population, "active_in", None) == "second":
                raise DeclarationError(f"{name}: needs a second phase, and the window has no split")


def _check_shape(network: Network, p: Dense | OneToOne) -> None:
    pre, post = network.populations[p.pre].n, network.populations[p.post].n
    if isinstance(p, OneToOne):
        if pre != post:
            raise DeclarationError(f"{p.name}: one-to-one needs equal sizes, and {p.pre} has {pre}, {p.post} has {post}")
        return
    if isinstance(p.w, Transpose):
        other = next((q for q in network.projections if q.name == p.w.of), None)
        if not isinstance(other, Dense) or isinstance(other.w, Transpose):
            known = [q.name for q in network.projections if isinstance(q, Dense) and not isinstance(q.w, Transpose)]
            raise DeclarationError(f"{p.name}: {unknown('projection to transpose', p.w.of, known)}")
        shape = tuple(reversed(network.shape(other)))
        bits, own = network.populations[other.post].grid, network.populations[p.post].grid
        if bits != own:
            raise DeclarationError(
                f"{p.name}: the transpose of {other.name} brings the grid of 2**-{bits}, and {p.post} has 2**-{own}; "
                f"declare {p.post} with grid={bits}"
            )
    else:
        shape = p.w.shape
    if shape != (pre, post):
        raise DeclarationError(f"{p.name}: weights of {shape} between {p.pre} of {pre} and {p.post} of {post} neurons")


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
    if isinstance(p, OneToOne):
        grid.on_grid(p.w, bits, f"{p.name}: w")
    elif not isinstance(p.w, Transpose) and p.plastic is None:
        grid.on_grid(p.w, bits, f"{p.name}: w")
    elif not isinstance(p.w, Transpose) and p.plastic is not None:
        grid.on_grid(p.w, grid.MASTER_BITS, f"{p.name}: w")
        low, high = p.plastic.clip
        if p.w.min() < low or p.w.max() > high:
            raise DeclarationError(
                f"{p.name}: weights from {p.w.min():.4g} to {p.w.max():.4g} start outside the clip range [{low}, {high}]; "
                f"widen it, or scale the weights"
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
            total += network.populations[p.pre].n * int(np.abs(grid.snap(source.plastic.clip, population.grid)).max())
        else:
            w = np.abs(grid.snap(source.w, population.grid))
            total += w.sum(axis=1 if isinstance(p.w, Transpose) else 0)
    return total
