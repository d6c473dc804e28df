"""`spikesim datasets events`: files from recordings, and their description."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from spikesim.datasets.events import load_events, save_events
from spikesim.datasets.events.digits import digit_events
from spikesim.errors import DataError
from spikesim.tools.cli import app
from spikesim.tools.commands import event_files


def run(*arguments: object) -> Any:
    """The result of a command of the group; what it raises is raised."""
    return CliRunner().invoke(
        app, ["datasets", "events", *map(str, arguments)], catch_exceptions=False, env={"COLUMNS": "200"}
    )


def array(seed: int, k: int = 40) -> np.ndarray:
    made = np.zeros(k, [("x", "i2"), ("y", "i2"), ("ts", "f8"), ("pol", "i1")])
    r = np.random.default_rng(seed)
    made["x"], made["y"], made["pol"] = r.integers(0, 9, k), r.integers(0, 7, k), r.integers(0, 2, k) * 2 - 1
    made["ts"] = np.sort(r.integers(0, 10_000, k)) / 1e6
    return made


def test_arrays_to_a_file_and_its_description(tmp_path: Path) -> None:
    for name, seed in (("left", 1), ("right", 2)):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "a.npy", array(seed))
    sources = [tmp_path / name / "a.npy" for name in ("left", "right")]
    out = tmp_path / "both.h5"
    said = run(
        "convert", *sources, "--out", out, "--sensor", "9x7", "--unit", "s", "--label-by-folder"
    ).stdout
    assert "2 recordings, 80 events, sha256" in said
    found = load_events(out)
    assert (found.sensor_size, found.classes) == ((9, 7, 2), ("left", "right"))
    assert found.labels is not None and found.labels.tolist() == [0, 1]
    for b, seed in enumerate((1, 2)):
        assert np.array_equal(found.array(b)["t"], np.rint(1e6 * array(seed)["ts"]))
        assert np.array_equal(found.array(b)["p"], array(seed)["pol"] == 1)
    facts = json.loads(run("info", out, "--json").stdout)
    durations = [int(found.array(b)["t"][-1] - found.array(b)["t"][0]) for b in range(2)]
    assert facts["sensor"] == [9, 7, 2]
    assert (facts["events"], facts["on"], facts["recordings_of_class"]) == (80, int(found.p.sum()), [1, 1])
    assert (facts["longest_us"], facts["mean_us"]) == (max(durations), sum(durations) / 2)
    assert facts["sha256"] in said


def test_a_description_in_words(tmp_path: Path) -> None:
    save_events(tmp_path / "a.h5", digit_events()[1], source="digits")
    said = run("info", tmp_path / "a.h5").stdout
    assert "sensor      10 x 10, 2 polarities" in said
    assert "recordings  359, of up to" in said
    assert "% on" in said and "classes     0: 36, 1: 36" in said and "source      digits" in said


def test_nmnist_files_and_an_inferred_sensor(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(bytes([5, 7, 0x80, 0, 2]))
    (tmp_path / "b.bin").write_bytes(bytes([9, 1, 0, 0, 3]))
    run("convert", tmp_path / "a.bin", tmp_path / "b.bin", "--out", tmp_path / "a.h5")
    assert load_events(tmp_path / "a.h5").sensor_size == (34, 34, 2)
    run("convert", tmp_path / "a.bin", tmp_path / "b.bin", "--out", tmp_path / "a.h5", "--sensor", "infer")
    found = load_events(tmp_path / "a.h5")
    assert (found.sensor_size, found.x.tolist(), found.t.tolist()) == ((10, 8, 2), [5, 9], [2, 3])


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("a.npy", [], "the size of the sensor is not in a .npy file; give --sensor"),
        ("a.npy", ["--sensor", "9by7"], "write width x height in pixels"),
        ("a.npy", ["--sensor", "9x7"], "lies between two whole microseconds"),
        ("a.txt", ["--sensor", "9x7"], r"\.txt format; \.npy and \.bin"),
        ("b.npy", ["--sensor", "9x7"], "cannot be read as a .npy file without Python objects"),
    ],
)
def test_what_cannot_be_converted(tmp_path: Path, name: str, options: list[str], said: str) -> None:
    np.save(tmp_path / "a.npy", array(1)[:1] if not options else np.array([(1, 1, 0.5, 1)], array(1).dtype))
    np.save(tmp_path / "b.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(DataError, match=said):
        run("convert", tmp_path / name, "--out", tmp_path / "a.h5", *options)
    assert not (tmp_path / "a.h5").exists()
    assert event_files.app.registered_commands
