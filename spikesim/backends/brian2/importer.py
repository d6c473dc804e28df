"""Import of Brian2 networks: a subset of Brian2; other constructs are refused by name.

Supported:

    NeuronGroup           dv/dt linear in v with constant coefficients, as -(v - v_rest)/tau + I, or none;
                          method exact (linear, exponential_euler) or euler; threshold v > th or v >= th;
                          reset v = v_r, v -= a, or none; refractory times, "(unless refractory)" or not
    PoissonGroup          constant rates; its random numbers become those of a seeded PoissonSource
    SpikeGeneratorGroup   with or without a period
    Synapses              on_pre "v_post += w" with any constant expression of the synapses' own
                          parameters; delays, one for all or one per synapse; subgroups on both sides
    monitors              are skipped

A step is Brian2's dt; numbers are in SI units. Brian2's default order (groups, thresholds, synapses, resets)
is reproduced exactly, and so is the order with resets before synapses; `spikesim.neurons.brian2_lif` explains
how, and to which step a recorded membrane belongs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from spikesim.backends.brian2.device import brian2_module
from spikesim.backends.brian2.parse_equations import Names, neurons, refuse, statements, timesteps
from spikesim.errors import DeclarationError
from spikesim.network import Network
from spikesim.neurons import PoissonSource
from spikesim.neurons.brian2_lif import SpikeList
from spikesim.synapses import Sparse

DEFAULT = ["groups", "thresholds", "synapses", "resets"]
RESETS_FIRST = ["groups", "thresholds", "resets", "synapses"]


def from_brian2(objects: Any, namespace: Mapping[str, Any] | None = None, seed: int = 1) -> Network:
    """Convert a Brian2 network to a `Network` with the same spikes, up to rounding of real numbers.

    Populations have the names of Brian2's groups, projections those of its Synapses. The Brian2 objects are
    not changed.

    Args:
        objects: a Brian2 Network, or an iterable of its groups and Synapses.
        namespace: values of names that are not in the namespaces of the groups; None for the variables of
            the caller, as in Brian2's `run`.
        seed: seed of the first PoissonGroup; the others have the following numbers.

    Raises:
        DeclarationError: an unsupported construct; names it, and the alternative.
        MissingExtraError: brian2 is not installed.
    """
    b2 = brian2_module()
    if namespace is None:
        from brian2.core.namespace import get_local_namespace

        namespace = get_local_namespace(level=1)
    found = _listed(b2, objects)
    wiped = _order(b2, objects)
    dt = _dt(found)
    populations: dict[str, Any] = {}
    membranes: dict[str, str] = {}
    for group in found:
        if isinstance(group, b2.PoissonGroup):
            populations[group.name] = _poisson(group, dt, seed)
            seed += 1
        elif isinstance(group, b2.SpikeGeneratorGroup):
            populations[group.name] = _generator(group, dt)
        elif isinstance(group, b2.NeuronGroup):
            _check_group(group)
            membranes[group.name], populations[group.name] = neurons(group, namespace, dt, wiped)
    projections = [
        _projection(synapses, pathway, populations, membranes, namespace, dt)
        for synapses in found
        if isinstance(synapses, b2.Synapses)
        for pathway in _pathways(synapses)
    ]
    return Network(populations, tuple(p for p in projections if p.n_synapses))


def _listed(b2: Any, objects: Any) -> list[Any]:
    """The objects of the network, sorted by name, without monitors."""
    from brian2.devices.device import get_device, runtime_device

    if get_device() is not runtime_device:
        raise DeclarationError(
            "from_brian2: a standalone device is set, and its synapses exist only after a run; import the "
            "network after brian2.set_device('runtime')"
        )
    given = objects.objects if isinstance(objects, b2.Network) else objects
    if not isinstance(given, Iterable):
        raise DeclarationError(
            f"from_brian2: {type(objects).__name__}; a Brian2 Network, or a list of its objects, is needed"
        )
    kinds = (b2.NeuronGroup, b2.PoissonGroup, b2.SpikeGeneratorGroup, b2.Synapses)
    records = (b2.EventMonitor, b2.StateMonitor, b2.PopulationRateMonitor)
    found = []
    for thing in sorted(given, key=lambda thing: str(getattr(thing, "name", ""))):
        name, kind = getattr(thing, "name", "?"), type(thing).__name__
        if isinstance(thing, records):
            continue
        if not isinstance(thing, kinds):
            refuse(name, f"a {kind}", _INSTEAD.get(kind, "leave it out, or declare it in spikesim"))
        if not thing.active:
            refuse(name, f"an inactive {kind}", "leave it out")
        found.append(thing)
    return found


_INSTEAD = {
    "PoissonInput": "use a PoissonGroup with Synapses, or declare spikesim.PoissonInput",
    "NetworkOperation": "Python code that runs in every step cannot be imported; declare it in spikesim",
    "Subgroup": "give the whole group; subgroups are supported in Synapses only",
    "SpatialNeuron": "only point neurons are supported",
}


def _order(b2: Any, objects: Any) -> bool:
    """Whether synapses act before resets, so that input arriving in the step of a spike is lost."""
    network = objects if isinstance(objects, b2.Network) else b2.Network()
    if float(network.t) > 0:
        raise DeclarationError(
            f"from_brian2: the network has run for {network.t} already, and spikes may be in transit; import "
            "it before it runs"
        )
    slots = [slot for slot in network.schedule if slot in DEFAULT]
    if slots not in (DEFAULT, RESETS_FIRST):
        raise DeclarationError(
            f"from_brian2: the schedule {network.schedule} is not supported; use the order {DEFAULT} or "
            f"{RESETS_FIRST}"
        )
    return slots == DEFAULT


def _dt(found: list[Any]) -> float:
    steps = {float(thing.clock.dt_) for thing in found}
    if len(steps) != 1:
        raise DeclarationError(f"from_brian2: steps of {sorted(steps)} s; one dt for all groups is needed")
    return steps.pop()


def _when(owner: Any, part: Any, slot: str) -> None:
    """Check that a part of a group acts in its usual slot."""
    if part.when != slot:
        refuse(owner.name, f"{part.name} in the slot {part.when!r}", f"leave it in {slot!r}")


def _check_group(group: Any) -> None:
    """Check that a group has an equation, a threshold and a reset only."""
    usual = {"StateUpdater": "groups", "Thresholder": "thresholds", "Resetter": "resets"}
    for part in group.contained_objects:
        kind = type(part).__name__
        if kind not in usual or getattr(part, "event", "spike") != "spike":
            what = f"{part.name} ({kind}: run_regularly, a custom event, or a subexpression constant over dt)"
            refuse(group.name, what, "leave it out, or write it into the equation")
        _when(group, part, usual[kind])
    if group._linked_variables:
        refuse(
            group.name,
            f"the linked variable {sorted(group._linked_variables)}",
            "use a variable of the group",
        )


def _poisson(group: Any, dt: float, seed: int) -> PoissonSource:
    if isinstance(group._rates, str):
        refuse(group.name, f"rates={group._rates!r}", "give constant numbers")
    for part in group.contained_objects:
        _when(group, part, "thresholds")
    rates = np.minimum(np.asarray(group.variables["rates"].get_value(), np.float64) * dt, 1.0)
    rates = np.broadcast_to(rates, (group.N,))
    return PoissonSource(
        group.N, float(rates[0]) if (rates == rates[0]).all() else tuple(rates.tolist()), seed
    )


def _generator(group: Any, dt: float) -> SpikeList:
    _when(group, group, "thresholds")
    steps = timesteps(np.asarray(group._spike_time, np.float64), dt)
    neurons_ = np.asarray(group._neuron_index, np.int64)
    order = np.lexsort((neurons_, steps))
    period = float(np.asarray(group.variables["period"].get_value()).reshape(-1)[0])
    repeats = int(np.round(period / dt)) if 0 < period < np.inf else 0
    return SpikeList(group.N, tuple(steps[order].tolist()), tuple(neurons_[order].tolist()), repeats)


def _pathways(synapses: Any) -> list[Any]:
    """The pathways from spikes to statements, checked."""
    equations = synapses.equations
    if equations.diff_eq_names or synapses.event_driven or synapses.summed_updaters:
        what = "differential equations, or summed variables, of synapses"
        refuse(
            synapses.name, what, "use constant weights; for plasticity declare a rule of spikesim.learning"
        )
    for part in synapses.contained_objects:
        if part not in synapses._pathways:
            refuse(synapses.name, f"{part.name}", "leave it out")
    for pathway in synapses._pathways:
        if pathway.prepost != "pre" or pathway.event != "spike":
            instead = "use on_pre only; for plasticity declare a rule of spikesim.learning"
            refuse(synapses.name, f"the pathway on_{pathway.prepost} ({pathway.event})", instead)
        _when(synapses, pathway, "synapses")
    return list(synapses._pathways)


def _projection(
    synapses: Any,
    pathway: Any,
    populations: Mapping[str, Any],
    membranes: Mapping[str, str],
    namespace: Mapping[str, Any],
    dt: float,
) -> Sparse:
    """A pathway as a sparse projection."""
    name = synapses.name if len(synapses._pathways) == 1 else pathway.name
    (pre, first), (post, start) = (_base(side) for side in (synapses.source, synapses.target))
    for side in (pre, post):
        if side not in populations:
            refuse(synapses.name, f"the group {side!r}, which is not among the objects,", "give all groups")
    w = _weights(synapses, pathway, membranes.get(post, ""), namespace)
    i, j = (np.asarray(each[:], np.int64) for each in (synapses.i, synapses.j))
    delays = np.round(np.asarray(pathway.variables["delay"].get_value(), np.float64) / dt).astype(np.int64)
    order = np.argsort(i, kind="stable")
    sizes = np.bincount(i + first, minlength=populations[pre].n)
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    same = delays.size == 0 or bool((delays == delays[0]).all())
    return Sparse(
        pre,
        post,
        indptr,
        (j + start)[order].astype(np.int32),
        np.broadcast_to(w, i.shape)[order].copy(),
        1 + (int(delays[0]) if same and delays.size else 0),  # input acts at the next threshold
        None if same else delays[order],
        name=name,
    )


def _base(group: Any) -> tuple[str, int]:
    """The name of the whole group, and the index at which a subgroup begins in it."""
    whole = group.source if type(group).__name__ == "Subgroup" else group
    return str(whole.name), int(group.start)


def _weights(synapses: Any, pathway: Any, v: str, namespace: Mapping[str, Any]) -> Any:
    """The weight of each synapse: what a spike adds to the membrane."""
    code = str(pathway.code)
    found = statements(synapses.name, code)
    if len(found) == 1:
        variable, sign, expression = found[0]
        if v and variable in (v, f"{v}_post") and sign in ("+=", "-="):
            names = Names(synapses, namespace)
            tree = names.tree(expression)
            value = np.asarray(names.value(tree, code), np.float64)
            return value if sign == "+=" else -value
    instead = f"use one statement: {v or 'v'}_post += w, where w is a constant or a parameter of the synapses"
    return refuse(synapses.name, f"on_pre = {code!r}", instead)
