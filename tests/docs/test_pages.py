"""What the documentation shows is run: every block of Python, every command, and what they print."""

from __future__ import annotations

import logging
from pathlib import Path

import doc_pages
import pytest
from doc_pages import PAGES, ROOT, blocks, commands, differs, run_page

from spikesim.tools.commands import train as train_command

FOUND = [ROOT / "README.md", *sorted(PAGES.rglob("*.md"))]
NAMES = [path.relative_to(ROOT if path.parent == ROOT else PAGES).as_posix() for path in FOUND]
WITH_CODE = [
    pytest.param(path, name, id=name, marks=pytest.mark.slow)
    for path, name in zip(FOUND, NAMES, strict=True)
    if any(block.runs and not block.title for block in blocks(path.read_text("utf-8")))
]


@pytest.mark.parametrize(("path", "name"), WITH_CODE)
def test_a_page_does_what_it_says(
    path: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(train_command, "draw_run", lambda *_given: [])  # five seconds of pictures a run
    monkeypatch.setattr(logging.getLogger("brian2"), "level", logging.ERROR)  # its hints go to standard error
    page = run_page(path, name)
    assert not page.wrong, "\n\n".join(page.wrong)
    assert page.blocks + page.commands


def test_little_is_left_out_and_a_reason_is_given() -> None:
    every = [block for path in FOUND for block in blocks(path.read_text("utf-8"))]
    left_out = [block for block in every if block.mark == "not run"]
    assert len(left_out) < sum(block.runs for block in every) / 4
    assert all(len(block.word) > 10 for block in left_out)


def test_a_page_that_is_wrong_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = (
        "```python\nx = 1\nprint(x)\n```\n\n```text\n2\n```\n"
        "```python\nprint(x)\n```\n```text\n1\n```\n"
        "```python\nprint(y)\n```\n"
        "```console\n$ spikesim presets nonsense\n$ spikesim --version  # a comment\nspikesim 0...\n```\n"
        "<!-- raises: ValueError -->\n```python\nraise ValueError('so')\n```\n```text\nso\n```\n"
        "<!-- status: 2 -->\n```console\n$ spikesim presets nonsense\nerror: unknown preset...\n```\n"
        '```toml title="a/b.toml"\nx = 1\n```\n'
        "```ruby\nputs 1\n```\n"
        "<!-- not run: takes an hour -->\n```console\n$ sleep 3600\n```\n"
    )
    (tmp_path / "page.md").write_text(text)
    page = run_page(tmp_path / "page.md", "page.md")
    assert [what.partition(":")[2].partition(":")[0] for what in page.wrong] == ["1", "15", "18", "38"]
    assert (page.blocks, page.commands) == (4, 3)
    assert page.skipped == ["page.md:42: takes an hour"]
    assert Path("a/b.toml").read_text() == "x = 1\n"


def test_output_is_compared_as_a_reader_would() -> None:
    assert not differs("a  b\n...\nc", "a b\nmuch\nc\n")
    assert not differs("a\n...", "a\n") and not differs("a ...", "a\nb\n")
    assert differs("a", "b") and differs("a\n...\nc", "a\nb\n") and differs("a", "a b")
    assert list(commands("$ a 'b c' # no\nout\n$ d\n")) == [(["a", "b c"], "out\n"), (["d"], "")]
    assert doc_pages.blocks("  ```python\n  x = 1\n  ```\n")[0].body == "x = 1\n"
