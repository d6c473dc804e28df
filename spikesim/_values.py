"""Objects by value: comparison and short descriptions of what holds arrays, and constructors' arguments."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import numpy as np

from spikesim.errors import ArgumentError

C = TypeVar("C", bound=type)
LISTED = 12  # entries of a list that a short description shows


def equal(a: Any, b: Any) -> bool:
    """Whether two values are equal, with arrays compared element by element, in any nesting.

    Arrays are equal if shapes and values are; their number types do not matter. Mappings, sequences and
    dataclasses are compared entry by entry, and other objects by `==`.
    """
    if a is b:
        return True
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        same_kind = isinstance(a, np.ndarray) and isinstance(b, np.ndarray)
        return same_kind and a.shape == b.shape and bool(np.array_equal(a, b))
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(equal(value, b[key]) for key, value in a.items())
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    if is_dataclass(a) and type(a) is type(b) and _compares_fields(type(a)):
        return equal_fields(a, b)
    return bool(a == b)


def _compares_fields(kind: type) -> bool:
    """Whether `==` of a dataclass says nothing of its own: it would compare the fields, or identities."""
    parameters = vars(kind).get("__dataclass_params__")
    return getattr(kind, "__eq__", None) is object.__eq__ or (parameters is not None and parameters.eq)


def equal_fields(a: Any, b: Any, without: Iterable[str] = ()) -> bool:
    """Whether two dataclass objects of one type have equal fields, apart from those `without`."""
    names = [f.name for f in fields(a) if f.compare and f.name not in without]
    return all(equal(getattr(a, name), getattr(b, name)) for name in names)


def listed(entries: Iterable[str], most: int = LISTED) -> str:
    """Entries joined by commas, of which the first `most` are shown: "in, hid, out, ... (14 in all)"."""
    known = list(entries)
    more = f", ... ({len(known)} in all)" if len(known) > most else ""
    return (", ".join(known[:most]) + more) or "-"


def sized(arrays: Mapping[str, Any]) -> list[str]:
    """Arrays by name, each with its shape: "hid (10, 2, 500)"."""
    return [f"{name} {np.shape(value)}" for name, value in arrays.items()]


def lines(head: str, rows: Mapping[str, str]) -> str:
    """A description of a few lines: the head, then one indented line for each entry that is not empty."""
    shown = {name: text for name, text in rows.items() if text not in ("", "-")}
    width = max(map(len, shown), default=0)
    return "\n".join([head, *(f"  {name:{width}}  {text}" for name, text in shown.items())])


def named_arguments(kind: C) -> C:
    """A class decorator: missing and unknown arguments are told with all the arguments that there are.

    The error is an `ArgumentError`, which is a TypeError as that of any function is.
    """
    made, wanted = vars(kind).get("__init__", object.__init__), inspect.signature(kind)

    @functools.wraps(made)
    def init(self: Any, *args: Any, **given: Any) -> None:
        try:
            wanted.bind(*args, **given)
        except TypeError as problem:
            whole = f"{kind.__name__}{_short(wanted)}"
            raise ArgumentError(f"{type(self).__name__}: {problem}. It is {whole}") from None
        made(self, *args, **given)

    setattr(kind, "__init__", init)  # noqa: B010 - of the class, not of an object
    return kind


def _short(wanted: inspect.Signature) -> str:
    """A signature without types: "(n, theta, grid=12)"."""
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in wanted.parameters.values()]
    shown = [p.replace(default=_Shown(p.default)) if p.default is not p.empty else p for p in plain]
    return str(wanted.replace(parameters=shown, return_annotation=inspect.Signature.empty))


class _Shown:
    """A default as it is shown: the factory of a field as "..."."""

    def __init__(self, default: Any) -> None:
        self.default = default

    def __repr__(self) -> str:
        return "..." if "factory" in repr(self.default) else repr(self.default)
