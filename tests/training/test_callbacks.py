"""Callbacks at the end of an epoch: what they are told, how they stop a training; none loses anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_runs import data, network

from spikesim.encoders import Poisson
from spikesim.errors import DeclarationError
from spikesim.files.checkpoint import digest_arrays
from spikesim.training.callbacks import EpochReport, wants_to_stop
from spikesim.training.config import Training
from spikesim.training.run import Run
from spikesim.training.train import resume, train

DATA = data()
LONG = Training(epochs=4, seed=5, split="fit")
AVERAGED = Training(epochs=4, seed=5, schedule="linear", average=3)


class Log:
    """Keeps the reports; stops after `last` epochs, or raises `problem` there."""

    def __init__(self, last: int = 99, problem: BaseException | None = None) -> None:
        self.last, self.problem, self.seen = last, problem, list[EpochReport]()

    def __call__(self, report: EpochReport) -> bool:
        """Keep a report."""
        self.seen.append(report)
        if report.epoch == self.last and self.problem is not None:
            raise self.problem
        return report.epoch == self.last


def test_a_report_says_what_the_metrics_of_its_epoch_say() -> None:
    log = Log()
    run = train(network(), DATA, Poisson(), LONG, callback=log)
    assert [report.record for report in log.seen] == run.metrics
    assert [report.epoch for report in log.seen] == [1, 2, 3, 4]
    per_epoch = len(DATA.fit)
    for k, report in enumerate(log.seen):
        record = run.metrics[k]
        assert report.epochs == 4 and report.samples == (k + 1) * per_epoch
        assert report.train_accuracy == record["train_accuracy"]
        assert report.validation_accuracy == record["validation_accuracy"]
        assert report.spikes == record["spikes"] and report.seconds == record["seconds"]
    assert digest_arrays(log.seen[-1].masters) == run.weights_sha256
    assert len({digest_arrays(report.masters) for report in log.seen}) == 4, "copies, each of its epoch"


def test_without_a_validation_split_there_is_no_validation_accuracy() -> None:
    log = Log()
    train(network(), DATA, Poisson(), Training(), callback=log)
    assert log.seen[0].validation_accuracy is None


def test_a_callback_stops_the_training_and_the_run_goes_on_from_there(tmp_path: Path) -> None:
    whole = train(network(), DATA, Poisson(), LONG)
    stopped = train(network(), DATA, Poisson(), LONG, out=tmp_path / "run", callback=Log(2))
    assert not stopped.finished and stopped.progress is not None and stopped.progress.epoch == 2
    assert len(stopped.metrics) == 2
    alone = train(network(), DATA, Poisson(), LONG, callback=Log(2))
    assert alone.weights_sha256 == stopped.weights_sha256 == Run.open(tmp_path / "run").weights_sha256
    log = Log()
    again = resume(tmp_path / "run", DATA, callback=log)
    assert [report.epoch for report in log.seen] == [3, 4]
    assert again.finished and again.weights_sha256 == whole.weights_sha256


@pytest.mark.parametrize("training", [LONG, AVERAGED], ids=["validated", "averaged"])
@pytest.mark.parametrize("problem", [ZeroDivisionError("in the callback"), KeyboardInterrupt()])
def test_an_exception_loses_nothing(tmp_path: Path, training: Training, problem: BaseException) -> None:
    whole = train(network(), DATA, Poisson(), training)
    with pytest.raises(type(problem)) as caught:
        train(network(), DATA, Poisson(), training, out=tmp_path / "run", callback=Log(3, problem))
    assert caught.value is problem
    kept = Run.open(tmp_path / "run")
    assert kept.progress is not None and kept.progress.epoch == 3 and len(kept.metrics) == 3
    again = resume(tmp_path / "run", DATA)
    assert again == whole and again.weights_sha256 == whole.weights_sha256


def test_after_an_exception_in_the_first_epoch_the_run_is_kept(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        train(network(), DATA, Poisson(), LONG, out=tmp_path / "run", callback=Log(1, ZeroDivisionError()))
    whole = train(network(), DATA, Poisson(), LONG)
    assert resume(tmp_path / "run", DATA).weights_sha256 == whole.weights_sha256


def test_the_exception_of_a_run_in_memory_holds_the_run() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        train(network(), DATA, Poisson(), LONG, callback=Log(2, ZeroDivisionError()))
    run: Run = caught.value.__dict__["run"]
    assert run == train(network(), DATA, Poisson(), LONG, callback=Log(2))
    assert len(run.metrics) == 2


def test_what_a_callback_may_return() -> None:
    assert [wants_to_stop(x) for x in (None, False, True, np.True_, np.False_)] == [
        False, False, True, True, False,
    ]  # fmt: skip
    for answer in (0, 1, "stop", np.float64(1.0)):
        with pytest.raises(DeclarationError, match="must return True to stop"):
            wants_to_stop(answer)


@pytest.mark.parametrize("callback", ["log", 3, [print]])
def test_what_is_no_function_is_refused_before_any_work(tmp_path: Path, callback: Any) -> None:
    with pytest.raises(DeclarationError, match="a function of one argument is needed"):
        train(network(), DATA, Poisson(), LONG, out=tmp_path / "run", callback=callback)
    assert not (tmp_path / "run").exists()
    with pytest.raises(DeclarationError, match="resume: callback is of type"):
        resume(tmp_path / "run", DATA, callback=callback)
