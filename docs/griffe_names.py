"""Griffe extension: `a, b: what both are` in a docstring is one entry of two names, not a name and a type."""

import re
from typing import Any

import griffe

JOINED = ",\u00a0"  # with a no-break space
SEVERAL = re.compile(r"^(\s+\w+(?:, \w+)+):", re.MULTILINE)


class SeveralNames(griffe.Extension):
    """Joins the names by no-break spaces, at which an entry is not split."""

    def on_instance(self, *, obj: griffe.Object, **_more: Any) -> None:
        """Called for each object that is read."""
        if obj.docstring is not None:
            joined = SEVERAL.sub(lambda found: found[0].replace(", ", JOINED), obj.docstring.value)
            obj.docstring.value = joined
