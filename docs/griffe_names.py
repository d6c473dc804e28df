"""Griffe extension: `a, b: what both are` in a docstring becomes an entry for each name, with its type."""

import re
from collections.abc import Iterator
from typing import Any

import griffe

SEVERAL = re.compile(r"(\s+)(\w+(?:, \w+)+):(.*)")


def one_by_one(lines: list[str]) -> Iterator[str]:
    """The lines of a docstring, in which no entry has several names."""
    at = 0
    while at < len(lines):
        found = SEVERAL.fullmatch(lines[at])
        at += 1
        if found is None:
            yield lines[at - 1]
            continue
        indent, names, said = found.groups()
        first = at
        while at < len(lines) and lines[at].startswith(indent + " "):  # the rest of what is said
            at += 1
        for name in names.split(", "):
            yield f"{indent}{name}:{said}"
            yield from lines[first:at]


class SeveralNames(griffe.Extension):
    """Applies `one_by_one` to all docstrings."""

    def on_instance(self, *, obj: griffe.Object, **_more: Any) -> None:
        """Called for each object that is read."""
        if obj.docstring is not None:
            obj.docstring.value = "\n".join(one_by_one(obj.docstring.value.splitlines()))
