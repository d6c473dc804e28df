"""Parameters of a Brian2 NeuronGroup from its equations: parsed with sympy, never evaluated as code.

dv/dt = a v + b          exact: v <- exp(a dt) v + (exp(a dt) - 1) b / a        (b dt where a = 0)
                         euler: v <- (1 + a dt) v + b dt
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from spikesim.errors import DeclarationError
from spikesim.neurons.brian2_lif import Brian2LIF

Number = Any  # a float, or float64 (n,)
EXACT, EULER = ("exact", "linear", "exponential_euler", None), ("euler",)


def refuse(name: str, what: str, instead: str) -> NoReturn:
    """Raise the error for an unsupported construct of a Brian2 model, with the alternative.

    Raises:
        DeclarationError: always.
    """
    raise DeclarationError(f"from_brian2: {name}: {what} is not supported; {instead}")


class Names:
    """Values of the names in the expressions of a Brian2 object, in SI units.

    Args:
        group: a NeuronGroup or Synapses.
        namespace: values of names that the object does not have.
    """

    def __init__(self, group: Any, namespace: Mapping[str, Any]) -> None:
        self._group, self._namespace = group, namespace

    def tree(self, code: str) -> Any:
        """The sympy tree of an expression."""
        from brian2.parsing.sympytools import str_to_sympy

        return str_to_sympy(str(code))

    def value(self, tree: Any, where: str) -> Number:
        """The value of a constant expression: a float, or an array with one value per neuron or synapse.

        Raises:
            DeclarationError: it contains a name that is not constant, or an unsupported function.
        """
        if tree.is_Symbol:
            return self._constant(str(tree), where)
        if not tree.args:
            return float(tree)
        parts = [self.value(part, where) for part in tree.args]
        if tree.is_Add:
            return sum(parts)
        if tree.is_Mul:
            return np.prod(np.broadcast_arrays(*parts), axis=0) if len(parts) else 1.0
        if tree.is_Pow:
            return np.power(parts[0], parts[1])
        if tree.func.__name__ == "exp":
            return np.exp(parts[0])
        return refuse(
            self._group.name, f"{tree} in {where!r}", "calculate its value and write it as a constant"
        )

    def _constant(self, name: str, where: str) -> Number:
        try:
            variable = self._group.resolve_all(
                [name], run_namespace=dict(self._namespace), user_identifiers=set()
            )
        except (KeyError, ValueError, TypeError) as problem:
            return refuse(self._group.name, f"{name!r} in {where!r}, which has no value here,", f"{problem}")
        found = variable[name]
        index = getattr(self._group.variables, "indices", {}).get(name, "_idx")
        if not hasattr(found, "get_value") or name in ("t", "t_in_timesteps") or index not in ("_idx", "0"):
            what = f"{name!r} in {where!r}, which is not a constant of the object,"
            return refuse(self._group.name, what, "use a constant, or a parameter of the same object")
        value = np.asarray(found.get_value(), np.float64)
        return float(value.reshape(-1)[0]) if value.size == 1 else value

    def one(self, tree: Any, where: str) -> float:
        """The value of a constant expression that is equal for all neurons.

        Raises:
            DeclarationError: it is not.
        """
        values = np.unique(np.asarray(self.value(tree, where), np.float64))
        if values.size != 1:
            refuse(
                self._group.name,
                f"{where!r}, which differs from neuron to neuron,",
                "use a group for each value",
            )
        return float(values[0])


def neurons(group: Any, namespace: Mapping[str, Any], dt: float, loses_input: bool) -> tuple[str, Brian2LIF]:
    """The name of the membrane variable, and the model.

    Args:
        group: a Brian2 NeuronGroup.
        namespace: values of names that the group does not have.
        dt: length of a step, in seconds.
        loses_input: whether the synapses of the network act before its resets.

    Raises:
        DeclarationError: an unsupported construct; names it.
    """
    names = Names(group, namespace)
    v, theta, strict = _threshold(group, names)
    kept, bias, held = _membrane(group, names, v, dt)
    how, v_reset = _reset(group, names, v)
    steps = _refractory(group, names, dt)
    blocked = held and steps is not None
    return v, Brian2LIF(
        group.N,
        theta,
        _plain(kept),
        _plain(bias),
        _plain(np.asarray(group.variables[v].get_value(), np.float64)),
        strict,
        how,  # type: ignore[arg-type]
        v_reset,
        0 if steps is None else max(steps - 1, 0),
        blocked,
        (loses_input and how == "value") or blocked,
    )


def _plain(values: Number) -> float | tuple[float, ...]:
    """One number if all are equal, else a tuple."""
    each = np.atleast_1d(np.asarray(values, np.float64))
    return float(each[0]) if (each == each[0]).all() else tuple(each.tolist())


def _threshold(group: Any, names: Names) -> tuple[str, float, bool]:
    """The name of the membrane, the threshold, and whether a spike needs v above it."""
    code = group.events.get("spike")
    if code is None:
        refuse(group.name, "a group without a threshold", "leave it out, or give it a threshold")
    tree = names.tree(code)
    known = {str(name): name for name in group.user_equations}
    if tree.is_Relational and tree.rel_op in (">", ">=", "<", "<="):
        v, limit = tree.gts, tree.lts
        if v.is_Symbol and str(v) in known and not limit.has(v):
            return str(v), names.one(limit, code), tree.rel_op in (">", "<")
    return refuse(group.name, f"the threshold {code!r}", "write it as v > constant, or v >= constant")


def _membrane(group: Any, names: Names, v: str, dt: float) -> tuple[Number, Number, bool]:
    """Factor and increment of the membrane per step, and whether it is constant while refractory."""
    equations = group.user_equations
    for name in equations.diff_eq_names - {v}:
        instead = "let synapses act on v itself, or declare spikesim.LIF, which has a decaying current"
        refuse(group.name, f"the second differential equation d{name}/dt", instead)
    if v not in equations.diff_eq_names:
        return 1.0, 0.0, False
    code = str(dict(equations.get_substituted_expressions())[v])
    tree = names.tree(code)
    a: Number = 0.0
    symbol = next((s for s in tree.free_symbols if str(s) == v), None)
    if symbol is not None:
        poly = tree.as_poly(symbol)
        if poly is None or poly.degree() > 1:
            instead = "a right side that is linear in v is needed: -(v - v_rest)/tau + I"
            refuse(group.name, f"dv/dt = {code}", instead)
        a, tree = names.value(poly.coeff_monomial(symbol), code), poly.coeff_monomial(1)
    b = names.value(tree, code)
    held = "unless refractory" in equations[v].flags
    method = group.method_choice
    if method in EULER:
        return 1 + a * dt, b * dt, held
    if method not in EXACT:
        refuse(group.name, f"method={method!r}", "use method='exact' or 'euler'")
    a, b = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(b, np.float64))
    gained = np.where(a == 0, dt, np.expm1(a * dt) / np.where(a == 0, 1.0, a))
    return np.exp(a * dt), gained * b, held


def statements(name: str, code: str) -> list[tuple[str, str, str]]:
    """(variable, operator, expression) of every statement in Brian2 code."""
    from brian2.parsing.statements import parse_statement

    lines = [line.strip() for line in code.replace(";", "\n").split("\n")]
    try:
        return [parse_statement(line)[:3] for line in lines if line and not line.startswith("#")]
    except ValueError as problem:
        return refuse(name, f"the statement {code!r}", str(problem))


def _reset(group: Any, names: Names, v: str) -> tuple[str, float]:
    """The kind of reset of the membrane, "value" or "subtract", and its number."""
    code = group.event_codes.get("spike") or ""
    found = statements(group.name, code)
    if not found:
        return "subtract", 0.0
    (variable, sign, expression) = found[0]
    if len(found) == 1 and variable == v and sign in ("=", "-="):
        tree = names.tree(expression)
        if sign == "-=":
            return "subtract", names.one(tree, code)
        symbols = {str(s): s for s in tree.free_symbols}
        if v not in symbols:
            return "value", names.one(tree, code)
        rest = tree - symbols[v]
        if not rest.has(symbols[v]):  # v = v - theta
            return "subtract", -names.one(rest, code)
    return refuse(group.name, f"the reset {code!r}", f"use one statement: {v} = constant, or {v} -= constant")


def _refractory(group: Any, names: Names, dt: float) -> int | None:
    """Brian2's refractory time in steps; None without one."""
    from brian2 import Quantity, prefs

    time = group._refractory
    if time is False:
        return None
    if prefs.legacy.refractory_timing:
        refuse(group.name, "the preference legacy.refractory_timing", "switch it off")
    if isinstance(time, Quantity):
        return int(timesteps(np.asarray(float(time)), dt))
    tree = names.tree(str(time))
    if tree.is_Relational or tree.is_Boolean:
        refuse(group.name, f"the refractory condition {time!r}", "give a time, for example refractory=2*ms")
    return int(timesteps(np.asarray(names.one(tree, str(time))), dt))


def timesteps(times: npt.NDArray[np.float64], dt: float) -> npt.NDArray[np.int64]:
    """Times in steps, rounded as in Brian2: up to a thousandth of a step early counts as the later step."""
    return np.asarray((times + 1e-3 * dt) / dt).astype(np.int64)
