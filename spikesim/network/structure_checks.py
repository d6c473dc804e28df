"""The checks of a declaration: names, shapes, phases and time. Its numbers are checked in `proofs`."""

from __future__ import annotations

from typing import Any

from spikesim.errors import DeclarationError, unknown
from spikesim.network.declaration import Declaration
from spikesim.network.scheduling import is_source, is_target
from spikesim.neurons.population import check_model
from spikesim.synapses import Dense

SPANS = ("first", "second", "all")
PROJECTION = (
    "pre",
    "post",
    "delay",
    "longest_delay",
    "name",
    "w",
    "plastic",
    "follows",
    "receptor",
    "check_sizes",
    "declared",
    "fixed",
    "edges",
    "pieces",
    "deliveries",
    "reach",
)


def check_structure(network: Declaration) -> None:
    """Names and shapes.

    Raises:
        DeclarationError: the first thing that does not fit.
    """
    pops = network.populations
    if not pops:
        raise DeclarationError("Network: no populations")
    _check_kinds(network)
    for name, population in pops.items():
        check_model(name, population)
    _check_ends(network)
    for p in network.projections:
        _check_shape(network, p)
        _check_receptor(network, p)
    for name, population in pops.items():
        _check_gate(network, name, population)
    _check_drives(network)
    _check_readout(network)
    _check_phases(network)
    _check_time(network)


def _check_kinds(network: Declaration) -> None:
    """Every part is of its kind: what is passed in a wrong place is named."""
    parts: list[tuple[str, Any, tuple[str, ...]]] = [
        ("projection", p, PROJECTION) for p in network.projections
    ]
    parts += [("window", network.window, ("T", "split", "endless"))]
    parts += [] if network.readout is None else [("readout", network.readout, ("population", "span"))]
    parts += [("drive", drive, ("post", "name")) for drive in network.drives]
    for what, part, needed in parts:
        if missing := [field for field in needed if not hasattr(part, field)]:
            raise DeclarationError(
                f"Network: {part!r:.60} is no {what}: it has no {', '.join(missing)}; populations, "
                "projections, window, readout and drives come in this order"
            )


def _check_ends(network: Declaration) -> None:
    pops = network.populations
    seen: set[str] = set()
    for p in network.projections:
        for end in (p.pre, p.post):
            if end not in pops:
                raise DeclarationError(f"{p.name}: {unknown('population', end, pops)}")
        if p.name in seen:
            raise DeclarationError(f"two projections are called {p.name!r}; give one of them a name")
        seen.add(p.name)
        if is_source(pops[p.post]):
            raise DeclarationError(
                f"{p.name}: {p.post!r} is a {type(pops[p.post]).__name__}, which only sends"
            )


def _check_readout(network: Declaration) -> None:
    readout, pops = network.readout, network.populations
    if readout is None:
        return
    if readout.population not in pops:
        raise DeclarationError(f"readout: {unknown('population', readout.population, pops)}")
    population = pops[readout.population]
    if is_source(population) or population.initial_state()["v"].shape != (population.n,):
        raise DeclarationError(
            f"readout: {readout.population!r} is a {type(population).__name__}; ties are broken by the "
            f"membrane, so that a population with one membrane a neuron is needed"
        )
    if readout.span not in SPANS:
        raise DeclarationError(f"readout: {unknown('span', readout.span, SPANS)}")
    if readout.span == "second" and network.window.split is None:
        raise DeclarationError("readout: span = 'second' needs a second phase, and the window has no split")


def _check_phases(network: Declaration) -> None:
    """What needs a second phase has one; a replay finds in the first phase all that the second repeats."""
    window = network.window
    for name, population in network.populations.items():
        replays = is_source(population) and population.replay
        split_reset = "split" in population.reset_at
        second = population.active_in == "second"
        if window.split is None and (replays or split_reset or second):
            what = "replay" if replays else "active_in='second'" if second else "reset_at='split'"
            raise DeclarationError(f"{name}: {what} needs a second phase, and the window has no split")
        if replays and window.T - window.boundary > window.boundary:
            raise DeclarationError(
                f"{name}: replay=True repeats the first phase in the second, and the second is longer "
                f"({window.T - window.boundary} steps after {window.boundary}); move the split to "
                f"{(window.T + 1) // 2} or later, or give the spikes of the whole window with replay=False"
            )


def _check_time(network: Declaration) -> None:
    """Without presentations nothing has a phase; a rule that acts in every step needs time without end."""
    if not network.window.endless:
        _check_presented(network)
        return
    for name, p in network.populations.items():
        phased = is_target(p) or p.active_in or (is_source(p) and p.replay)
        if phased or p.gate_by:
            raise DeclarationError(
                f"{name}: a target, a replay, a gate or active_in belong to presentations, and this "
                "network runs without end; declare it with window=Window(T, split)"
            )
        if p.offset:
            raise DeclarationError(
                f"{name}: offset = {p.offset}; without presentations all clocks start at 0"
            )
    for p in network.plastic:
        raise DeclarationError(
            f"{p.name}: a {type(p.plastic).__name__} acts after a trial, and this network runs without end; "
            f"declare it with window=Window.halved(T), or take a rule that acts in every step"
        )
    if network.readout is not None:
        raise DeclarationError("readout: a network that runs without end has no presentation to classify")


def _check_presented(network: Declaration) -> None:
    """What acts or sends in every step, whatever is presented, has no place in presentations."""
    for p in network.online:
        raise DeclarationError(
            f"{p.name}: {type(p.plastic).__name__} acts in every step; declare the network with "
            f"Window.without_end(), or take a CountRule, which acts after a presentation"
        )
    makers = [n for n, p in network.populations.items() if p.description.role == "generator"]
    for name in [*makers, *(drive.name for drive in network.drives)]:
        raise DeclarationError(
            f"{name}: generators and drives belong to networks that run without end; declare the "
            "network with Window.without_end(), or take a Source, with an encoder for its "
            "presentations"
        )


def _check_drives(network: Declaration) -> None:
    pops, seen = network.populations, {p.name for p in network.projections} | set(network.populations)
    for drive in network.drives:
        if drive.post not in pops:
            raise DeclarationError(f"{drive.name}: {unknown('population', drive.post, pops)}")
        if is_source(pops[drive.post]):
            raise DeclarationError(f"{drive.name}: {drive.post!r} only sends; a drive needs what integrates")
        if drive.name in seen:
            raise DeclarationError(f"{drive.name!r} is the name of two things; give the drive a name")
        seen.add(drive.name)
        _check_receptor(network, drive)


def _check_receptor(network: Declaration, p: Any) -> None:
    """The input that a projection or drive feeds is one of its population's."""
    try:
        network.populations[p.post].description.receptor(p.receptor)
    except DeclarationError as problem:
        kind = type(network.populations[p.post]).__name__
        raise DeclarationError(f"{p.name}: {p.post} is a {kind}: {problem}") from problem


def _check_shape(network: Declaration, p: Any) -> None:
    """A projection fits the populations that it joins; a transpose brings the shape and grid of another."""
    pre, post = network.populations[p.pre].n, network.populations[p.post].n
    if p.follows is None:
        p.check_sizes(pre, post)
        return
    other = next((q for q in network.projections if q.name == p.follows), None)
    if not isinstance(other, Dense) or other.follows is not None:
        known = [q.name for q in network.projections if isinstance(q, Dense) and q.follows is None]
        raise DeclarationError(f"{p.name}: {unknown('projection to transpose', p.follows, known)}")
    shape = tuple(reversed(network.shape(other)))
    bits, own = network.populations[other.post].grid, network.populations[p.post].grid
    if bits != own:
        raise DeclarationError(
            f"{p.name}: the transpose of {other.name} brings the grid of 2**-{bits}, and {p.post} has "
            f"2**-{own}; declare {p.post} with grid={bits}"
        )
    if shape != (pre, post):
        raise DeclarationError(
            f"{p.name}: weights of {shape} between {p.pre} of {pre} and {p.post} of {post} neurons"
        )


def _check_gate(network: Declaration, name: str, population: Any) -> None:
    gate = population.gate_by
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
