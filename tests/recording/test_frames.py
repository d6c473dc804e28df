"""Recordings as data frames: every spike and value, by population, trial and step."""

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
from spikesim.recording.frames import check_dt

DATA = data()


@pytest.fixture(scope="module")
def trials() -> tuple[Network, Recording]:
    """Five trials with signed and paired error neurons."""
    net = build(config(error_form="pair"))
    spikes = Poisson().encode(DATA.train.x[:5], DATA.train.index[:5], 10, 1)
    given = ("in", "out", "err_out", "target")
    return net, ss.simulate(net, {"in": spikes}, DATA.train.y[:5], record=given, engine="stepped")


@pytest.fixture(scope="module")
def continuous() -> Recording:
    """A continuous simulation with monitors."""
    net = Network(
        {"in": ss.RegularSource(3, period=4), "lif": ss.LIF(2, theta=2.0, v_decay=0.1, grid=None)},
        [ss.Dense("in", "lif", np.full((3, 2), 0.7))],
    )
    record: list[Any] = [ss.Monitor("lif"), ss.Monitor("lif", "v", neurons=(1,), every=5), ss.Monitor("in")]
    return ss.simulate(net, steps=40, record=record)


def test_each_spike_is_a_row(trials: tuple[Network, Recording]) -> None:
    recording = trials[1]
    frame = recording.to_pandas(dt=0.5)
    assert list(frame.columns) == ["trial", "population", "neuron", "time_step", "time_ms", "sign"]
    assert (frame["time_ms"] == frame["time_step"] * 0.5).all()
    for name, spikes in recording.spikes.items():
        for b in range(5):
            mine = frame[(frame["population"] == name) & (frame["trial"] == b)]
            again = np.zeros((spikes.T, spikes.n), np.int8)
            again[mine["time_step"], mine["neuron"]] = mine["sign"]
            assert (again == spikes.raster(b)).all() and len(mine) == np.abs(again).sum()
    assert len(frame) == sum(len(s.times) for s in recording.spikes.values())
    assert (frame["sign"] < 0).any()
    assert "time_ms" not in recording.to_pandas()


def test_each_membrane_value_is_a_row(trials: tuple[Network, Recording]) -> None:
    net, recording = trials
    frame = recording.to_pandas("membranes")
    in_units = recording.to_pandas("membranes", dt=2, network=net)
    assert len(frame) == sum(v.size for v in recording.v.values())
    out = frame[frame["population"] == "out"]
    found = np.zeros(recording.v["out"].shape, np.int64)
    found[out["trial"], out["time_step"], out["neuron"]] = out["v"]
    assert (found == recording.v["out"]).all()
    pairs = in_units[in_units["population"] == "err_out"]
    unit = np.zeros(recording.v["err_out"].shape)
    unit[pairs["trial"], pairs["time_step"], pairs["half"], pairs["neuron"]] = pairs["v"]
    assert (unit == recording.membrane("err_out", net)).all()
    assert (in_units["time_ms"] == 2.0 * in_units["time_step"]).all()


def test_counts_are_rows_by_phase(trials: tuple[Network, Recording]) -> None:
    recording = trials[1]
    frame = recording.to_pandas("counts", dt=1.0)
    assert "time_ms" not in frame
    sums = frame.groupby(["population", "trial", "phase"])["count"].sum()
    for name, counts in recording.counts.items():
        assert sums[name].to_numpy().tolist() == counts.sum(axis=2).reshape(-1).tolist()


def test_monitors_are_rows(continuous: Recording) -> None:
    frame = continuous.to_pandas("monitors", dt=0.1)
    spikes = frame[(frame["name"] == "in") & (frame["what"] == "spikes")]
    assert len(spikes) == continuous.counts["in"].sum() > 0
    membrane = frame[frame["what"] == "v"]
    series = next(s for m, s in continuous.monitors.items() if m.what == "v")
    assert membrane["time_step"].tolist() == series.t.tolist() == list(range(0, 40, 5))
    assert membrane["value"].tolist() == series.values[:, 0].tolist()
    assert set(membrane["neuron"]) == {1} and np.allclose(membrane["time_ms"], series.t * 0.1)


def test_no_spikes_are_an_empty_frame_with_columns(continuous: Recording) -> None:
    frame = continuous.to_pandas(dt=1)
    assert len(frame) == 0
    assert list(frame.columns) == ["trial", "population", "neuron", "time_step", "time_ms", "sign"]


def test_refusals(continuous: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong: Any = "spike"
    with pytest.raises(DataError, match="Did you mean 'spikes'"):
        continuous.to_pandas(wrong)
    with pytest.raises(DataError, match="the recording has no membranes"):
        continuous.to_pandas("membranes")
    for dt in (0, -1.0, np.nan, np.inf, True, "0.1"):
        with pytest.raises(DataError, match="the length of a step in ms is needed"):
            check_dt("here", dt)
    assert check_dt("here", np.float32(0.5)) == 0.5 and check_dt("here", None) is None
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'spikesim\[analysis\]'"):
        continuous.to_pandas()
