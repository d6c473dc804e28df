"""Schedules of the learning rate, averaged weights, and dropout in a training that is cut off and resumed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_runs

from spikesim.errors import DeclarationError
from spikesim.models.emstdp import build, encoder
from spikesim.training import train as training_module
from spikesim.training.config import Training
from spikesim.training.run import Run
from spikesim.training.train import resume, train

pytestmark = pytest.mark.core
CONFIG = small_runs.config(sizes=(12, 12, 3), T=16, gate=True, decay=2.0**-10 / 7)
DATA = small_runs.data(90)
FULL = Training(epochs=3, samples=60, schedule="linear", average=2, dropout={"in": 0.1, "hid1": 0.2})


def run(training: Training, **options: Any) -> Run:
    return train(build(CONFIG), DATA, encoder(CONFIG), training, **options)


def test_factors_by_hand() -> None:
    linear, cosine = Training(epochs=4, schedule="linear"), Training(epochs=4, schedule="cosine")
    assert [linear.factor(e) for e in range(4)] == [1.0, 0.75, 0.5, 0.25]
    assert linear.factor(3, 0.5) == 0.125
    assert cosine.factor(0) == 1.0
    assert cosine.factor(2) == 0.5
    assert cosine.factor(1) == pytest.approx((1 + 0.5**0.5) / 2, abs=2.0**-24)
    assert replace(linear, eta_decay=0.5).factor(2) == 0.25 * 0.5
    assert Training(epochs=4, eta_decay=0.5).factor(2, 0.9) == 0.25


def test_the_mean_of_the_last_epochs_is_the_result() -> None:
    plain = replace(FULL, average=0)
    each: list[Any] = []
    for epochs in (2, 3):  # a constant schedule: the weights after two epochs are those of a shorter run
        each.append(run(replace(plain, epochs=epochs, schedule="constant")).masters["in->hid1"])
    found = run(replace(FULL, schedule="constant")).masters["in->hid1"]
    mean = np.floor((each[0].astype(float) + each[1]) / 2 + 0.5)
    assert np.array_equal(found, mean)
    assert not np.array_equal(each[0], each[1])


def test_a_run_that_was_cut_off_ends_with_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(FULL, out=tmp_path / "whole")
    monkeypatch.setattr(training_module, "CHUNK", 30)
    monkeypatch.setattr(training_module, "CHECKPOINT_SECONDS", 0.0)
    whole_30 = run(FULL, out=tmp_path / "whole30")
    calls = 0

    def stop(progress: Any) -> None:
        nonlocal calls
        calls += progress.epoch == 2 and progress.done == 30
        if calls:
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        run(FULL, out=tmp_path / "cut", progress=stop)
    found = resume(tmp_path / "cut", DATA)
    assert found.finished
    assert found.weights_sha256 == whole_30.weights_sha256
    assert Run.open(tmp_path / "cut").weights_sha256 == whole_30.weights_sha256
    assert whole.finished


def test_a_schedule_is_set_for_its_epochs(tmp_path: Path) -> None:
    run(replace(FULL, epochs=2), out=tmp_path / "run")
    with pytest.raises(DeclarationError, match=r"epochs = 5, but this run has a linear schedule"):
        resume(tmp_path / "run", DATA, epochs=5)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schedule": "steep"}, "schedule = 'steep'; known: 'constant', 'linear', 'cosine'"),
        ({"average": 4}, r"average = 4; must be a whole number of epochs, 0 .. 3"),
        ({"dropout": {"hid1": 1.0}}, r"dropout of 'hid1' = 1.0; must lie in \[0, 1\)"),
        ({"dropout": 0.2}, "dropout = 0.2; a mapping"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        replace(FULL, **changes)
