"""`spikesim verify --learn --against lava-learning-...`: a saved network, trained by Lava and the twin."""

from __future__ import annotations

import json
from pathlib import Path

import onchip_nets
import pytest
from typer.testing import CliRunner

from spikesim.errors import DeclarationError
from spikesim.network.file import save_network
from spikesim.tools.cli import app
from spikesim.tools.commands.verify_learning import is_learning

RUNNER = CliRunner()


@pytest.fixture
def saved(tmp_path: Path) -> str:
    path = tmp_path / "net.h5"
    save_network(onchip_nets.network(), path)
    return str(path)


def test_both_arithmetics_of_lava(saved: str) -> None:
    pytest.importorskip("lava.magma", reason="needs the extra lava, on Python 3.10")
    against = "lava-learning-float,lava-learning-device-fixed"
    found = RUNNER.invoke(
        app, ["verify", saved, "--learn", "--against", against, "--samples", "5", "--rate", "0.4", "--json"]
    )
    assert found.exit_code == 0, found.output
    verdicts = json.loads(found.output[found.output.index("[\n") :])
    assert [v["arithmetic"] for v in verdicts] == ["float", "fixed"]
    assert all(v["equal"] and v["trials"] == 5 and v["changed"] for v in verdicts)


def test_learning_has_to_be_asked_for(saved: str) -> None:
    found = RUNNER.invoke(app, ["verify", saved, "--against", "lava-learning-float"])
    assert isinstance(found.exception, DeclarationError)
    assert "add --learn" in str(found.exception)


def test_names_are_listed() -> None:
    found = RUNNER.invoke(app, ["verify", "anything", "--against", "list"])
    assert "lava-learning-fixed" in found.output.split()
    assert "lava-fixed" in found.output.split()
    assert is_learning("lava-learning-float")
    assert is_learning("lava-learning-device-float")
    assert not is_learning("lava-float")
