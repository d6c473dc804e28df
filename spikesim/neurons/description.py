"""The description of a neuron model: its equations, parameters and state variables, declared once.

Every reader of a network (engines, numeric bounds, verifier, drawing, Brian2, the hardware targets, the
random networks of the tests) uses this description, or has one table `{model: translation}` with one error
for a model that is not in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from spikesim import grid as grids
from spikesim.errors import DeclarationError, EngineError, unknown
from spikesim.files.plain_values import plain

Reals = npt.NDArray[np.float64]
Role = Literal["neuron", "input", "target", "generator"]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a neuron model.

    Attributes:
        name: name of the dataclass field.
        unit: "weight" (the unit of weights and thresholds), "weight/step", "1/step", "steps" or "1".
        low, high: closed range of its values.
        positive: whether 0 is excluded; `low` is then 0.
        per_neuron: whether it may be an array of n values, one per neuron.
        on_grid: whether it must be on the grid of the population, if that has one.
        whole: whether it must be a whole number.
        optional: whether None is allowed (no floor).
    """

    name: str
    unit: str
    low: float = -np.inf
    high: float = np.inf
    positive: bool = False
    per_neuron: bool = True
    on_grid: bool = False
    whole: bool = False
    optional: bool = False


@dataclass(frozen=True)
class Variable:
    """One state variable of a neuron model.

    Attributes:
        name: its key in the state.
        unit: "weight" (in counts of 2**-grid if the population has a grid), "steps" or "1".
        meaning: a short explanation.
    """

    name: str
    unit: str
    meaning: str


@dataclass(frozen=True)
class NeuronModel:
    """The description of a neuron model: the class attribute `description`.

    Attributes:
        equations: the update of one step.
        parameters: see `Parameter`.
        state: see `Variable`; "v" is the membrane.
        spikes: "binary" (0, 1), "signed" (-1, 0, 1), or "none": its membrane is the result.
        leaky: whether the model has a leak, an adaptation or a decaying current; sums are then bounded in
            float64 over the whole window. Otherwise the membrane is the sum of the input since its reset.
        receptors: names of the receptors to which a projection can connect (its `receptor`); empty if all
            input is one current.
        role: "neuron" has a membrane; "input" sends external spikes, "target" those of the class to be
            learned, "generator" spikes that it generates.
    """

    equations: str
    parameters: tuple[Parameter, ...] = ()
    state: tuple[Variable, ...] = ()
    spikes: Literal["binary", "signed", "none"] = "binary"
    leaky: bool = True
    receptors: tuple[str, ...] = ()
    role: Role = "neuron"

    def receptor(self, name: str | None) -> int:
        """The index of a receptor; 0 for the only or first one.

        Raises:
            DeclarationError: the model has no receptor of this name.
        """
        if name is None:
            return 0
        if name not in self.receptors:
            raise DeclarationError(unknown("receptor", name, self.receptors))
        return self.receptors.index(name)

    def parameter(self, name: str) -> Parameter | None:
        """The parameter with a name; None if the model has no such parameter."""
        return next((p for p in self.parameters if p.name == name), None)


class LinearNeuron(NamedTuple):
    """Normal form of integrate-and-fire neurons with a current and a leak, which hardware targets translate.

        u(t) = (1 - u_decay) u(t-1) + I(t)
        v(t) = max((1 - v_decay) v(t-1) + u(t) + bias, floor)
        spike where v(t) >= theta and the neuron is not refractory; then v(t) = v_reset, or v(t) - theta

    or, where the reset comes late, theta [v(t-1) >= theta] is subtracted before the floor; or there is no
    reset. An IF has u_decay = 1 and v_decay = 0. All arrays are (n,), in the unit of weights.

    Attributes:
        floor: lower bound of the membrane; -inf for none.
        refractory: int64, steps.
        subtract: whether the reset subtracts theta.
        reset_delay: 1 where it does so one step late, else 0.
        resets: whether there is a reset at all.
        form: "single" membrane, or the "ternary" membrane or "pair" of membranes of an error neuron.
    """

    theta: Reals
    bias: Reals
    u_decay: Reals
    v_decay: Reals
    v_reset: Reals
    floor: Reals
    refractory: npt.NDArray[np.int64]
    v_start: Reals
    u_start: Reals
    subtract: bool = False
    form: Literal["single", "ternary", "pair"] = "single"
    reset_delay: int = 0
    resets: bool = True

    @property
    def reset_shown(self) -> str:
        """The reset in words, for a message; "" for one to zero in the step of the spike."""
        if not self.resets:
            return "'none'"
        if self.subtract:
            return "'subtract', one step late" if self.reset_delay else "'subtract'"
        low, high = self.v_reset.min().item(), self.v_reset.max().item()
        return "" if low == high == 0 else f"to {low}" if low == high else f"to {low} .. {high}"

    @property
    def leaks(self) -> bool:
        """Whether a membrane leaks or a current lasts for more than one step."""
        return bool((self.u_decay != 1).any() or (self.v_decay != 0).any())

    def differing(self, names: Iterable[str]) -> list[str]:
        """The names of those parameters that differ from neuron to neuron."""
        return [name for name in names if not uniform(getattr(self, name))]


def uniform(values: Any) -> bool:
    """Whether all values are equal."""
    array = np.asarray(values)
    return bool(array.ndim == 0 or (array == array.flat[0]).all())


def each(value: Any, n: int) -> Reals:
    """A number or n numbers as float64 (n,); None (no floor) is -inf."""
    return np.broadcast_to(np.asarray(-np.inf if value is None else value, np.float64), (n,)).copy()


def check_parameters(population: Any) -> None:
    """Check every parameter that a model describes; arrays and lists become tuples of Python numbers.

    Raises:
        DeclarationError: a value of a wrong type, shape or range, or off the grid; names the parameter, the
            neuron and the limit.
    """
    kind, n = type(population).__name__, population.n
    for parameter in population.description.parameters:
        value = getattr(population, parameter.name)
        if value is None and parameter.optional:
            continue
        where = f"{kind}: {parameter.name}"
        array = _array(value, parameter, where, n)
        if type(value) not in (int, float):
            object.__setattr__(population, parameter.name, plain(array))
        _check_range(array, parameter, where, value)
        if parameter.on_grid:
            grids.on_grid(array, population.grid, where)


def _array(value: Any, parameter: Parameter, where: str, n: int) -> npt.NDArray[Any]:
    kinds = "iu" if parameter.whole else "iuf"
    try:
        array = np.asarray(value)
    except ValueError:  # rows of different lengths
        array = np.asarray(None)
    one = "a whole number" if parameter.whole else "a number"
    if array.dtype.kind not in kinds:
        wanted = f"{one}, or an array of {n}" if parameter.per_neuron else one
        raise DeclarationError(f"{where} = {value!r:.60}; {wanted} is needed ({parameter.unit})")
    if array.ndim and not parameter.per_neuron:
        raise DeclarationError(f"{where} has the shape {array.shape}; {one} for all neurons is needed")
    if array.ndim and array.shape != (n,):
        raise DeclarationError(
            f"{where} has the shape {array.shape} for {n} neurons; give {one}, or one value per neuron, "
            f"({n},)"
        )
    return array


def _check_range(array: npt.NDArray[Any], parameter: Parameter, where: str, value: Any) -> None:
    above = array > 0 if parameter.positive else array >= parameter.low
    inside = above & (array <= parameter.high) & np.isfinite(array)
    if inside.all():
        return
    k = int(np.argmin(inside)) if array.ndim else 0
    shown = f"{where}[{k}] = {array.flat[k].item()!r}" if array.ndim else f"{where} = {value!r}"
    unit = "" if parameter.unit == "1" else f" ({parameter.unit})"
    raise DeclarationError(f"{shown}; {_range(parameter)} is needed{unit}")


def _range(parameter: Parameter) -> str:
    """The allowed values of a parameter, as text."""
    if parameter.whole:
        return f"a whole number of {parameter.unit} >= {parameter.low:g}"
    low, high = np.isfinite(parameter.low), np.isfinite(parameter.high)
    if parameter.positive:
        return f"a number in (0, {parameter.high:g}]" if high else "a positive, finite number"
    if low and high:
        return f"a finite number in [{parameter.low:g}, {parameter.high:g}]"
    return "a finite number" + (
        f" >= {parameter.low:g}" if low else f" <= {parameter.high:g}" if high else ""
    )


def no_translation(
    where: str, name: str, population: Any, table: Mapping[type, Any], way: str
) -> EngineError:
    """The error of every reader whose table has no entry for a model.

    Args:
        where: name of the reader.
        name: name of the population.
        population: the population.
        table: translations of the reader.
        way: how to add an entry, as a sentence.
    """
    known = ", ".join(sorted(kind.__name__ for kind in table))
    return EngineError(
        f"{where}: {name} is a {type(population).__name__}, a model without a translation; {where} supports "
        f"{known}. {way}. The engines 'stepped' and 'naive' support every registered model"
    )
