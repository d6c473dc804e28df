"""`spikesim info`: what a report of a defect needs, for people and for programs."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from spikesim.tools.cli import app
from spikesim.tools.commands.info import gathered


def test_it_says_what_is_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("SECRET_TOKEN", "not to be told")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "none"))
    done = CliRunner().invoke(app, ["info", "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["numpy"] == np.__version__ and found["python"] == platform.python_version()
    assert found["environment"]["OMP_NUM_THREADS"] == "3"
    assert "not to be told" not in done.stdout
    place = str(tmp_path / "none" / "spikesim")
    assert found["caches"][place] == f"not there yet, {tmp_path} is writable"
    assert (
        set(found["extras"]) >= {"brian2", "nir", "plot", "lava", "analysis"} and "dev" not in found["extras"]
    )
    assert found["extras"]["plot"].keys() == {"matplotlib"}
    assert found["cpu target"] and found["blas"]


def test_it_is_a_table_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spikesim.tools.commands.info._version", lambda _package: None)
    done = CliRunner().invoke(app, ["info"])
    assert done.exit_code == 0, done.output
    assert "vector instructions" in done.stdout and "matplotlib: not installed" in done.stdout
    assert gathered()["extras"]["nir"] == {"nir": None}
