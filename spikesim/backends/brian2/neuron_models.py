"""Translations of neuron models to Brian2: one table.

All numbers are those of the model (counts of the population's grid, or real numbers) in float64. The
statements may use

    drive     the input current of this step, from spikes and external inputs
    bias      the bias of the population
    act       1 if a neuron is simulated in this step, 0 if it keeps its state
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikesim.backends.brian2.linear_model import parts_of
from spikesim.errors import EngineError
from spikesim.network.scheduling import is_source
from spikesim.neurons import IF, LIF, AdaptiveLIF, ErrorIF, LeakyIntegrator, TwoCurrentLIF
from spikesim.neurons.brian2_lif import Brian2LIF
from spikesim.neurons.brian2_linear import Brian2Linear
from spikesim.neurons.decay import DECAY_UNIT, kept_part, unit_of
from spikesim.neurons.description import no_translation, uniform
from spikesim.neurons.population import LIMIT, scaled

_REFRACTORY = """
awake = act * int(refractory_left == 0)
refractory_left = refractory_left - act * int(refractory_left > 0)
"""


class Brian2Model(NamedTuple):
    """The translation of a neuron model to Brian2.

    Attributes:
        state: the state of the model: key -> variable names (two if the array has two rows).
        helpers: additional variables, used within a step.
        integrate: statements of the integration, see above.
        events: name -> (condition, reset); the event "plus" is a spike of +1 and "minus" is one of -1.
        values: the numbers used in the statements, by name: one for all neurons, or an array (n,).
        reach: expression for the largest number that must stay below 2**53.
    """

    state: Mapping[str, tuple[str, ...]]
    helpers: tuple[str, ...]
    integrate: str
    events: Mapping[str, tuple[str, str]]
    values: Mapping[str, npt.ArrayLike]
    reach: str

    @property
    def variables(self) -> tuple[str, ...]:
        """All variables of the state."""
        return tuple(name for names in self.state.values() for name in names)

    @property
    def numbers(self) -> dict[str, float]:
        """The values that are equal for all neurons."""
        return {name: float(np.asarray(v).flat[0]) for name, v in self.values.items() if uniform(v)}

    @property
    def arrays(self) -> dict[str, npt.NDArray[np.float64]]:
        """The values that differ from neuron to neuron, float64 (n,)."""
        return {name: np.asarray(v, np.float64) for name, v in self.values.items() if not uniform(v)}


def translated(name: str, population: Any) -> Brian2Model:
    """The translation of a population's model.

    Raises:
        EngineError: the model has no translation.
    """
    translate = TRANSLATIONS.get(type(population))
    if translate is None:
        raise no_translation(
            "brian2",
            name,
            population,
            TRANSLATIONS,
            "A translation is an entry of spikesim.backends.brian2.neuron_models.TRANSLATIONS",
        )
    return translate(population)


def models(populations: Mapping[str, Any]) -> dict[str, Brian2Model]:
    """The translations of all populations of neurons."""
    return {name: translated(name, p) for name, p in populations.items() if not is_source(p)}


def _shared(population: IF | LIF, moved: str) -> tuple[str, dict[str, Any], str]:
    """Parts shared by IF and LIF, with floor and refractory time: statements, values, active neurons."""
    values, code = {"theta": scaled(population.theta, population.grid)}, moved
    if population.floor is not None:
        values["lowest"] = scaled(population.floor, population.grid)
        code += "moved = clip(moved, lowest, 1e300)\n"
    awake = "act"
    if np.any(np.asarray(population.refractory)):
        values["pause"] = np.asarray(population.refractory)
        code, awake = _REFRACTORY + code, "awake"
    return code + f"v = (1 - {awake}) * v + {awake} * moved", values, awake


def _with_refractory(
    population: IF | LIF, state: dict[str, tuple[str, ...]]
) -> tuple[Any, tuple[str, ...], str]:
    """State, helpers and the last statement of the reset, with a refractory time if there is one."""
    if not np.any(np.asarray(population.refractory)):
        return state, (), ""
    return {**state, "refractory_left": ("refractory_left",)}, ("awake",), "\nrefractory_left = pause"


def _integrate_and_fire(population: IF) -> Brian2Model:
    code, values, awake = _shared(population, "moved = v + drive + bias\n")
    state, helpers, pause = _with_refractory(population, {"v": ("v",)})
    reset = "v = 0" if population.reset == "zero" else "v -= theta"
    events = {"plus": (f"{awake} > 0 and v >= theta", reset + pause)}
    return Brian2Model(state, helpers, code, events, values, "abs(moved)")


def _leaky(population: LIF) -> Brian2Model:
    kept = "{x} * {x}_kept"
    if population.grid is not None:  # truncated towards zero, as on Loihi
        kept = f"sign({{x}}) * floor(abs({{x}}) * {{x}}_kept / {DECAY_UNIT})"
    if population.overshoot == "refuse":
        raise EngineError(
            "brian2: a LIF with overshoot = 'refuse', which stops a run; Brian2 cannot be stopped from a "
            "statement. Where 'stepped' runs it without an error, overshoot = 'keep' gives the same spikes"
        )
    current = f"current = {kept.format(x='u')} + drive\nu = (1 - act) * u + act * current\n"
    late = " - theta * int(v >= theta)" if population.reset_delay else ""
    moved = f"{current}moved = {kept.format(x='v')} + current + bias{late}\n"
    code, values, awake = _shared(population, moved)
    state, helpers, pause = _with_refractory(population, {"v": ("v",), "u": ("u",)})
    values |= {
        "u_kept": kept_part(population.u_decay, population.grid),
        "v_kept": kept_part(population.v_decay, population.grid),
        "v_reset": scaled(population.v_reset, population.grid),
    }
    resets = {"subtract": "v -= theta", "value": "v = v_reset", "none": "v = v"}
    reset = resets["none" if population.reset_delay else population.reset]
    events = {"plus": (f"{awake} > 0 and v >= theta", reset + pause)}
    reach = f"(abs(moved) + abs(current)) * {unit_of(population.grid)}"
    return Brian2Model(state, helpers, code, events, values, reach)


def _error(population: ErrorIF) -> Brian2Model:
    values, subtract = {"theta": scaled(population.theta, population.grid)}, population.reset == "subtract"
    if population.form == "ternary":
        code = "v = v + act * (drive + bias)"
        events = {
            "plus": ("act > 0 and v >= theta", "v -= theta" if subtract else "v = 0"),
            "minus": ("act > 0 and v <= -theta", "v += theta" if subtract else "v = 0"),
        }
        return Brian2Model({"v": ("v",)}, (), code, events, values, "abs(v)")
    code = "v_plus = v_plus + act * (drive + bias)\nv_minus = v_minus - act * (drive + bias)"
    events = {
        "plus": ("act > 0 and v_plus >= theta", "v_plus -= theta" if subtract else "v_plus = 0"),
        "minus": ("act > 0 and v_minus >= theta", "v_minus -= theta" if subtract else "v_minus = 0"),
    }
    reach = "abs(v_plus) + abs(v_minus)"
    return Brian2Model({"v": ("v_plus", "v_minus")}, (), code, events, values, reach)


def _read_from_brian2(population: Brian2LIF) -> Brian2Model:
    """Brian2's own order, delayed by one step; see `spikesim.neurons.brian2_lif`."""
    code = """
open = act * int(refractory_left == 0)
v = v + act * drive * (1 - lost)
v = v * (1 - {held}) + (v * kept + bias) * {held}
refractory_left = refractory_left - act * int(refractory_left > 0)
lost = (1 - act) * lost + act * {deaf}
""".format(held="open" if population.held else "act", deaf="(1 - open)" if population.held else "0")
    reset = "v = v_reset" if population.reset == "value" else "v -= v_reset"
    if population.loses_input:
        reset += "\nlost = 1"
    values = {
        "theta": np.asarray(population.theta),
        "v_reset": np.asarray(population.v_reset),
        "pause": np.asarray(population.refractory),
        "kept": np.asarray(population.kept),
    }
    condition = f"open > 0 and v {'>' if population.strict else '>='} theta"
    return Brian2Model(
        {key: (key,) for key in population.initial_state()},
        ("open",),
        code,
        {"plus": (condition, reset + "\nrefractory_left = pause")},
        values,
        "abs(v)",
    )


def _adaptive(population: AdaptiveLIF) -> Brian2Model:
    bits = population.grid
    integrate = f"""
current = {_kept("u", bits)} + drive
moved = {_kept("v", bits)} + current - c + level
"""
    adapt = f"""
threshold = theta + a
a = (1 - act) * a + act * ({_kept("a", bits)})
c = (1 - act) * c + act * ({_kept("c", bits)})
u = (1 - act) * u + act * current
"""
    more = {"a_jump": scaled(population.a_jump, bits), "c_jump": scaled(population.c_jump, bits)}
    reset = "v = v_reset\na += a_jump\nc += c_jump"
    return _decaying(population, ("u", "v", "a", "c"), integrate, adapt, ("threshold", reset), more)


def _two_currents(population: TwoCurrentLIF) -> Brian2Model:
    bits = population.grid
    integrate = f"""
current = {_kept("u_exc", bits)} + drive
against = {_kept("u_inh", bits)} + drive_1
moved = {_kept("v", bits)} + current + against + level
"""
    adapt = """
threshold = theta
u_exc = (1 - act) * u_exc + act * current
u_inh = (1 - act) * u_inh + act * against
"""
    model = _decaying(population, ("u_exc", "u_inh", "v"), integrate, adapt, ("threshold", "v = v_reset"), {})
    return model._replace(reach=f"(abs(moved) + abs(current) + abs(against)) * {unit_of(bits)}")


def _integrator(population: LeakyIntegrator) -> Brian2Model:
    bits = population.grid
    code = f"""
current = {_kept("u", bits)} + drive
moved = {_kept("v", bits)} + current + bias
u = (1 - act) * u + act * current
v = (1 - act) * v + act * moved
"""
    values = {
        "u_kept": kept_part(population.u_decay, bits),
        "v_kept": kept_part(population.v_decay, bits),
    }
    reach = f"(abs(moved) + abs(current)) * {unit_of(bits)}"
    return Brian2Model({"v": ("v",), "u": ("u",)}, (), code, {"plus": ("act < 0", "v = v")}, values, reach)


def _kept(name: str, bits: int | None) -> str:
    """Expression for a variable after its decay; on a grid truncated towards zero, as on Loihi."""
    if bits is None:
        return f"{name} * {name}_kept"
    return f"sign({name}) * floor(abs({name}) * {name}_kept / {DECAY_UNIT})"


def _decaying(
    population: AdaptiveLIF | TwoCurrentLIF,
    variables: tuple[str, ...],
    integrate: str,
    adapt: str,
    spike: tuple[str, str],
    more: Mapping[str, Any],
) -> Brian2Model:
    """Parts shared by models with several decaying variables: levels, floor, refractory time, reset."""
    bits, (threshold, reset) = population.grid, spike
    decays = {"u_exc": "exc_decay", "u_inh": "inh_decay"}
    values: dict[str, Any] = {
        f"{v}_kept": kept_part(getattr(population, decays.get(v, f"{v}_decay")), bits) for v in variables
    }
    values |= {"theta": scaled(population.theta, bits), "v_reset": scaled(population.v_reset, bits)}
    values |= {"level": scaled(population.bias, bits), "pause": np.asarray(population.refractory), **more}
    code = integrate
    if population.floor is not None:
        values["lowest"] = scaled(population.floor, bits)
        code += "moved = clip(moved, lowest, 1e300)\n"
    code += _REFRACTORY + adapt + "v = (1 - awake) * v + awake * moved"
    state = {v: (v,) for v in (*variables, "refractory_left")}
    event = (f"awake > 0 and v >= {threshold}", f"{reset}\nrefractory_left = pause")
    reach = f"(abs(moved) + abs(current)) * {unit_of(bits)}"
    return Brian2Model(state, ("awake", "threshold"), code, {"plus": event}, values, reach)


TRANSLATIONS: dict[type, Callable[[Any], Brian2Model]] = {
    IF: _integrate_and_fire,
    LIF: _leaky,
    ErrorIF: _error,
    AdaptiveLIF: _adaptive,
    TwoCurrentLIF: _two_currents,
    LeakyIntegrator: _integrator,
    Brian2LIF: _read_from_brian2,
    Brian2Linear: lambda population: Brian2Model(**parts_of(population)),
}


def check_reach(name: str, largest: float) -> None:
    """Check that membranes and currents stayed in the range in which float64 is exact.

    Raises:
        EngineError: they have left it.
    """
    if not largest < LIMIT:
        raise EngineError(
            f"brian2: {name}: a membrane or current has left the range of +-2**53 in which float64 is exact. "
            f"Ways out: a floor, a leak, smaller weights or a smaller bias; the engine 'stepped' names the "
            f"step and the neuron"
        )
