"""Compiled kernels: kept in a folder that is named after the sources, so that none is stale."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from spikesim import _jit
from spikesim._jit import at, kernel

pytestmark = pytest.mark.core


@kernel
def _add(x, y):  # type: ignore[no-untyped-def]
    for j in range(x.size):
        x[j] += at(y, j)


def test_a_parameter_is_a_number_or_one_for_each_neuron() -> None:
    x = np.zeros(3)
    _add(x, 2.0)
    _add(x, np.array([1.0, 2.0, 3.0]))
    assert x.tolist() == [3.0, 4.0, 5.0]
    assert at(7, 2) == 7 and at(np.array([7, 8, 9]), 2) == 9


def test_another_source_is_another_folder_of_kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A helper's change is not seen in the file of the kernel that calls it: the folder's name tells."""
    monkeypatch.setattr(_jit.SETTINGS, "CACHE_DIR", "")
    package = tmp_path / "spikesim"
    package.mkdir()
    monkeypatch.setattr(_jit, "__file__", str(package / "_jit.py"))
    found = []
    for text in ("x = 1\n", "x = 2\n", "x = 1\n"):
        (package / "helper.py").write_text(text, encoding="utf-8")
        found.append(_jit._folder())
    assert found[0] == found[2] != found[1]
    (tmp_path / "hardware").mkdir()
    (tmp_path / "hardware" / "kernels.py").write_text("x = 3\n", encoding="utf-8")
    assert _jit._folder() == found[0], "an installed package has nothing beside it that is its own"
    (tmp_path / "pyproject.toml").touch()
    assert _jit._folder() != found[0], "in a checkout, hardware/ and models/ hold kernels, too"
    monkeypatch.setattr(_jit.SETTINGS, "CACHE_DIR", "elsewhere")
    assert _jit._folder() == "elsewhere"


def test_nothing_is_kept_when_it_is_not_to_be(tmp_path: Path) -> None:
    code = (
        "import numpy as np; from spikesim.rng import permutation; from spikesim import _jit;"
        "permutation(1, 5, 0); print(repr(_jit._FOLDER))"
    )
    environment = {**os.environ, "SPIKESIM_JIT_CACHE": "0", "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "''"
    assert not list(tmp_path.rglob("*.nbi"))
