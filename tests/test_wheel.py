"""The wheel claims the name `spikesim` only, and holds all that it should and no more."""

from __future__ import annotations

import email
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {
    "spikesim": "spikesim",
    "models": "spikesim/models",
    "tools": "spikesim/tools",
    "hardware": "spikesim/hardware",
}
STAYS = ROOT / "tools" / "dev"  # developers' commands: fuzzers, hostile files, kill tests


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A freshly built wheel."""
    out = tmp_path_factory.mktemp("a wheel")  # a path with a space in it
    subprocess.run([ROOT / "tools" / "wheel", sys.executable, out], check=True, stdin=subprocess.DEVNULL)
    (path,) = out.glob("*.whl")
    return zipfile.ZipFile(path)


def members(wheel: zipfile.ZipFile) -> set[str]:
    """All files of the wheel but its own records."""
    return {name for name in wheel.namelist() if ".dist-info/" not in name}


def record(wheel: zipfile.ZipFile, name: str) -> str:
    """One of the wheel's records, as text."""
    (path,) = (name_ for name_ in wheel.namelist() if name_.endswith(f".dist-info/{name}"))
    return wheel.read(path).decode()


def expected() -> set[str]:
    """What the checkout says that the wheel has to hold."""
    files = {"spikesim/py.typed"}
    for folder, place in FOLDERS.items():
        for path in (ROOT / folder).rglob("*.py"):
            if STAYS not in path.parents:
                files.add(f"{place}/{path.relative_to(ROOT / folder).as_posix()}")
    results = ROOT / "models" / "results"
    for path in results.rglob("*.json"):
        files.add(f"spikesim/models/results/{path.relative_to(results).as_posix()}")
    kernels = ROOT / "models" / "emstdp" / "pretrained"
    return files | {f"spikesim/models/emstdp/pretrained/{path.name}" for path in kernels.glob("*.npz")}


def test_one_top_level_name(wheel: zipfile.ZipFile) -> None:
    assert {name.split("/")[0] for name in members(wheel)} == {"spikesim"}
    assert record(wheel, "top_level.txt").split() == ["spikesim"]


def test_it_holds_what_the_checkout_has_and_no_more(wheel: zipfile.ZipFile) -> None:
    assert members(wheel) == expected()


def test_developers_commands_stay_in_the_checkout(wheel: zipfile.ZipFile) -> None:
    assert list(STAYS.glob("*.py")), "there is something that could slip in"
    assert not [name for name in members(wheel) if name.startswith("spikesim/tools/dev")]


def test_the_wings_are_links_in_the_checkout_and_folders_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    """Editors and mypy follow spikesim/hardware -> ../hardware; what is installed is a folder, once."""
    for folder in ("hardware", "models", "tools"):
        link = ROOT / "spikesim" / folder
        assert link.is_symlink() and os.readlink(link) == f"../{folder}"
        assert (link / "__init__.py").samefile(ROOT / folder / "__init__.py")
        (found,) = (name for name in wheel.namelist() if name.endswith(f"{folder}/__init__.py"))
        assert found == f"spikesim/{folder}/__init__.py"
    kinds = {stat.S_IFMT(entry.external_attr >> 16) for entry in wheel.infolist()}
    assert kinds <= {0, stat.S_IFREG}, "a link or a special file in the wheel"
    assert len(wheel.namelist()) == len(set(wheel.namelist()))


def test_its_records(wheel: zipfile.ZipFile) -> None:
    metadata = email.message_from_string(record(wheel, "METADATA"))
    assert metadata["Name"] == "spikesim"
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert set(metadata.get_all("Provides-Extra")) >= {"lava", "brian2", "nir", "plot", "sweep", "dev", "all"}
    assert "# spikesim" in str(metadata.get_payload()), 'the README goes with it: readme = "README.md"'
    assert "spikesim = spikesim.tools.cli:main" in record(wheel, "entry_points.txt")
