"""What is kept of a run: collectors by monitor, in memory and on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikesim import simulate
from spikesim.engines import disk_recorder
from spikesim.engines.disk_recorder import DiskRecorder
from spikesim.engines.external_inputs import beginning
from spikesim.engines.memory_recorder import MemoryRecorder, joined
from spikesim.engines.monitors import Collector, monitors_of
from spikesim.errors import DataError
from spikesim.network import Network
from spikesim.neurons import LIF, PoissonSource
from spikesim.recording.file import RecordingFile
from spikesim.recording.monitor import Monitor
from spikesim.synapses import Dense

pytestmark = pytest.mark.core


def network() -> Network:
    """Three Poisson trains, each onto a neuron of its own."""
    return Network({"p": PoissonSource(3, 0.5), "a": LIF(3, 1.0)}, (Dense("p", "a", 2 * np.eye(3), 1),))


def spikes(*neurons: int, sign: int = 1) -> Any:
    return np.array(neurons, np.int32), np.full(len(neurons), sign, np.int8)


def test_a_collector_takes_its_neurons_and_its_steps() -> None:
    collector = Collector(network(), Monitor("a", "spikes", neurons=(0, 2)))
    for t, fired in enumerate([spikes(0, 1), spikes(1), spikes(0, 1, 2)]):
        collector.observe(t, {"a": fired}, {"a": {}}, {})
    assert collector.size == 3 * 13
    kept = collector.drain()
    assert (kept.t.tolist(), kept.neurons.tolist()) == ([0, 2, 2], [0, 0, 2])
    assert collector.size == 0 and len(collector.drain().t) == 0
    every = Collector(network(), Monitor("a", "v", every=2))
    v = np.zeros(3)
    for t in range(4):
        v[:] = t
        every.observe(t, {"a": spikes()}, {"a": {"v": v}}, {})
    values = every.drain()
    assert values.t.tolist() == [0, 2] and values.values.tolist() == [[0] * 3, [2] * 3], "copies"
    weights = Collector(network(), Monitor("p->a", "weights", neurons=(0, 4)))
    weights.observe(0, {}, {}, {"p->a": np.arange(9.0).reshape(3, 3)})
    assert weights.drain().values.tolist() == [[0.0, 4.0]]


@pytest.mark.parametrize(
    ("monitor", "said"),
    [
        (Monitor("b"), "'b'"),
        (Monitor("a", "w"), "'w'"),
        (Monitor("p", "v"), "'v'"),
        (Monitor("a", "spikes", neurons=(3,)), "neuron 3"),
        (Monitor("a->p", "weights"), "'a->p'"),
    ],
)
def test_a_monitor_of_what_is_not_there_is_refused(monitor: Monitor, said: str) -> None:
    with pytest.raises(DataError, match=said):
        Collector(network(), monitor)


def test_names_and_monitors_are_told_apart() -> None:
    one = Monitor("a")
    assert monitors_of(["p", one]) == (("p",), (one,))
    with pytest.raises(DataError, match="3"):
        monitors_of([3])  # type: ignore[list-item]


def test_single_steps_become_one_raster() -> None:
    found = joined([(0, spikes(1)), (2, spikes(0, 1, sign=-1))], 4, 2)
    assert found.raster().tolist() == [[0, 1], [0, 0], [-1, -1], [0, 0]]
    assert joined([], 4, 2).raster().sum() == 0 and joined([], 4, 2).signs is None


def test_memory_keeps_counts_of_all_and_spikes_and_membranes_of_some() -> None:
    kept = MemoryRecorder(network(), ("a",), first=5, steps=2)
    for t, fired in ((5, spikes(0, 2)), (6, spikes(2))):
        states = {"a": {"v": np.full(3, float(t))}}
        kept.observe(t, {"a": fired, "p": spikes(1)}, states, {})
    found = kept.recording(beginning(network()), events=7)
    assert found.counts["a"][0, 0].tolist() == [1, 0, 2] and found.counts["p"][0, 0].tolist() == [0, 2, 0]
    assert found.v["a"][0].tolist() == [[5.0] * 3, [6.0] * 3] and set(found.spikes) == {"a"}
    assert found.spikes["a"].times.tolist() == [0, 0, 1] and found.events == 7


def test_the_disk_has_what_memory_has_however_it_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitors = [Monitor("a"), Monitor("a", "v", every=3, neurons=(1,)), Monitor("p")]
    memory = simulate(network(), steps=200, record=monitors).monitors
    monkeypatch.setattr(disk_recorder, "HELD_STEPS", 7)
    simulate(network(), steps=200, record=monitors, to=tmp_path / "a.h5")
    file = RecordingFile(tmp_path / "a.h5")
    for monitor in monitors:
        one, two = memory[monitor], file.series(monitor)
        for name in ("t", "neurons", "values"):
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name), strict=True)
    assert len(memory[monitors[0]].t) > 50


def test_a_run_that_is_refused_before_its_first_step_leaves_no_file(tmp_path: Path) -> None:
    def refused(path: Path, after: int) -> None:
        with DiskRecorder(path, network(), [Monitor("a")], 0) as kept:
            kept.passed(after)
            raise ZeroDivisionError

    for after, there in ((0, False), (3, True)):
        path = tmp_path / f"{after}.h5"
        with pytest.raises(ZeroDivisionError):
            refused(path, after)
        assert path.exists() is there
