"""The command line: results, one-line errors with status 2, and no partial results."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_runs
from typer.testing import CliRunner

from spikesim.encoders import Poisson
from spikesim.models.emstdp.presets import PRESETS
from spikesim.tools import cli
from spikesim.tools.cli import app
from spikesim.tools.commands import train as train_command
from spikesim.tools.commands.display import Display
from spikesim.tools.dev import kill_test, repeat_test
from spikesim.training import train
from spikesim.training.config import Training, TrainingProgress
from spikesim.training.run import Run

TINY = ("--set", "sizes=[64,12,10]", "--set", "T=16", "--set", "samples=120", "--epochs", "2")


class Said:
    """Output of a command and its exit status."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    def refused(self, *words: str) -> None:
        """Check for status 2 and one message with these words, no traceback, and no standard output."""
        assert self.status == 2, self.err
        assert self.out == ""
        assert "Traceback" not in self.err
        assert self.err.startswith("error: ")
        assert self.err.count("\n") == 1, self.err
        for word in words:
            assert word in self.err


Command = Callable[..., Said]


@pytest.fixture
def pictures() -> None:
    """Enable the figures for this test; they take a second per run."""


@pytest.fixture
def spikesim(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Command:
    """Run `spikesim ARGUMENTS` in an empty folder."""
    if "pictures" not in request.fixturenames:
        monkeypatch.setattr(train_command, "draw_run", lambda *_given: [])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: str | Path) -> Said:
        monkeypatch.setattr(sys, "argv", ["spikesim", *map(str, arguments)])
        status = 0
        try:
            cli.main()
        except SystemExit as end:
            status = 0 if end.code is None else int(end.code)
        return Said(status, *capsys.readouterr())

    return run


def press_ctrl_c(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    """Send Ctrl-C in the n-th chunk of a training."""
    plain, left = train._learn, chunk

    def learn(*given: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            signal.raise_signal(signal.SIGINT)
        plain(*given)

    monkeypatch.setattr(train, "CHUNK", 30)
    monkeypatch.setattr(train, "_learn", learn)


# what works


@pytest.mark.usefixtures("pictures")
def test_train_says_what_came_of_it_and_keeps_it(spikesim: Command, tmp_path: Path) -> None:
    said = spikesim("train", "emstdp-digits", *TINY)
    assert said.status == 0, said.err
    assert "test accuracy" in said.out
    assert "epoch 2/2: training" in said.err
    folder = tmp_path / "runs" / "emstdp-digits-1"
    assert {"config.json", "metrics.jsonl", "network.h5", "result.json"} <= {p.name for p in folder.iterdir()}
    for picture in ("learning_curve.png", "raster_after.png", "confusion.png", "weights.png", "network.png"):
        assert (folder / picture).read_bytes().startswith(b"\x89PNG")
        assert f"runs/emstdp-digits-1/{picture}" in said.out
    result = json.loads((folder / "result.json").read_text())
    assert np.sum(result["confusion"]) == 359
    run = Run.open(folder)
    assert run.finished
    assert run.weights_sha256 == result["weights_sha256"]


def test_json_alone_is_on_standard_output(spikesim: Command) -> None:
    said = spikesim("train", "emstdp-digits", *TINY, "--json", "--out", "a")
    found = json.loads(said.out)
    assert found["network"] == "64-12-10"
    assert (found["epochs"], found["seed"]) == (2, 1)
    assert found["folder"] == "a"
    again = json.loads(spikesim("evaluate", "a", "--json").out)
    assert again["test_accuracy"] == found["test_accuracy"]
    assert again["weights_sha256"] == found["weights_sha256"]
    assert json.loads(spikesim("evaluate", "a", "--split", "validation", "--json").out)["samples"] == 288
    assert json.loads(spikesim("evaluate", "a", "--T", "8", "--json").out)["spikes"] != again["spikes"]


def test_the_seed_names_the_folder_and_decides_the_weights(spikesim: Command) -> None:
    digests = [
        json.loads(spikesim("train", "emstdp-digits", *TINY, "--seed", s, "--out", o, "--json").out)[
            "weights_sha256"
        ]
        for s, o in (("1", "a"), ("1", "b"), ("2", "c"))
    ]
    assert digests[0] == digests[1] != digests[2]
    assert spikesim("train", "emstdp-digits", *TINY, "--seed", "3").status == 0
    assert Path("runs/emstdp-digits-3/config.json").exists()


def test_ctrl_c_ends_at_a_checkpoint_and_the_hint_works(
    spikesim: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = json.loads(spikesim("train", "emstdp-digits", *TINY, "--json", "--out", "whole").out)
    with monkeypatch.context() as patch:
        press_ctrl_c(patch, 6)
        said = spikesim("train", "emstdp-digits", *TINY, "--out", "mine")
    assert said.status == 130
    assert "Traceback" not in said.err
    hint = said.out.strip().rpartition("Resume with: ")[2]
    assert hint == "spikesim train --resume mine"
    unfinished = spikesim("evaluate", "mine")
    assert "unfinished: 1 of 2 epochs" in unfinished.out
    found = json.loads(spikesim(*hint.split()[1:], "--json").out)
    assert found["weights_sha256"] == whole["weights_sha256"]
    assert json.loads(spikesim("train", "--resume", "mine", "--epochs", "3", "--json").out)["epochs"] == 3


def test_an_extended_run_is_stopped_and_its_hint_goes_to_the_new_end(
    spikesim: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = json.loads(spikesim("train", "emstdp-digits", *TINY, "--json", "--out", "whole").out)
    assert spikesim("train", "emstdp-digits", *TINY, "--epochs", "1", "--out", "mine").status == 0
    with monkeypatch.context() as patch:
        press_ctrl_c(patch, 2)
        said = spikesim("train", "--resume", "mine", "--epochs", "2")
    assert said.status == 130
    assert "unfinished: 1 of 2 epochs" in spikesim("evaluate", "mine").out
    low = spikesim("train", "--resume", "mine", "--epochs", "1")
    assert low.status == 2
    assert "epochs = 1, but 1 of 2 are done and a part of epoch 2" in low.err
    found = json.loads(spikesim("train", "--resume", "mine", "--json").out)
    assert (found["epochs"], found["weights_sha256"]) == (2, whole["weights_sha256"])


def test_ctrl_c_outside_of_training_is_130_too(spikesim: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert spikesim("train", "emstdp-digits", *TINY, "--out", "a").status == 0

    def interrupted(*_given: Any, **_more: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(Run, "evaluate", interrupted)
    said = spikesim("evaluate", "a")
    assert said.status == 130
    assert "Traceback" not in said.err


def test_a_file_of_ones_own_with_arrays_of_ones_own(spikesim: Command, tmp_path: Path) -> None:
    rs = np.random.default_rng(1)
    np.savez(tmp_path / "mine.npz", X=rs.random((60, 5)), y=np.arange(60) % 3)
    (tmp_path / "mine.toml").write_text(
        '[data]\ndataset = "mine.npz"\n[model]\nsizes = [5, 6, 3]\nT = 12\n[training]\nepochs = 2\n'
    )
    said = spikesim("train", "mine.toml", "--json")
    assert said.status == 0, said.err
    assert json.loads(said.out)["network"] == "5-6-3"
    np.savez(tmp_path / "mine.npz", X=rs.random((60, 5)), y=np.arange(60) % 3)
    spikesim("train", "--resume", "runs/mine-1", "--epochs", "3").refused("started with other data")


def test_presets_fit_a_terminal_and_show_their_settings(spikesim: Command) -> None:
    said = spikesim("presets")
    assert max(map(len, said.out.splitlines())) <= 80
    for name in PRESETS:
        assert name in said.out
    assert json.loads(spikesim("presets", "emstdp-digits").out) == json.loads(
        json.dumps(PRESETS["emstdp-digits"].describe())
    )
    assert set(json.loads(spikesim("presets", "--json").out)) == set(PRESETS)
    spikesim("presets", "emstdp-digit").refused("Did you mean 'emstdp-digits'")


@pytest.mark.usefixtures("pictures")
def test_the_demo_learns_offline_and_says_what_to_try_next(spikesim: Command) -> None:
    said = spikesim("demo", "--offline", "--epochs", "1", "--out", "d")
    assert said.status == 0, said.err
    assert "the weights are the same, bit for bit" in said.out
    following = [line.split() for line in said.out.partition("Next:")[2].strip().splitlines()]
    assert "evaluate d --T 50" in " ".join(following[0])
    assert len(following) >= 3
    known = {command.name for command in app.registered_commands}
    assert {words[1] for words in following} <= known
    assert spikesim("demo", "--offline", "--epochs", "1", "--out", "d").status == 0  # a demo can be repeated


def test_the_benchmark_measures_more_than_nothing(spikesim: Command) -> None:
    said = spikesim(
        "benchmark", "emstdp-digits", "--samples", "20", "--rounds", "2", "--warm", "30", "--json"
    )
    found = json.loads(said.out)
    assert set(found["ms_a_sample"]) >= {"encode", "train", "inference", "product, training"}
    assert all(0 < job["min"] <= job["median"] <= job["max"] for job in found["ms_a_sample"].values())
    assert "GFLOP/s" in spikesim("benchmark", "emstdp-digits", "--samples", "20", "--rounds", "1").out
    spikesim("benchmark", "emstdp-digits", "--samples", "9999").refused("9999", "1438")


@pytest.mark.parametrize("command", [(), *((str(c.name),) for c in app.registered_commands)], ids=str)
def test_every_command_has_help_of_80_columns(command: tuple[Any, ...]) -> None:
    arguments = list(command)
    said = CliRunner().invoke(app, [*arguments, "--help"], env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"})
    assert said.exit_code == 0
    assert "Usage: " in said.output
    assert max(map(len, said.output.splitlines())) <= 80


def test_the_training_bar_fits_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with Display().training("A title of any length") as show:
        show(TrainingProgress())
        show(TrainingProgress(done=500, per_epoch=60000, epochs=200, right=500, rate=12345.6, epoch=99))
    bar = capsys.readouterr().err.splitlines()[-1]
    for part in ("epoch 100/200", "50%", "100.00 %", "12,346/s", "left"):
        assert part in bar
    assert "…" not in bar


# what cannot be


REFUSALS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "unknown preset": (("emstdp-digit",), ("unknown preset 'emstdp-digit'", "Did you mean 'emstdp-digits'")),
    "nothing to train": ((), ("a preset (or .toml file) to train, or --resume RUN",)),
    "both": (("emstdp-digits", "--resume", "a"), ("give either a preset",)),
    "unknown setting": (("emstdp-digits", "--set", "Tt=3"), ("unknown setting 'Tt'", "Did you mean 'T'")),
    "no value": (("emstdp-digits", "--set", "T"), ("write key=value",)),
    "twice": (("emstdp-digits", "--set", "T=8", "--set", "T=6"), ("T is given twice",)),
    "odd T": (("emstdp-digits", "--set", "T=101"), ("T = 101 cannot be halved", "even")),
    "empty layer": (("emstdp-digits", "--set", "sizes=[64,0,10]"), ("sizes[1] = 0",)),
    "fine grid": (("emstdp-digits", "--set", "grid=26"), ("hid1", "2**24", "a coarser grid (17 bits")),
    "no such grid": (("emstdp-digits", "--set", "grid=29"), ("grid = 29", "<= 28")),
    "few outputs": (("emstdp-digits", "--set", "sizes=[64,20,5]"), ("labels up to 9", "5 outputs (0 .. 4)")),
    "other input": (("emstdp-digits", "--set", "sizes=[63,20,10]"), ("64 inputs", "network 63")),
    "large step": (("emstdp-digits", "--set", "eta=900"), ("exceeds int32", "smaller learning rate")),
    "not a number": (("emstdp-digits", "--set", "eta=nan"), ("eta = nan", "[0.0, 1000.0]")),
    "many samples": (("emstdp-digits", "--set", "samples=1439"), ("samples = 1439", "1438")),
    "unknown dataset": (("emstdp-digits", "--set", "dataset=digit"), ("'digit'", "Did you mean 'digits'")),
    "no array file": (("emstdp-digits", "--set", "dataset=none.npz"), ("none.npz",)),
    "no TOML file": (("none.toml",), ("none.toml cannot be read: No such file",)),
    "negative seed": (("emstdp-digits", "--seed", "-1"), ("seed = -1", "2**64")),
    "huge layer": (
        ("emstdp-digits", "--set", "sizes=[64,1000000000000,10]"),
        ("not enough memory", "smaller"),
    ),
    "resume nothing": (("--resume", "none"), ("no run in none",)),
    "resume with settings": (("--resume", "none", "--set", "T=4"), ("are for new runs",)),
    "resume with a seed": (("--resume", "none", "--seed", "4"), ("are for new runs",)),
    "out is a file": (
        ("emstdp-digits", *TINY, "--out", "file"),
        ("file is a file, but a run needs a folder",),
    ),
    "out is below a file": (("emstdp-digits", *TINY, "--out", "file/run"), ("file/run",)),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_cannot_be_trained_is_one_sentence_and_leaves_nothing(
    spikesim: Command, tmp_path: Path, name: str
) -> None:
    arguments, words = REFUSALS[name]
    (tmp_path / "file").write_text("something else")
    said = spikesim("train", *arguments)
    if name == "large step":  # only the engine knows: below the title of the training
        said.err = said.err[said.err.index("error: ") :]
    said.refused(*words)
    left = [path for path in tmp_path.rglob("*") if path.is_file() or path.parent.name == "runs"]
    assert left == [tmp_path / "file"]


def test_options_out_of_range_are_refused(spikesim: Command) -> None:
    for arguments in (("--epochs", "0"), ("--threads", "0"), ("--seed", "x"), ("--nothing",)):
        said = spikesim("train", "emstdp-digits", *arguments)
        assert said.status == 2
        assert arguments[0] in said.err
        assert "Traceback" not in said.err


def test_a_run_that_is_there_is_kept_unless_told(spikesim: Command) -> None:
    assert spikesim("train", "emstdp-digits", *TINY, "--out", "a").status == 0
    before = Path("a/result.json").read_bytes()
    spikesim("train", "emstdp-digits", *TINY, "--out", "a").refused(
        "a already holds a run", "--resume a", "--overwrite", "--out FOLDER"
    )
    assert Path("a/result.json").read_bytes() == before
    assert spikesim("train", "emstdp-digits", *TINY, "--out", "a", "--overwrite", "--seed", "2").status == 0
    assert Path("a/result.json").read_bytes() != before


def test_no_permission_to_write_is_said(spikesim: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(self: Path, *_given: Any, **_more: Any) -> None:
        raise PermissionError(13, os.strerror(13), str(self))

    monkeypatch.setattr(Path, "mkdir", forbidden)
    said = spikesim("train", "emstdp-digits", *TINY, "--out", "a")
    said.refused("no permission to write", "Choose another folder, or change its permissions")


def spoil(path: str, change: Callable[[bytes], bytes]) -> None:
    Path(path).write_bytes(change(Path(path).read_bytes()))


def test_damaged_runs_are_named(spikesim: Command) -> None:
    assert spikesim("train", "emstdp-digits", *TINY, "--out", "a").status == 0
    checkpoints = sorted(str(p) for p in Path("a/checkpoints").iterdir())
    whole = {p: Path(p).read_bytes() for p in ("a/network.h5", "a/config.json", *checkpoints)}

    def attempt(*words: str) -> None:
        for arguments in (("train", "--resume", "a", "--epochs", "3"), ("evaluate", "a")):
            spikesim(*arguments).refused(*words)
        for path, contents in whole.items():
            Path(path).write_bytes(contents)

    spoil("a/network.h5", lambda b: b[: len(b) // 2])
    attempt("a/network.h5 is damaged: it is truncated")
    spoil("a/network.h5", lambda b: b"")
    attempt("a/network.h5 is damaged")
    for path in checkpoints:
        spoil(path, lambda b: b[:-1] + bytes([b[-1] ^ 1]))
    attempt("a: all checkpoints are damaged", "SHA-256")
    spoil("a/config.json", lambda b: b[:40])
    attempt("a/config.json is damaged: it is not JSON")
    spoil("a/config.json", lambda b: b.replace(b'"T": 16', b'"T": 18'))
    attempt("a/config.json was changed after the run was started", "SHA-256", "start a new run")
    spoil("a/config.json", lambda b: b.replace(b'"eta_decay"', b'"eta_decoy"'))
    attempt("config.json")
    assert spikesim("train", "--resume", "a", "--epochs", "3").status == 0


def test_a_run_that_was_made_in_python_is_left_to_python(spikesim: Command) -> None:
    train.train(small_runs.network(), small_runs.data(), Poisson(), Training(), out="a")
    for arguments in (("train", "--resume", "a"), ("evaluate", "a")):
        spikesim(*arguments).refused("a: this run was started from Python", "spikesim.resume")


def test_a_checkpoint_of_another_network_is_refused(spikesim: Command) -> None:
    assert spikesim("train", "emstdp-digits", *TINY, "--out", "a").status == 0
    assert spikesim("train", "emstdp-digits", *TINY, "--set", "gamma=0.5", "--out", "b").status == 0
    for path in Path("b/checkpoints").iterdir():
        Path("a/checkpoints", path.name).write_bytes(path.read_bytes())
    spikesim("train", "--resume", "a", "--epochs", "3").refused(
        "a: the checkpoint belongs to another network"
    )
    spikesim("evaluate", "a").refused("belongs to another network")


def test_evaluate_refuses_what_cannot_be(spikesim: Command) -> None:
    spikesim("evaluate", "none").refused("none: there is no such file or folder", "run folder")
    assert spikesim("train", "emstdp-digits", *TINY, "--out", "a").status == 0
    spikesim("evaluate", "a", "--split", "tset").refused("'tset'", "test")
    spikesim("evaluate", "a", "--T", "100000000").refused("int32 ends at 2**31")


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"X": np.full((20, 5), np.nan)}, ("NaN", "sample 0, feature 0")),
        ({"X": np.full((20, 5), 200.0)}, ("[200, 200]", "[0, 1]", "divide by 255")),
        ({"X": np.full((20, 5), -0.5)}, ("-0.5", "[0, 1]")),
        ({"X": np.zeros((20, 5)), "y": np.full(20, -1)}, ("-1", "labels must be >= 0")),
        ({"X": np.zeros((20, 5)), "y": np.zeros(19, int)}, ("20 samples", "19")),
        ({"X": np.array([[object()] * 5] * 20)}, ("cannot be read", "without Python objects")),
        ({"Z": np.zeros((20, 5))}, ("X", "y")),
    ],
    ids=["nan", "bytes", "negative", "label", "lengths", "pickle", "names"],
)
def test_arrays_that_cannot_be_learnt_are_refused(
    spikesim: Command, tmp_path: Path, arrays: dict[str, Any], words: tuple[str, ...]
) -> None:
    np.savez(tmp_path / "mine.npz", **{"y": np.arange(20) % 2, **arrays})
    (tmp_path / "mine.toml").write_text('[data]\ndataset = "mine.npz"\n[model]\nsizes = [5, 6, 2]\n')
    spikesim("train", "mine.toml").refused("mine.npz" if "Z" in arrays else "", *words)
    assert not (tmp_path / "runs").exists()


def test_a_disk_that_fills_up_is_said_and_the_run_goes_on_later(
    spikesim: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = json.loads(spikesim("train", "emstdp-digits", *TINY, "--json", "--out", "whole").out)

    def full(*_given: Any) -> None:
        raise OSError(28, os.strerror(28))

    plain = train._save
    with monkeypatch.context() as patch:

        def save(run: Run, running: Any, made: TrainingProgress, result: Any = None) -> None:
            if made.epoch == 2:
                patch.setattr(os, "fsync", full)
            plain(run, running, made, result)

        patch.setattr(train, "_save", save)
        said = spikesim("train", "emstdp-digits", *TINY, "--out", "a")
    assert said.status == 2
    assert "Traceback" not in said.err
    assert "the disk is full" in said.err
    assert "Free some space" in said.err
    found = json.loads(spikesim("train", "--resume", "a", "--json").out)
    assert found["weights_sha256"] == whole["weights_sha256"]


def test_an_error_of_the_system_is_a_sentence_too(spikesim: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk for compiled kernels: numba's own message names no file."""

    def full(*_given: Any) -> None:
        raise OSError(28, "No space left on device", "/somewhere/kernels.nbi")

    monkeypatch.setattr(train, "_try_out", full)
    spikesim("train", "emstdp-digits", *TINY).refused("/somewhere/kernels.nbi", "No space left on device")


# processes of their own, with the kernels that this suite has compiled


@pytest.mark.slow
def test_killed_and_resumed_has_the_weights_of_the_uninterrupted(capsys: pytest.CaptureFixture[str]) -> None:
    assert kill_test.main(["--times", "3", "--epochs", "3"]) == 0
    said = capsys.readouterr().out
    assert "equal: 3 of 3" in said
    assert said.count("killed at") == 3
    lines = [line for line in said.splitlines() if line.startswith("killed at")]
    steps = [int(line.split("presentation")[1].split(":")[0]) for line in lines]
    assert any(step % 1438 for step in steps), "from within an epoch, too"


@pytest.mark.slow
def test_fresh_processes_and_threads_give_the_same_weights(capsys: pytest.CaptureFixture[str]) -> None:
    assert repeat_test.main(["--epochs", "1"]) == 0
    said = capsys.readouterr().out
    digests = [line.rpartition(" ")[2] for line in said.splitlines() if line.startswith("batch")]
    assert len(digests) == 10
    assert len(set(digests)) == 4


@pytest.mark.slow
def test_a_limit_on_file_sizes_is_an_error_and_not_the_end_of_the_folder(tmp_path: Path) -> None:
    """A real failing write: the network's file has 52 kB, the limit is 20 kB."""
    arguments = ["train", "emstdp-digits", "--epochs", "1", "--out", str(tmp_path / "run")]
    limit = "r.setrlimit(r.RLIMIT_FSIZE, (20_000,) * 2)"  # when the kernels are compiled and kept
    limited = (
        f"import resource as r, spikesim.training.train as t; f = t._try_out; {kill_test.PLAIN}".replace(
            "main()", f"t._try_out = lambda *given: (f(*given), {limit}); main()"
        )
    )
    said = subprocess.run([sys.executable, "-c", limited, *arguments], capture_output=True, text=True)
    assert said.returncode == 2
    assert "network.h5: a limit on file sizes was reached" in said.stderr
    assert "Traceback" not in said.stderr
    assert not (tmp_path / "run" / "config.json").exists()
    again = subprocess.run([sys.executable, "-c", kill_test.PLAIN, *arguments], capture_output=True)
    assert again.returncode == 0
