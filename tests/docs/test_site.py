"""The documentation is built without warnings, needs no network, and has all public names and commands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import typer
from doc_pages import PAGES, ROOT

from spikesim.tools.cli import app

CONFIG = ROOT / "docs" / "mkdocs.yml"
LOADED = {
    "img": "src",
    "script": "src",
    "link": "href",
    "iframe": "src",
    "source": "src",
}  # what a page fetches


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    pytest.importorskip("mkdocstrings", reason="needs the extra docs")
    out = tmp_path_factory.mktemp("site")
    build = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--config-file",
        str(CONFIG),
        "--site-dir",
        str(out),
    ]
    quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(build, capture_output=True, text=True, env=quiet, timeout=600, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr, done.stderr
    return out


class _Fetched(HTMLParser):
    """What a page fetches when it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "link" and given.get("rel") in ("canonical", "prev", "next"):
            return
        if tag in LOADED and (address := given.get(LOADED[tag])):
            self.found.append(address)


@pytest.mark.slow
def test_the_site_is_read_without_a_network(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > len(list(PAGES.rglob("*.md"))), "every page, and the one for what is not found"
    for page in pages:
        reader = _Fetched()
        reader.feed(page.read_text("utf-8"))
        assert reader.found
        for address in reader.found:
            assert not re.match(r"(https?:)?//", address), f"{page.name} fetches {address}"
            local = address.partition("?")[0].partition("#")[0]
            if not local.startswith(("data:", "/")):
                assert (page.parent / local).exists(), f"{page.name}: {local} is missing"


@pytest.mark.slow
def test_public_names_are_in_the_reference(site: Path) -> None:
    import spikesim as ss

    text = "".join(page.read_text("utf-8") for page in (site / "reference").glob("*.html"))
    anchors = {anchor.rpartition(".")[2] for anchor in re.findall(r'id="(spikesim[\w.]+)"', text)}
    assert set(ss.__all__) - anchors == set()
    assert "Examples" in text


def test_every_command_is_listed() -> None:
    listed = (PAGES / "reference" / "commands.md").read_text("utf-8")
    for name, help_text in _commands(typer.main.get_command(app), "spikesim"):
        assert f"| `{name}` | {help_text} |" in listed, (
            f"reference/commands.md lacks or misstates {name}: {help_text}"
        )


def _commands(command: object, name: str) -> list[tuple[str, str]]:
    """Full names and first sentences of all commands below a group."""
    inner = getattr(command, "commands", None)
    if inner is None:
        return [(name, (getattr(command, "help", "") or "").strip().partition("\n")[0])]
    return [row for key, sub in inner.items() for row in _commands(sub, f"{name} {key}")]


def test_links_of_the_readme_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    targets = re.findall(r"\]\(([^)#]+)", text)
    assert len(targets) > 20
    missing = [target for target in targets if "://" not in target and not (ROOT / target).exists()]
    assert not missing
