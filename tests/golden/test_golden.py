"""Files of version 0.1.0 load and give what they gave: networks, a state, a recording, runs, checkpoints."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spikesim as ss
from spikesim.datasets import from_arrays
from spikesim.network.file import load_network

pytestmark = pytest.mark.core
FILES = Path(__file__).resolve().parent / "0.1.0"
EXPECTED = json.loads((FILES / "expected.json").read_text(encoding="utf-8"))
NAMES = ["a", "b", "c", "e", "noise", "beat"]


def sha(*arrays: Any) -> str:
    """The SHA-256 of arrays with their shapes and types, as generate.py computes it."""
    found = hashlib.sha256()
    for a in arrays:
        a = np.ascontiguousarray(a)
        found.update(f"{a.dtype.str}{a.shape}".encode())
        found.update(a.tobytes())
    return found.hexdigest()


def spikes_sha(recording: ss.Recording, names: list[str]) -> str:
    return sha(*(x for n in names for s in [recording.spikes[n]] for x in (s.times, s.neurons, s.offsets)))


def inputs(name: str) -> Any:
    with np.load(FILES / "inputs.npz", allow_pickle=False) as found:
        return found[name]


@pytest.mark.parametrize("engine", ["naive", "stepped"])
def test_a_network_without_presentations_and_its_state(engine: str) -> None:
    network, current = load_network(FILES / "endless.h5"), inputs("current")
    first = ss.simulate(network, {"->c": current[:30]}, record=NAMES, steps=30, engine=engine)
    assert spikes_sha(first, NAMES) == EXPECTED["endless_spikes"][0]
    state = ss.State.load(FILES / "state.h5")
    second = ss.simulate(network, {"->c": current[30:]}, record=NAMES, steps=30, state=state, engine=engine)
    assert spikes_sha(second, NAMES) == EXPECTED["endless_spikes"][1]
    if engine == "stepped":  # the file was made by it; real numbers agree to rounding only
        assert sha(*(second.v[n] for n in ("a", "b", "c", "e"))) == EXPECTED["endless_v"]


def test_a_layered_network() -> None:
    network = load_network(FILES / "layered.h5")
    found = ss.simulate(network, {"in": ss.from_raster(inputs("raster"))}, record=["conv", "out"])
    assert spikes_sha(found, ["conv", "out"]) == EXPECTED["layered_spikes"]
    assert found.predictions.tolist() == EXPECTED["layered_predictions"]


def test_a_network_read_from_brian2() -> None:
    found = ss.simulate(load_network(FILES / "taken.h5"), record=["n"], steps=40)
    assert spikes_sha(found, ["n"]) == EXPECTED["taken_spikes"]


def test_a_recording() -> None:
    found, network = ss.RecordingFile(FILES / "recording.h5"), load_network(FILES / "endless.h5")
    for name, count in EXPECTED["recording_counts"].items():
        assert found.spikes(name, network.populations[name].n).times.size == count


@pytest.mark.parametrize("form", ["ternary", "pair"])
def test_a_run_is_evaluated_and_resumed(form: str, tmp_path: Path) -> None:
    with np.load(FILES / "data.npz", allow_pickle=False) as found:
        data = from_arrays(found["x"], found["y"], name="golden")
    wanted = EXPECTED[f"run_{form}"]
    shutil.copytree(FILES / f"run-{form}", tmp_path / "run")
    run = ss.Run.open(tmp_path / "run")
    assert run.weights_sha256 == wanted["sha256"]
    assert run.evaluate(data).accuracy == wanted["accuracy"]
    (tmp_path / "run" / "checkpoints" / "step-000000000144.h5").unlink()  # back to the first epoch's end
    assert ss.resume(tmp_path / "run", data).weights_sha256 == wanted["sha256"]
    fresh = load_network(FILES / f"emstdp-{form}.h5")
    assert fresh.masters().keys() == run.masters.keys()
