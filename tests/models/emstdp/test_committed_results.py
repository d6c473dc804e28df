"""Reproducibility: the shortest committed training is repeated, and its weights are equal to the last bit."""

import json
import signal

import checkout
import pytest

from spikesim.models.emstdp import build, encoder
from spikesim.models.emstdp.experiment import restore
from spikesim.models.emstdp.presets import PRESETS
from spikesim.training.train import train

RESULTS = checkout.RESULTS


@pytest.mark.parametrize("seed", [1, 2])
def test_the_digits_come_back_bit_for_bit(seed):
    recorded = json.loads((RESULTS / "emstdp-digits.json").read_text("utf-8"))
    entry = next(run for run in recorded["runs"] if run["seed"] == seed)
    experiment = restore(recorded["config"])
    dataset = experiment.load()
    network = build(experiment.model, seed)
    run = train(network, dataset, encoder(experiment.model), experiment.training(seed))
    assert run.weights_sha256 == entry["weights_sha256"]
    assert run.evaluate(dataset).accuracy == entry["test_accuracy"]
    assert [m["train_accuracy"] for m in run.metrics] == [m["train_accuracy"] for m in entry["metrics"]]


@pytest.mark.slow
def test_an_epoch_of_mnist_comes_back_bit_for_bit():
    """The whole training of the shortest row: remedies, schedule and rule end in the same weights."""
    recorded, experiment, network, training = _row("emstdp-mnist-500-1-epoch")
    run = train(network, experiment.load(), encoder(experiment.model), training)
    assert run.weights_sha256 == recorded["weights_sha256"]
    assert run.evaluate(experiment.load()).accuracy == recorded["test_accuracy"]


@pytest.mark.slow
def test_the_first_epoch_of_the_literal_row_comes_back():
    """A slice of a long training, stopped as by Ctrl-C: the accuracy and the clipped weights are equal."""
    recorded, experiment, network, training = _row("emstdp-mnist-500-literal")

    def stop(progress):
        if progress.epoch == 1 and progress.done == 0:
            signal.raise_signal(signal.SIGINT)

    run = train(network, experiment.load(), encoder(experiment.model), training, progress=stop)
    assert not run.finished
    for key in ("train_accuracy", "clipped"):
        assert run.metrics[0][key] == recorded["metrics"][0][key]


def _row(name):
    """The first run of a result, its experiment, and the network and training of that run."""
    result = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
    run, experiment = result["runs"][0], restore(result["config"])
    return run, experiment, build(experiment.model, run["seed"]), experiment.training(run["seed"])


def test_recorded_settings_are_those_of_the_presets():
    found = {path.stem: json.loads(path.read_text("utf-8")) for path in RESULTS.glob("*.json")}
    assert found
    for name, recorded in found.items():
        assert restore(recorded["config"]) == PRESETS[name], (
            f"{name}: the preset has changed since it was run"
        )
