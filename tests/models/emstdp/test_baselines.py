"""The baselines of table 2: their sizes, the paper's figures, and a run as result files hold it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spikesim import datasets
from spikesim.errors import DeclarationError
from spikesim.models.emstdp.baselines import BASELINES, Baseline, baseline, measure
from spikesim.models.emstdp.presets import PRESETS
from spikesim.models.emstdp.rate import RateModel
from spikesim.tools.results_table import RUN

SMALL = Baseline("small", "Small", "digits", RateModel((64, 20, 10), "bp", eta=0.1), epochs=3)


def test_baselines_have_the_sizes_and_data_of_the_presets() -> None:
    assert len(BASELINES) == 4 * 3 + 2 * 3
    for name, found in BASELINES.items():
        row = name.removeprefix("bp-").removeprefix("mlp-")
        preset = PRESETS[f"emstdp-{row}"]
        assert (found.dataset, found.model.sizes, found.options) == (
            preset.dataset,
            preset.model.sizes,
            preset.options,
        )
        assert found.model.rule == ("bp" if name.startswith("bp-") else "emstdp")
        assert found.model.feedback == ("dfa" if "-dfa" in name else "symmetric")
    papers = {name: found.paper for name, found in BASELINES.items() if found.paper and "split" not in name}
    assert papers == {
        "bp-mnist-500-500": 0.982,
        "mlp-mnist-500-500": 0.978,
        "mlp-mnist-500-500-dfa": 0.975,
        "bp-auslan": 0.985,
    }
    with pytest.raises(DeclarationError, match="Did you mean 'bp-auslan'"):
        baseline("bp-auslen")


def test_a_run_has_the_form_of_a_result_and_comes_back() -> None:
    said: list[str] = []
    one = measure(SMALL, 2, said.append)
    assert set(one) == set(RUN)
    assert all(fits(one[key]) for key, (fits, _) in RUN.items())
    assert [record["epoch"] for record in one["metrics"]] == [1, 2, 3]
    assert one["test_accuracy"] == one["metrics"][-1]["test_accuracy"] > one["metrics"][0]["test_accuracy"]
    assert said[-1].startswith("small, seed 2: epoch 3/3, training ")
    again = measure(SMALL, 2, dataset=datasets.digits())
    assert again["weights_sha256"] == one["weights_sha256"]
    assert measure(SMALL, 3)["weights_sha256"] != one["weights_sha256"]


def test_a_description_holds_every_setting() -> None:
    found = replace(SMALL, options={}).describe()
    assert Baseline(**{**found, "model": RateModel(**found["model"])}) == SMALL
