"""Spiking form of Gupta's rule: counts by hand, agreement of the engines, and learning."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spikesim import datasets
from spikesim.datasets.dataset import Split
from spikesim.encoders import Poisson
from spikesim.engines import simulate
from spikesim.errors import DataError, DeclarationError
from spikesim.models import gupta
from spikesim.models.gupta.spiking import build, present
from spikesim.rates.mlp import RateMLP, uniform_mlp
from spikesim.spikes import from_raster

RATES = replace(gupta.AMENDED, sizes=(64, 16, 8, 1), rate=3e-3, batch=20, epochs=5)
CONFIG = gupta.SpikingGupta(rates=RATES)


def two_digits() -> tuple[Split, Split]:
    data = datasets.digits()
    return gupta.pair(data.train, 0, 2), gupta.pair(data.test, 0, 2)


def test_eight_steps_of_one_neuron_by_hand() -> None:
    """v += 1/2 + 1/4 * 2 * s: 1/2 without a spike, 1 with one; threshold 1, subtracted; floor -1.

    s     0    1    1    0    0    1    0    0
    v    .5  1.5  1.5   1   .5  1.5   1   .5      before the reset
    fires 0    1    1    1    0    1    1    0
    v    .5   .5   .5    0   .5   .5   0   .5     after it
    """
    net = RateMLP((np.array([[2.0]]),), (np.array([0.0]),))
    network = build(replace(CONFIG, T=8), net)
    spikes = from_raster(np.array([[0, 1, 1, 0, 0, 1, 0, 0]]).T)
    for engine in ("windowed", "naive"):
        found = simulate(network, {"in": spikes}, record="out", engine=engine)
        assert found.spikes["out"].raster()[:, 0].tolist() == [0, 1, 1, 1, 0, 1, 1, 0]
        assert found.v["out"][0, :, 0].tolist() == [2048, 2048, 2048, 0, 2048, 2048, 0, 2048]


def test_without_input_every_neuron_fires_in_half_of_the_steps() -> None:
    net = uniform_mlp(RATES.sizes, 1)
    quiet = RateMLP(tuple(0 * w for w in net.weights), net.biases)
    learn, _ = two_digits()
    for counted in present(CONFIG, quiet, learn.take(3), 1, 0)[1:]:
        assert (counted == 0.5).all()


def test_engines_agree_on_every_spike() -> None:
    learn, _ = two_digits()
    network = build(CONFIG, uniform_mlp(RATES.sizes, 5))
    spikes = Poisson().encode(learn.x[:4], learn.index[:4], CONFIG.T, seed=1)
    names = ["hid1", "hid2", "out"]
    one, other = (simulate(network, {"in": spikes}, record=names, engine=e) for e in ("windowed", "naive"))
    for name in names:
        assert one.spikes[name] == other.spikes[name]
        np.testing.assert_array_equal(one.v[name], other.v[name])


def test_it_learns_two_digits_and_repeats_itself_bit_for_bit() -> None:
    learn, test = two_digits()
    model = gupta.train_spiking(CONFIG, learn, seed=1, measure={"test": test})
    assert model.accuracy(test) >= 95
    assert len(model.model.curve) == 5 and model.model.curve[-1]["test"] == model.accuracy(test)
    again = gupta.train_spiking(CONFIG, learn, seed=1)
    for a, b in zip(model.model.net.arrays, again.model.net.arrays, strict=True):
        np.testing.assert_array_equal(a, b)
    grid = 2.0**-CONFIG.grid
    w = model.network.projections[0].matrix
    assert (w == np.round(w / grid) * grid).all()


def test_bad_input_is_refused_before_any_spike() -> None:
    data = datasets.digits()
    with pytest.raises(DataError, match="pair"):
        gupta.train_spiking(CONFIG, data.train)
    learn, _ = two_digits()
    with pytest.raises(DataError, match="divide by 255"):
        gupta.train_spiking(CONFIG, Split("train", learn.x * 255, learn.y, learn.index))


def test_forms_without_a_spiking_counterpart_are_refused() -> None:
    for wrong in ({"coding": "complement"}, {"learning": "backprop"}, {"sizes": (64, 10)}):
        with pytest.raises(DeclarationError, match="SpikingGupta"):
            gupta.SpikingGupta(rates=replace(RATES, **wrong))
    for T, gain in ((0, 0.25), (20, 0.0)):
        with pytest.raises(DeclarationError, match="T ="):
            gupta.SpikingGupta(T=T, gain=gain)
