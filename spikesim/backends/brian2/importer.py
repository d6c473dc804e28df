"""Import of Brian2 networks: a subset of Brian2; other constructs are refused by name.

Supported:

    NeuronGroup           any number of variables with linear equations: leaky membranes, exponential and
                          alpha synapses, thresholds and currents that adapt; every method that stays linear
                          (exact, exponential_euler, euler, ...); currents from a TimedArray; a threshold
                          v > x or v >= x, linear in the variables; a reset of any number of statements,
                          linear, too; refractory times, "(unless refractory)" or not; all numbers neuron by
                          neuron
    PoissonGroup          constant rates; its random numbers become those of a seeded PoissonSource
    PoissonInput          becomes a PoissonInput of ours, with binomial numbers
    SpikeGeneratorGroup   with or without a period
    Synapses              on_pre with statements "X_post += w", w any constant expression of parameters of
                          the synapses and of both groups; delays, one for all or one per synapse; subgroups
                          on both sides; STDP as in Brian2's documentation
    monitors              are skipped

A step is Brian2's dt; numbers are in SI units. Brian2's default order (groups, thresholds, synapses, resets)
is reproduced exactly, and so is the order with resets before synapses; `spikesim.neurons.brian2_lif` explains
how, and to which step a recorded membrane belongs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from spikesim.backends.brian2.device import brian2_module
from spikesim.backends.brian2.reading.equations import step_of
from spikesim.backends.brian2.reading.objects import (
    changing,
    check_group,
    check_not_run,
    check_when,
    listed,
    step_length,
    synapses_before_resets,
)
from spikesim.backends.brian2.reading.populations import Cells, cells_of
from spikesim.backends.brian2.reading.sources import generator, poisson_group, poisson_inputs, timed_input
from spikesim.backends.brian2.reading.synapses import Found, check_synapses, projections_of
from spikesim.errors import DeclarationError, SpikesimError
from spikesim.network import Network
from spikesim.neurons.timed_input import TimedInput

T = TypeVar("T")


@dataclass(frozen=True)
class Imported:
    """A Brian2 network as it was read.

    Attributes:
        network: the network.
        dt: length of a step, in seconds.
        notes: what was left out or is not exactly as in Brian2, each in a sentence.
    """

    network: Network
    dt: float
    notes: tuple[str, ...]


def from_brian2(objects: Any, namespace: Mapping[str, Any] | None = None, seed: int = 1) -> Network:
    """Convert a Brian2 network to a `Network` with the same spikes, up to rounding of real numbers.

    Populations have the names of Brian2's groups, projections those of its Synapses. The Brian2 objects are
    not changed. `read_brian2` returns the same network with notes.

    Args:
        objects: a Brian2 Network, or an iterable of its groups and Synapses.
        namespace: values of names that are not in the namespaces of the groups; None for the variables of
            the caller, as in Brian2's `run`.
        seed: of the network, from which each PoissonGroup and PoissonInput has one of its own by its name.

    Raises:
        DeclarationError: an unsupported construct; names it, and the alternative.
        MissingExtraError: brian2 is not installed.
    """
    b2 = brian2_module()
    return _read(b2, objects, _names(namespace), seed).network


def read_brian2(objects: Any, namespace: Mapping[str, Any] | None = None, seed: int = 1) -> Imported:
    """Convert a Brian2 network, and say what is not exactly as in Brian2; arguments as in `from_brian2`.

    Raises:
        DeclarationError: an unsupported construct; names it, and the alternative.
        MissingExtraError: brian2 is not installed.
    """
    b2 = brian2_module()
    return _read(b2, objects, _names(namespace), seed)


def _names(namespace: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The names given, or those of the caller of `from_brian2`."""
    if namespace is not None:
        return namespace
    from brian2.core.namespace import get_local_namespace

    found: Mapping[str, Any] = get_local_namespace(level=2)
    return found


def _read(b2: Any, objects: Any, namespace: Mapping[str, Any], seed: int) -> Imported:
    """The network of Brian2 objects."""
    things = listed(b2, objects)
    check_not_run(b2, objects, things)
    dt, loses_input = step_length(things), synapses_before_resets(b2, objects)
    for thing in things:
        _guarded(thing, _check, b2, thing)
    moving, written = changing(b2, things)
    found = Found({}, {}, namespace, dt, moving)
    drives: list[Any] = []
    for thing in things:
        if isinstance(thing, b2.PoissonGroup):
            found.populations[thing.name] = _guarded(thing, poisson_group, thing, dt, found.notes)
        elif isinstance(thing, b2.SpikeGeneratorGroup):
            found.populations[thing.name] = _guarded(thing, generator, thing, dt)
        elif isinstance(thing, b2.NeuronGroup):
            plain = not any(_reaches(b2, other, thing.name) for other in things)
            drives += _guarded(thing, _cells, thing, found, written, loses_input, plain)
    projections: list[Any] = []
    for thing in things:
        if isinstance(thing, b2.Synapses):
            projections += _guarded(thing, projections_of, thing, found)
        elif isinstance(thing, b2.PoissonInput):
            drives += _guarded(thing, poisson_inputs, thing, found)
    links = tuple(p for p in projections if p.n_synapses)
    network = Network(found.populations, links, drives=tuple(drives), seed=seed)
    return Imported(network, dt, tuple(found.notes))


def _guarded(thing: Any, read: Callable[..., T], *arguments: Any) -> T:
    """The result of a reader; whatever Brian2 raises becomes a refusal that names the object.

    Raises:
        DeclarationError: it cannot be read.
    """
    try:
        return read(*arguments)
    except SpikesimError:
        raise
    except Exception as problem:
        raise DeclarationError(
            f"from_brian2: {thing.name}: a {type(thing).__name__} that cannot be read; Brian2 says: "
            f"{type(problem).__name__}: {problem}. Leave it out, or declare it in spikesim"
        ) from problem


def _check(b2: Any, thing: Any) -> None:
    """Check what must hold for one object, whatever the others are."""
    if isinstance(thing, b2.Synapses):
        check_synapses(thing)
    elif isinstance(thing, b2.PoissonGroup):
        for part in thing.contained_objects:
            check_when(thing, part, "thresholds")
    elif isinstance(thing, b2.SpikeGeneratorGroup):
        check_when(thing, thing, "thresholds")
    elif isinstance(thing, b2.NeuronGroup):
        check_group(thing)


def _reaches(b2: Any, thing: Any, group: str) -> bool:
    """Whether an object acts on a group by more than spikes and constant weights."""
    if isinstance(thing, b2.PoissonInput):
        return bool(thing.group.name == group)
    return isinstance(thing, b2.Synapses) and len(thing._pathways) > 1 and thing.target.name == group


def _cells(
    group: Any, found: Found, written: frozenset[tuple[str, str]], loses_input: bool, plain: bool
) -> list[TimedInput]:
    """Read a NeuronGroup into `found`; returns the drives of its timed arrays."""
    names = sorted(name for owner, name in written if owner == group.name)
    step = step_of(group, found.namespace, found.dt, found.changing, names)
    made: Cells = cells_of(step, loses_input, plain)
    found.cells[group.name], found.populations[group.name] = made, made.population
    used = set(made.receptors)
    for name in sorted(set(group.equations.diff_eq_names) - used):
        found.notes.append(f"{group.name}: {name} does not influence its spikes; left out")
    return [
        timed_input(f"{symbol} of {group.name}", group.name, receptor, step.timed[symbol], found.dt)
        for symbol, receptor in made.currents.items()
    ]
