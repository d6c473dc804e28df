"""Recordings as objects of Neo: units, annotations, and what Elephant says of them against NumPy."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from small_runs import config, data

import spikesim as ss
from spikesim.encoders import Poisson
from spikesim.errors import DataError, MissingExtraError
from spikesim.models.emstdp import build
from spikesim.network import Network
from spikesim.recording import Recording
from spikesim.recording.segments import block

DT = 0.25  # ms
STEPS = 4000


@pytest.fixture(scope="module")
def noise() -> Recording:
    """Five neurons that Poisson sources drive, and one that nothing drives."""
    w = np.tile([0.2, 0.3, 0.4, 0.5, 0.6, 0.0], (20, 1))
    net = Network(
        {"noise": ss.PoissonSource(20, rate=0.05), "lif": ss.LIF(6, theta=2.0, v_decay=0.05, grid=None)},
        [ss.Dense("noise", "lif", w)],
        seed=3,
    )
    return ss.simulate(net, steps=STEPS, record=("lif",))


@pytest.mark.filterwarnings("ignore:The 'copy' argument in Quantity is deprecated")  # as Elephant calls it
def test_trains_have_ms_and_elephant_agrees_with_numpy(noise: Recording) -> None:
    from elephant import statistics

    segment = noise.to_neo(dt=DT).segments[0]
    raster = noise.spikes["lif"].raster()
    assert len(segment.spiketrains) == 6
    for j, train in enumerate(segment.spiketrains):
        assert train.units.dimensionality.string == "ms" and train.annotations["population"] == "lif"
        assert train.annotations["neuron"] == j and train.name == f"lif[{j}]"
        at = np.flatnonzero(raster[:, j]) * DT
        assert np.array_equal(train.magnitude, at) and float(train.t_stop) == STEPS * DT
        rate = statistics.mean_firing_rate(train).rescale("Hz")
        assert float(rate) == pytest.approx(raster[:, j].sum() / (STEPS * DT / 1000))
        if j < 5:
            gaps = np.diff(at)
            assert len(gaps) > 20
            assert np.allclose(statistics.isi(train).magnitude, gaps)
            assert statistics.cv(statistics.isi(train)) == pytest.approx(gaps.std() / gaps.mean())
    assert len(segment.spiketrains[5]) == 0
    counts = raster[:, :5].sum(axis=0)
    trains = list(segment.spiketrains)[:5]
    assert statistics.fanofactor(trains) == pytest.approx(counts.var() / counts.mean())


def test_membranes_are_signals_with_the_period_of_a_step(noise: Recording) -> None:
    (signal,) = noise.to_neo(dt=DT).segments[0].analogsignals
    assert signal.shape == (STEPS, 6) and float(signal.sampling_period.rescale("ms")) == DT
    assert np.array_equal(signal.magnitude, noise.v["lif"][0])
    assert signal.name == "v of lif" and signal.units.dimensionality.string == "dimensionless"


def test_each_trial_is_a_segment_with_signs_and_halves() -> None:
    samples = data().train
    net = build(config(error_form="pair"))
    spikes = Poisson().encode(samples.x[:3], samples.index[:3], 10, 1)
    found = ss.simulate(net, {"in": spikes}, samples.y[:3], record=("in", "err_out"), engine="stepped")
    made = found.to_neo(1.0, network=net)
    assert len(made.segments) == 3 and made.annotations["dt_ms"] == 1.0
    for b, segment in enumerate(made.segments):
        assert segment.index == b and len(segment.spiketrains) == 12 + 3
        signed = [train for train in segment.spiketrains if train.annotations["population"] == "err_out"]
        again = np.zeros((20, 3), np.int8)
        for j, train in enumerate(signed):
            again[train.magnitude.astype(int), j] = train.array_annotations["sign"]
        assert (again == found.spikes["err_out"].raster(b)).all()
        halves = [s for s in segment.analogsignals if s.annotations["population"] == "err_out"]
        assert [s.annotations["half"] for s in halves] == [0, 1]
        v = found.membrane("err_out", net)[b]
        assert all(np.array_equal(s.magnitude, v[:, h]) for h, s in enumerate(halves))
    only = found.to_neo(1.0, "in").segments[0]
    assert {train.annotations["population"] for train in only.spiketrains} == {"in"}


def test_refusals(noise: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = Recording({}, np.zeros(0, np.int64))
    missing: Any = None
    with pytest.raises(DataError, match="dt is missing; give the length of a step in ms"):
        noise.to_neo(missing)
    with pytest.raises(DataError, match="Did you mean 'lif'"):
        noise.to_neo(1.0, ["lfi"])
    with pytest.raises(DataError, match="neither spikes nor membranes"):
        block(nothing, 1.0, None, None)
    monkeypatch.setitem(sys.modules, "neo", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'spikesim\[analysis\]'"):
        noise.to_neo(1.0)
