"""Brian2's own check of units in statements and conditions, which it makes when a network runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from spikesim.backends.brian2.reading.expressions import refuse


def check_statements(owner: Any, code: str, namespace: Mapping[str, Any]) -> None:
    """Check the units of the statements of a reset or a pathway.

    Args:
        owner: the NeuronGroup or Synapses.
        code: the statements.
        namespace: values of names that the owner does not have.

    Raises:
        DeclarationError: units that do not fit; quotes the statements, and what Brian2 says.
    """
    from brian2.codegen.translation import analyse_identifiers
    from brian2.equations.unitcheck import check_units_statements

    _, known, unknown = analyse_identifiers(code, owner.variables, recursive=True)
    _check(owner, code, "whose units do not fit", known | unknown, namespace, check_units_statements)


def check_condition(owner: Any, condition: str, namespace: Mapping[str, Any]) -> None:
    """Check the units of a threshold; arguments and errors as in `check_statements`."""
    from brian2.units.fundamentalunits import DIMENSIONLESS

    _check_expression(owner, condition, "whose units do not fit", namespace, DIMENSIONLESS)


def check_time(owner: Any, expression: str, namespace: Mapping[str, Any]) -> None:
    """Check that an expression is a time; arguments and errors as in `check_statements`."""
    from brian2 import second

    _check_expression(owner, expression, "which is no time", namespace, second.dim)


def _check_expression(owner: Any, code: str, why: str, namespace: Mapping[str, Any], unit: Any) -> None:
    """Check that an expression has a unit."""
    from brian2.equations.unitcheck import check_dimensions
    from brian2.utils.stringtools import get_identifiers

    def check(code: str, variables: Mapping[str, Any]) -> None:
        check_dimensions(code, unit, variables)

    _check(owner, code, why, get_identifiers(code), namespace, check)


def _check(
    owner: Any,
    code: str,
    why: str,
    names: set[str],
    namespace: Mapping[str, Any],
    check: Callable[[str, Mapping[str, Any]], None],
) -> None:
    """Run a check of Brian2's on code and the variables of its names; its refusal becomes ours."""
    from brian2.units.fundamentalunits import DimensionMismatchError

    try:
        check(code, owner.resolve_all(names, run_namespace=dict(namespace), user_identifiers=set()))
    except KeyError:
        return  # a name without a value: refused where it is read
    except DimensionMismatchError as problem:
        refuse(owner.name, f"{code!r}, {why}", f"Brian2 says: {problem}")
