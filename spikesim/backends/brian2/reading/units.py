"""Brian2's own check of units in statements and conditions, which it makes when a network runs."""

from __future__ import annotations

from collections.abc import Mapping
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
    from brian2.units.fundamentalunits import DimensionMismatchError

    try:
        _, known, unknown = analyse_identifiers(code, owner.variables, recursive=True)
        check_units_statements(code, _variables(owner, known | unknown, namespace))
    except KeyError:
        return  # a name without a value: refused where it is read
    except DimensionMismatchError as problem:
        refuse(owner.name, f"{code!r}, whose units do not fit", f"Brian2 says: {problem}")


def check_condition(owner: Any, condition: str, namespace: Mapping[str, Any]) -> None:
    """Check the units of a threshold; arguments and errors as in `check_statements`."""
    from brian2.equations.unitcheck import check_dimensions
    from brian2.units.fundamentalunits import DIMENSIONLESS, DimensionMismatchError

    try:
        check_dimensions(condition, DIMENSIONLESS, _variables(owner, _names(condition), namespace))
    except KeyError:
        return
    except DimensionMismatchError as problem:
        refuse(owner.name, f"{condition!r}, whose units do not fit", f"Brian2 says: {problem}")


def check_time(owner: Any, expression: str, namespace: Mapping[str, Any]) -> None:
    """Check that an expression is a time; arguments and errors as in `check_statements`."""
    from brian2 import second
    from brian2.equations.unitcheck import check_dimensions
    from brian2.units.fundamentalunits import DimensionMismatchError

    try:
        check_dimensions(expression, second.dim, _variables(owner, _names(expression), namespace))
    except KeyError:
        return
    except DimensionMismatchError as problem:
        refuse(owner.name, f"{expression!r}, which is no time", f"Brian2 says: {problem}")


def _names(expression: str) -> set[str]:
    """The names in an expression."""
    from brian2.utils.stringtools import get_identifiers

    found: set[str] = get_identifiers(expression)
    return found


def _variables(owner: Any, names: set[str], namespace: Mapping[str, Any]) -> Mapping[str, Any]:
    """The variables of these names."""
    found: Mapping[str, Any] = owner.resolve_all(names, run_namespace=dict(namespace), user_identifiers=set())
    return found
