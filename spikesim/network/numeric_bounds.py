"""Numeric bounds of a network: weights on their grids, and proofs that no sum leaves the exact range."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim import grid
from spikesim.errors import DeclarationError
from spikesim.learning import CountRule, is_trial_rule
from spikesim.learning.online import check_rule, clip_of
from spikesim.learning.trial import clip_master
from spikesim.network.declaration import Declaration
from spikesim.network.scheduling import is_source
from spikesim.neurons.description import each
from spikesim.synapses import Conv2d, Dense

Counts = npt.NDArray[np.int64]
CHUNK = 1 << 20


def check_numbers(network: Declaration) -> None:
    """Check weights on their grids, and prove for each neuron that no sum leaves the exact range.

    Raises:
        DeclarationError: the first number or bound that fails.
    """
    for p in network.projections:
        _check_weights(network, p)
    for drive in network.drives:
        drive.check_grid(network.populations[drive.post].grid)
    for name, population in network.populations.items():
        if not is_source(population) and population.grid is not None:
            _prove(network, name, population)


def _prove(network: Declaration, name: str, population: Any) -> None:
    window = network.window
    total = _reach(network, name) + _counts(population, "bias")
    start, current = _counts(population, "v_start"), _counts(population, "u_start")
    if window.endless or population.description.leaky:
        T = 1 if window.endless else window.T
        k, where = _worst(name, population, total * T * T + start + current * T)
        grid.prove_float64(
            int(total[k]) * T * T + int(start[k]) + int(current[k]) * T, where, population.grid
        )
        return
    halves = "split" in population.reset_at or population.active_in is not None
    steps = max(window.boundary, window.T - window.boundary) if halves else window.T
    theta = _counts(population, "theta")
    k, where = _worst(name, population, total)
    grid.prove_current(int(total[k]), where, population.grid)
    k, where = _worst(name, population, np.maximum(total * steps + start, theta + total))
    grid.prove_membrane(int(total[k]), steps, int(theta[k]), where, population.grid, int(start[k]))


def _counts(population: Any, name: str) -> Counts:
    """The magnitude of a parameter in grid counts, int64 (n,); 0 if the model has no such parameter."""
    if population.description.parameter(name) is None:
        return np.zeros(population.n, np.int64)
    return np.abs(grid.snap(each(getattr(population, name), population.n), population.grid))


def _worst(name: str, population: Any, reach: Counts) -> tuple[int, str]:
    """The neuron with the largest reach, and its name for messages."""
    k = int(np.argmax(reach))
    return k, name if (reach == reach[k]).all() else f"{name}: neuron {k}"


def _check_weights(network: Declaration, p: Any) -> None:
    bits = network.populations[p.post].grid
    if p.follows is not None:
        return
    if is_trial_rule(p.plastic):
        _check_trial_rule(network, p, bits)
        return
    if p.plastic is not None:
        p.check_online()
        check_rule(p.plastic, np.asarray(p.w), bits, p.name, p.post)
    w = np.asarray(p.w).reshape(-1)
    for first in range(0, w.size, CHUNK):  # in chunks, to bound the memory of the check
        grid.on_grid(w[first : first + CHUNK], bits, f"{p.name}: w")


def _check_trial_rule(network: Declaration, p: Any, bits: int | None) -> None:
    """Check the weights that a rule changes at the end of a trial: a matrix, on the master grid, inside its
    clip range.
    """
    kind = type(p.plastic).__name__
    if isinstance(p, Conv2d) and not isinstance(p.plastic, CountRule):
        raise DeclarationError(
            f"{p.name}: a {kind} changes Dense weights; only a CountRule changes the kernels of a Conv2d, "
            f"whose weights are shared"
        )
    if not isinstance(p, (Dense, Conv2d)):
        raise DeclarationError(
            f"{p.name}: a {kind} changes Dense weights or the kernels of a Conv2d, and this projection is "
            f"{type(p).__name__}; declare one of these, or use a rule that acts in every step"
        )
    if bits is None:
        raise DeclarationError(
            f"{p.name}: a {kind} needs weights on a grid, and {p.post} has none; declare {p.post} with "
            f"grid=..."
        )
    w = np.asarray(p.w)
    masters = grid.on_grid(w, grid.MASTER_BITS, f"{p.name}: w")
    low, high = clip_master(p.plastic.clip)
    if masters.min() < low or masters.max() > high:
        raise DeclarationError(
            f"{p.name}: weights from {w.min():.4g} to {w.max():.4g} start outside the clip "
            f"range [{p.plastic.clip[0]}, {p.plastic.clip[1]}]; widen it, or scale the weights"
        )
    if high + (1 << grid.MASTER_BITS - bits >> 1) >= grid.INT32_EXACT:
        raise DeclarationError(
            f"{p.name}: clip = {p.plastic.clip}: rounded to the grid of 2**-{bits}, a weight can reach "
            f"{grid.MASTER_LIMIT}, beyond the range of int32 master weights; use a clip range below "
            f"{grid.MASTER_LIMIT - 2.0 ** -(bits + 1)}"
        )


def _reach(network: Declaration, name: str) -> Counts:
    """For each neuron the largest sum of absolute weights that can arrive in one step, int64 (n,)."""
    population = network.populations[name]
    total = np.zeros(population.n, np.int64)
    for p in network.incoming(name):
        source = p if p.follows is None else network.named[p.follows]
        if is_trial_rule(source.plastic):
            ends = np.array(clip_master(source.plastic.clip), np.int32)
            most = int(np.abs(grid.propagating(ends, population.grid)).max())
            total += most * _fan_in(network, p, source)
        else:
            w = network.weights(p.name)
            if source.plastic is not None:  # a weight may reach either end of its clip range
                w = np.full(w.shape, float(np.abs(clip_of(source.plastic)).max()))
            reach: npt.NDArray[Any] = p.reach(w, population.n)
            total += grid.snap(reach, population.grid)
    for drive in network.drives:
        if drive.post == name:
            total += drive.reach(population.grid)
    return total


def _fan_in(network: Declaration, p: Any, source: Any) -> int | Counts:
    """The largest number of synapses of a projection onto each neuron; `source` has its weights."""
    if not isinstance(source, Conv2d):
        return int(network.populations[p.pre].n)
    ones = np.ones(source.w.shape, np.int64)
    if p is source:
        return np.asarray(p.reach(ones, network.populations[p.post].n))
    ((_, matrix),) = source.pieces(ones)
    return np.asarray(matrix.sum(axis=1))
