"""Dropout: masks are a function of their keys, silent neurons are silent on every engine, thresholds of
training.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spikesim.engines import Naive, Stepped, Windowed
from spikesim.errors import DataError, DeclarationError, EngineError
from spikesim.models.emstdp import Emstdp, build
from spikesim.spikes import from_raster
from spikesim.training.dropout import masks, training_network, without

pytestmark = pytest.mark.core
CONFIG = Emstdp(sizes=(6, 9, 5, 3), T=20, gate=True, beta_error=0.3)
NETWORK = build(CONFIG)


def spikes(trials: int = 4) -> Any:
    return from_raster((np.random.default_rng(2).random((trials, 10, 6)) < 0.5).astype(np.int8))


def test_masks_depend_on_seed_epoch_and_sample_only() -> None:
    dropout = {"in": 0.1, "hid1": 0.4}
    index = np.arange(2000)
    found = masks(NETWORK, dropout, 3, 1, index)
    assert set(found) == {"in", "hid1"}
    assert found["hid1"].shape == (2000, 9)
    assert found["in"].mean() == pytest.approx(0.1, abs=0.01)
    assert found["hid1"].mean() == pytest.approx(0.4, abs=0.02)
    again = masks(NETWORK, dropout, 3, 1, index[[7, 3]])
    assert np.array_equal(again["hid1"], found["hid1"][[7, 3]])
    assert not np.array_equal(masks(NETWORK, dropout, 4, 1, index)["hid1"], found["hid1"])
    assert not np.array_equal(masks(NETWORK, dropout, 3, 2, index)["hid1"], found["hid1"])
    assert masks(NETWORK, {"hid1": 0.0}, 3, 1, index) == {}


def test_spikes_without_those_of_a_mask() -> None:
    given, mask = spikes(), np.zeros((4, 6), np.bool_)
    mask[1, 2] = mask[3] = True
    found = without(given, mask)
    for b in range(4):
        assert np.array_equal(found.raster(b), np.where(mask[b], 0, given.raster(b)))


def test_silent_neurons_are_the_same_on_every_engine() -> None:
    mask = np.random.default_rng(5).random((4, 9)) < 0.5
    found = {}
    for kind in (Naive, Stepped, Windowed):
        running = kind(NETWORK)
        r = running.run({"in": spikes()}, np.arange(4) % 3, ("hid1",), True, silent={"hid1": mask})
        assert not r.counts["hid1"].sum(axis=1)[mask].any()
        assert r.counts["hid1"].sum(axis=1)[~mask].any()
        found[kind] = (r.counts, r.v["hid1"], running.masters)
    counts, v, masters = found[Naive]
    for other in (Stepped, Windowed):
        assert all(np.array_equal(found[other][0][k], counts[k]) for k in counts)
        assert np.array_equal(found[other][1], v)
        assert all(np.array_equal(found[other][2][k], masters[k]) for k in masters)


def test_thresholds_of_training_are_lower_where_the_inputs_lose() -> None:
    found = training_network(NETWORK, {"in": 0.25, "hid2": 0.5})
    theta = {name: NETWORK.populations[name].theta for name in ("hid1", "hid2", "out")}
    assert found.populations["hid1"].theta == pytest.approx(0.75 * theta["hid1"], abs=2.0**-12)
    assert found.populations["hid2"].theta == theta["hid2"]
    assert found.populations["out"].theta == pytest.approx(0.5 * theta["out"], abs=2.0**-12)
    assert found.populations["err1"] == NETWORK.populations["err1"]


@pytest.mark.parametrize(
    ("dropout", "said"),
    [
        ({"hidden": 0.1}, "unknown population 'hidden'.*hid1"),
        ({"target": 0.1}, "'target' is a target"),
    ],
)
def test_what_cannot_be_dropped(dropout: dict[str, float], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        training_network(NETWORK, dropout)


def test_masks_that_do_not_fit() -> None:
    run = Windowed(NETWORK).run
    for silent, said in (
        ({"hid": np.zeros((4, 9), np.bool_)}, "silent: unknown population 'hid'"),
        ({"in": np.zeros((4, 6), np.bool_)}, "'in' is a source"),
        ({"hid1": np.zeros((4, 8), np.bool_)}, r"bool \(4, 9\) is needed"),
        ({"hid1": np.zeros((4, 9))}, r"float64 \(4, 9\); bool"),
    ):
        with pytest.raises(DataError, match=said):
            run({"in": spikes()}, np.arange(4) % 3, silent=silent)
    with pytest.raises(EngineError, match="silent neurons of 'err1'"):
        run({"in": spikes()}, np.arange(4) % 3, silent={"err1": np.zeros((4, 9), np.bool_)})
