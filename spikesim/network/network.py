"""`Network`: the validated declaration that engines, simulators and file formats read. No simulation here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim import grid, rng
from spikesim._values import equal, lines, listed, named_arguments
from spikesim.errors import DeclarationError, unknown
from spikesim.files.plain_values import canonical
from spikesim.network import numeric_bounds, scheduling, structure_checks
from spikesim.network.declaration import Declaration, Drive, Masters, Readout
from spikesim.network.scheduling import is_source
from spikesim.network.seeds import with_seed
from spikesim.network.signature import Parts, digest_of, parts_of
from spikesim.synapses import Projection
from spikesim.synapses.unsized import Unsized, completed
from spikesim.window import Window

__all__ = ["Declaration", "Drive", "Masters", "Network", "Projection", "Readout"]


@named_arguments
@dataclass(frozen=True, eq=False)
class Network(Declaration):
    """A spiking network: populations, projections, a window and a readout; immutable and validated.

    Attributes:
        populations: name -> Source, Target, IF, ErrorIF or another registered model.
        projections: Dense, Sparse, Conv2d, OneToOne or another kind; their names are unique.
        window: steps and phases of a trial; by default `Window.without_end()`: continuous, without trials.
        readout: how a class is read from spike counts; None if the network does not classify.
        drives: external currents and Poisson noise: CurrentInput, TimedInput, PoissonInput.
        seed: of all random numbers that have no seed of their own. A population, projection or drive without
            a seed is given one, derived from this seed and from its name, when the network is built
            (`rng.derived_seed`); no two share their random numbers, and nothing is drawn again by `replace`,
            `with_masters`, `inference` or a file.
        order: names of the populations in update order: each after those that reach it in the same step.
        offsets: population -> the step at which its window begins: the delay of the path from the input.

    Raises:
        DeclarationError: an unknown name, shapes that do not fit, a cycle of zero delay, paths of different
            delay into one forward population, weights off the grid, or sums that could leave the exact range.

    Examples:
        >>> import spikesim as ss
        >>> from spikesim import connect
        >>> network = ss.Network(
        ...     populations={"noise": ss.PoissonSource(20, rate=0.1), "exc": ss.LIF(10, theta=1.0)},
        ...     projections=[connect.fixed_probability("noise", "exc", 0.2, w=0.3, delay=2)],
        ...     seed=1,
        ... )
        >>> network.order
        ('noise', 'exc')
    """

    offsets: Mapping[str, int] = field(init=False, repr=False)
    order: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.populations, Mapping):
            raise DeclarationError(
                f"Network: populations = {self.populations!r:.60}; a mapping from names to populations "
                f"is needed, for example {{'in': Source(4), ...}}"
            )
        object.__setattr__(self, "seed", int(rng.key(self.seed)))
        seeded = {name: with_seed(p, self.seed, "population", name) for name, p in self.populations.items()}
        object.__setattr__(self, "populations", MappingProxyType(seeded))
        projections = tuple(_complete(self.populations, p, self.seed) for p in self.projections)
        object.__setattr__(self, "projections", projections)
        drives = tuple(with_seed(d, self.seed, "drive") for d in self.drives)
        object.__setattr__(self, "drives", drives)
        structure_checks.check_structure(self)
        object.__setattr__(self, "order", scheduling.order(self))
        object.__setattr__(self, "offsets", MappingProxyType(scheduling.offsets(self)))
        numeric_bounds.check_numbers(self)

    def __getstate__(self) -> dict[str, Any]:
        """What a copy, or another process, is given: the fields, without what is computed from them."""
        state = {f.name: getattr(self, f.name) for f in fields(self)}
        return {k: dict(v) if isinstance(v, MappingProxyType) else v for k, v in state.items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            kept = MappingProxyType(value) if name in ("populations", "offsets") else value
            object.__setattr__(self, name, kept)

    def __eq__(self, other: object) -> bool:
        """Whether all populations, projections, weights and settings are equal, by value and in order."""
        if not isinstance(other, Network):
            return NotImplemented
        return self is other or equal(_values(self), _values(other))

    def __hash__(self) -> int:
        return hash((tuple(self.populations), tuple(p.name for p in self.projections), self.window))

    def __repr__(self) -> str:
        """A few lines: the populations, the projections and the time."""
        populations = (f"{name} {type(p).__name__} {p.n}" for name, p in self.populations.items())
        learning = {p.name for p in (*self.plastic, *self.online)}
        links = (f"{p.name} {type(p).__name__}{' (learns)' * (p.name in learning)}" for p in self.projections)
        rows = {
            "populations": listed(populations),
            "projections": listed(links),
            "drives": listed(f"{d.name} {type(d).__name__}" for d in self.drives),
            "readout": "" if self.readout is None else self.readout.population,
        }
        time = "continuous" if self.window.endless else f"trials of {self.window.T} steps"
        if self.window.split is not None:
            time += f", phases of {self.window.boundary} and {self.window.T - self.window.boundary}"
        return lines(f"Network, {time}", rows)

    @property
    def steps(self) -> int:
        """Steps of a complete trial: T plus the longest delay of a path from the input."""
        return self.window.T + max(self.offsets.values())

    @cached_property
    def parts(self) -> Parts:
        """What decides the meaning of a state of this network: part -> field -> value; see `signature`."""
        return parts_of(self)

    @cached_property
    def signature(self) -> str:
        """SHA-256 (hex) of `parts`: the mark by which a state is recognised, equal for equal values."""
        return digest_of(self.parts)

    def teaching(self) -> frozenset[str]:
        """Populations used only for teaching: targets, and those active in the second phase only."""
        return frozenset(scheduling.teaching(self.populations))

    def with_masters(self, masters: Mapping[str, npt.NDArray[np.int32]]) -> Network:
        """The same network with other plastic weights.

        Raises:
            DeclarationError: an unknown or missing name, another shape, or a weight outside its clip range.
        """
        names = {p.name for p in self.plastic}
        for name in masters:
            if name not in names:
                raise DeclarationError(unknown("plastic projection", name, names))
        if missing := names - masters.keys():
            raise DeclarationError(
                f"the weights of {sorted(missing)} are missing; masters needs every plastic projection"
            )
        changed = [
            replace(p, w=masters[p.name] * 2.0**-grid.MASTER_BITS) if p in self.plastic else p
            for p in self.projections
        ]
        return replace(self, projections=tuple(changed))

    def inference(self, T: int | None = None) -> Network:
        """The network for inference: without its teaching populations, with one phase of T steps.

        Membranes are reset at the start only, and sources do not replay: every step has its own input. A
        continuous network gets trials that equal its first T steps: all windows begin together, and online
        rules do not act.

        Raises:
            DeclarationError: a continuous network without T, or with generators or drives.
        """
        gone, endless = self.teaching(), self.window.endless
        if endless and T is None:
            raise DeclarationError(
                "this network is continuous (without trials): give the steps of a trial, inference(T=...)"
            )
        makers = {k: p for k, p in self.populations.items() if p.description.role == "generator"}
        for name, made in (*makers.items(), *((d.name, d) for d in self.drives)) if endless else ():
            raise DeclarationError(
                f"{name}: a {type(made).__name__}, and trials have neither generators nor drives; declare a "
                f"Source, and give its spikes"
            )
        kept = {name: _one_phase(p, endless) for name, p in self.populations.items() if name not in gone}
        fixed = {p.name: p.fixed(self.weights(p.name)) for p in self.online}
        links = tuple(fixed.get(p.name, p) for p in self.projections if p.pre in kept and p.post in kept)
        readout = None if self.readout is None else Readout(self.readout.population, "all")
        drives = tuple(d for d in self.drives if d.post in kept)
        window = Window(self.window.T if T is None else T)
        return Network(kept, links, window, readout, drives, self.seed)


def _values(network: Network) -> list[Any]:
    """All that a network declares, in a form that `equal` compares."""
    parts = (*network.populations.values(), *network.projections, *network.drives)
    declared = [(type(p), canonical(p) if is_dataclass(p) else p) for p in parts]
    return [list(network.populations), declared, network.window, network.readout, network.seed]


def _complete(populations: Mapping[str, Any], p: Any, seed: int) -> Any:
    """The projection; one built without sizes (`Unsized`) or without a seed is completed."""
    if not isinstance(p, Unsized):
        return completed(p, seed)
    for end in (p.pre, p.post):
        if end not in populations:
            raise DeclarationError(f"{p.pre}->{p.post}: {unknown('population', end, populations)}")
    return p.sized(populations[p.pre].n, populations[p.post].n, seed)


def _one_phase(population: Any, together: bool) -> Any:
    if together:
        population = replace(population, offset=0)
    if is_source(population):
        return replace(population, replay=False) if population.replay else population
    ungated = {"gate_by": None} | ({"gate_below": None} if hasattr(population, "gate_below") else {})
    return replace(population, reset_at=("start",), **ungated)
