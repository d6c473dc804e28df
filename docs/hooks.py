"""MkDocs hook: the last mkdocstrings for Python 3.10 together with pymdown-extensions 12.

mkdocstrings 1.0.6 makes a `Highlight` without its first argument, which pymdown-extensions 12 needs. With the
releases for newer Pythons, and with older ones of pymdown-extensions, this changes nothing.
"""

from typing import Any

from markdown import Markdown
from pymdownx.highlight import Highlight

_init = Highlight.__init__


def _with_default(self: Highlight, md: Any = None, *more: Any, **options: Any) -> None:
    if isinstance(md, Markdown | None) and "md" in _init.__code__.co_varnames:
        _init(self, Markdown() if md is None else md, *more, **options)
    else:
        _init(self, *(() if md is None else (md,)), *more, **options)


Highlight.__init__ = _with_default
