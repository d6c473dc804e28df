"""Notebooks of the documentation, made from its pages: the text as it is, each block of Python a cell.

python tests/doc_notebooks.py        writes docs/notebooks
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "notebooks"
PAGES = ROOT / "docs" / "pages" / "tutorials"
NAMES = ("first-network", "stdp-beside-brian2", "own-data", "scikit-learn")
FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```\n", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|#)([^)]+)\)")
KERNEL = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}


def notebook(name: str) -> str:
    """A page as a notebook without outputs: what code prints is left out, and commands stay text."""
    text = (PAGES / f"{name}.md").read_text("utf-8")
    cells, said, at = [], "", 0
    for found in FENCE.finditer(text):
        kind, body = found.groups()
        said += text[at : found.start()] + (found[0] if kind not in ("python", "text") else "")
        at = found.end()
        if kind == "python":
            cells += [_cell("markdown", said), _cell("code", body)]
            said = ""
    cells.append(_cell("markdown", said + text[at:]))
    kept = [cell for cell in cells if cell["source"]]
    for i, cell in enumerate(kept):
        cell["id"] = f"cell-{i}"
    whole = {"cells": kept, "metadata": KERNEL, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _cell(kind: str, text: str) -> dict[str, Any]:
    if kind == "markdown":
        text = LINK.sub(r"](../pages/tutorials/\1)", text)
    source = text.strip().splitlines(keepends=True)
    more = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": source, **more}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for page in NAMES:
        (FOLDER / f"{page}.ipynb").write_text(notebook(page), "utf-8")
