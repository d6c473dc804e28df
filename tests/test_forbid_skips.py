"""`--forbid-skips`: the full run fails when anything was skipped, also a whole module in a worker."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

MODULES = {
    "test_sound.py": "def test_x():\n    pass\n",
    "test_whole.py": "import pytest\npytest.importorskip('nothing_of_this_name')\ndef test_x():\n    pass\n",
    "test_one.py": "import pytest\ndef test_x():\n    pytest.skip('one of them')\n",
    "test_known.py": "import pytest\n@pytest.mark.xfail\ndef test_x():\n    assert False\n",
}


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """pytest on this folder, with the conftest of these tests."""
    command = [sys.executable, "-m", "pytest", "-q", "--import-mode=importlib", "--forbid-skips"]
    command += ["-p", "no:cacheprovider", "-c", str(folder / "pytest.ini"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four modules: sound, skipped as a whole, one skipped test, one expected failure."""
    for name, text in MODULES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    return tmp_path


def test_a_module_that_is_skipped_as_a_whole_is_seen_in_a_worker(folder: Path) -> None:
    done = run(folder, "-n", "1", "--dist", "loadfile")
    assert done.returncode == 1, done.stdout + done.stderr
    said = done.stdout.split("this run allows no skip")[1]
    assert "test_whole.py" in said and "test_one.py::test_x" in said
    assert "test_sound" not in said and "test_known" not in said


def test_nothing_skipped_passes(folder: Path) -> None:
    assert run(folder, "test_sound.py", "test_known.py").returncode == 0
