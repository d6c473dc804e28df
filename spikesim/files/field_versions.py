"""Fields of declarations that came after version 0.1.0: left out of files while they stand at their default.

So networks, runs and states of that version keep their digests. A field says so in its metadata:
`v_start: float = field(default=0.0, metadata={SINCE: "0.2"})`.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

SINCE = "since"


def declared(part: Any) -> dict[str, Any]:
    """The fields of a dataclass by name, without later ones that stand at their default."""
    return {
        f.name: getattr(part, f.name)
        for f in fields(part)
        if not (SINCE in f.metadata and getattr(part, f.name) == f.default)
    }


def shown(part: Any) -> str:
    """The `repr` of a dataclass with the fields of `declared`."""
    kept, listed = declared(part), {f.name for f in fields(part) if f.repr}
    return f"{type(part).__qualname__}({', '.join(f'{k}={v!r}' for k, v in kept.items() if k in listed)})"
