"""A step of the naive and of the stepped engine, part by part, worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spikesim.engines.external_inputs import ExternalInputs, beginning
from spikesim.engines.naive.step import StepLoop
from spikesim.engines.stepped.step import NOBODY, SpikeBuffer, advance_of, wire
from spikesim.engines.stepped.trials import Trials
from spikesim.network import Network, Readout
from spikesim.neurons import IF, LIF, ErrorIF, Source, Target
from spikesim.spikes import from_raster
from spikesim.synapses import Dense, OneToOne
from spikesim.window import Window

pytestmark = pytest.mark.core


def chain() -> Network:
    """One input, one neuron of threshold 1 with weight 5/8, and one behind it, a step later."""
    return Network(
        {"in": Source(1), "a": IF(1, 1.0, grid=3), "b": IF(1, 0.5, grid=3)},
        (Dense("in", "a", np.array([[0.625]])), Dense("a", "b", np.array([[0.5]]), 1)),
        Window(5),
        Readout("b", "first"),
    )


def test_five_steps_of_the_naive_loop_by_hand() -> None:
    """v of a in eighths: 5, 10 >= 8 -> 0, 5, 10 -> 0, 5; b hears a spike a step later, in its own window."""
    loop = StepLoop(chain(), {})
    spikes, v = loop.trial({"in": np.ones((5, 1), np.int64), "a": None, "b": None})
    assert v["a"].ravel().tolist() == [5, 0, 5, 0, 5]
    assert spikes["a"].ravel().tolist() == [0, 1, 0, 1, 0]
    assert chain().offsets == {"in": 0, "a": 0, "b": 1}
    assert spikes["b"].ravel().tolist() == [0, 1, 0, 1, 0], "its clock starts one step later"
    seen: list[Any] = []
    StepLoop(
        chain(), {}, observer=lambda name, t, _state, current: seen.append((name, t, int(current[0])))
    ).trial({"in": np.ones((5, 1), np.int64), "a": None, "b": None})
    assert [entry for entry in seen if entry[0] == "a"] == [("a", t, 5) for t in range(5)]


def test_a_run_without_end_goes_on_from_its_state() -> None:
    network = Network({"in": Source(2), "a": LIF(2, 1.0, v_decay=0.5)}, (Dense("in", "a", np.eye(2), 2),))
    raster = (np.random.default_rng(1).random((12, 2)) < 0.5).astype(np.int8)

    def inputs(first: int, last: int) -> ExternalInputs:
        return ExternalInputs(network, last - first, {"in": from_raster(raster[first:last])}, {}, first)

    whole, v, _ = StepLoop(network, {}, beginning(network)).advance(inputs(0, 12), True)
    one, v1, state = StepLoop(network, {}, beginning(network)).advance(inputs(0, 5), True)
    assert state.t == 5 and state.recent["in"].tolist() == raster[3:5].tolist()
    two, v2, _ = StepLoop(network, {}, state).advance(inputs(5, 12), True)
    np.testing.assert_array_equal(whole["a"], np.concatenate([one["a"], two["a"]]))
    np.testing.assert_array_equal(v["a"], np.concatenate([v1["a"], v2["a"]]))


def test_a_buffer_keeps_spikes_as_long_as_they_are_under_way() -> None:
    buffer = SpikeBuffer(2)
    for t in range(5):
        buffer.send(t, (np.array([t], np.int32), np.ones(1, np.int8)))
        assert [int(buffer.sent(t - ago)[0][0]) for ago in range(min(t, 2) + 1)] == list(
            range(t, max(t - 3, -1), -1)
        )
    buffer.clear()
    assert all(buffer.sent(t) is NOBODY for t in range(3))


def test_live_populations_are_wired_and_step_as_the_model_says() -> None:
    network = chain()
    trains, cells = wire(network, network.weights)
    assert set(trains) == {"in", "a", "b"} and set(cells) == {"a", "b"}
    assert [(arrival.train is trains["in"], arrival.delay) for arrival in cells["a"].afferents] == [(True, 0)]
    fired = []
    for now in range(5):
        trains["in"].send(now, (np.zeros(1, np.int32), np.ones(1, np.int8)))
        fired.append(cells["a"].advance(now, now)[0].tolist())
    assert fired == [[], [0], [], [0], []] and cells["a"].events == 5
    cells["a"].reset()
    assert cells["a"].state["v"].tolist() == [0]


def test_a_model_without_kernel_is_stepped_by_its_readable_step() -> None:
    """The same as the compiled one: state, spikes, and what a gate holds."""

    class Plain:
        """An ErrorIF without `compiled`."""

        def __init__(self, model: ErrorIF) -> None:
            self.model = model

        def __getattr__(self, name: str) -> Any:
            if name == "compiled":
                raise AttributeError(name)
            return getattr(self.model, name)

    model = ErrorIF(4, 1.0, 4, "ternary")
    closed = np.array([False, True, False, False])
    drive = np.array([[0.75, 2.0, -1.5, 0.25], [0.5, 2.0, 0.0, -1.5], [0.0, 0.0, 0.5, 0.5]])
    found = []
    for population in (model, Plain(model)):
        advance, state = advance_of(population), model.initial_state()
        steps = []
        for row in drive:
            fired, signs, current = np.zeros(4, np.int32), np.zeros(4, np.int8), row.copy()
            count = advance(state, current, closed, fired, signs)
            steps.append(
                (fired[:count].tolist(), signs[:count].tolist(), state["v"].tolist(), current.tolist())
            )
        found.append(steps)
    assert found[0] == found[1]
    assert found[0][0][:2] == ([2], [-1]) and found[0][1][0] == [0, 3]


def test_trials_give_replay_and_target_and_read_the_class() -> None:
    network = Network(
        {"in": Source(2, replay=True), "a": IF(2, 1.0, grid=3), "t": Target(2, 1.0)},
        (Dense("in", "a", np.eye(2)),),
        Window.halved(4),
        Readout("a", "first"),
    )
    trials = Trials(network, ("a",), 2)
    raster = np.array([[[1, 0], [0, 1]], [[0, 1], [0, 1]]], np.int8)
    for b, label in enumerate((1, 0)):
        given = trials.begin(b, {"in": from_raster(raster)}, np.array([1, 0]))
        assert [fired.tolist() for fired, _ in given["in"]] == 2 * [
            np.flatnonzero(row).tolist() for row in raster[b]
        ]
        sent = [fired.tolist() for fired, _ in given["t"]]
        assert sent[:2] == [[], []] and all(s in ([], [label]) for s in sent[2:]) and [label] in sent
        _, cells = wire(network, network.weights)
        for t, fired in enumerate(given["in"]):
            trials.take("a", t, fired, cells["a"])
        trials.end()
    found = trials.recording(events=3)
    assert found.counts["a"].tolist() == [[[1, 1], [1, 1]], [[0, 2], [0, 2]]]
    assert found.predictions.tolist() == [0, 1] and found.events == 3
    assert found.spikes["a"].raster(1).tolist() == [[0, 1]] * 4
    assert OneToOne("a", "a", 1.0).pre == "a"
