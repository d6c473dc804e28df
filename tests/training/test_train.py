"""Training: contents of a run, and equality of resumed and uninterrupted runs."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_runs import config, data, network

from spikesim import engines
from spikesim.datasets.dataset import make_split
from spikesim.encoders import Poisson
from spikesim.engines import select
from spikesim.errors import CheckpointError, DataError, DeclarationError, EngineError, SpikesimError
from spikesim.files.checkpoint import digest_arrays, load, save
from spikesim.files.field_versions import declared
from spikesim.models.emstdp import encoder
from spikesim.network import Network
from spikesim.network import file as network_file
from spikesim.training import train as training_module
from spikesim.training.config import Training, TrainingProgress
from spikesim.training.run import Run
from spikesim.training.train import resume, train

DATA = data()
POISSON = Poisson()
LONG = Training(epochs=3, seed=5, eta_decay=0.9)
VARIANTS: dict[str, tuple[dict[str, Any], Training]] = {
    "online": ({}, LONG),
    "batches": ({"batch": 7}, Training(epochs=3, seed=5, batch=7)),
    "normalised": ({"step": "normalised", "eta": 0.01}, LONG),
    "normalised batches": ({"step": "normalised", "eta": 0.01}, Training(epochs=3, seed=5, batch=4)),
    "part of the data": ({}, Training(epochs=3, seed=5, samples=47)),
    "validated": ({"feedback": "dfa", "error_form": "pair"}, Training(epochs=3, seed=5, split="fit")),
}


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_module, "CHUNK", 20)


def stop_after(calls: int) -> Callable[[TrainingProgress], None]:
    """A progress callback that sends Ctrl-C at its n-th call; the first call is before any training."""
    left = calls

    def progress(_made: TrainingProgress) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            signal.raise_signal(signal.SIGINT)

    return progress


def lines(run: Run) -> list[dict[str, Any]]:
    """The metrics on disk without their times."""
    assert run.folder is not None
    return [{k: v for k, v in record.items() if k != "seconds"} for record in run.folder.metrics()]


def bare(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in record.items() if k != "seconds"} for record in records]


# what a run keeps


def test_a_run_in_memory_learns_and_keeps_a_record_of_each_epoch() -> None:
    net = network()
    seen: list[tuple[int, int]] = []
    run = train(net, DATA, POISSON, LONG, progress=lambda s: seen.append((s.epoch, s.done)))
    assert run.finished
    assert run.folder is None
    assert [record["epoch"] for record in run.metrics] == [1, 2, 3]
    assert [record["samples"] for record in run.metrics] == [120, 240, 360]
    assert [record["eta_factor"] for record in run.metrics] == [1.0, 0.9, 0.9 * 0.9]
    assert set(run.metrics[0]["spikes"]) == set(net.populations)
    assert set(run.metrics[0]["clipped"]) == {"in->hid1", "hid1->out"}
    per_epoch = [20, 40, 60, 80, 100, 120]
    assert seen.pop(0) == (0, 0)
    assert seen == [
        place for epoch in range(3) for place in [*((epoch, k) for k in per_epoch), (epoch + 1, 0)]
    ]
    assert run.weights_sha256 != digest_arrays(net.masters())
    assert run.evaluate(DATA).accuracy > 0.8
    assert run.trained().masters()["in->hid1"].tolist() == run.masters["in->hid1"].tolist()


def test_a_run_with_a_folder_is_the_same_and_is_found_again(tmp_path: Path) -> None:
    net = network()
    bare_run = train(net, DATA, POISSON, LONG)
    run = train(net, DATA, POISSON, LONG, out=tmp_path / "run", notes={"preset": "tiny"})
    assert run.weights_sha256 == bare_run.weights_sha256
    assert lines(run) == bare(run.metrics) == bare(bare_run.metrics)
    again = Run.open(tmp_path / "run")
    assert again.finished
    assert again.weights_sha256 == run.weights_sha256
    assert again.training == LONG
    assert again.folder is not None
    assert again.folder.config["preset"] == "tiny"
    assert again.evaluate(DATA).predictions.tolist() == run.evaluate(DATA).predictions.tolist()
    found = again.folder.latest()
    assert found is not None
    assert sorted(found.arrays) == ["masters/hid1->out", "masters/in->hid1"]
    assert found.meta["standing"]["epoch"] == 3
    assert again.folder.steps() == [240, 360]


def test_a_run_of_version_0_1_0_with_whole_numbers_for_real_ones_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There, bias=0 and bias=0.0 had two digests; files and digests now hold 0.0."""
    found = network()
    populations = {name: replace(p, bias=0) if name == "out" else p for name, p in found.populations.items()}
    whole = replace(found, populations=populations)
    with monkeypatch.context() as before:
        before.setattr(network_file, "canonical", declared)
        train(whole, DATA, POISSON, LONG, out=tmp_path / "run")
    run = Run.open(tmp_path / "run")
    assert run.folder is not None
    assert run.folder.config["network"] == network_file.digest_in_file(tmp_path / "run" / "network.h5")
    assert run.folder.config["network"] != network_file.digest(run.network) == network_file.digest(found)
    for step in run.folder.steps()[1:]:
        (tmp_path / "run" / "checkpoints" / f"step-{step:012d}.h5").unlink()
    assert resume(tmp_path / "run", DATA).weights_sha256 == run.weights_sha256


def test_the_checkpoint_of_normalised_steps_holds_their_squares(tmp_path: Path) -> None:
    changes, training = VARIANTS["normalised"]
    run = train(network(**changes), DATA, POISSON, training, out=tmp_path / "run")
    again = Run.open(tmp_path / "run")
    assert again.squares is not None
    assert run.squares is not None
    assert sorted(again.squares) == ["hid1->out", "in->hid1"]
    for name, r in again.squares.items():
        assert (r == run.squares[name]).all()
        assert r.any()


def test_the_seed_decides_the_run() -> None:
    digests = {train(network(), DATA, POISSON, Training(seed=seed)).weights_sha256 for seed in (1, 1, 2, 3)}
    assert len(digests) == 3


def test_a_part_of_the_data_is_drawn_anew_in_each_epoch() -> None:
    seen = []

    class Watching(Poisson):
        def encode(self, x: Any, index: Any, *rest: Any) -> Any:
            seen.append(index.copy())
            return super().encode(x, index, *rest)

    train(network(), DATA, Watching(), Training(epochs=2, samples=20))
    assert seen.pop(0).tolist() == [0]  # the try before any work
    assert [len(set(index.tolist())) for index in seen] == [20, 20]
    assert seen[0].tolist() != seen[1].tolist()


def test_fit_never_shows_the_validation_samples_and_measures_on_them() -> None:
    run = train(network(), DATA, POISSON, Training(split="fit", epochs=2))
    assert [record["samples"] for record in run.metrics] == [96, 192]
    last = run.evaluate(DATA, "validation").accuracy
    assert run.metrics[-1]["validation_accuracy"] == last
    assert "validation_accuracy" not in train(network(), DATA, POISSON, Training()).metrics[0]


@pytest.mark.parametrize("batch", [1, 10])
def test_threads_and_chunks_never_change_a_result(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    training = Training(epochs=2, batch=batch)
    digests = set()
    for threads, chunk in ((1, 500), (2, 500), (3, 1), (1, 33)):
        monkeypatch.setattr(training_module, "CHUNK", chunk)
        digests.add(train(network(), DATA, POISSON, training, threads=threads).weights_sha256)
    assert len(digests) == 1


def test_a_step_size_of_zero_changes_nothing() -> None:
    net = network(eta=0.0)
    assert train(net, DATA, POISSON, Training()).weights_sha256 == digest_arrays(net.masters())


# a stopped run goes on as if it had never stopped


@pytest.mark.parametrize("variant", VARIANTS)
def test_resumed_equals_uninterrupted(variant: str, tmp_path: Path) -> None:
    changes, training = VARIANTS[variant]
    whole = train(network(**changes), DATA, POISSON, training)
    rs = np.random.default_rng(len(variant))
    per_epoch = training.samples or len(DATA.split(training.split))
    calls = training.epochs * (1 + -(-per_epoch // (20 // training.batch * training.batch)))
    for moment in rs.choice(np.arange(2, calls), 5, replace=False):
        folder = tmp_path / f"at-{moment}"
        run = train(network(**changes), DATA, POISSON, training, out=folder, progress=stop_after(moment))
        assert not run.finished
        stops = 1
        while not run.finished:
            assert Run.open(folder).weights_sha256 == run.weights_sha256
            run = resume(folder, DATA, threads=2, progress=stop_after(int(rs.integers(2, calls))))
            stops += 1
        assert stops > 1
        assert run.weights_sha256 == whole.weights_sha256, f"stopped after call {moment}"
        assert lines(run) == bare(run.metrics) == bare(whole.metrics)


def test_every_chunk_can_be_the_last_before_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints within epochs, and a kill at each chunk in turn."""
    monkeypatch.setattr(training_module, "CHECKPOINT_SECONDS", -1.0)
    whole = train(network(), DATA, POISSON, LONG)

    class CrashError(Exception):
        pass

    def crash_after(calls: int) -> Callable[[TrainingProgress], None]:
        left = calls

        def progress(_made: TrainingProgress) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise CrashError

        return progress

    for moment in range(3, 22):
        folder = tmp_path / f"at-{moment}"
        with pytest.raises(CrashError):
            train(network(), DATA, POISSON, LONG, out=folder, progress=crash_after(moment))
        found = Run.open(folder)
        assert found.progress is not None
        run = resume(folder, DATA)
        assert run.weights_sha256 == whole.weights_sha256, f"crashed in call {moment}"
        assert lines(run) == bare(run.metrics) == bare(whole.metrics)


def test_a_crash_between_the_metrics_and_the_checkpoint_writes_no_record_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(network(), DATA, POISSON, LONG)
    saves = 0
    plain_save = training_module._save

    def failing(*given: Any) -> None:
        nonlocal saves
        saves += 1
        if saves == 2:
            raise KeyboardInterrupt
        plain_save(*given)

    monkeypatch.setattr(training_module, "_save", failing)
    with pytest.raises(KeyboardInterrupt):
        train(network(), DATA, POISSON, LONG, out=tmp_path / "run")
    monkeypatch.setattr(training_module, "_save", plain_save)
    assert (
        len(Run.open(tmp_path / "run").metrics) == 2
    )  # the second epoch's record is there, its weights are not
    run = resume(tmp_path / "run", DATA)
    assert lines(run) == bare(run.metrics) == bare(whole.metrics)
    assert run.weights_sha256 == whole.weights_sha256


def test_a_damaged_last_checkpoint_falls_back_to_the_one_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = train(network(), DATA, POISSON, LONG, out=tmp_path / "run")
    assert whole.folder is not None
    last = sorted((tmp_path / "run" / "checkpoints").iterdir())[-1]
    last.write_bytes(last.read_bytes()[:-100])
    run = resume(tmp_path / "run", DATA)
    assert "truncated" in caplog.text
    assert run.weights_sha256 == whole.weights_sha256
    assert lines(run) == bare(run.metrics) == bare(whole.metrics)


def test_more_epochs_equal_a_run_that_was_declared_with_them(tmp_path: Path) -> None:
    declared = train(network(), DATA, POISSON, LONG)
    train(network(), DATA, POISSON, Training(epochs=1, seed=5, eta_decay=0.9), out=tmp_path / "run")
    run = resume(tmp_path / "run", DATA, epochs=3)
    assert run.weights_sha256 == declared.weights_sha256
    assert lines(run) == bare(declared.metrics)
    assert Run.open(tmp_path / "run").finished


@pytest.mark.parametrize("moment", [1, 2, 4, 7, 9])
def test_an_extended_run_that_is_stopped_goes_on_to_its_new_end(tmp_path: Path, moment: int) -> None:
    declared = train(network(), DATA, POISSON, LONG)
    train(network(), DATA, POISSON, Training(epochs=1, seed=5, eta_decay=0.9), out=tmp_path / "run")

    def pressed(_made: TrainingProgress, left: list[int] = [moment]) -> None:  # noqa: B006 - counts the calls
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt

    if moment == 1:  # at once, before any work: nothing is begun, and the run is what it was
        with pytest.raises(KeyboardInterrupt):
            resume(tmp_path / "run", DATA, epochs=3, progress=pressed)
        assert Run.open(tmp_path / "run").finished
        return
    stopped = resume(tmp_path / "run", DATA, epochs=3, progress=stop_after(moment))
    assert not stopped.finished
    assert not Run.open(tmp_path / "run").finished
    run = resume(tmp_path / "run", DATA)
    assert run.finished
    assert run.progress is not None and (run.progress.epoch, run.progress.done) == (3, 0)
    assert run.weights_sha256 == declared.weights_sha256
    assert lines(run) == bare(declared.metrics)


def test_the_new_end_is_kept_before_the_first_presentation(tmp_path: Path) -> None:
    """A crash just after the number of epochs was extended: the new number is kept."""
    train(network(), DATA, POISSON, Training(seed=5, eta_decay=0.9), out=tmp_path / "run")

    def lost(made: TrainingProgress) -> None:
        if made.done:
            raise MemoryError

    with pytest.raises(MemoryError):
        resume(tmp_path / "run", DATA, epochs=3, progress=lost)
    assert (
        resume(tmp_path / "run", DATA).weights_sha256 == train(network(), DATA, POISSON, LONG).weights_sha256
    )


def test_an_end_that_is_passed_is_refused(tmp_path: Path) -> None:
    stopped = train(network(), DATA, POISSON, LONG, out=tmp_path / "run", progress=stop_after(10))
    assert stopped.progress is not None
    assert (stopped.progress.epoch, stopped.progress.done > 0) == (1, True)
    with pytest.raises(
        DeclarationError, match="epochs = 1, but 1 of 3 are done and a part of epoch 2; give at least 2"
    ):
        resume(tmp_path / "run", DATA, epochs=1)
    assert resume(tmp_path / "run", DATA, epochs=2).finished  # an earlier end than declared can be
    before = Run.open(tmp_path / "run").weights_sha256
    with pytest.raises(DeclarationError, match=r"epochs = 1, but 2 of 2 are done; give at least 2"):
        resume(tmp_path / "run", DATA, epochs=1)
    assert resume(tmp_path / "run", DATA, epochs=2).weights_sha256 == before


def test_a_finished_run_resumed_stays_as_it_is(tmp_path: Path) -> None:
    run = train(network(), DATA, POISSON, LONG, out=tmp_path / "run")
    before = {path.name: path.read_bytes() for path in (tmp_path / "run" / "checkpoints").iterdir()}
    again = resume(tmp_path / "run", DATA)
    assert again.finished
    assert again.weights_sha256 == run.weights_sha256
    assert {p.name: p.read_bytes() for p in (tmp_path / "run" / "checkpoints").iterdir()} == before
    assert lines(again) == bare(run.metrics)


def test_sigterm_ends_at_a_checkpoint_too_and_the_handlers_come_back(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    run = train(
        network(),
        DATA,
        POISSON,
        LONG,
        out=tmp_path / "run",
        progress=lambda s: os.kill(os.getpid(), signal.SIGTERM) if s.done == 40 else None,
    )
    assert not run.finished
    assert run.progress is not None
    assert (run.progress.epoch, run.progress.done) == (0, 40)
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_a_second_ctrl_c_interrupts_at_once(tmp_path: Path) -> None:
    def twice(made: TrainingProgress) -> None:
        if made.done == 0:
            return
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(network(), DATA, POISSON, LONG, out=tmp_path / "run", progress=twice)
    assert not (tmp_path / "run" / "config.json").exists()  # nothing was saved: nothing is in the way
    assert train(network(), DATA, POISSON, LONG, out=tmp_path / "run").finished


# refusals


def test_other_data_is_refused_and_the_run_stays_usable(tmp_path: Path) -> None:
    train(network(), DATA, POISSON, LONG, out=tmp_path / "run", progress=stop_after(3))
    with pytest.raises(CheckpointError, match="started with other data") as caught:
        resume(tmp_path / "run", data(seed=2))
    assert "small" in str(caught.value)
    assert resume(tmp_path / "run", DATA).finished  # while the error above is still at hand: no lock is left


@pytest.mark.parametrize("part", ["a sample", "a label", "a test sample", "the validation rows"])
def test_data_that_differ_in_one_place_are_other_data(tmp_path: Path, part: str) -> None:
    train(network(), DATA, POISSON, LONG, out=tmp_path / "run", progress=stop_after(3))
    found = {
        "train": DATA.train,
        "test": DATA.test,
        "validation_rows": DATA.validation_rows,
        "fit_rows": None,
    }
    name = "test" if "test" in part else "train"
    x, y = found[name].x.copy(), found[name].y.copy()  # type: ignore[union-attr]
    if part == "the validation rows":
        found["validation_rows"] = DATA.fit_rows[: len(DATA.validation_rows)]  # type: ignore[index]
    elif part == "a label":
        y[7] = (y[7] + 1) % 3
    else:
        x[7, 4] = 0.5
    other = replace(DATA, **{**found, name: make_split(name, x, y)})  # type: ignore[arg-type]
    with pytest.raises(CheckpointError, match="started with other data"):
        resume(tmp_path / "run", other)
    assert resume(tmp_path / "run", replace(DATA)).finished


def test_a_folder_from_before_all_samples_were_compared_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha = hashlib.sha256()
    for part in (DATA.train, DATA.test):
        sha.update(part.y.tobytes() + part.x[::97].tobytes())
    old = {"name": "small", "train": 120, "test": 30, "features": 12, "sha256": sha.hexdigest()}
    with monkeypatch.context() as patch:
        patch.setattr(training_module, "fingerprint", lambda _dataset: old)
        train(network(), DATA, POISSON, LONG, out=tmp_path / "run", progress=stop_after(3))
    with pytest.raises(CheckpointError, match="started with other data"):
        resume(tmp_path / "run", data(seed=2))
    assert resume(tmp_path / "run", DATA).finished


def test_the_engine_is_kept_and_taken_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    windowed = train(network(), DATA, POISSON, Training())
    assert windowed.engine == "windowed"
    run = train(
        network(), DATA, POISSON, Training(), tmp_path / "run", engine="naive", progress=stop_after(3)
    )
    assert run.engine == Run.open(tmp_path / "run").engine == "naive"
    assert json.loads((tmp_path / "run" / "config.json").read_text())["config"]["engine"] == "naive"
    with monkeypatch.context() as patch:  # nothing but naive may be used
        patch.delitem(engines.ENGINES, "windowed")
        patch.setattr(select, "Windowed", None)
        again = resume(tmp_path / "run", DATA)
        assert again.evaluate(DATA).predictions.tolist()
    assert again.engine == "naive"
    assert again.weights_sha256 == windowed.weights_sha256
    other = resume(tmp_path / "run", DATA, epochs=2, engine="windowed")
    assert other.engine == "windowed"
    assert other.weights_sha256 == train(network(), DATA, POISSON, Training(epochs=2)).weights_sha256


def test_a_slower_engine_is_never_taken_in_silence(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_given: Any) -> None:
        raise EngineError("windowed: hid: a reason of its own")

    monkeypatch.setattr(select, "Windowed", refuse)
    monkeypatch.setattr(select, "_logged", set())
    run = train(network(), DATA, POISSON, Training(samples=5))
    assert run.engine == "stepped"
    said = [r for r in caplog.records if r.name == "spikesim.engines"]
    assert [r.levelname for r in said] == ["WARNING"]  # once, however often an engine was made
    assert "stepped engine" in said[0].getMessage() and "a reason of its own" in said[0].getMessage()
    with pytest.raises(EngineError, match="a reason of its own"):
        train(network(), DATA, POISSON, Training(samples=5), engine="windowed")
    with pytest.raises(EngineError, match="unknown engine 'naiv'"):
        train(network(), DATA, POISSON, Training(samples=5), engine="naiv")


@pytest.mark.parametrize(
    ("place", "thing", "words"),
    [
        (0, config(), r"network is of type Emstdp; a Network is needed: .*emstdp\.build\(config\)"),
        (1, (DATA.train.x, DATA.train.y), r"dataset is of type tuple; a Dataset .*from_arrays\(x, y\)"),
        (1, DATA.train, "dataset is of type Split; a Dataset is needed"),
        (2, config(), r"encoder is of type Emstdp; an encoder is needed: .*emstdp\.encoder\(config\)"),
        (2, Poisson, "encoder is the class Poisson"),
        (3, 5, r"training is of type int; a Training is needed: .*emstdp\.training\(config, epochs=5\)"),
    ],
)
def test_a_thing_of_another_kind_is_named_with_the_way_out(
    tmp_path: Path, place: int, thing: Any, words: str
) -> None:
    given: list[Any] = [network(), DATA, POISSON, LONG]
    given[place] = thing
    with pytest.raises((DataError, DeclarationError), match=f"train: {words}"):
        train(*given, out=tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_resume_names_a_thing_of_another_kind(tmp_path: Path) -> None:
    run = train(network(), DATA, POISSON, Training(), out=tmp_path / "run")
    with pytest.raises(DeclarationError, match="resume: out is of type Run; must be a run folder"):
        resume(run, DATA)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="resume: dataset is of type Split"):
        resume(tmp_path / "run", DATA.train)  # type: ignore[arg-type]


def test_a_folder_that_holds_a_run_says_the_three_ways_on(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    train(network(), DATA, POISSON, Training(), out=folder)
    with pytest.raises(DeclarationError, match="already holds a run") as caught:
        train(network(), DATA, POISSON, Training(), out=folder)
    ways = (
        f"spikesim train --resume {folder}",
        f"spikesim.resume('{folder}'",
        "overwrite=True",
        "--overwrite",
    )
    assert all(way in str(caught.value) for way in ways)


def test_a_run_can_be_resumed_while_its_object_lives(tmp_path: Path) -> None:
    run = train(network(), DATA, POISSON, LONG, out=tmp_path / "run")
    assert resume(tmp_path / "run", DATA, epochs=4).finished
    assert run.finished


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 2},
        {"theta_loss": 3.0},  # the same initial weights in another network
        {"sizes": (12, 9, 3)},
    ],
    ids=str,
)
def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path, other: dict[str, Any]) -> None:
    ends = Training(seed=5)
    train(network(), DATA, POISSON, ends, out=tmp_path / "mine")
    train(network(**other), DATA, POISSON, ends, out=tmp_path / "other")
    copied = next((tmp_path / "other" / "checkpoints").iterdir())
    (tmp_path / "mine" / "checkpoints" / copied.name).write_bytes(copied.read_bytes())
    for attempt in (Run.open, lambda folder: resume(folder, DATA, epochs=2)):
        with pytest.raises(CheckpointError, match="belongs to another network or configuration"):
            attempt(tmp_path / "mine")


@pytest.mark.parametrize("name", ["config.json", "network.h5"])
def test_files_of_another_run_are_refused(tmp_path: Path, name: str) -> None:
    train(network(), DATA, POISSON, Training(seed=5), out=tmp_path / "mine")
    train(network(theta_loss=3.0), DATA, POISSON, Training(seed=5), out=tmp_path / "other")
    (tmp_path / "mine" / name).write_bytes((tmp_path / "other" / name).read_bytes())
    with pytest.raises(CheckpointError, match=r"is not the network recorded in config\.json"):
        Run.open(tmp_path / "mine")


def test_the_configuration_of_a_run_with_the_same_network_is_refused(tmp_path: Path) -> None:
    train(network(), DATA, POISSON, Training(seed=5), out=tmp_path / "mine")
    train(network(), DATA, POISSON, Training(seed=6), out=tmp_path / "other")
    (tmp_path / "mine" / "config.json").write_bytes((tmp_path / "other" / "config.json").read_bytes())
    with pytest.raises(CheckpointError, match="another network or configuration"):
        Run.open(tmp_path / "mine")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda m: m.pop("standing"), "holds no valid training progress"),
        (lambda m: m["standing"].update(extra=1), "holds no valid training progress"),
        (lambda m: m.update(network="0" * 64), "belongs to another network"),
    ],
)
def test_a_whole_checkpoint_with_other_contents_is_refused(
    tmp_path: Path, spoil: Callable[[dict[str, Any]], Any], words: str
) -> None:
    train(network(), DATA, POISSON, Training(), out=tmp_path / "run")
    path = next((tmp_path / "run" / "checkpoints").iterdir())
    found = load(path, "training")
    spoil(found.meta)
    save(path, "training", found.arrays, found.meta)
    with pytest.raises(CheckpointError, match=words):
        Run.open(tmp_path / "run")


def test_a_run_that_lost_its_network_is_named(tmp_path: Path) -> None:
    train(network(), DATA, POISSON, Training(), out=tmp_path / "run")
    (tmp_path / "run" / "network.h5").unlink()
    with pytest.raises(CheckpointError, match=r"network\.h5 is missing"):
        resume(tmp_path / "run", DATA)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"net": {"sizes": (13, 8, 3)}}, DataError, "12 inputs per sample, but the network 13"),
        (
            {"net": {"sizes": (12, 8, 2)}},
            DataError,
            r"labels up to 2, but the network 2 outputs \(0 \.\. 1\)",
        ),
        ({"training": Training(samples=121)}, DeclarationError, "samples = 121 .* has 120"),
        ({"net": {"eta": 900.0}}, EngineError, "exceeds int32 on the master grid"),
        ({"threads": 0}, EngineError, "threads = 0"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_a_folder_is_made(
    tmp_path: Path, changes: dict[str, Any], error: type[SpikesimError], words: str
) -> None:
    net = network(**changes.pop("net", {}))
    training = changes.pop("training", Training())
    with pytest.raises(error, match=words):
        train(net, DATA, POISSON, training, out=tmp_path / "run", **changes)
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_leaves_the_run_that_was_to_be_replaced(tmp_path: Path) -> None:
    train(network(), DATA, POISSON, Training(), out=tmp_path / "run")
    with pytest.raises(EngineError):
        train(network(eta=900.0), DATA, POISSON, Training(), out=tmp_path / "run", overwrite=True)
    assert Run.open(tmp_path / "run").finished


def test_a_network_without_plasticity_is_refused() -> None:
    net = network()
    fixed = Network(net.inference().populations, (), net.inference().window, net.inference().readout)
    with pytest.raises(DeclarationError, match="no plastic projection"):
        train(fixed, DATA, POISSON, Training())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0),
        ("epochs", 1.5),
        ("epochs", True),
        ("epochs", "two"),
        ("epochs", None),
        ("samples", 0),
        ("batch", -1),
        ("batch", None),
        ("seed", -1),
        ("seed", 2**64),
        ("eta_decay", 0.0),
        ("eta_decay", 1.1),
        ("eta_decay", float("nan")),
        ("eta_decay", "slow"),
        ("split", "test"),
    ],
)
def test_a_setting_out_of_range_is_named(field: str, value: Any) -> None:
    with pytest.raises(DeclarationError, match=field):
        Training(**{field: value})


@pytest.mark.parametrize("epochs", [0, -1, 1.5, "3"])
def test_resume_refuses_epochs_that_cannot_be(tmp_path: Path, epochs: Any) -> None:
    with pytest.raises(DeclarationError, match="epochs"):
        resume(tmp_path, DATA, epochs=epochs)


# a full disk


def full(*_given: Any) -> None:
    raise OSError(28, os.strerror(28))


def test_a_full_disk_at_the_start_leaves_nothing_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain_sync, calls = os.fsync, 0

    def fills_up(number: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 2:  # the configuration and its folder are written, the network is not
            full()
        plain_sync(number)

    monkeypatch.setattr(os, "fsync", fills_up)
    with pytest.raises(CheckpointError, match=r"network checkpoint could not be written .* the disk is full"):
        train(network(), DATA, POISSON, LONG, out=tmp_path / "run")
    monkeypatch.setattr(os, "fsync", plain_sync)
    assert train(network(), DATA, POISSON, LONG, out=tmp_path / "run").finished


def test_a_disk_that_fills_up_later_keeps_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(network(), DATA, POISSON, LONG)

    def progress(made: TrainingProgress) -> None:
        if made.epoch == 1:
            monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(SpikesimError, match=r"could not be written .* the disk is full .* Free some space"):
        train(network(), DATA, POISSON, LONG, out=tmp_path / "run", progress=progress)
    monkeypatch.undo()
    run = resume(tmp_path / "run", DATA)
    assert run.weights_sha256 == whole.weights_sha256
    assert lines(run) == bare(whole.metrics)


def test_what_is_written_does_not_depend_on_the_clock(tmp_path: Path) -> None:
    """Two runs of one seed have equal network files and weights; times are in metrics and progress only."""
    for name in ("a", "b"):
        train(network(), DATA, encoder(config()), LONG, out=tmp_path / name)
    digests = {hashlib.sha256((tmp_path / n / "network.h5").read_bytes()).hexdigest() for n in ("a", "b")}
    assert len(digests) == 1
    assert Run.open(tmp_path / "a").weights_sha256 == Run.open(tmp_path / "b").weights_sha256
