"""The numbers of a declaration: weights on their grids, and the proofs that no sum leaves the exact range."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim import grid
from spikesim.errors import DeclarationError
from spikesim.learning import CountRule
from spikesim.learning.online import check_rule
from spikesim.network.declaration import Declaration
from spikesim.network.scheduling import is_source
from spikesim.neurons import LIF
from spikesim.synapses import Dense, PoissonInput, Sparse, Transpose

Counts = npt.NDArray[np.int64]
CHUNK = 1 << 20


def check_numbers(network: Declaration) -> None:
    """Weights on their grids, and for each population the proof that no sum leaves the exact range.

    Raises:
        DeclarationError: the first number or bound that fails.
    """
    for p in network.projections:
        _check_weights(network, p)
    for drive in network.drives:
        if isinstance(drive, PoissonInput):
            grid.on_grid(drive.w, network.populations[drive.post].grid, f"{drive.name}: w")
    for name, population in network.populations.items():
        if not is_source(population) and population.grid is not None:
            _prove(network, name, population)


def _prove(network: Declaration, name: str, population: Any) -> None:
    window = network.window
    total = int((_reach(network, name) + np.abs(grid.snap(population.bias, population.grid))).max())
    if window.endless or isinstance(population, LIF):
        grid.prove_float64(total * (1 if window.endless else window.T**2), name, population.grid)
        return
    halves = "split" in population.reset_at or population.active_in is not None
    steps = max(window.boundary, window.T - window.boundary) if halves else window.T
    theta = int(grid.snap(population.theta, population.grid))
    grid.prove_current(total, name, population.grid)
    grid.prove_membrane(total, steps, theta, name, population.grid)


def _check_weights(network: Declaration, p: Any) -> None:
    bits = network.populations[p.post].grid
    if isinstance(p.w, Transpose):
        return
    if not (isinstance(p, Dense) and isinstance(p.plastic, CountRule)):
        rule = getattr(p, "plastic", None)
        if isinstance(rule, CountRule):
            raise DeclarationError(
                f"{p.name}: a CountRule changes Dense weights, and this is {type(p).__name__}; declare a "
                f"Dense projection, or take a rule that acts in every step"
            )
        if rule is not None:
            _check_online(p, bits)
        w = np.asarray(p.w).reshape(-1)
        for first in range(0, w.size, CHUNK):  # so that the check takes little memory
            grid.on_grid(w[first : first + CHUNK], bits, f"{p.name}: w")
        return
    if bits is None:
        raise DeclarationError(
            f"{p.name}: a CountRule's weights propagate on a grid, and {p.post} has real numbers; "
            "declare a grid"
        )
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


def _check_online(p: Any, bits: int | None) -> None:
    """A rule that acts in every step, on synapses that it can act on."""
    if isinstance(p, Sparse):
        if p.w.ndim == 0:  # type: ignore[union-attr]
            raise DeclarationError(
                f"{p.name}: one weight for all synapses, and {type(p.plastic).__name__} changes each of "
                f"them; give w as an array of {p.n_synapses}"
            )
        if p.delays is not None:
            raise DeclarationError(
                f"{p.name}: synapses that learn share one delay; declare a projection for each delay, "
                f"without delays="
            )
    check_rule(p.plastic, np.asarray(p.w), bits, p.name, p.post)


def _reach(network: Declaration, name: str) -> Counts:
    """For each neuron the largest sum of absolute weights that one step can bring, int64 (n,)."""
    population = network.populations[name]
    total = np.zeros(population.n, np.int64)
    for p in network.incoming(name):
        source = network.named[p.w.of] if isinstance(p, Dense) and isinstance(p.w, Transpose) else p
        if isinstance(source, Dense) and isinstance(source.plastic, CountRule):
            ends = np.array(source.plastic.clip_master(), np.int32)
            total += network.populations[p.pre].n * int(np.abs(grid.propagating(ends, population.grid)).max())
        else:
            w = network.weights(p.name)
            if (rule := getattr(p, "plastic", None)) is not None:  # it may reach either end of its clip range
                w = np.full(w.shape, float(np.abs(rule.clip).max()))
            reach: npt.NDArray[Any] = p.reach(w, population.n)
            total += grid.snap(reach, population.grid)
    for drive in network.drives:
        if drive.post == name and isinstance(drive, PoissonInput):
            total += abs(int(grid.snap(drive.w, population.grid))) * drive.most
    return total
