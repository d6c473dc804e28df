"""The tables in the READMEs and the documentation, made from the JSON files of models/results.

A README or a page in docs/pages holds, once for each table, the two marks

    <!-- table:gupta/table1 --> and <!-- end -->

and what stands between them is the table of models/results/gupta/table1.json. The table emstdp/table2 is made
of the results of all its presets.

    python -m spikesim.tools.dev.tables            writes the tables into the READMEs and pages
    python -m spikesim.tools.dev.tables --check    says which are stale, and changes nothing
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from spikesim.errors import DataError, SpikesimError
from spikesim.files.atomic import write_bytes
from spikesim.files.measured_table import load_table
from spikesim.models.emstdp import table2
from spikesim.tools.results_table import load_table_2

ROOT = Path(__file__).resolve().parents[2]
READMES = ("README.md", "models/README.md", "hardware/README.md")
TABLE_2 = "emstdp/table2"
MARKED = re.compile(r"<!-- table:([\w./-]+) -->\n.*?<!-- end -->", re.DOTALL)


def documents(root: Path) -> list[str]:
    """The READMEs, and the pages of the documentation."""
    pages = sorted((root / "docs" / "pages").rglob("*.md"))
    return [*READMES, *(path.relative_to(root).as_posix() for path in pages)]


def filled(text: str, results: Path, where: str) -> str:
    """A README's text with every marked table made anew.

    Raises:
        DataError: a mark without an end, or a table that is not there or damaged.
    """
    if text.count("<!-- table:") != len(MARKED.findall(text)):
        raise DataError(f"{where}: a mark <!-- table:NAME --> has no <!-- end --> of its own below it")

    def table(found: re.Match[str]) -> str:
        name = found[1]
        whole = name == TABLE_2
        stored = table2.table(load_table_2(results)) if whole else load_table(results / f"{name}.json")
        made = stored.markdown()
        return f"<!-- table:{name} -->\n{made}\n<!-- end -->"

    return MARKED.sub(table, text)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 when every document is (now) fresh, 1 when --check finds a stale one, 2 on an error."""
    parser = argparse.ArgumentParser(prog="python -m spikesim.tools.dev.tables", description=filled.__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 when one is stale")
    parser.add_argument("--root", type=Path, default=ROOT)
    options = parser.parse_args(arguments)
    stale = False
    try:
        for name in documents(options.root):
            path = options.root / name
            if not path.exists():
                continue
            text = path.read_text("utf-8")
            fresh = filled(text, options.root / "models" / "results", name)
            if fresh != text and options.check:
                print(f"{name} is stale. Run: python -m spikesim.tools.dev.tables")
                stale = True
            elif fresh != text:
                write_bytes(path, fresh.encode("utf-8"), what=name)
                print(f"{name}: written")
    except SpikesimError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
