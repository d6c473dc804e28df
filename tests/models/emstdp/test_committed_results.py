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
@pytest.mark.parametrize("name", ["emstdp-mnist-500-literal", "emstdp-mnist-500-500"])
def test_the_first_epoch_of_a_row_of_table_2_comes_back(name):
    """A slice of a long training, stopped as by Ctrl-C: the accuracy and the clipped weights are equal."""
    recorded = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
    entry = recorded["runs"][0]
    experiment = restore(recorded["config"])

    def stop(progress):
        if progress.epoch == 1 and progress.done == 0:
            signal.raise_signal(signal.SIGINT)

    network, training = build(experiment.model, entry["seed"]), experiment.training(entry["seed"])
    run = train(network, experiment.load(), encoder(experiment.model), training, progress=stop)
    assert not run.finished
    for key in ("train_accuracy", "clipped"):
        assert run.metrics[0][key] == entry["metrics"][0][key]


def test_recorded_settings_are_those_of_the_presets():
    found = {path.stem: json.loads(path.read_text("utf-8")) for path in RESULTS.glob("*.json")}
    assert found
    for name, recorded in found.items():
        assert restore(recorded["config"]) == PRESETS[name], (
            f"{name}: the preset has changed since it was run"
        )
