"""The step of a Brian2 NeuronGroup as a population: `Brian2LIF` for a membrane alone, else `Brian2Linear`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikesim.backends.brian2.reading.equations import Step
from spikesim.backends.brian2.reading.expressions import Affine, Number
from spikesim.neurons.brian2_lif import Brian2LIF
from spikesim.neurons.brian2_linear import Brian2Linear

Reals = npt.NDArray[np.float64]
OWN = ("v", "refractory_left", "receiving")


class Cells(NamedTuple):
    """A population that stands for a group.

    Attributes:
        population: the model.
        receptors: variable of the group -> the receptor of the population, None for its only one; variables
            that do not influence spikes are missing.
        currents: call of a timed array -> its receptor.
    """

    population: Any
    receptors: Mapping[str, str | None]
    currents: Mapping[str, str]


def cells_of(step: Step, loses_input: bool, plain: bool) -> Cells:
    """The population of a group.

    Args:
        step: the step of the group.
        loses_input: whether the synapses of the network act before its resets.
        plain: whether a `Brian2LIF` may stand for it: all its input is spikes, from fixed synapses.
    """
    if plain and (simple := _brian2_lif(step, loses_input)) is not None:
        return Cells(simple, {step.variables[0]: None}, {})
    labels = {step.variables[0]: "v"} | {name: _label(name) for name in step.variables[1:]}
    currents = tuple(step.timed)
    population = Brian2Linear(
        step.n,
        tuple(labels.values()),
        _matrix(step, step.moved),
        _vector(step, step.moved),
        _stacked([step.start[name] for name in step.variables], step.n),
        None if step.theta is None else plain_number(step.theta),
        _stacked([step.raised.get(name, 0.0) for name in step.variables], step.n),
        _matrix(step, step.after),
        _vector(step, step.after),
        currents,
        _matrix(step, step.moved, currents) if currents else (),
        **_while_refractory(step, currents),
        strict=step.strict,
        refractory=_pause(step),
        resets_last=loses_input,
    )
    return Cells(population, labels, {symbol: symbol for symbol in currents})


def _while_refractory(step: Step, currents: Sequence[str]) -> dict[str, Any]:
    """The fields of the integration while refractory; none where it is the same."""
    if not step.held:
        return {}
    resting = step.moved_refractory
    return {
        "kept_refractory": _matrix(step, resting),
        "bias_refractory": _vector(step, resting),
        "gain_refractory": _matrix(step, resting, currents) if currents else (),
        "held": tuple(name in step.held for name in step.variables),
    }


def _brian2_lif(step: Step, loses_input: bool) -> Brian2LIF | None:
    """The population of a group with a membrane alone; None where `Brian2LIF` is not enough."""
    if len(step.variables) > 1 or step.timed or step.theta is None:
        return None
    v = step.variables[0]
    kept, after = step.moved[v].slopes.get(v, 0.0), step.after[v]
    again = np.unique(np.asarray(after.slopes.get(v, 0.0), np.float64))
    if again.tolist() not in ([0.0], [1.0]):
        return None
    how, level = ("value", after.constant) if again[0] == 0 else ("subtract", -after.constant)
    held = v in step.held
    pause = _pause(step)
    return Brian2LIF(
        step.n,
        plain_number(step.theta),
        plain_number(kept),
        plain_number(step.moved[v].constant),
        plain_number(step.start[v]),
        step.strict,
        how,  # type: ignore[arg-type]
        plain_number(level),
        pause,
        held,
        (loses_input and how == "value") or held,
    )


def _pause(step: Step) -> Any:
    """Steps without spikes after one: in Brian2's refractory time, the step of the spike itself is one."""
    if step.refractory is None:
        return 0
    steps = np.maximum(np.asarray(step.refractory) - 1, 0)
    return int(steps.flat[0]) if (steps == steps.flat[0]).all() else tuple(steps.tolist())


def _label(name: str) -> str:
    """The name of a variable in states; "v" and two others have a meaning of their own there."""
    return f"{name}_" if name in OWN else name


def _matrix(step: Step, table: Mapping[str, Affine], columns: Sequence[str] | None = None) -> Reals:
    """Coefficients, (k, columns) or (n, k, columns): rows are variables."""
    names = step.variables if columns is None else columns
    rows = [_stacked([table[v].slopes.get(name, 0.0) for name in names], step.n) for v in step.variables]
    if any(row.ndim == 2 for row in rows):
        rows = [np.broadcast_to(row, (step.n, len(names))) for row in rows]
    return np.stack(rows, axis=-2)


def _vector(step: Step, table: Mapping[str, Affine]) -> Reals:
    """Constants, (k,) or (n, k)."""
    return _stacked([table[v].constant for v in step.variables], step.n)


def _stacked(values: Sequence[Number], n: int) -> Reals:
    """Numbers side by side: (k,), or (n, k) where one differs from neuron to neuron."""
    arrays = [np.asarray(value, np.float64) for value in values]
    if all((a == a.flat[0]).all() for a in arrays):
        return np.array([a.flat[0] for a in arrays])
    return np.stack([np.broadcast_to(a, (n,)) for a in arrays], axis=-1)


def plain_number(values: Number) -> float | tuple[float, ...]:
    """One number if all are equal, else a tuple."""
    each = np.atleast_1d(np.asarray(values, np.float64)) + 0.0  # no -0.0
    return float(each[0]) if (each == each[0]).all() else tuple(each.tolist())
