"""`spikesim simulate FILE.nir`: Poisson or given spikes in, spikes of every population out."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import spikesim as ss
from spikesim.errors import DataError, DeclarationError
from spikesim.hardware.nir.write import write
from spikesim.tools.cli import app
from spikesim.tools.commands.nir_table import first_difference, no_longer_exact
from spikesim.tools.commands.simulate import load


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    w = np.random.default_rng(1).integers(-4, 8, (6, 5)) / 8
    populations = {"in": ss.Source(6), "out": ss.LIF(5, 1.0, None, 1.0, 0.25)}
    write(ss.Network(populations, [ss.Dense("in", "out", w)]), tmp_path / "x.nir", dt=1e-4)
    return tmp_path / "x.nir"


def simulated(*arguments: object) -> dict:
    """What the command prints as JSON."""
    result = CliRunner().invoke(app, ["simulate", *map(str, arguments), "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_spikes_that_were_written_are_played_again(graph: Path, tmp_path: Path) -> None:
    first = simulated(graph, "--steps", 40, "--input", "poisson 0.3", "--out", tmp_path / "a.npz")
    counts = {row["population"]: row["spikes"] for row in first["populations"]}
    assert min(counts.values()) > 0 and first["dt"] == 1e-4
    times, neurons = load(tmp_path / "a.npz")["in"]
    raster = np.zeros((40, 6), np.uint8)
    raster[times, neurons] = 1
    np.savez(tmp_path / "b.npz", spikes=raster)
    for given in ("a.npz", "b.npz"):
        again = simulated(graph, "--steps", 40, "--input", tmp_path / given)
        assert {row["population"]: row["spikes"] for row in again["populations"]} == counts


def test_a_table_for_people(graph: Path) -> None:
    result = CliRunner().invoke(app, ["simulate", str(graph), "--steps", "5"], catch_exceptions=False)
    assert result.exit_code == 0
    assert "out (output)" in result.stdout and "5 steps of dt = 0.0001" in result.stdout


def test_what_does_not_fit_is_refused(graph: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "wide.npz", spikes=np.zeros((3, 7), np.uint8))
    np.savez(tmp_path / "other.npz", inp=np.zeros((3, 6), np.uint8))
    (tmp_path / "bad.npz").write_bytes(b"not a zip")
    np.savez(tmp_path / "empty.npz", inp=np.zeros((0, 6), np.uint8))
    locked = bytearray((tmp_path / "other.npz").read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(mark) + place] |= 1  # as if it were encrypted
    (tmp_path / "locked.npz").write_bytes(bytes(locked))
    os.mkfifo(tmp_path / "fifo.npz")
    for more, kind, said in (
        (["--input", str(tmp_path / "wide.npz")], DataError, "of 6 neurons"),
        (["--input", str(tmp_path / "other.npz")], DataError, "Known: inp"),
        (["--input", str(tmp_path / "bad.npz")], DataError, "cannot be read as .npz"),
        (["--input", str(tmp_path / "locked.npz")], DataError, "cannot be read as .npz"),
        (["--input", str(tmp_path / "empty.npz")], DataError, r"inp is uint8 \(0, 6\); expected numbers"),
        (["--input", str(tmp_path / "fifo.npz")], DataError, "not a regular file"),
        (["--input", "/dev/zero"], DataError, "not a regular file"),
        (["--input", str(tmp_path / "none.npz")], DataError, "no such file"),
        (["--input", "poisson often"], DeclarationError, "poisson RATE"),
        (["--like", "snntorsh"], DeclarationError, "Did you mean 'snntorch'"),
    ):
        with pytest.raises(kind, match=said):
            CliRunner().invoke(app, ["simulate", str(graph), *more], catch_exceptions=False)


def test_the_first_difference_is_the_earliest_in_time() -> None:
    a = {"hid": np.zeros((2, 5, 3), np.uint8), "out": np.zeros((2, 5, 2), np.uint8)}
    b = {name: raster.copy() for name, raster in a.items()}
    assert first_difference(a, b) == "exact"
    b["hid"][1, 2, 0] = b["out"][1, 1, 1] = 1
    assert first_difference(a, b) == "2 differ, first trial 1, step 1, out[1]"


def test_a_row_that_was_exact_and_is_not_is_named() -> None:
    known = [("norse 1.1 (nir 1.0.4)", "ours", "dt=1", 7, "exact"), ("snntorch 1.0", "ours", "", 7, "exact")]
    known += [("sinabs 3.1", "ours", "plain", 7, "3 differ")]
    newer = ("norse 1.2 (nir 1.0.8)", "ours", "dt=1", 7)
    assert no_longer_exact(known, [(*newer, "exact"), ("sinabs 3.2", "ours", "plain", 7, "4 differ")]) == []
    assert no_longer_exact(known, [(*newer, "fails: no word")]) == ["norse | ours | dt=1: fails: no word"]
    other = [("norse 1.2", "ours", "dt=2", 7, "exact")]
    assert no_longer_exact(known, other) == ["norse | ours | dt=1: no such row"]
