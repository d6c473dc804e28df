"""Predictions of a trained run for samples without labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_runs import config, data, network

from spikesim.encoders import Poisson, Recorded
from spikesim.engines import simulate
from spikesim.errors import DataError, DeclarationError
from spikesim.models.emstdp import build
from spikesim.rng import Stream
from spikesim.training import evaluate as evaluation_module
from spikesim.training.config import Training
from spikesim.training.predict import answers, as_samples
from spikesim.training.run import Run
from spikesim.training.train import train

DATA = data()


@pytest.fixture(scope="module")
def run() -> Run:
    """A short training, run at the first use and not at collection."""
    return train(network(), DATA, Poisson(), Training(epochs=2))


class Tensor:
    """What NumPy can make an array of, as it can of a tensor of PyTorch."""

    def __init__(self, values: Any) -> None:
        self._values = values

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(self._values, dtype)


def test_the_test_set_gets_the_predictions_of_evaluate(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = run.evaluate(DATA).predictions.tolist()
    assert len(set(expected)) == 3
    x = DATA.test.x
    given: list[Any] = [x, x.astype(np.float64), x.reshape(-1, 3, 4), x.tolist(), Tensor(x)]
    for other in given:
        assert run.predict(other).tolist() == expected
    monkeypatch.setattr(evaluation_module, "CHUNK", 7)
    assert run.predict(x, threads=2).tolist() == expected
    assert run.predict(x).dtype == np.int64


def test_a_run_that_was_read_predicts_the_same(tmp_path: Path) -> None:
    made = train(network(), DATA, Poisson(), Training(epochs=2), out=tmp_path / "run")
    again = Run.open(tmp_path / "run")
    assert again.predict(DATA.test.x).tolist() == made.predict(DATA.test.x).tolist()


def test_counts_are_those_of_the_trained_network_on_the_same_spikes(run: Run) -> None:
    forward = run.trained().inference()
    index = np.array([5, 2, 9], np.int64)
    spikes = Poisson().encode(DATA.test.x[index], index, forward.window.T, 1, 0, Stream.TEST)
    by_hand = simulate(forward, {"in": spikes}, engine="naive")
    found = answers(run.network, DATA.test.x[index], Poisson(), 1, run.masters, index=index)
    assert found.counts.tolist() == by_hand.counts["out"].sum(axis=1).tolist()
    assert found.predictions.tolist() == by_hand.predictions.tolist()


def test_recorded_spikes_are_samples_too() -> None:
    model = config(coding="recorded")
    net = build(model)
    spikes = Poisson().encode(DATA.test.x, DATA.test.index, 10, seed=4)
    found = answers(net, spikes, Recorded(), seed=1)
    by_hand = simulate(net.inference(10), {"in": spikes}, engine="naive")
    assert found.predictions.tolist() == by_hand.predictions.tolist()


def test_no_samples_get_no_predictions(run: Run) -> None:
    assert run.predict(np.zeros((0, 12))).shape == (0,)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros(12), r"float64 of shape \(12,\); numbers of shape \(samples, features\) are needed"),
        (np.array([["a"] * 12]), "predict: x is <U1"),
        (np.zeros((2, 11)), "11 inputs per sample, but the network 12"),
        (np.full((2, 12), 2.0), "intensity 2.0 is not in"),
        (np.full((2, 12), np.nan), "intensity nan is not in"),
    ],
)
def test_what_does_not_fit_is_refused(run: Run, x: Any, message: str) -> None:
    with pytest.raises(DataError, match=message.replace("intensity", ".*")):
        run.predict(x)


def test_refusals_of_networks_and_steps(run: Run) -> None:
    with pytest.raises(DeclarationError):
        run.predict(DATA.test.x, T=0)
    assert as_samples(np.zeros((2, 3), bool)).dtype == np.float32
