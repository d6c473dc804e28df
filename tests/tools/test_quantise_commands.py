"""`spikesim quantise` and `spikesim energy` over a small run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from spikesim.errors import DeclarationError
from spikesim.files.measured_table import load_table
from spikesim.hardware.loihi.emulator import Loihi
from spikesim.network.file import load_network
from spikesim.tools.cli import app
from spikesim.tools.commands import train as train_command

SMALL = ("--set", "sizes=[64,12,10]", "--set", "T=16", "--set", "samples=120", "--epochs", "1")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two runs of the same seed, with 12 and 4 fractional bits."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(train_command, "draw_run", lambda *_given: [])
        for name, more in (("fine", ()), ("coarse", ("--set", "grid=4", "--set", "clip=0.4375"))):
            said = CliRunner().invoke(
                app, ["train", "emstdp-digits", *SMALL, *more, "--out", str(folder / name)]
            )
            assert said.exit_code == 0, said.output
    return folder / "fine", folder / "coarse"


def invoke(*arguments: str | Path) -> Any:
    """The result of a command; its exceptions are raised."""
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)


def test_quantise(runs: tuple[Path, Path], tmp_path: Path) -> None:
    """Accuracies by number of bits, the loss against the same seed, the report by layer."""
    fine, coarse = runs
    saved = tmp_path / "tables" / "quantise.json"
    said = invoke("quantise", fine, "--bits", "8,3", "--trained", coarse, "--samples", 60, "--save", saved)
    assert said.exit_code == 0
    assert "in->hid1" in said.output and "zeroed" in said.output
    table = load_table(saved)
    assert [row[0] for row in table.rows][:3] == [
        "as trained",
        "8 bits after training",
        "3 bits after training",
    ]
    assert len(table.rows) == 4 and str(table.rows[3][0]).startswith("trained so: ")
    base = table.rows[0]
    assert base[5] == 0 and 0 <= float(base[2] or 0) <= 100
    for row in table.rows:
        assert float(row[5]) == pytest.approx(float(base[2]) - float(row[2]))  # type: ignore[arg-type]
    assert "60 test samples" in table.notes


def test_quantise_writes_the_network(runs: tuple[Path, Path], tmp_path: Path) -> None:
    """One run and one number of bits give a network for the chip; anything else is refused."""
    out = tmp_path / "chip.h5"
    said = invoke("quantise", runs[0], "--bits", 6, "--samples", 20, "--out", out, "--json", "--T", 30)
    assert json.loads(said.stdout)["rows"][1][0] == "6 bits after training"
    network = load_network(out)
    assert network.window.T == 30 and Loihi(network).chip.layered
    with pytest.raises(DeclarationError, match="--out writes one network"):
        invoke("quantise", *runs, "--out", out)
    with pytest.raises(DeclarationError, match="--bits '8,x': expected whole numbers"):
        invoke("quantise", runs[0], "--bits", "8,x")


def test_energy(runs: tuple[Path, Path], tmp_path: Path) -> None:
    """A row for each layer in inference and in training, and their sums; labelled as modelled."""
    saved = tmp_path / "energy.json"
    said = invoke("energy", runs[0], "--samples", 10, "--sanafe", 0, "--save", saved)
    assert said.exit_code == 0 and "Modelled cost" in said.output and "IEEE Micro" in said.output
    rows = {str(row[0]): row for row in load_table(saved).rows}
    assert {"inference, 8 bits: hid1", "training: err1", "training: all"} <= rows.keys()
    for what in ("inference, 8 bits", "training"):
        parts = [float(row[8]) for name, row in rows.items() if name.startswith(what) and row[1] is not None]  # type: ignore[arg-type]
        assert sum(parts) == pytest.approx(float(rows[f"{what}: all"][8]))  # type: ignore[arg-type]
    assert float(rows["training: hid1"][7]) > 0 and rows["inference, 8 bits: hid1"][7] == 0  # type: ignore[arg-type]
    data = json.loads(invoke("energy", runs[0], "--samples", 4, "--sanafe", 0, "--json").stdout)["data"]
    assert data["training"]["presentations"] == 4
