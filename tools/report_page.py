"""One self-contained HTML page: no scripts, no network, pictures inside; light and dark, wide and narrow."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

STYLE = """
:root {
  color-scheme: light dark;
  --line: #d9dde3; --text: #1d232b; --back: #ffffff; --mark: #fff3cd;
}
@media (prefers-color-scheme: dark) {
  :root { --line: #3a424d; --text: #e4e8ee; --back: #14181d; --mark: #57471a; }
}
body {
  margin: 0 auto; max-width: 90rem; padding: 1rem;
  font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back);
}
h1 { font-size: 1.5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: .5rem 0; overflow-wrap: anywhere; }
p { max-width: 60rem; overflow-wrap: anywhere; }
.runs {
  display: grid; gap: 1.5rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 28rem), 1fr));
}
.runs > div { min-width: 0; }
.wide { overflow-x: auto; }
img { max-width: 100%; height: auto; background: #ffffff; border-radius: 4px; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td {
  text-align: left; padding: .2rem .7rem .2rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; overflow-wrap: anywhere;
}
td.number { text-align: right; white-space: nowrap; }
tr.differs td { background: var(--mark); }
nav a { margin-right: 1rem; display: inline-block; }
a { color: inherit; }
"""


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        title: its heading.
        parts: HTML, one part for each run, or a single one for all of them.
        text: a sentence below the heading.
    """

    title: str
    parts: Sequence[str]
    text: str = ""

    @property
    def anchor(self) -> str:
        """The name that links of the page lead to."""
        return "".join(c if c.isalnum() else "-" for c in self.title.lower())


def page(title: str, runs: Sequence[str], sections: Sequence[Section]) -> str:
    """The whole page.

    Args:
        title: of the page.
        runs: names of the runs, headings of the parts of a section.
        sections: in their order; those without any part are left out.
    """
    shown = [section for section in sections if any(section.parts)]
    links = "".join(f'<a href="#{s.anchor}">{escape(s.title)}</a>' for s in shown)
    body = "".join(_section(section, runs) for section in shown)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><h1>{escape(title)}</h1>"
        f"<nav>{links}</nav>{body}</body></html>\n"
    )


def _section(section: Section, runs: Sequence[str]) -> str:
    several = len(section.parts) == len(runs) > 1
    cells = "".join(
        f"<div>{f'<h3>{escape(runs[k])}</h3>' if several else ''}{part}</div>"
        for k, part in enumerate(section.parts)
        if part
    )
    text = f"<p>{escape(section.text)}</p>" if section.text else ""
    return f'<h2 id="{section.anchor}">{escape(section.title)}</h2>{text}<div class="runs">{cells}</div>'


def image(path: Path, alt: str) -> str:
    """A PNG file inside the page."""
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return f'<p><img alt="{escape(alt)}" src="data:image/png;base64,{data}"></p>'


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], marked: Sequence[int] = ()) -> str:
    """A table; numbers stand on the right, and the rows whose numbers are in `marked` are marked."""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    lines = []
    for k, row in enumerate(rows):
        cells = "".join(
            f"<td{' class=number' if isinstance(c, int | float) else ''}>{escape(shown(c))}</td>" for c in row
        )
        lines.append(f"<tr{' class=differs' if k in marked else ''}>{cells}</tr>")
    body = f"<thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody>"
    return f'<div class="wide"><table>{body}</table></div>'


def is_number(cell: Any) -> bool:
    """Whether a cell stands on the right: a number, and no yes or no."""
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def shown(cell: Any) -> str:
    """A cell as text: numbers with four digits, whole ones with separators."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int):
        return f"{cell:,}"
    return f"{cell:,.4g}" if isinstance(cell, float) else str(cell)


def flattened(record: Any, prefix: str = "") -> dict[str, str]:
    """A nested record as lines "a.b" -> text; long lists are cut, and say how long they are."""
    if isinstance(record, dict):
        found: dict[str, str] = {}
        for key, value in record.items():
            found |= flattened(value, f"{prefix}.{key}" if prefix else str(key))
        return found
    text = str(record)
    if len(text) > 120:
        size = f" ... ({len(record)} values)" if isinstance(record, list | tuple) else " ..."
        text = text[:120] + size
    return {prefix: text}
