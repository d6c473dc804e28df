"""The equations of a Brian2 NeuronGroup as the linear step of each neuron.

The integration is the one that Brian2 itself would run: the statements of its state updater (exact,
exponential_euler, euler, and others where they stay linear) are evaluated with the group's constants. Only
the variables that decide spikes are read: those of the threshold, and what they depend on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from spikesim.backends.brian2.reading.expressions import (
    Affine,
    Expressions,
    Given,
    Number,
    Timed,
    refuse,
    statements,
    timesteps,
)
from spikesim.backends.brian2.reading.units import check_condition, check_statements, check_time
from spikesim.errors import DeclarationError

OPERATIONS = ("=", "+=", "-=", "*=", "/=")


class Step(NamedTuple):
    """The step of the neurons of a group; keys are names of variables and, in `moved`, of timed arrays.

    Attributes:
        name: name of the group.
        n: number of neurons.
        variables: those that decide spikes; the membrane first.
        moved, moved_refractory: each variable after the integration of a step.
        after: each variable after a spike.
        theta: the threshold, None where there is none, and `raised`, coefficients of the other variables.
        strict: whether a spike needs more than the threshold.
        start: initial values.
        held: the variables that are constant, and lose input, while refractory.
        refractory: steps in Brian2's count, that of the spike included; None without a refractory time.
        timed: the calls of timed arrays in `moved`.
    """

    name: str
    n: int
    variables: tuple[str, ...]
    moved: Mapping[str, Affine]
    moved_refractory: Mapping[str, Affine]
    after: Mapping[str, Affine]
    theta: Number | None
    raised: Mapping[str, Number]
    strict: bool
    start: Mapping[str, Number]
    held: frozenset[str]
    refractory: Any
    timed: Mapping[str, Timed]


def step_of(
    group: Any,
    namespace: Mapping[str, Any],
    dt: float,
    changing: Iterable[tuple[str, str]] = (),
    written: Iterable[str] = (),
) -> Step:
    """The step of a NeuronGroup.

    Args:
        group: a Brian2 NeuronGroup.
        namespace: values of names that the group does not have.
        dt: length of a step, in seconds.
        changing: (group, variable) of everything that changes during a run.
        written: parameters of the group to which synapses and the like write.

    Raises:
        DeclarationError: an unsupported construct; names it.
    """
    equations = group.equations
    if equations.is_stochastic:
        _refuse_noise(group)
    _check_units(group, namespace)
    resets = statements(group.name, group.event_codes.get("spike") or "")
    differential = [name for name in equations if name in equations.diff_eq_names]
    parameters = {name for name in (*written, *(name for name, _, _ in resets)) if name in group.variables}
    names = [*differential, *sorted(parameters - set(differential) - {"lastspike", "not_refractory"})]
    expressions = Expressions(group, namespace, {*changing, *((group.name, name) for name in names)})
    held = frozenset(n for n in differential if "unless refractory" in equations[n].flags)
    held = held if group._refractory is not False else frozenset()
    code, nonlinear = _updates(group, namespace), _nonlinear(expressions, names)
    awake = _integrated(expressions, names, code, 1.0, ()) | nonlinear
    resting = _integrated(expressions, names, code, 0.0, held) | nonlinear if held else awake
    refractory = _refractory(group, expressions, dt)
    membrane, theta, raised, strict = _threshold(group, expressions, names)
    after = _after(group, expressions, names, resets)
    found = _needed(membrane, raised, (awake, resting, after))
    used = {s for table in (awake, resting) for v in found for s in table[v].slopes}  # type: ignore[union-attr]
    return Step(
        group.name,
        group.N,
        found,
        _chosen(group, awake, found),
        _chosen(group, resting, found),
        _chosen(group, after, found),
        theta,
        raised,
        strict,
        {name: _start(group, name) for name in found},
        held & set(found),
        refractory,
        {symbol: call for symbol, call in expressions.timed.items() if symbol in used},
    )


def _refuse_noise(group: Any) -> None:
    for name in group.user_equations.diff_eq_names:
        equation = group.user_equations[name]
        if equation.stochastic_variables:
            noise = ", ".join(sorted(equation.stochastic_variables))
            refuse(
                group.name,
                f"the noise {noise} in d{name}/dt = {equation.expr}",
                "leave the noise out; the random inputs of spikesim are spikes: PoissonSource, PoissonInput",
            )


def _check_units(group: Any, namespace: Mapping[str, Any]) -> None:
    """Brian2's own check of units and names, as before a run."""
    from brian2.units.fundamentalunits import DimensionMismatchError

    try:
        group.equations.check_units(group, run_namespace=dict(namespace))
    except (DimensionMismatchError, KeyError, ValueError, TypeError, SyntaxError) as problem:
        reason = problem.__cause__ or problem
        refuse(group.name, "a group whose equations Brian2 refuses", f"it says: {reason}")
    if "spike" in group.events:
        check_condition(group, str(group.events["spike"]), namespace)
    if code := str(group.event_codes.get("spike") or ""):
        check_statements(group, code, namespace)


def _updates(group: Any, namespace: Mapping[str, Any]) -> str:
    """The statements with which Brian2 integrates a group."""
    from brian2.stateupdaters.base import StateUpdateMethod, UnsupportedEquationsException

    updater, equations = group.state_updater, group.equations
    if not equations.diff_eq_names:
        return ""
    try:
        variables = group.resolve_all(
            equations.names | equations.identifiers | {"dt"},
            run_namespace=dict(namespace),
            user_identifiers=set(),
        )
        made = StateUpdateMethod.apply_stateupdater(
            equations,
            variables,
            updater.method_choice,
            method_options=updater.method_options,
            group_name=group.name,
        )
    except (KeyError, ValueError, TypeError, NotImplementedError, UnsupportedEquationsException) as problem:
        instead = f"Brian2 says: {problem}"
        return refuse(group.name, f"the equations with method={updater.method_choice!r}", instead)
    if not isinstance(made, str):
        refuse(group.name, f"method={updater.method_choice!r}", "use method='exact' or 'euler'")
    return str(made)


def _nonlinear(expressions: Expressions, names: Sequence[str]) -> dict[str, Given]:
    """The equations that are not linear in the variables, as errors that quote them."""
    equations = expressions.owner.user_equations
    found: dict[str, Given] = {}
    given: dict[str, Given] = {name: Affine(0.0, {name: 1.0}) for name in names}
    for name in equations.diff_eq_names:
        code = str(equations[name].expr)
        try:
            expressions.affine(code, f"d{name}/dt = {code}", {**given, "not_refractory": Affine(1.0)})
        except DeclarationError as problem:
            found[name] = problem
    return found


def _integrated(
    expressions: Expressions, names: Sequence[str], code: str, awake: float, held: Iterable[str]
) -> dict[str, Given]:
    """Each variable after the integration of a step, while the neuron is awake (1.0) or refractory (0.0)."""
    given: dict[str, Given] = {name: Affine(0.0, {name: 1.0}) for name in names}
    given["not_refractory"] = Affine(awake)
    lines = statements(expressions.name, code)
    for variable, sign, expression in lines:
        if variable not in held:
            where = f"{variable} {sign} {expression}"
            _assign(expressions, given, variable, sign, expression, where)
    return given


def _assign(
    expressions: Expressions, given: dict[str, Given], variable: str, sign: str, expression: str, where: str
) -> None:
    """Carry out a statement; what cannot be read becomes an error that is raised where it is used."""
    if sign not in OPERATIONS:
        refuse(expressions.name, f"the operator {sign} in {where!r}", f"use {', '.join(OPERATIONS)}")
    code = expression if sign == "=" else f"{variable} {sign[0]} ({expression})"
    try:
        with np.errstate(all="ignore"):  # Brian2 divides by 0 for variables that it holds; see `_chosen`
            given[variable] = expressions.affine(code, where, given)
    except DeclarationError as problem:
        given[variable] = problem


def _after(
    group: Any, expressions: Expressions, names: Sequence[str], resets: Iterable[tuple[str, str, str]]
) -> dict[str, Given]:
    """Each variable after a spike."""
    code = str(group.event_codes.get("spike") or "")
    given: dict[str, Given] = {name: Affine(0.0, {name: 1.0}) for name in names}
    for variable, sign, expression in resets:
        if variable in ("lastspike", "not_refractory"):
            refuse(group.name, f"the reset {code!r}", "leave Brian2's refractory variables to Brian2")
        _assign(expressions, given, variable, sign, expression, code)
    for found in given.values():
        if isinstance(found, Affine) and (timed := set(found.slopes) - set(names)):
            refuse(group.name, f"{sorted(timed)[0]} in the reset {code!r}", "use constants and variables")
    return given


def _threshold(
    group: Any, expressions: Expressions, names: Sequence[str]
) -> tuple[str, Number | None, dict[str, Number], bool]:
    """Membrane, threshold, coefficients of the other variables in it, and whether a spike needs more."""
    code = group.events.get("spike")
    if code is None:
        if not names:
            refuse(group.name, "a group without variables", "leave it out")
        return next((n for n in ("v", "V", "vm", "Vm") if n in names), names[0]), None, {}, True
    tree = _without_refractory(group, expressions.tree(code))
    instead = "write it as v > threshold, or v >= threshold, linear in the variables of the group"
    if not tree.is_Relational or tree.rel_op not in (">", ">=", "<", "<="):
        refuse(group.name, f"the threshold {code!r}", instead)
    given: dict[str, Given] = {name: Affine(0.0, {name: 1.0}) for name in names}
    upper, lower = (expressions.affine(side, str(code), given) for side in (tree.gts, tree.lts))
    slopes = {n: upper.slopes.get(n, 0.0) - lower.slopes.get(n, 0.0) for n in (*upper.slopes, *lower.slopes)}
    positive = [name for name in slopes if np.all(np.asarray(slopes[name]) > 0)]
    if not positive or not set(slopes) <= set(names):
        refuse(group.name, f"the threshold {code!r}", instead)
    v = positive[0]
    scale = slopes.pop(v)
    theta = (lower.constant - upper.constant) / scale
    raised = {name: -slope / scale for name, slope in slopes.items()}
    return v, theta, raised, tree.rel_op in (">", "<")


def _without_refractory(group: Any, tree: Any) -> Any:
    """A condition without `and not_refractory`, which Brian2 adds itself where there is a refractory time."""
    if tree.func.__name__ != "And" or group._refractory is False:
        return tree
    parts = [part for part in tree.args if str(part) != "not_refractory"]
    return parts[0] if len(parts) == 1 else tree


def _needed(
    membrane: str, raised: Mapping[str, Number], tables: Iterable[Mapping[str, Given]]
) -> tuple[str, ...]:
    """The membrane, and all variables on which its spikes depend.

    Raises:
        DeclarationError: one of them cannot be read.
    """
    tables = list(tables)
    found = [membrane, *(name for name, slope in raised.items() if np.any(slope))]
    for name in found:  # grows
        for table in tables:
            moved = table[name]
            if isinstance(moved, DeclarationError):
                raise moved
            found += [
                other
                for other, slope in moved.slopes.items()
                if other in table and other not in found and np.any(slope)
            ]
    return tuple(found)


def _chosen(group: Any, table: Mapping[str, Given], names: Iterable[str]) -> dict[str, Affine]:
    """The variables of a table that are needed, checked to be finite."""
    found = {name: moved for name in names if isinstance(moved := table[name], Affine)}
    for name, moved in found.items():
        if not all(np.isfinite(value).all() for value in (moved.constant, *moved.slopes.values())):
            refuse(group.name, f"a step of {name} that is not finite", "look for a division by 0")
    return found


def _start(group: Any, name: str) -> Number:
    """The initial values of a variable."""
    variable = group.variables[name]
    if variable.dtype != np.float64:
        refuse(
            group.name,
            f"the variable {name} of {np.dtype(variable.dtype)}",
            "use double precision, which spikesim computes in (Brian2's default)",
        )
    values = np.asarray(variable.get_value(), np.float64)
    if not np.isfinite(values).all():
        refuse(group.name, f"an initial {name} that is not finite", f"set {name} before the import")
    return float(values[0]) if values.size == 1 else values


def _refractory(group: Any, expressions: Expressions, dt: float) -> Any:
    """Brian2's refractory time in steps, one number or one per neuron; None without one."""
    from brian2 import Quantity, prefs

    time = group._refractory
    if time is False:
        return None
    if prefs.legacy.refractory_timing:
        refuse(group.name, "the preference legacy.refractory_timing", "switch it off")
    if (np.asarray(group.variables["lastspike"].get_value()) != -1e4).any():
        refuse(group.name, "a group that has fired before", "leave lastspike as it is")
    if isinstance(time, Quantity):
        return timesteps(np.asarray(float(time)), dt)
    tree = expressions.tree(str(time))
    variable = group.variables.get(str(tree))
    if tree.is_Relational or tree.is_Boolean or (variable is not None and variable.is_boolean):
        refuse(group.name, f"the refractory condition {time!r}", "give a time, for example refractory=2*ms")
    check_time(group, str(time), expressions.namespace)
    return timesteps(np.asarray(expressions.constant(tree, str(time)), np.float64), dt)
