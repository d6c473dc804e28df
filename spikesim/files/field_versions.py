"""Fields added to declarations after version 0.1.0: omitted from files if they have their default value.

Networks, runs and states of that version thus keep their digests. A field is marked in its metadata:
`v_start: float = field(default=0.0, metadata={SINCE: "0.2"})`.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

SINCE = "since"


def declared(part: Any) -> dict[str, Any]:
    """The fields of a dataclass by name, without marked ones that have their default value."""
    return {
        f.name: getattr(part, f.name)
        for f in fields(part)
        if not (SINCE in f.metadata and _is_default(getattr(part, f.name), f.default))
    }


def _is_default(value: Any, default: Any) -> bool:
    """Whether a value is the default; an array, of whatever length, is not."""
    return not isinstance(value, np.ndarray) and bool(value == default)


def shown(part: Any) -> str:
    """The `repr` of a dataclass with the fields of `declared`."""
    kept, listed = declared(part), {f.name for f in fields(part) if f.repr}
    return f"{type(part).__qualname__}({', '.join(f'{k}={v!r}' for k, v in kept.items() if k in listed)})"
