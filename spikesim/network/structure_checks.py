"""Structural checks of a declaration: names, shapes, phases and time. For numbers see `numeric_bounds`."""

from __future__ import annotations

from typing import Any

from spikesim.errors import DeclarationError, unknown
from spikesim.network.declaration import Declaration
from spikesim.network.scheduling import is_source, is_target
from spikesim.neurons.population import check_model
from spikesim.synapses import Conv2d, Dense

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
    """Check names, shapes, phases and time of a declaration.

    Raises:
        DeclarationError: the first error found.
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
    for p in network.plastic:
        _check_error(network, p)
    _check_drives(network)
    _check_readout(network)
    _check_phases(network)
    _check_time(network)


def _check_kinds(network: Declaration) -> None:
    """Check that projections, window, readout and drives have the fields of their kind."""
    parts: list[tuple[str, Any, tuple[str, ...]]] = [
        ("projection", p, PROJECTION) for p in network.projections
    ]
    parts += [("window", network.window, ("T", "split", "endless"))]
    parts += [] if network.readout is None else [("readout", network.readout, ("population", "span"))]
    parts += [("drive", drive, ("post", "name")) for drive in network.drives]
    for what, part, needed in parts:
        if missing := [field for field in needed if not hasattr(part, field)]:
            raise DeclarationError(
                f"Network: {part!r:.60} is not a {what}: it has no {', '.join(missing)}; the arguments are "
                "populations, projections, window, readout and drives, in this order"
            )


def _check_ends(network: Declaration) -> None:
    pops = network.populations
    seen: set[str] = set()
    for p in network.projections:
        for end in (p.pre, p.post):
            if end not in pops:
                raise DeclarationError(f"{p.name}: {unknown('population', end, pops)}")
        if p.name in seen:
            raise DeclarationError(f"two projections have the name {p.name!r}; give one of them name=...")
        seen.add(p.name)
        if is_source(pops[p.post]):
            raise DeclarationError(
                f"{p.name}: {p.post!r} is a {type(pops[p.post]).__name__}, which only sends spikes and "
                f"cannot receive a projection"
            )
        if pops[p.pre].description.spikes == "none":
            raise DeclarationError(
                f"{p.name}: {p.pre!r} is a {type(pops[p.pre]).__name__}, which sends no spikes; its membrane "
                f"is a result. Let the projection start at neurons that fire"
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
            f"membrane, so a population with one membrane per neuron is needed"
        )
    if readout.span not in SPANS:
        raise DeclarationError(f"readout: {unknown('span', readout.span, SPANS)}")
    if readout.span == "second" and network.window.split is None:
        raise DeclarationError("readout: span = 'second' needs a second phase, and the window has no split")


def _check_phases(network: Declaration) -> None:
    """Check that the window has the phases that populations need, and that a replay has enough steps."""
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
                f"{(window.T + 1) // 2} or later, or use replay=False and spikes for the whole window"
            )


def _check_time(network: Declaration) -> None:
    """Check that a continuous network has nothing that needs trials, and the reverse."""
    if not network.window.endless:
        _check_trials(network)
        return
    for name, p in network.populations.items():
        phased = is_target(p) or p.active_in or (is_source(p) and p.replay)
        if phased or p.gate_by:
            raise DeclarationError(
                f"{name}: a target, a replay, a gate or active_in need trials, and this network is "
                "continuous; declare it with window=Window(T, split)"
            )
        if p.offset:
            raise DeclarationError(
                f"{name}: offset = {p.offset}; in a continuous network all populations start at step 0. "
                f"Leave it out"
            )
    for p in network.plastic:
        raise DeclarationError(
            f"{p.name}: a {type(p.plastic).__name__} acts after a trial, and this network is continuous; "
            f"declare it with window=Window.halved(T), or use a rule that acts in every step"
        )
    if network.readout is not None:
        raise DeclarationError(
            "readout: a continuous network has no trials to classify; declare it with window=Window(T), or "
            "without a readout"
        )


def _check_trials(network: Declaration) -> None:
    """Check that a network with trials has no online rules, generators or drives."""
    for p in network.online:
        raise DeclarationError(
            f"{p.name}: {type(p.plastic).__name__} acts in every step and needs a continuous network; "
            f"declare it with Window.without_end(), or use a CountRule, which acts after a trial"
        )
    makers = [n for n, p in network.populations.items() if p.description.role == "generator"]
    for name in [*makers, *(drive.name for drive in network.drives)]:
        raise DeclarationError(
            f"{name}: generators and drives need a continuous network; declare it with "
            "Window.without_end(), or use a Source, with an encoder for its trials"
        )


def _check_drives(network: Declaration) -> None:
    pops, seen = network.populations, {p.name for p in network.projections} | set(network.populations)
    for drive in network.drives:
        if drive.post not in pops:
            raise DeclarationError(f"{drive.name}: {unknown('population', drive.post, pops)}")
        if is_source(pops[drive.post]):
            raise DeclarationError(
                f"{drive.name}: {drive.post!r} only sends spikes; a drive needs a population with a membrane"
            )
        if drive.name in seen:
            raise DeclarationError(
                f"the name {drive.name!r} of a drive is used twice; give the drive another name=..."
            )
        seen.add(drive.name)
        _check_receptor(network, drive)


def _check_receptor(network: Declaration, p: Any) -> None:
    """Check that the receptor of a projection or drive exists in its population."""
    try:
        network.populations[p.post].description.receptor(p.receptor)
    except DeclarationError as problem:
        kind = type(network.populations[p.post]).__name__
        raise DeclarationError(f"{p.name}: {p.post} is a {kind}: {problem}") from problem


def _check_shape(network: Declaration, p: Any) -> None:
    """Check the shape of a projection; a transpose has the shape and grid of the transposed projection."""
    pre, post = network.populations[p.pre].n, network.populations[p.post].n
    if p.follows is None:
        p.check_sizes(pre, post)
        return
    other = next((q for q in network.projections if q.name == p.follows), None)
    if not isinstance(other, (Dense, Conv2d)) or other.follows is not None:
        kinds = (Dense, Conv2d)
        known = [q.name for q in network.projections if isinstance(q, kinds) and q.follows is None]
        raise DeclarationError(f"{p.name}: {unknown('projection to transpose', p.follows, known)}")
    shape = tuple(reversed(network.shape(other)))
    bits, own = network.populations[other.post].grid, network.populations[p.post].grid
    if bits != own:
        raise DeclarationError(
            f"{p.name}: the transpose of {other.name} has the grid of 2**-{bits}, and {p.post} has "
            f"2**-{own}; declare {p.post} with grid={bits}"
        )
    if shape != (pre, post):
        raise DeclarationError(
            f"{p.name}: the weights have the shape {shape}; ({pre}, {post}) is needed, from {pre} neurons of "
            f"{p.pre} to {post} of {p.post}"
        )


def _check_gate(network: Declaration, name: str, population: Any) -> None:
    gate = population.gate_by
    if gate is None:
        return
    if gate not in network.populations:
        raise DeclarationError(f"{name}: gate_by: {unknown('population', gate, network.populations)}")
    other = network.populations[gate]
    if other.n != population.n:
        raise DeclarationError(
            f"{name}: gate_by={gate!r} needs a population of the same size ({population.n}, not {other.n})"
        )
    if population.active_in != "second":
        raise DeclarationError(
            f"{name}: active_in = {population.active_in!r}; gate_by={gate!r} needs a population of the same "
            f"size and active_in='second' (the gate is known at the end of the first phase)"
        )


def _check_error(network: Declaration, p: Any) -> None:
    """Check the error neurons that a trial rule reads; a network with one phase does not learn and needs
    none.
    """
    error = p.plastic.error
    if error is None or network.window.split is None:
        return
    if error not in network.populations:
        raise DeclarationError(f"{p.name}: error: {unknown('population', error, network.populations)}")
    n, needed = network.populations[error].n, network.populations[p.post].n
    if n != needed:
        raise DeclarationError(
            f"{p.name}: error = {error!r} has {n} neurons; one for each of the {needed} neurons of {p.post} "
            f"is needed"
        )
