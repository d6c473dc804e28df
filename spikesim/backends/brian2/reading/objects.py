"""The objects of a Brian2 network: which are read, and what must hold for all of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from spikesim.backends.brian2.reading.expressions import refuse, statements
from spikesim.backends.brian2.reading.synapses import written_by
from spikesim.errors import DeclarationError

DEFAULT = ["groups", "thresholds", "synapses", "resets"]
RESETS_FIRST = ["groups", "thresholds", "resets", "synapses"]
USUAL = {"StateUpdater": "groups", "Thresholder": "thresholds", "Resetter": "resets"}
INSTEAD = {
    "NetworkOperation": "Python code that runs in every step cannot be imported; declare it in spikesim",
    "Subgroup": "give the whole group; subgroups are supported in Synapses only",
    "SpatialNeuron": "only point neurons are supported",
}


def listed(b2: Any, objects: Any) -> list[Any]:
    """The objects of the network, sorted by name, without monitors.

    Raises:
        DeclarationError: an object of another kind, or one that is switched off in whole or in part; names
            it, and the alternative.
    """
    from brian2.devices.device import get_device, runtime_device

    if get_device() is not runtime_device:
        raise DeclarationError(
            "from_brian2: a standalone device is set, and its synapses exist only after a run; import the "
            "network after brian2.set_device('runtime')"
        )
    given = objects.objects if isinstance(objects, b2.Network) else objects
    if not isinstance(given, Iterable) or isinstance(given, str | bytes):
        raise DeclarationError(
            f"from_brian2: {type(objects).__name__}; a Brian2 Network, or a list of its objects, is needed"
        )
    kinds = (b2.NeuronGroup, b2.PoissonGroup, b2.SpikeGeneratorGroup, b2.Synapses, b2.PoissonInput)
    records = (b2.EventMonitor, b2.StateMonitor, b2.PopulationRateMonitor)
    found = []
    for thing in sorted(given, key=lambda thing: str(getattr(thing, "name", ""))):
        name, kind = getattr(thing, "name", "?"), type(thing).__name__
        if isinstance(thing, records):
            continue
        if not isinstance(thing, kinds):
            refuse(name, f"a {kind}", INSTEAD.get(kind, "leave it out, or declare it in spikesim"))
        if not thing.active:
            refuse(name, f"an inactive {kind}", "leave it out")
        for part in thing.contained_objects:
            if not part.active:
                refuse(name, f"{part.name}, which is inactive,", "switch it on, or leave it out of the group")
        found.append(thing)
    return found


def check_not_run(b2: Any, objects: Any, found: list[Any]) -> None:
    """Check that no object has been simulated.

    Raises:
        DeclarationError: a network that has run, or an object of one.
    """
    advice = "and spikes may be in transit; import it before it runs, or after restore()"
    if isinstance(objects, b2.Network):
        if float(objects.t) > 0:
            raise DeclarationError(f"from_brian2: the network has run for {objects.t} already, {advice}")
        return
    for (
        thing
    ) in found:  # an object belongs to the first network that runs it; its clock shows the time of that
        now = float(np.asarray(thing.clock.variables["t"].get_value()).reshape(-1)[0])
        if thing._network is not None and now > 0:
            raise DeclarationError(
                f"from_brian2: {thing.name} has been simulated, up to {now:g} s by its clock, {advice}"
            )


def synapses_before_resets(b2: Any, objects: Any) -> bool:
    """Whether synapses act before resets, so that input arriving in the step of a spike is lost.

    A list of objects has the schedule of Brian2's magic network.

    Raises:
        DeclarationError: another order.
    """
    network = objects if isinstance(objects, b2.Network) else b2.magic_network
    slots = [slot for slot in network.schedule if slot in DEFAULT]
    if slots not in (DEFAULT, RESETS_FIRST):
        raise DeclarationError(
            f"from_brian2: the schedule {network.schedule} is not supported; use the order {DEFAULT} or "
            f"{RESETS_FIRST}"
        )
    return slots == DEFAULT


def step_length(found: list[Any]) -> float:
    """The dt of all objects, in seconds.

    Raises:
        DeclarationError: they have several, or there are none.
    """
    if not found:
        raise DeclarationError("from_brian2: no objects; give a Brian2 Network, or a list of its objects")
    steps = {float(thing.clock.dt_) for thing in found}
    if len(steps) != 1:
        raise DeclarationError(f"from_brian2: steps of {sorted(steps)} s; one dt for all groups is needed")
    return steps.pop()


def check_when(owner: Any, part: Any, slot: str) -> None:
    """Check that a part of a group acts in its usual slot."""
    if part.when != slot:
        refuse(owner.name, f"{part.name} in the slot {part.when!r}", f"leave it in {slot!r}")


def check_group(group: Any) -> None:
    """Check that a group has an equation, a threshold and a reset only."""
    for event, condition in group.events.items():
        if event != "spike":
            refuse(
                group.name, f"the event {event!r}, {condition}", "use a threshold; custom events are not read"
            )
    for part in group.contained_objects:
        kind = type(part).__name__
        if kind not in USUAL:
            code = getattr(part, "code", None) or getattr(part, "abstract_code", "")
            what = f"{part.name} ({kind}: run_regularly, or a subexpression constant over dt): {code!r}"
            refuse(group.name, what, "leave it out, or write it into the equation")
        check_when(group, part, USUAL[kind])
    if group._linked_variables:
        linked = sorted(group._linked_variables)
        refuse(group.name, f"the linked variable {linked}", "use a variable of the group")


def changing(b2: Any, found: list[Any]) -> tuple[frozenset[tuple[str, str]], frozenset[tuple[str, str]]]:
    """(group, variable) of all that changes in a run, and of all to which synapses and inputs write."""
    moving, written = set(), set()
    for thing in found:
        if isinstance(thing, b2.Synapses):
            written |= written_by(thing)
            names = [*thing.equations.diff_eq_names, *thing.summed_updaters]
            names += [] if thing.event_driven is None else thing.event_driven.diff_eq_names
            moving |= {(thing.name, name) for name in names}
        elif isinstance(thing, b2.PoissonInput):
            variable = thing.group.variables[thing.target_var]
            written.add((variable.owner.name, variable.name))
        elif isinstance(thing, b2.NeuronGroup):
            moving |= {(thing.name, name) for name in thing.equations.diff_eq_names}
            resets = statements(thing.name, thing.event_codes.get("spike") or "")
            moving |= {(thing.name, name) for name, _, _ in resets}
            moving |= {(thing.name, name) for name in ("t", "t_in_timesteps", "lastspike", "not_refractory")}
    return frozenset(moving | written), frozenset(written)
