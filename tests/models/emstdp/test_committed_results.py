"""Reproducibility: the shortest committed training is repeated, and its weights are equal to the last bit."""

import json

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


def test_recorded_settings_are_those_of_the_presets():
    found = {path.stem: json.loads(path.read_text("utf-8")) for path in RESULTS.glob("*.json")}
    assert found
    for name, recorded in found.items():
        assert restore(recorded["config"]) == PRESETS[name], (
            f"{name}: the preset has changed since it was run"
        )
