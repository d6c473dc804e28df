"""Populations as Brian2 groups, with events, resets and counters.

A run is divided into trials of `Clockwork.length` steps. Step 0 of a trial is its border: the weights are
updated from the counts of the previous trial, then membranes and counters are reset; no population is active.
Step t of the window of a population with a given `offset` is step 1 + offset + t of the trial. A continuous
simulation is one trial, whose borders reset nothing.

The update of a population in a step has four phases (integrate, fire, reset, send), all inside Brian2's slot
"start", in the order of the network. Brian2's own schedule would deliver after the thresholds and before the
resets, so that input arriving in the step of a spike would be lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikesim.backends.brian2.inputs import Outside
from spikesim.backends.brian2.neuron_models import Brian2Model
from spikesim.network import Network
from spikesim.neurons.population import scaled
from spikesim.window import Window

SLOT = "start"
SHOW, LEARN, REST = -3, -2, -1  # the order of operations at a border, before all populations
DELIVER = -1  # in a step, the arrival of spikes whose weights learn in every step
INTEGRATE, FIRE, RESET, SEND, PLACES = 0, 1, 2, 3, 4

_EQUATIONS = """
own = t_in_timesteps % length - first_step : integer (shared)
live = own >= begin and own < end : boolean (shared)
act = int(live) * {gate} : 1
drive : 1
bias : 1 (constant)
h_first : 1
h_second : 1
farthest : 1
"""


@dataclass(frozen=True)
class Clockwork:
    """The clocks of a run.

    Attributes:
        b2: the module brian2.
        network: the declaration.
        window: the window of the network; for a continuous simulation, all its steps.
        step: the clock of the steps. A step lasts one second of Brian2's time, so that times are integers.
        border: the clock of the trials.
        length: steps of a trial, including its border.
    """

    b2: Any
    network: Network
    window: Window
    step: Any
    border: Any
    length: int

    @classmethod
    def of(cls, b2: Any, network: Network, window: Window, length: int) -> Clockwork:
        """The clocks of a network."""
        step = b2.Clock(dt=1 * b2.second, name="step_clock")
        border = b2.Clock(dt=length * b2.second, name="border_clock")
        return cls(b2, network, window, step, border, length)

    def order(self, name: str, place: int) -> int:
        """Brian2's `order` of a phase of a population's update within a step."""
        return PLACES * self.network.order.index(name) + place

    def after(self, place: int) -> int:
        """Brian2's `order` of a phase of online learning within a step, after all populations."""
        return PLACES * len(self.network.order) + place

    def named(self, what: str, name: str) -> str:
        """The name of a Brian2 object of a population; equal in all runs, so that Cython's cache is used."""
        return f"{what}_{self.network.order.index(name)}"


def groups(clocks: Clockwork, models: Mapping[str, Brian2Model], outside: Outside) -> dict[str, Any]:
    """A Brian2 group for each population, in the order of the network, with its complete update.

    Args:
        clocks: the clocks of the run.
        models: translations of the populations of neurons.
        outside: external spikes and currents.
    """
    found: dict[str, Any] = {}
    for name in clocks.network.order:
        found[name] = (
            _group(clocks, name, models[name], outside) if name in models else _sender(clocks, name, outside)
        )
    for name in models:
        gate = clocks.network.populations[name].gate_by
        if gate in models:
            found[name].fired = clocks.b2.linked_var(found[gate], "h_first")
    return found


def drives(population: Any) -> tuple[str, ...]:
    """The variables for the input current of a step: one, or one per receptor."""
    receptors = len(population.description.receptors)
    return ("drive", *(f"drive_{k}" for k in range(1, receptors)))


def _sender(clocks: Clockwork, name: str, outside: Outside) -> Any:
    """The group of a source, generator or target: it sends the spikes known in advance."""
    b2, (steps, neurons) = clocks.b2, outside.events[name]
    return b2.SpikeGeneratorGroup(
        clocks.network.populations[name].n,
        neurons,
        steps * b2.second,
        clock=clocks.step,
        when=SLOT,
        order=clocks.order(name, FIRE),
        sorted=True,
        name=clocks.named("sender", name),
    )


def _group(clocks: Clockwork, name: str, model: Brian2Model, outside: Outside) -> Any:
    """The group of a population of neurons."""
    b2, population, window = clocks.b2, clocks.network.populations[name], clocks.window
    begin, end = window.span(population.active_in or "all")
    values: dict[str, Any] = {"length": clocks.length, "begin": begin, "end": end, **model.numbers}
    values |= {"first_step": 1 + clocks.network.offsets[name], "boundary": window.boundary}
    gate, equations = "1", ""
    if population.gate_by in outside.events:
        gate = _open(population, "gate(t, i)")
        values["gate"] = outside.counted(b2, name, population.gate_by)
    elif population.gate_by is not None:
        gate, equations = _open(population, "fired"), "fired : 1 (linked)\n"
    if name in outside.silent:
        gate += " * took_part(t, i)"
        took_part = np.concatenate([~outside.silent[name], np.ones((1, population.n), bool)])
        trial = clocks.length * b2.second
        values["took_part"] = b2.TimedArray(took_part.astype(np.float64), dt=trial)
    equations += _EQUATIONS.format(gate=gate)
    names = drives(population)
    equations += "".join(f"{v} : 1\n" for v in (*model.variables, *model.helpers, *names[1:]))
    starts = _starts(population, model)
    equations += "".join(f"{v} : 1 (constant)\n" for v in (*model.arrays, *starts))
    given: tuple[str, ...] = ()
    if name in outside.currents:
        given = tuple(f"given_{drive}" for drive in names)
        for label, current in zip(given, outside.currents[name], strict=True):
            values[label] = b2.TimedArray(current, dt=1 * b2.second, name=clocks.named(label, name))
    group = b2.NeuronGroup(
        population.n,
        equations,
        events={event: condition for event, (condition, _) in model.events.items()},
        namespace=values,
        clock=clocks.step,
        name=clocks.named("population", name),
    )
    if population.description.parameter("bias") is not None:
        group.bias = scaled(population.bias, population.grid).astype(np.float64)
    for key, array in {**model.arrays, **starts}.items():
        setattr(group, key, array)
    _schedule(clocks, name, group, model, given)
    return group


def _open(population: Any, count: str) -> str:
    """1 where the gate of a neuron is open, by the count of its partner in the first phase."""
    below = getattr(population, "gate_below", None)
    return f"int({count} > 0)" + ("" if below is None else f" * int({count} < {below})")


def _starts(population: Any, model: Brian2Model) -> dict[str, Any]:
    """Initial values of the state variables that do not start at 0: NAME_at_start -> float64 (n,)."""
    found: dict[str, Any] = {}
    for key, names in model.state.items():
        rows = np.asarray(population.initial_state()[key], np.float64).reshape(len(names), -1)
        found |= {f"{v}_at_start": row for v, row in zip(names, rows, strict=True) if row.any()}
    return found


def _schedule(clocks: Clockwork, name: str, group: Any, model: Brian2Model, given: tuple[str, ...]) -> None:
    """Schedule the update of a population (integrate, fire, reset, count) and its reset at the border."""
    window, population = clocks.window, clocks.network.populations[name]
    names = drives(population)
    code = "".join(f"{drive} = {drive} + {label}(t, i)\n" for drive, label in zip(names, given, strict=False))
    if "split" in population.reset_at and window.split is not None:
        for v, start in _set_back(population, model).items():
            code += f"{v} = {v} * int(own != boundary) + {start} * int(own == boundary)\n"
    code += model.integrate + "".join(f"\n{drive} = 0" for drive in names)  # used in this step only
    code += f"\nfarthest = clip({model.reach}, farthest, 1e300)"
    group.run_regularly(code, clock=clocks.step, when=SLOT, order=clocks.order(name, INTEGRATE))
    for event, (_, reset) in model.events.items():
        group.set_event_schedule(event, when=SLOT, order=clocks.order(name, FIRE))
        sign = "+=" if event == "plus" else "-="
        code = f"{reset}\nh_first {sign} int(own < boundary)"
        if window.split is not None:
            code += f"\nh_second {sign} int(own >= boundary)"
        group.run_on_event(event, code, when=SLOT, order=clocks.order(name, RESET))
    if not clocks.network.window.endless:
        starts = {"h_first": "0", "h_second": "0", **_set_back(population, model)}
        cleared = "\n".join(f"{v} = {start}" for v, start in starts.items())
        group.run_regularly(cleared, clock=clocks.border, when=SLOT, order=REST)


def _set_back(population: Any, model: Brian2Model) -> dict[str, str]:
    """Each variable of the state and the expression of its initial value."""
    starts = _starts(population, model)
    return {v: f"{v}_at_start" if f"{v}_at_start" in starts else "0" for v in model.variables}


def begin(group: Any, model: Brian2Model, state: Mapping[str, Any]) -> None:
    """Set the variables of a population to those of a state."""
    for key, names in model.state.items():
        rows = np.asarray(state[key], np.float64).reshape(len(names), -1)
        for variable, row in zip(names, rows, strict=True):
            setattr(group, variable, row)


def state_of(group: Any, model: Brian2Model, like: Mapping[str, Any]) -> dict[str, Any]:
    """The state of a population in the form of its model, with the shapes and dtypes of `like`."""
    found = {}
    for key, names in model.state.items():
        rows = np.stack([np.asarray(getattr(group, variable)[:]) for variable in names])
        found[key] = rows.reshape(like[key].shape).astype(like[key].dtype)
    return found
