"""Run folders: early refusals, metrics that survive a crash, fallback to older checkpoints, one writer."""

from __future__ import annotations

import errno
import getpass
import json
import logging
import os
import platform
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesim.errors import CheckpointError, DeclarationError, SpikesimError
from spikesim.files import provenance as provenance_module
from spikesim.files.provenance import provenance
from spikesim.training.run_folder import RunFolder

pytestmark = pytest.mark.core

CONFIG = {"preset": "tiny", "sizes": [4, 3], "eta": 0.1}


@pytest.fixture
def run(tmp_path: Path) -> Any:
    with RunFolder.create(tmp_path / "deep" / "run", CONFIG) as folder:
        yield folder


def arrays(step: int) -> dict[str, np.ndarray]:
    return {"w": np.full((4, 3), step, np.int32)}


def damage(run: RunFolder, step: int) -> None:
    path = run.root / "checkpoints" / f"step-{step:012d}.h5"
    contents = bytearray(path.read_bytes())
    contents[-1] ^= 1
    path.write_bytes(contents)


# configuration


def test_configuration_and_provenance_are_kept(run: RunFolder) -> None:
    again = RunFolder.open(run.root)
    assert again.config == CONFIG
    assert again.provenance["numpy"] == np.__version__
    assert (again.metrics(), again.latest(), again.result(), again.steps()) == ([], None, None, [])


def test_another_run_is_refused_and_untouched(run: RunFolder) -> None:
    run.append_metrics({"epoch": 1})
    run.close()
    with pytest.raises(
        DeclarationError, match=r"already holds a run\. Resume that run, choose another folder"
    ):
        RunFolder.create(run.root, {})
    assert (run.config, run.metrics()) == (CONFIG, [{"epoch": 1}])


def test_overwriting_deletes_the_run_and_nothing_else(run: RunFolder) -> None:
    run.append_metrics({"epoch": 1})
    run.save_checkpoint(arrays(1), {}, 1)
    run.save_result({"test_accuracy": 0.9})
    run.path("raster.png").write_bytes(b"picture")
    run.path("notes.txt").write_text("mine")
    run.close()
    with RunFolder.create(run.root, {"new": 1}, overwrite=True) as new:
        assert (new.config, new.metrics(), new.latest(), new.result()) == ({"new": 1}, [], None, None)
    assert sorted(os.listdir(run.root)) == [".lock", "checkpoints", "config.json", "notes.txt"]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", ["config.json", "metrics.jsonl", "result.json"])
def test_files_of_other_origin_are_never_overwritten(tmp_path: Path, name: str, overwrite: bool) -> None:
    (tmp_path / name).write_text('{"mine": true}')
    with pytest.raises(DeclarationError, match=name.replace(".", r"\.")):
        RunFolder.create(tmp_path, CONFIG, overwrite=overwrite)
    assert os.listdir(tmp_path) == [name]
    assert (tmp_path / name).read_text() == '{"mine": true}'


def test_a_folder_with_other_names_is_taken(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text("mine")
    RunFolder.create(tmp_path, CONFIG).close()
    assert (tmp_path / "log.txt").read_text() == "mine"


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(DeclarationError, match="is a file, but a run needs a folder"):
        RunFolder.create(tmp_path / "run", CONFIG)
    with pytest.raises(SpikesimError, match="the run folder could not be written to"):
        RunFolder.create(tmp_path / "run" / "below", CONFIG)


def test_a_folder_without_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)  # also where the tests run as an administrator
    with pytest.raises(SpikesimError, match=r"no permission to write in .*\. Choose another folder"):
        RunFolder.create(tmp_path / "run", CONFIG)


def test_a_configuration_that_would_not_come_back_is_refused_first(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=r"the configuration\['config'\]\['eta'\] is nan"):
        RunFolder.create(tmp_path / "run", {"eta": float("nan")})
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        (None, "no run in"),
        ("{", "is damaged: it is not JSON"),
        ("[]", "is damaged: it is not a dictionary"),
        ('{"format": 2}', "has format 2; this version of spikesim reads up to 1. Update"),
        ('{"format": 1, "config": 3, "provenance": {}}', "is not the configuration of a spikesim run"),
        ("{}", "is not the configuration of a spikesim run"),
    ],
)
def test_opening_what_is_no_run_says_so(tmp_path: Path, contents: str | None, words: str) -> None:
    if contents is not None:
        (tmp_path / "config.json").write_text(contents)
    with pytest.raises(CheckpointError, match=words):
        RunFolder.open(tmp_path)


@pytest.mark.parametrize("name", ["", "..", "a/b", "/etc/x", "config.json", "checkpoints", ".lock"])
def test_a_picture_cannot_go_elsewhere(run: RunFolder, name: str) -> None:
    assert run.path("curve.png").parent == run.root
    with pytest.raises(DeclarationError, match="not a valid file name in a run folder"):
        run.path(name)


# metrics


def test_metrics_come_back_in_order_and_are_on_disk_at_once(run: RunFolder) -> None:
    records = [{"epoch": i, "train_accuracy": 1 / (i + 1)} for i in range(5)]
    for i, record in enumerate(records, start=1):
        run.append_metrics(record)
        assert RunFolder.open(run.root).metrics() == records[:i]


@given(cut=st.integers(0, 60), more=st.booleans())
def test_a_torn_line_is_left_out_and_then_mended(tmp_path_factory: Any, cut: int, more: bool) -> None:
    root = tmp_path_factory.mktemp("torn") / "run"
    records = [{"epoch": i} for i in range(4)]
    with RunFolder.create(root, {}) as run:
        for record in records:
            run.append_metrics(record)
    path = root / "metrics.jsonl"
    contents = path.read_bytes()[: max(len(path.read_bytes()) - cut, 0)]
    path.write_bytes(contents)
    whole = records[: contents.count(b"\n")]
    with RunFolder.open(root) as run:
        assert run.metrics() == whole
        if more:
            run.append_metrics({"epoch": 9})
            assert path.read_bytes().count(b"\n") == len(whole) + 1
            assert run.metrics() == [*whole, {"epoch": 9}]


def test_a_torn_line_is_reported(run: RunFolder, caplog: pytest.LogCaptureFixture) -> None:
    (run.root / "metrics.jsonl").write_bytes(b'{"epoch":1}\n{"epo')
    assert run.metrics() == [{"epoch": 1}]
    assert "is incomplete after a crash and is skipped" in caplog.text


def test_damage_in_the_middle_is_an_error(run: RunFolder) -> None:
    (run.root / "metrics.jsonl").write_bytes(b'{"epoch":1}\n{"epo\n{"epoch":3}\n')
    with pytest.raises(CheckpointError, match=r"metrics\.jsonl: line 2 is damaged"):
        run.metrics()


def test_a_record_that_fails_half_way_leaves_no_trace(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.append_metrics({"epoch": 1})
    whole = run._metrics_handle
    assert whole is not None

    class Full:
        """Writes half of the data, as on a full disk."""

        fileno = staticmethod(whole.fileno)
        close = staticmethod(whole.close)

        def write(self, data: bytes) -> int:
            return whole.write(data[: len(data) // 2])

    monkeypatch.setattr(run, "_metrics_handle", Full())
    with pytest.raises(SpikesimError, match=r"the metrics could not be written .*the disk is full"):
        run.append_metrics({"epoch": 2})
    assert (run.root / "metrics.jsonl").read_bytes() == b'{"epoch":1}\n'


def test_truncated_metrics_hold_nothing_twice(run: RunFolder) -> None:
    for samples in (100, 200, 300, 400):
        run.append_metrics({"samples": samples, "epoch": samples // 200})
    run.append_metrics({"note": "end"})
    assert run.truncate_metrics(samples=400) == 0
    assert run.truncate_metrics(samples=250) == 3
    assert [r["samples"] for r in run.metrics()] == [100, 200]
    run.append_metrics({"samples": 300, "epoch": 1})
    assert [r["samples"] for r in run.metrics()] == [100, 200, 300]
    assert run.truncate_metrics(epoch=0) == 2
    assert [r["samples"] for r in run.metrics()] == [100]


# checkpoints


def test_the_last_two_checkpoints_are_kept(run: RunFolder) -> None:
    for step in (0, 5, 10, 900):
        digest = run.save_checkpoint(arrays(step), {"step": step}, step)
    assert run.steps() == [10, 900]
    latest = run.latest()
    assert latest is not None
    assert (latest.digest, latest.meta) == (digest, {"step": 900})
    np.testing.assert_array_equal(latest.arrays["w"], 900)


def test_a_damaged_checkpoint_falls_back_and_says_so(
    run: RunFolder, caplog: pytest.LogCaptureFixture
) -> None:
    for step in (1, 2):
        run.save_checkpoint(arrays(step), {"step": step}, step)
    damage(run, 2)
    with caplog.at_level(logging.WARNING):
        latest = run.latest()
    assert latest is not None
    assert latest.meta == {"step": 1}
    assert "step-000000000002.h5 is damaged" in caplog.text
    assert "Continuing from step 1." in caplog.text
    # What is known as damaged does not count as one of the two to fall back on.
    run.save_checkpoint(arrays(3), {"step": 3}, 3)
    assert run.steps() == [1, 3]


def test_checkpoints_of_a_course_that_was_left_go(run: RunFolder) -> None:
    for step in (10, 20):
        run.save_checkpoint(arrays(step), {}, step)
    run.save_checkpoint(arrays(15), {}, 15)
    assert run.steps() == [10, 15]


def test_no_sound_checkpoint_is_an_error(run: RunFolder) -> None:
    for step in (1, 2):
        run.save_checkpoint(arrays(step), {}, step)
        damage(run, step)
    with pytest.raises(CheckpointError, match=r"all checkpoints are damaged: .*000002\.h5 .*000001\.h5"):
        run.latest()


@pytest.mark.parametrize("step", [-1, 10**12])
def test_a_step_out_of_range_is_refused(run: RunFolder, step: int) -> None:
    with pytest.raises(DeclarationError, match=f"step = {step};"):
        run.save_checkpoint({}, {}, step)


def test_the_result_is_kept(run: RunFolder) -> None:
    run.save_result({"test_accuracy": 0.975, "seeds": (1, 2)})
    assert RunFolder.open(run.root).result() == {"test_accuracy": 0.975, "seeds": [1, 2]}
    (run.root / "result.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"result\.json is damaged"):
        run.result()


# one writer


def test_a_second_writer_is_refused_and_a_reader_is_not(run: RunFolder) -> None:
    other = RunFolder.open(run.root)
    assert other.metrics() == []
    for write in (
        other.claim,
        lambda: other.append_metrics({}),
        lambda: other.save_checkpoint({}, {}, 1),
        lambda: other.save_result({}),
        lambda: other.truncate_metrics(epoch=0),
        lambda: RunFolder.create(run.root, {}, overwrite=True),
    ):
        with pytest.raises(SpikesimError, match=rf"another process \(number {os.getpid()}\) is writing in"):
            write()
    assert run.config == CONFIG
    run.close()
    other.claim()
    other.close()


WRITER = """
import sys
import numpy as np
from spikesim.training.run_folder import RunFolder
run = RunFolder.open(sys.argv[1])
run.claim()
print("ready", flush=True)
for step in range(10**6):
    run.append_metrics({"samples": step, "text": "x" * 500})
    run.save_checkpoint({"w": np.full(5000, step)}, {"samples": step}, step)
"""


@pytest.mark.parametrize("seed", range(3))
def test_a_killed_writer_leaves_a_sound_run_and_no_lock(tmp_path: Path, seed: int) -> None:
    RunFolder.create(tmp_path, CONFIG).close()
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
    with writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        try:
            with pytest.raises(SpikesimError, match=rf"\(number {writer.pid}\) is writing in"):
                RunFolder.open(tmp_path).claim()
            time.sleep(0.2 + 0.3 * random.Random(seed).random())
        finally:  # a writer that goes on would hold the tests up for ever
            writer.send_signal(signal.SIGKILL)
    with RunFolder.open(tmp_path) as run:
        latest = run.latest()
        assert latest is not None
        step = latest.meta["samples"]
        np.testing.assert_array_equal(latest.arrays["w"], np.full(5000, step))
        assert [r["samples"] for r in run.metrics()][: step + 1] == list(range(step + 1))
        run.truncate_metrics(samples=step)
        run.append_metrics({"samples": step + 1})
        assert [r["samples"] for r in run.metrics()] == list(range(step + 2))
        assert not list(tmp_path.rglob("*.tmp"))


# provenance


def test_provenance_says_what_and_never_who_or_where(monkeypatch: pytest.MonkeyPatch) -> None:
    found = provenance()
    assert {
        "spikesim",
        "commit",
        "dirty",
        "python",
        "numpy",
        "numba",
        "h5py",
        "cpu",
        "blas",
        "time",
    } <= found.keys()
    assert found["python"] == platform.python_version()
    assert found["blas"]
    assert all(entry["library"] and entry["kernel"] for entry in found["blas"])
    text = json.dumps(found)
    private = {
        platform.node(),
        str(Path.home()),
        str(Path(provenance_module.__file__).parent),
        os.sep + "lib",
    }
    assert not [word for word in private if len(word) > 2 and word in text]
    assert getpass.getuser() not in found.values()


def test_commit_and_dirty_flag_are_those_of_the_checkout_itself(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *arguments], check=True, capture_output=True)

    commit = provenance_module._commit
    assert commit(tmp_path) == (None, None)
    git("init")
    (tmp_path / "a.py").write_text("1")
    git("add", "a.py")
    git("commit", "-m", "first", "--no-verify")
    first, dirty = commit(tmp_path)
    assert first is not None
    assert (len(first), dirty) == (40, False)
    (tmp_path / "result.json").write_text("{}")  # what a run writes is no change of the source
    assert commit(tmp_path) == (first, False)
    (tmp_path / "new.py").write_text("2")
    assert commit(tmp_path) == (first, True)
    (tmp_path / "installed").mkdir()
    assert commit(tmp_path / "installed") == (None, None)
