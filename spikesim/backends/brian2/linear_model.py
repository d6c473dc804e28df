"""The statements of a `Brian2Linear` in Brian2: those of its docstring, entry by entry of its matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikesim.neurons.brian2_linear import Brian2Linear

RESTING = "_refractory"


class Names:
    """The numbers of a population by name, as they are used in statements."""

    def __init__(self, population: Brian2Linear) -> None:
        self._population = population
        self.values: dict[str, Any] = {}

    def array(self, field: str, shape: tuple[int, ...]) -> Any:
        """A field of the population, (*shape,) or (n, *shape); zeros where it is empty."""
        array = np.asarray(getattr(self._population, field), np.float64)
        return array if array.size else np.zeros(shape)

    def number(self, field: str, array: Any, *place: int) -> str | None:
        """The name of one entry of an array; None where it is 0 for all neurons."""
        entry: tuple[Any, ...] = (..., *place)
        value = array[entry]
        if not np.any(value):
            return None
        name = "_".join([field, *map(str, place)])
        self.values[name] = value
        return name

    def row(self, field: str, array: Any, a: int, factors: list[str]) -> str:
        """The product of a row of a matrix and a vector, without the entries that are 0."""
        names = [self.number(field, array, a, b) for b in range(len(factors))]
        terms = [f"{name} * {factor}" for name, factor in zip(names, factors, strict=True) if name]
        return " + ".join(terms) or "0"


def parts_of(population: Brian2Linear) -> dict[str, Any]:
    """The fields of the `Brian2Model` of a population."""
    k, m = len(population.variables), len(population.currents)
    names = Names(population)
    drives = ["drive", *(f"drive_{c}" for c in range(1, k + m))]
    x, y = [f"x_{a}" for a in range(k)], [f"y_{a}" for a in range(k)]
    code = ["open = act * int(refractory_left == 0)", *_received(population, names, drives, x, y)]
    awake = [_moved(population, names, "", a, y, drives[k:]) for a in range(k)]
    resting = [_moved(population, names, RESTING, a, y, drives[k:]) for a in range(k)]
    code += [
        f"x_{a} = (1 - act) * x_{a} + act * (({awake[a]}) * open + ({resting[a]}) * (1 - open))"
        for a in range(k)
    ]
    code += ["receiving = (1 - act) * receiving + act * 2 * (1 - open)"]
    code += ["refractory_left = refractory_left - act * int(refractory_left > 0)"]
    reset, bias = names.array("reset", (k, k)), names.array("reset_bias", (k,))
    spike = [
        f"y_{a} = {names.row('reset', reset, a, x)} + {names.number('reset_bias', bias, a) or 0}"
        for a in range(k)
    ]
    spike += [f"x_{a} = y_{a}" for a in range(k)] + ["refractory_left = pause", "receiving = 1"]
    names.values["pause"] = np.asarray(population.refractory, np.float64)
    state = {key: (f"x_{a}",) for a, key in enumerate(population.keys)}
    state |= {key: (key,) for key in ("refractory_left", "receiving")}
    return {
        "state": state,
        "helpers": ("open", *y, *(f"came_{a}" for a in range(k))),
        "integrate": "\n".join(code),
        "events": {"plus": (_condition(population, names, x), "\n".join(spike))},
        "values": names.values,
        "reach": " + ".join(f"abs({name})" for name in x),
    }


def _received(
    population: Brian2Linear, names: Names, drives: list[str], x: list[str], y: list[str]
) -> list[str]:
    """The statements that add the input: after a spike it passes the reset, too."""
    k = len(x)
    held = population.held or (False,) * k
    lost = {True: "int(receiving == 0)", False: "int(receiving < 3)"}
    code = [f"came_{a} = {drives[a]} * {lost[held[a]]}" for a in range(k)]
    if not population.resets_last:
        return code + [f"{y[a]} = {x[a]} + came_{a}" for a in range(k)]
    came, reset = [f"came_{a}" for a in range(k)], names.array("reset", (k, k))
    for a in range(k):
        after = names.row("reset", reset, a, came)
        code.append(f"{y[a]} = {x[a]} + came_{a} * int(receiving != 1) + ({after}) * int(receiving == 1)")
    return code


def _moved(
    population: Brian2Linear, names: Names, ending: str, a: int, y: list[str], currents: list[str]
) -> str:
    """The expression of a variable after the integration of a step."""
    k, m = len(y), len(currents)
    found = []
    for field, shape in (("kept", (k, k)), ("bias", (k,)), ("gain", (k, m))):
        field += ending if getattr(population, field + ending) != () else ""
        array = names.array(field, shape)
        if field.startswith("bias"):
            found.append(names.number(field, array, a) or "0")
        else:
            found.append(names.row(field, array, a, y if field.startswith("kept") else currents))
    return " + ".join(found)


def _condition(population: Brian2Linear, names: Names, x: list[str]) -> str:
    """The condition of a spike."""
    if population.theta is None:
        return "open < 0"
    names.values["theta"] = np.asarray(population.theta, np.float64)
    raised = names.array("raised", (len(x),))
    terms = ["theta"]
    for b, variable in enumerate(x):
        name = names.number("raised", raised, b)
        terms += [f"{name} * {variable}"] if name else []
    return f"open > 0 and x_0 {'>' if population.strict else '>='} {' + '.join(terms)}"
