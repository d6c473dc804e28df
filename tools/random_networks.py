"""Random networks of every kind on the grid, a function of a seed, with what they are given: for comparing
programs.

    drawn = endless(7)         a network that runs without end
    drawn = presented(7)       one that is presented with spikes, with phases, gates and a CountRule
    drawn = example(7)         one or the other

Depth, recurrence, delays of projections and of single synapses, every kind of projection, biases, floors,
resets, refractory times, integer decay, error neurons of both forms (their signed spikes go anywhere),
generators, drives.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim import grid
from spikesim.engines import simulate
from spikesim.network import Network, Readout
from spikesim.neurons import IF, LIF, ErrorIF, PoissonSource, RegularSource, Source, Target
from spikesim.recording import Recording
from spikesim.spikes import Spikes, from_raster
from spikesim.synapses import CurrentInput, PoissonInput
from spikesim.tools.random_projections import Draw, connect
from spikesim.window import Window

PRESENTATIONS = 4


@dataclass(frozen=True)
class Example:
    """A network and what it is given.

    Attributes:
        seed: of which it is a function.
        network: the declaration.
        inputs: source -> Spikes, CurrentInput -> float64, as `simulate` takes them.
        steps: of a network that runs without end, else None.
        labels: int64 (B,) where presentations have a target, else None.
        learn: whether its CountRules act.
    """

    seed: int
    network: Network
    inputs: dict[str, Any] = field(repr=False)
    steps: int | None = None
    labels: npt.NDArray[np.int64] | None = None
    learn: bool = False

    @property
    def moving(self) -> tuple[str, ...]:
        """The populations that integrate: those with membranes."""
        return tuple(n for n, p in self.network.populations.items() if hasattr(p, "theta"))

    def run(self, engine: str | None = None) -> Recording:
        """The network on an engine, everything recorded."""
        record = tuple(self.network.populations)
        if self.steps is None:
            return simulate(self.network, self.inputs, self.labels, record, engine, learn=self.learn)
        return simulate(self.network, self.inputs, record=record, name=engine, steps=self.steps)


def example(seed: int, largest: int = 8) -> Example:
    """The network of a seed: every other one is presented, the rest run without end."""
    return endless(seed, largest) if seed % 2 else presented(seed, largest)


def endless(seed: int, largest: int = 8, longest_delay: int = 3, steps: int = 40) -> Example:
    """A network that runs without end; populations of up to `largest` neurons."""
    d = Draw(np.random.default_rng([seed, 11]), largest, longest_delay)
    for k in range(d.count(1, 2)):
        d.populations[f"s{k}"] = _sender(d)
    for k in range(d.count(1, 5)):
        _add(d, f"p{k}", Window.without_end())
    drives, currents = _drives(d, steps)
    network = Network(d.shuffled(), tuple(d.projections), Window.without_end(), None, drives)
    inputs: dict[str, Any] = {name: _spikes(d, 1, steps, d.populations[name].n) for name in network.sources}
    return Example(seed, network, inputs | currents, steps)


def presented(seed: int, largest: int = 8, longest_delay: int = 3) -> Example:
    """A network with presentations, of one phase or two; populations of up to `largest` neurons."""
    d = Draw(np.random.default_rng([seed, 12]), largest, longest_delay)
    T = d.count(4, 16)
    window = Window(T, d.count(1, T - 1) if d.chance(0.75) else None)
    d.window = window
    for k in range(d.count(1, 2)):
        replays = window.split is not None and 2 * window.split >= T and d.chance(0.5)
        d.populations[f"s{k}"] = Source(d.count(1, largest), replays, d.clock(0.2))
    if window.split is not None and d.chance(0.5):
        d.populations["target"] = Target(d.count(1, largest), d.rs.uniform(0.1, 1), d.clock(0.3))
    for k in range(d.count(1, 5)):
        _add(d, f"p{k}", window)
    network = Network(d.shuffled(), tuple(d.projections), window, _readout(d))
    inputs = {
        name: _spikes(
            d, PRESENTATIONS, window.boundary if d.populations[name].replay else T, d.populations[name].n
        )
        for name in network.sources
    }
    target = d.populations.get("target")
    labels = None if target is None else d.rs.integers(0, target.n, PRESENTATIONS)
    return Example(seed, network, inputs, None, labels, window.split is not None)


def _spikes(d: Draw, B: int, T: int, n: int) -> Spikes:
    return from_raster((d.rs.random((B, T, n)) < d.rs.uniform(0.05, 0.6)).astype(np.int8))


def _sender(d: Draw) -> Any:
    """Given spikes, a Poisson or a regular generator."""
    n, kind = d.count(1, d.largest), d.count(0, 2)
    if kind == 0:
        return Source(n)
    if kind == 1:
        rates = d.rs.uniform(0, 0.6, n)
        return PoissonSource(n, tuple(rates.tolist()) if d.chance(0.5) else float(rates[0]), d.count(0, 99))
    period = d.count(1, 9)
    phases = d.rs.integers(0, period, n)
    return RegularSource(n, period, tuple(phases.tolist()) if d.chance(0.5) else int(phases[0]))


def _add(d: Draw, name: str, window: Window) -> None:
    """A population with the projections into it from those before; sometimes back into those or itself."""
    before = tuple(d.populations)
    shape = d.new_shape(before)
    d.populations[name] = _moving(d, int(np.prod(shape)), window)
    d.shapes[name] = shape
    back = False
    for pre in (d.one_of(*before), *(p for p in before if d.chance(0.25))):
        connect(d, pre, name, d.count(0, d.longest_delay))
    if d.chance(0.3):
        connect(d, name, name, d.count(1, d.longest_delay))
        back = True
    for earlier in before:
        if earlier in d.shapes and d.chance(0.25):
            connect(d, name, earlier, d.count(1, d.longest_delay))
            d.populations[earlier] = _with_clock(d, earlier)
    if back or sum(p.post == name for p in d.projections) > 1:
        d.populations[name] = _with_clock(d, name)


def _with_clock(d: Draw, name: str) -> Any:
    """In presentations a population that many paths reach declares its clock."""
    population = d.populations[name]
    if d.window is None or population.offset is not None:
        return population
    return replace(population, offset=d.count(0, 4))


def _moving(d: Draw, n: int, window: Window) -> Any:
    """An IF, LIF or error population of n neurons, in counts of a grid of its own or of all."""
    bits = d.bits if d.chance(0.7) else d.count(0, 12)
    step = 2.0**-bits
    theta = d.count(1, d.one_of(3, 200)) * step
    common: dict[str, Any] = {"n": n, "theta": theta, "grid": bits}
    if not window.endless:
        common |= _phases(d, n, window)
    kind = d.count(0, 4)
    if kind == 4:
        return ErrorIF(**common, form=d.one_of("ternary", "pair"))
    bias = grid.rounded(d.rs.normal(0.05, 0.15, n) * theta * d.chance(0.5), bits)
    common["bias"] = tuple(bias.tolist()) if d.chance(0.5) else float(bias[0])
    common["floor"] = None if d.chance(0.5) else -d.count(0, int(2 * theta / step)) * step
    common["refractory"] = d.count(1, 3) if d.chance(0.3) else 0
    if kind < 2:
        return IF(**common, reset=d.one_of("zero", "subtract"))
    low = -int(theta / step)
    return LIF(
        **common,
        u_decay=d.one_of(1.0, d.count(512, 4096) / 4096),
        v_decay=d.one_of(0.0, 1.0, d.count(1, 4096) / 4096),
        reset=d.one_of("value", "subtract"),
        v_reset=d.one_of(0.0, d.count(low, -low - 1) * step),
    )


def _phases(d: Draw, n: int, window: Window) -> dict[str, Any]:
    """When a presented population lives, is cleared, and by whom it is gated."""
    found: dict[str, Any] = {"offset": d.clock(0.2)}
    if window.split is None:
        return found
    found["reset_at"] = d.one_of(("start",), ("start", "split"))
    found["active_in"] = d.one_of(None, None, "first", "second", "second")
    equal = [name for name, p in d.populations.items() if p.n == n and name != "target"]
    if found["active_in"] == "second" and equal and d.chance(0.7):
        found["gate_by"] = d.one_of(*equal)
    return found


def _readout(d: Draw) -> Readout | None:
    """The class is read from any population with one membrane a neuron."""
    known = [n for n in d.shapes if d.populations[n].rest()["v"].ndim == 1]
    if not known or d.chance(0.2):
        return None
    spans = ("first", "all") if d.window is None or d.window.split is None else ("first", "second", "all")
    return Readout(d.one_of(*known), d.one_of(*spans))


def _drives(d: Draw, steps: int) -> tuple[tuple[CurrentInput | PoissonInput, ...], dict[str, Any]]:
    """Currents and Poisson numbers into some populations, on their grids."""
    drives: list[CurrentInput | PoissonInput] = []
    currents: dict[str, Any] = {}
    for name in d.shapes:
        p = d.populations[name]
        if d.chance(0.2):
            w = float(grid.rounded(d.rs.normal(0.1, 0.4) * p.theta, p.grid))
            drives.append(PoissonInput(name, d.rs.uniform(0.05, 4), w, d.count(0, 99)))
        if d.chance(0.2):
            drives.append(CurrentInput(name))
            shape = d.one_of((p.n,), (steps, p.n))
            currents[drives[-1].name] = grid.rounded(d.rs.normal(0, 0.3, shape) * p.theta, p.grid)
    return tuple(drives), currents
