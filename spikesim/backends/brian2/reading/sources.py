"""Brian2's sources and random inputs: PoissonGroup, SpikeGeneratorGroup, PoissonInput, and TimedArray."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikesim.backends.brian2.reading.expressions import Expressions, Timed, refuse, timesteps
from spikesim.backends.brian2.reading.synapses import Found
from spikesim.neurons import PoissonSource
from spikesim.neurons.brian2_lif import SpikeList
from spikesim.neurons.external_inputs import LARGEST_MEAN, PoissonInput
from spikesim.neurons.timed_input import TimedInput

OWN_NUMBERS = (
    "its random numbers are those of a seeded {kind} here: equal in distribution, not spike for spike; for "
    "equal spikes record those of Brian2 and give them to a Source"
)


def poisson_group(group: Any, dt: float, notes: list[str]) -> PoissonSource:
    """The source of a PoissonGroup with constant rates."""
    if isinstance(group._rates, str):
        instead = (
            "give constant numbers, or record its spikes in Brian2 and give them to a SpikeGeneratorGroup"
        )
        refuse(group.name, f"rates={group._rates!r}", instead)
    rates = np.asarray(group.variables["rates"].get_value(), np.float64)
    rates = np.broadcast_to(np.clip(rates * dt, 0.0, 1.0), (group.N,))
    notes.append(f"{group.name}: {OWN_NUMBERS.format(kind='PoissonSource')}")
    same = bool((rates == rates[0]).all())
    return PoissonSource(group.N, float(rates[0]) if same else tuple(rates.tolist()))


def generator(group: Any, dt: float) -> SpikeList:
    """The list of spikes of a SpikeGeneratorGroup.

    Raises:
        DeclarationError: two spikes of a neuron in one step, or a period that is no multiple of the step,
            which Brian2 refuses, too, when it runs.
    """
    steps = timesteps(np.asarray(group._spike_time, np.float64), dt)
    neurons = np.asarray(group._neuron_index, np.int64)
    order = np.lexsort((neurons, steps))
    steps, neurons = steps[order], neurons[order]
    twice = np.flatnonzero((np.diff(steps) == 0) & (np.diff(neurons) == 0))
    if twice.size:
        k = twice[0]
        what = f"neuron {neurons[k]} with two spikes in step {steps[k]} (at {steps[k] * dt:g} s)"
        refuse(group.name, what, f"leave one of them out, or use a smaller dt than {dt:g} s")
    period = float(np.asarray(group.variables["period"].get_value()).reshape(-1)[0])
    if not 0 < period < np.inf:
        return SpikeList(group.N, tuple(steps.tolist()), tuple(neurons.tolist()))
    repeats = int(np.round(period / dt))
    if repeats < 1 or abs(repeats * dt - period) > period * np.finfo(np.float64).eps:
        refuse(group.name, f"period = {period:g} s", f"use a multiple of the step of {dt:g} s")
    if steps.size and steps[-1] >= repeats:
        what = f"period = {period:g} s with a spike at {steps[-1] * dt:g} s"
        refuse(group.name, what, "use a period longer than the last spike")
    return SpikeList(group.N, tuple(steps.tolist()), tuple(neurons.tolist()), repeats)


def poisson_inputs(given: Any, found: Found) -> list[PoissonInput]:
    """The drives of a PoissonInput: several, where one has more than 50 spikes per step on average."""
    from brian2.groups.subgroup import Subgroup

    group = given.group
    if isinstance(group, Subgroup):
        instead = f"give the whole group {group.source.name}, or a PoissonGroup with Synapses"
        refuse(given.name, f"the target {group.name}, a part of a group,", instead)
    if group.name not in found.cells:
        refuse(given.name, f"the group {group.name!r}, which is not among the objects,", "give all groups")
    if given.when != "synapses":
        refuse(given.name, f"a PoissonInput in the slot {given.when!r}", "leave it in 'synapses'")
    receptors = found.cells[group.name].receptors
    if given.target_var not in receptors:
        found.notes.append(f"{given.name}: {given.target_var} of {group.name} does not influence its spikes")
        return []
    weight = given.weight
    if isinstance(weight, str):
        w = np.unique(
            np.asarray(Expressions(group, found.namespace, found.changing).constant(weight, weight))
        )
        if w.size != 1:
            refuse(given.name, f"weight={weight!r}, which differs from neuron to neuron,", "use one number")
        weight = w[0]
    trains, p = int(given.N), float(given.rate) * found.dt
    if not 0 <= p < 1:
        refuse(given.name, f"rate = {given.rate}", f"use rates below {1 / found.dt:g} Hz")
    if trains == 0 or p == 0 or float(weight) == 0:
        return []
    parts = int(np.ceil(trains * p / LARGEST_MEAN))
    sizes = [trains // parts + (k < trains % parts) for k in range(parts)]
    found.notes.append(f"{given.name}: {OWN_NUMBERS.format(kind='PoissonInput')}")
    return [
        PoissonInput(
            group.name,
            size * p,
            float(weight),
            name=given.name if parts == 1 else f"{given.name}_{k}",
            receptor=receptors[given.target_var],
            trains=size,
        )
        for k, size in enumerate(sizes)
    ]


def timed_input(name: str, post: str, receptor: str, call: Timed, dt: float) -> TimedInput:
    """The drive of a TimedArray: its value in each step, as Brian2 rounds the time."""
    array = call.array
    hold, values = array.dt / dt, array.values
    if abs(hold - round(hold)) < 1e-9 * hold and round(hold) >= 1:
        hold = round(hold)
    else:  # a step of its own for each step of the simulation
        values, hold = values[_rows(array, dt)], 1
    if values.ndim == 2:
        values = values[:, call.columns]
    return TimedInput(post, values, hold, name, receptor)


def _rows(array: Any, dt: float) -> Any:
    """The row of the array in each step, until the last one is reached."""
    from brian2.input.timedarray import _find_K

    between = _find_K(dt, array.dt)
    steps = np.arange(int(np.ceil(len(array.values) * array.dt / dt)) + 2)
    rows = np.int_(np.round(steps * dt / (array.dt / between)) / between)
    return np.clip(rows, 0, len(array.values) - 1)
