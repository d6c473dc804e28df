"""Values of declarations in one form: Python's own numbers and tuples, whatever they were given as.

A declaration with [1, 2], (1, 2), np.array([1, 2]) or a tensor is thus one declaration: equal, with one hash,
one digest and one file. NumPy scalars become Python numbers of exactly their value: np.float32(0.1) becomes
0.10000000149011612.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from dataclasses import fields
from functools import cache
from typing import Any, get_type_hints

import numpy as np

from spikesim.files.field_versions import declared

PYTHONS = frozenset({int, float, bool, str})
REAL = re.compile(r"float|\bValues\b")


def plain(value: Any) -> Any:
    """A value with NumPy scalars as Python numbers, and arrays, lists and ranges as (nested) tuples."""
    if hasattr(value, "__array__"):
        array = np.asarray(value)
        if array.dtype == np.longdouble:
            array = array.astype(np.float64)
        return _tuples(array.tolist()) if array.dtype != object else value
    if isinstance(value, list | tuple | range):
        return tuple(value) if PYTHONS.issuperset(map(type, value)) else tuple(map(plain, value))
    return value


def _tuples(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return tuple(map(_tuples, value)) if value and isinstance(value[0], list) else tuple(value)


def plain_fields(part: Any, without: Iterable[str] = ()) -> None:
    """Bring the fields of a frozen dataclass into the form of `plain`; called before they are checked.

    Args:
        part: the declaration, changed in place.
        without: names of fields that stay as they are.
    """
    skipped = set(without)
    for f in fields(part):
        if f.init and f.name not in skipped:
            value = getattr(part, f.name)
            if hasattr(value, "__array__") or isinstance(value, list | tuple | range):
                object.__setattr__(part, f.name, plain(value))


def is_number(value: object) -> bool:
    """Whether a value in the form of `plain` is one real number."""
    return isinstance(value, float | int)


def canonical(part: Any) -> dict[str, Any]:
    """The declared fields of a dataclass by name, equal for declarations of equal values.

    Numbers are in the form of `plain`, and whole numbers given for a field of real numbers are floats: 1 and
    1.0 are one threshold. A field that holds an array of its own (weights, indices) keeps it.
    """
    reals = _real_fields(type(part))  # type: ignore[arg-type]
    found = {}
    for name, value in declared(part).items():
        if isinstance(value, np.ndarray):
            whole = name in reals and value.dtype.kind in "iu"
            found[name] = value.astype(np.float64) if whole else value
        else:
            found[name] = _floats(plain(value)) if name in reals else plain(value)
    return found


@cache
def _real_fields(kind: Hashable) -> frozenset[str]:
    """The fields of real numbers: by the description of a neuron model, or else by their annotation."""
    described = getattr(kind, "description", None)
    parameters = {} if described is None else {p.name: p.whole for p in described.parameters}
    try:
        types = get_type_hints(kind)
    except NameError:  # a type that is imported for type checkers only
        types = {}
    by_type = {
        f.name: not REAL.search(str(types.get(f.name, f.type)))
        for f in fields(kind)  # type: ignore[arg-type]
    }
    return frozenset(name for name, whole in (by_type | parameters).items() if not whole)


def _floats(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_floats, value))
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
