"""Declared dependencies: each is imported somewhere in the package, and each has a pinned release."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("spikesim", "models", "hardware", "tools")
ELSEWHERE = {  # what the package does not import, and the files that use it
    "elephant": ("tests", "*.py"),  # reads what `Recording.to_neo` gives
    "mkdocs-material": ("docs", "mkdocs.yml"),
    "mkdocstrings": ("docs", "mkdocs.yml"),
}
MODULES = {"scikit-learn": "sklearn", "lava-nc": "lava", "brian2-loihi": "brian2_loihi"}


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project


def _names(requirements: list[str]) -> list[str]:
    return [re.split(r"[^\w-]", text)[0] for text in requirements]


def _declared() -> list[str]:
    project = _project()
    extras = {k: v for k, v in project["optional-dependencies"].items() if k not in ("dev", "all")}
    return _names([*project["dependencies"], *(text for texts in extras.values() for text in texts)])


@pytest.mark.parametrize("name", _declared())
def test_a_declared_dependency_is_imported(name: str) -> None:
    module = MODULES.get(name, name)
    if name in ELSEWHERE:
        folder, files = ELSEWHERE[name]
        texts = (path.read_text(encoding="utf-8") for path in (ROOT / folder).rglob(files))
        assert any(module.removeprefix("mkdocs-") in text for text in texts)
        return
    pattern = re.compile(rf"^\s*(import|from) {module}\b|import_module\(\"{module}\b", re.MULTILINE)
    sources = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    assert any(pattern.search(path.read_text(encoding="utf-8")) for path in sources)


@pytest.mark.parametrize("name", _declared())
def test_a_declared_dependency_is_pinned(name: str) -> None:
    pins = (ROOT / "tools" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert name.lower() in {pin.split("==")[0].lower() for pin in pins}
