"""Populations in Brian2's words: one NeuronGroup each, with events, resets and counters.

Time is counted in presentations of `Clockwork.length` steps. Step 0 of a presentation is its border: what the
last one has counted is learned from, then membranes and counters are cleared, and nobody lives. A population
`offset` steps behind the input is in its own step t in step 1 + offset + t.

All numbers are counts of the population's grid in float64, hence exact. A population's turn in a step has
four places (integrate, fire, reset, send), all inside Brian2's slot "start", in the network's order. Brian2's
own schedule would deliver after the thresholds and before the resets, so that what arrives in the step of a
spike is wiped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikesim import grid
from spikesim.errors import EngineError
from spikesim.network import Network
from spikesim.neurons import IF, ErrorIF, Source, Target

SLOT = "start"
SHOW, LEARN, REST = -3, -2, -1  # the order of what happens at a border, before every population
INTEGRATE, FIRE, RESET, SEND, PLACES = 0, 1, 2, 3, 4

_CLOCKED = """
own = t_in_timesteps % length - first_step : integer (shared)
live = own >= begin and own < end : boolean (shared)
h_first : 1
h_second : 1
"""
_MOVING = """
drive : 1
bias : 1 (constant)
act = int(live) * {gate} : 1
keep = int(own != cleared) : 1 (shared)
"""


@dataclass(frozen=True)
class Clockwork:
    """The clocks of a run, and Brian2's unit of a step.

    Attributes:
        b2: the module brian2.
        network: the declaration.
        step: the clock of the steps. A step lasts a second, so that the times of steps are exact integers.
        border: the clock of the presentations.
        length: steps of a presentation, its border included.
    """

    b2: Any
    network: Network
    step: Any
    border: Any
    length: int

    @classmethod
    def of(cls, b2: Any, network: Network) -> Clockwork:
        """The clocks of a network: a presentation ends when nothing is in flight any more."""
        length = 1 + network.steps + max((p.delay for p in network.projections), default=0)
        step = b2.Clock(dt=1 * b2.second, name="step_clock")
        return cls(b2, network, step, b2.Clock(dt=length * b2.second, name="border_clock"), length)

    def order(self, name: str, place: int) -> int:
        """Where in a step a place of a population's turn stands."""
        return PLACES * self.network.order.index(name) + place

    def named(self, what: str, name: str) -> str:
        """A name that Brian2 takes for what belongs to a population, the same in every run: what Cython has
        compiled is found again.
        """
        return f"{what}_{self.network.order.index(name)}"

    def first_step(self, name: str) -> int:
        """The step of a presentation in which a population's own window begins."""
        return 1 + self.network.offsets[name]


class Cell(NamedTuple):
    """A neuron model in Brian2's words.

    Attributes:
        membranes: state variables that are cleared, and recorded (in this order).
        integrate: statements; `keep` is 0 in a step that begins with a reset, `act` is 0 where a neuron is
            held, `drive` is what has arrived.
        events: name -> (condition, reset), where the event "plus" is a spike of +1 and "minus" is one of -1.
        values: the names that the statements use.
    """

    membranes: tuple[str, ...]
    integrate: str
    events: Mapping[str, tuple[str, str]]
    values: Mapping[str, Any]


def cell(name: str, population: Any) -> Cell:
    """A population's model in Brian2's words.

    Raises:
        EngineError: a model that has no translation.
    """
    if isinstance(population, IF):
        return _integrate_and_fire(population)
    if isinstance(population, ErrorIF):
        return _ternary(population) if population.form == "ternary" else _pair(population)
    if isinstance(population, Source | Target):
        return Cell((), "", {"plus": ("live and train(t, i) > 0", "")}, {})
    raise EngineError(
        f"brian2: {name} is a {type(population).__name__}, a model without a translation to Brian2; it runs "
        f"IF, ErrorIF, Source and Target. The engine 'naive' runs every registered model"
    )


def _theta(population: IF | ErrorIF) -> dict[str, float]:
    return {"theta": float(grid.snap(population.theta, population.grid))}


def _integrate_and_fire(population: IF) -> Cell:
    values, integrate = _theta(population), "v = v * keep + act * (drive + bias)"
    if population.floor is not None:
        values["lowest"] = float(grid.snap(population.floor, population.grid))
        integrate += "\nv = clip(v, lowest, 1e300)"
    reset = "v = 0" if population.reset == "zero" else "v -= theta"
    return Cell(("v",), integrate, {"plus": ("live and v >= theta", reset)}, values)


def _ternary(population: ErrorIF) -> Cell:
    events = {"plus": ("live and v >= theta", "v = 0"), "minus": ("live and v <= -theta", "v = 0")}
    return Cell(("v",), "v = v * keep + act * (drive + bias)", events, _theta(population))


def _pair(population: ErrorIF) -> Cell:
    integrate = (
        "v_plus = v_plus * keep + act * (drive + bias)\nv_minus = v_minus * keep - act * (drive + bias)"
    )
    events = {
        "plus": ("live and v_plus >= theta", "v_plus = 0"),
        "minus": ("live and v_minus >= theta", "v_minus = 0"),
    }
    return Cell(("v_plus", "v_minus"), integrate, events, _theta(population))


def groups(clocks: Clockwork, trains: Mapping[str, npt.NDArray[np.float64]]) -> dict[str, Any]:
    """A NeuronGroup for each population, in the network's order, with all that it does in its turn.

    Args:
        clocks: of the run.
        trains: source or target -> float64 (steps of the run, n) of 0 and 1.
    """
    found: dict[str, Any] = {}
    for name in clocks.network.order:
        found[name] = _group(clocks, name, trains.get(name))
    for name, population in clocks.network.populations.items():
        if (gate := getattr(population, "gate_by", None)) is not None:
            found[name].fired = clocks.b2.linked_var(found[gate], "h_first")
    return found


def _group(clocks: Clockwork, name: str, train: npt.NDArray[np.float64] | None) -> Any:
    b2, population, window = clocks.b2, clocks.network.populations[name], clocks.network.window
    model = cell(name, population)
    begin, end = window.span(getattr(population, "active_in", None) or "all")
    values = {"length": clocks.length, "first_step": clocks.first_step(name), "boundary": window.boundary}
    values |= {"begin": begin, "end": end, **model.values}
    equations = _CLOCKED + "".join(f"{v} : 1\n" for v in model.membranes)
    if train is None:
        gated = population.gate_by is not None
        equations += _MOVING.format(gate="int(fired > 0)" if gated else "1") + (
            "fired : 1 (linked)\n" if gated else ""
        )
        values["cleared"] = window.boundary if "split" in population.reset_at else window.T
    else:
        values["train"] = b2.TimedArray(train, dt=1 * b2.second, name=clocks.named("train", name))
    conditions = {event: condition for event, (condition, _) in model.events.items()}
    group = b2.NeuronGroup(
        population.n,
        equations,
        events=conditions,
        namespace=values,
        clock=clocks.step,
        name=clocks.named("population", name),
    )
    if train is None:
        group.bias = grid.snap(population.bias, population.grid).astype(np.float64)
    _schedule(clocks, name, group, model)
    return group


def _schedule(clocks: Clockwork, name: str, group: Any, model: Cell) -> None:
    """A population's turn: integrate, fire, reset and count; and its rest at the border."""
    if model.integrate:
        code = model.integrate + "\ndrive = 0"  # what has arrived is used now or never
        group.run_regularly(code, clock=clocks.step, when=SLOT, order=clocks.order(name, INTEGRATE))
    for event, (_, reset) in model.events.items():
        group.set_event_schedule(event, when=SLOT, order=clocks.order(name, FIRE))
        sign = "+=" if event == "plus" else "-="
        code = f"{reset}\nh_first {sign} int(own < boundary)\nh_second {sign} int(own >= boundary)"
        group.run_on_event(event, code, when=SLOT, order=clocks.order(name, RESET))
    cleared = "\n".join(f"{v} = 0" for v in ("h_first", "h_second", *model.membranes))
    group.run_regularly(cleared, clock=clocks.border, when=SLOT, order=REST)
