"""`spikesim report`: one page that stands by itself, with all that it promises."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spikesim.errors import CheckpointError, DeclarationError
from spikesim.tools.cli import app
from spikesim.tools.commands.report import report
from spikesim.tools.report_page import Section, flattened, page, shown, table
from spikesim.tools.report_sections import sections

VOID = {"meta", "img"}


class Reader(HTMLParser):
    """Reads a page: its headings and texts, and where it leads; tags must close in their order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[str] = []
        self.sources: list[str] = []
        self.marked: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "link", "iframe", "object")
        if tag not in VOID:
            self.open.append(tag)
        given = dict(attrs)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]
        if given.get("class") == "differs":
            self.marked.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["h2"]:
            self.headings.append(data)
        if self.marked and "tr" in self.open and self.marked[-1] == "":
            self.marked[-1] = data


def test_texts_are_escaped_and_empty_sections_are_left_out() -> None:
    text = page(
        "a <b>", ["x & y", "z"], [Section("One", ["<p>1</p>", "<p>2</p>"], "it's"), Section("No", [""])]
    )
    found = Reader(text)
    assert found.headings == ["One"] and "a &lt;b&gt;" in text and "x &amp; y" in text
    assert found.sources == ["#one"]


def test_tables_mark_rows_and_show_numbers() -> None:
    found = Reader(table(("a", "b"), [("same", 1), ("<other>", 2.5)], marked=[1]))
    assert found.marked == ["<other>"]
    assert [shown(c) for c in (None, True, 12345, 0.123456, "t")] == ["", "yes", "12,345", "0.1235", "t"]
    lines = flattened({"a": {"b": 1, "c": [0] * 100}, "d": "t"})
    assert lines["a.b"] == "1" and lines["d"] == "t" and lines["a.c"].endswith("... (100 values)")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two short runs on the 8x8 digits, of another length of a trial."""
    folder = tmp_path_factory.mktemp("report")
    for name, T in (("a", "20"), ("b", "24")):
        done = CliRunner().invoke(
            app, ["train", "emstdp-digits", "--epochs", "1", "--set", f"T={T}", "--out", str(folder / name)]
        )
        assert done.exit_code == 0, done.output
    return folder


def test_two_runs_stand_side_by_side(runs: Path) -> None:
    pytest.importorskip("matplotlib")
    out = runs / "page.html"
    report([runs / "a", runs / "b"], out, samples=5)
    text = out.read_text()
    found = Reader(text)
    assert found.headings == [
        "Result", "Network", "Learning curve", "Activity", "Confusion", "One trial", "Weights",
        "Spikes, operations and energy", "Quantisation", "Verification", "Configuration", "Provenance",
    ]  # fmt: skip
    assert all(source.startswith(("#", "data:image/png;base64,")) for source in found.sources)
    assert sum(source.startswith("data:") for source in found.sources) == 2 * 8
    assert "experiment.model.T" in found.marked and "experiment.dataset" not in found.marked
    assert text.count("windowed and naive: ") == 2 and text.count(", 0 differ") == 4
    assert sections.__doc__


def test_what_is_refused(runs: Path) -> None:
    with pytest.raises(DeclarationError, match=r"--out page\.txt: the page is HTML"):
        report([runs / "a"], Path("page.txt"))
    with pytest.raises(CheckpointError, match="no such file or folder"):
        report([runs / "none"], runs / "page.html")
    with pytest.raises(DeclarationError, match=r"report: .*network\.h5 is a saved network"):
        report([runs / "a" / "network.h5"], runs / "page.html")
