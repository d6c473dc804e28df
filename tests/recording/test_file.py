"""Recordings: the values of monitors are the same in memory and on disk, and survive a crash."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

import spikesim as ss
from spikesim.errors import CheckpointError, DataError, EngineError, SpikesimError

ALL = (
    ss.Monitor("in"),
    ss.Monitor("out"),
    ss.Monitor("out", "v", neurons=(3, 0), start=5, stop=90, every=4),
    ss.Monitor("out", "u"),
    ss.Monitor("err", "v"),
    ss.Monitor("in->out", "weights", neurons=(1,), every=50),
)


def network() -> ss.Network:
    rs = np.random.default_rng(1)
    return ss.Network(
        {
            "in": ss.PoissonSource(6, 0.2),
            "out": ss.LIF(4, theta=1.0, v_decay=0.1, u_decay=0.5),
            "err": ss.ErrorIF(3, theta=1.0, grid=4, form="pair"),
        },
        (
            ss.Dense("in", "out", rs.normal(0.2, 0.4, (6, 4)), 1),
            ss.Dense("in", "err", ss_rounded(rs.normal(0, 0.5, (6, 3))), 2),
        ),
    )


def ss_rounded(w: np.ndarray) -> np.ndarray:
    return np.round(w * 16) / 16


def test_disk_and_memory_keep_the_same(tmp_path: Path) -> None:
    memory = ss.simulate(network(), steps=120, record=ALL)
    found = ss.simulate(network(), steps=120, record=ALL, to=tmp_path / "a.h5")
    file = ss.RecordingFile(tmp_path / "a.h5")
    assert (file.first, file.end) == (0, 120) and file.monitors == ALL
    for watch in ALL:
        left, right = memory.monitors[watch], file.series(watch)
        for field in ("t", "neurons", "values"):
            assert np.array_equal(getattr(left, field), getattr(right, field)), (watch, field)
    v = memory.monitors[ALL[2]]
    assert (
        v.t.tolist() == list(range(5, 90, 4)) and v.neurons.tolist() == [0, 3] and v.values.shape == (22, 2)
    )
    assert memory.monitors[ALL[4]].values.shape == (120, 2, 3)
    whole = ss.simulate(network(), steps=120, record=["out"])
    assert file.spikes("out", 4) == whole.spikes["out"] and len(whole.spikes["out"].times) > 10
    assert np.array_equal(whole.v["out"][0, 5:90:4][:, [0, 3]], v.values)
    assert np.array_equal(found.counts["out"], whole.counts["out"])


def test_names_stand_for_spikes_and_membranes(tmp_path: Path) -> None:
    ss.simulate(network(), steps=30, record=["in", "out"], to=tmp_path / "a.h5")
    kept = [(w.name, w.what) for w in ss.RecordingFile(tmp_path / "a.h5").monitors]
    assert kept == [("in", "spikes"), ("out", "spikes"), ("out", "v")]


def test_a_run_goes_on_in_another_file(tmp_path: Path) -> None:
    first = ss.simulate(network(), steps=50, record="out", to=tmp_path / "a.h5")
    ss.simulate(network(), steps=50, record="out", to=tmp_path / "b.h5", state=first.state)
    whole = ss.simulate(network(), steps=100, record="out")
    parts = [ss.RecordingFile(tmp_path / name).series("out", "v") for name in ("a.h5", "b.h5")]
    assert np.array_equal(np.concatenate([p.values for p in parts]), whole.v["out"][0])
    assert parts[1].t[0] == 50


def test_presentations_are_watched_too(tmp_path: Path) -> None:
    net = ss.Network(
        {"in": ss.Source(3), "out": ss.IF(2, theta=1.0, grid=2)},
        (ss.Dense("in", "out", np.full((3, 2), 0.5)),),
        ss.Window(10),
    )
    spikes = ss.from_raster((np.random.default_rng(2).random((4, 10, 3)) < 0.4).astype(int))
    watch = ss.Monitor("out", "v", neurons=(1,))
    found = ss.simulate(net, {"in": spikes}, record=[watch, "out"])
    assert np.array_equal(found.monitors[watch].values[:, 0], found.v["out"][:, :, 1].ravel())
    ss.simulate(net, {"in": spikes}, record=["out"], to=tmp_path / "a.h5")
    file = ss.RecordingFile(tmp_path / "a.h5")
    times = file.series("out").t
    expected = [b * 10 + t for b in range(4) for t in found.spikes["out"][b : b + 1].times]
    assert times.tolist() == expected and file.end == 40


CRASHING = """
import sys
import spikesim as ss
from spikesim.engines import disk_recorder
disk_recorder.HELD_STEPS = 50
network = ss.Network({"in": ss.PoissonSource(50, 0.2), "out": ss.LIF(50, theta=1.0, bias=0.3)}, ())
print("begun", flush=True)
ss.simulate(network, steps=10**9, record=["in", "out"], to=sys.argv[1])
"""


def test_what_a_killed_run_has_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "killed.h5"
    running = subprocess.Popen([sys.executable, "-c", CRASHING, str(path)], stdout=subprocess.PIPE)
    assert running.stdout is not None and running.stdout.readline() == b"begun\n"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and (not path.exists() or _end(path) < 200):
        time.sleep(0.05)
    running.send_signal(signal.SIGKILL)
    running.wait()
    running.stdout.close()
    file = ss.RecordingFile(path)
    assert file.end >= 200
    v = file.series("out", "v")
    assert v.t.tolist() == list(range(file.end))  # all of it, and nothing beyond
    spikes = file.spikes("in", 50)
    again = ss.simulate(
        ss.Network({"in": ss.PoissonSource(50, 0.2)}, ()), steps=200, record=[ss.Monitor("in")]
    ).monitors[ss.Monitor("in")]
    early = spikes.times < 200
    assert np.array_equal(spikes.times[early], again.t) and np.array_equal(
        spikes.neurons[early], again.neurons
    )


def _end(path: Path) -> int:
    try:
        return ss.RecordingFile(path).end
    except SpikesimError:
        return 0  # it is being made


REFUSED = [
    (lambda: ss.Monitor("out", neurons=()), DataError, "different indices >= 0"),
    (lambda: ss.Monitor("out", neurons=(1, 1)), DataError, "different indices"),
    (lambda: ss.Monitor("out", start=5, stop=5), DataError, "start before stop"),
    (lambda: ss.Monitor("out", every=0), DataError, "every = 0"),
    (lambda: _run(ss.Monitor("oud")), DataError, "unknown population 'oud'. Did you mean 'out'"),
    (lambda: _run(ss.Monitor("out", "w")), DataError, "unknown variable 'w'"),
    (lambda: _run(ss.Monitor("in", "v")), DataError, "unknown variable 'v'"),
    (lambda: _run(ss.Monitor("out", neurons=(4,))), DataError, r"neuron 4; there are 4 \(0 .. 3\)"),
    (lambda: _run(ss.Monitor("in-out", "weights")), DataError, "unknown projection 'in-out'"),
    (lambda: _run(7), DataError, "a population's name or a Monitor"),
    (lambda: ss.simulate(network(), steps=5, record=ALL[0], engine="naive"), EngineError, "needs the engine"),
]


def _run(what: object) -> None:
    ss.simulate(network(), steps=5, record=[what])  # type: ignore[list-item]


@pytest.mark.parametrize(("act", "error", "said"), REFUSED)
def test_what_cannot_be_kept_is_refused(act, error, said) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=said):
        act()


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_bytes(b"mine")
    with pytest.raises(CheckpointError, match="the file exists already"):
        ss.simulate(network(), steps=5, record="out", to=tmp_path / "a.h5")
    assert (tmp_path / "a.h5").read_bytes() == b"mine"


def test_a_run_that_is_refused_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"give steps=\.\.\."):
        ss.simulate(network(), record="out", to=tmp_path / "a.h5")
    assert not (tmp_path / "a.h5").exists()
    ss.simulate(network(), steps=5, record="out", to=tmp_path / "a.h5")
    assert ss.RecordingFile(tmp_path / "a.h5").end == 5


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with pytest.raises(CheckpointError, match="cannot be read as a recording"):
        ss.RecordingFile(path)
    path.write_bytes(b"no HDF5")
    with pytest.raises(CheckpointError, match="cannot be read as a recording"):
        ss.RecordingFile(path)
    with h5py.File(path, "w") as file:
        file["x"] = 1
    with pytest.raises(CheckpointError, match="is not a recording"):
        ss.RecordingFile(path)


def test_data_that_lies_elsewhere_is_not_followed(tmp_path: Path) -> None:
    path, secret = tmp_path / "a.h5", tmp_path / "secret"
    secret.write_bytes(bytes(4096))
    ss.simulate(network(), steps=20, record=["out"], to=path)
    with h5py.File(path, "r+") as file:
        del file["watches/0/t"]
        file["watches/0"].create_dataset("t", (8,), "i8", external=[(str(secret), 0, 64)])
    with pytest.raises(CheckpointError, match=r"'t' lies in another file \(external storage\)"):
        ss.RecordingFile(path).series("out")
    with pytest.raises(DataError, match=r"was not recorded\. Recorded: spikes of out, v of out"):
        ss.RecordingFile(path).series("in")


def test_links_and_foreign_filters_are_refused(tmp_path: Path) -> None:
    path, other = tmp_path / "a.h5", tmp_path / "b.h5"
    for name in (path, other):
        ss.simulate(network(), steps=20, record=["out"], to=name)
    with h5py.File(path, "r+") as file:
        v = file["watches/1/values"][()]
        del file["watches/1/values"], file["watches/0"]
        file["watches"].create_dataset("1/values", data=v, compression="lzf")
        file["watches/0"] = h5py.ExternalLink(str(other), "/watches/0")
    with pytest.raises(CheckpointError, match="'watches/0' is a ExternalLink"):
        ss.RecordingFile(path)
    with h5py.File(path, "r+") as file, h5py.File(other) as source:
        del file["watches/0"]
        source.copy("watches/0", file["watches"])
    assert len(ss.RecordingFile(path).series("out").t)
    with pytest.raises(CheckpointError, match=r"'values' has the filters \[32000\]"):
        ss.RecordingFile(path).series("out", "v")


def test_a_file_knows_the_sizes_of_its_populations(tmp_path: Path) -> None:
    populations = {"in": ss.PoissonSource(4, 0.5), "a": ss.IF(3, theta=1.0)}
    network = ss.Network(populations, (ss.Dense("in", "a", np.full((4, 3), 0.25)),))
    ss.simulate(network, steps=20, record="spikes", to=tmp_path / "r.h5")
    found = ss.RecordingFile(str(tmp_path / "r.h5"))
    assert found.sizes == {"in": 4, "a": 3} and {m.what for m in found.monitors} == {"spikes"}
    memory = ss.simulate(network, steps=20, record="spikes")
    assert found.spikes("a") == found.spikes("a", 3) == memory.spikes["a"] and not memory.v
    for engine in ("naive", "stepped"):
        assert ss.simulate(network, steps=20, record="spikes", engine=engine).spikes == memory.spikes
    with pytest.raises(DataError, match="n = 5, but 'a' has 3 neurons"):
        found.spikes("a", 5)
    with h5py.File(tmp_path / "r.h5", "r+") as file:
        for group in file["watches"].values():
            del group.attrs["n"]
    old = ss.RecordingFile(tmp_path / "r.h5")
    assert old.spikes("a", 3) == memory.spikes["a"]
    with pytest.raises(DataError, match=r"version 0\.1\.0 and does not hold the size of 'a'"):
        old.spikes("a")
