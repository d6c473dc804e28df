"""What engines are given: inputs, labels, drives, signals, weights; checked before anything is simulated."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spikesim.engines import Naive, Stepped, Windowed, select
from spikesim.engines.external_inputs import (
    ExternalInputs,
    beginning,
    check_endless,
    check_state,
    check_trials,
    longest_delay,
)
from spikesim.engines.inference_only import check_playing, played
from spikesim.engines.initial_weights import starting_masters, starting_squares
from spikesim.engines.input_checks import check_recorded, check_run
from spikesim.engines.select import ENGINES, engine, engine_name
from spikesim.errors import DataError, DeclarationError, EngineError
from spikesim.grid import MASTER_BITS
from spikesim.learning import STDP, CountRule
from spikesim.network import Network, Readout
from spikesim.neurons import IF, LIF, Source, Target
from spikesim.spikes import from_raster
from spikesim.synapses import CurrentInput, Dense, OneToOne
from spikesim.window import Window

pytestmark = pytest.mark.core


def learning(**changes: Any) -> Network:
    """Two inputs, two neurons, a plastic projection, a target beside it."""
    rule = CountRule(**{"eta": 0.25, "clip": (-1.0, 1.0), **changes})
    populations = {"in": Source(2), "a": IF(2, 1.0, grid=4), "t": Target(2, 0.5)}
    projection = Dense("in", "a", np.array([[0.5, 0.0], [0.0, -0.5]]), plastic=rule)
    return Network(populations, (projection,), Window.halved(4), Readout("a"))


def given(B: int = 3, T: int = 4, n: int = 2) -> dict[str, Any]:
    return {"in": from_raster(np.ones((B, T, n), np.int8))}


# presentations


def test_a_run_knows_its_presentations_and_labels() -> None:
    B, labels = check_run(learning(), given(), [0, 1, 0], False, 1, 1.0)
    assert B == 3 and labels.tolist() == [0, 1, 0] and labels.dtype == np.int64
    forward = learning().inference()
    assert check_run(forward, given(2), None, False, 1, 1.0)[1].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("changed", "kind", "said"),
    [
        ({"inputs": {}}, DataError, "sources"),
        ({"inputs": given(3, 5)}, DataError, "in: .*4 steps"),
        ({"inputs": given(3, 4, 3)}, DataError, "in: .*2 neurons"),
        ({"inputs": {"in": from_raster(-np.ones((3, 4, 2), np.int8))}}, DataError, "signs"),
        ({"labels": None}, DataError, "t: .*labels"),
        ({"labels": [0, 1]}, DataError, "3 integers"),
        ({"labels": [0.0, 1.0, 0.0]}, DataError, "3 integers"),
        ({"labels": [0, 2, 0]}, DataError, "label 2"),
        ({"batch": 0}, DeclarationError, "batch = 0"),
        ({"factor": 1e12, "learn": True}, DeclarationError, "in->a"),
    ],
)
def test_what_does_not_fit_is_refused_before_it_runs(changed: Any, kind: type[Exception], said: str) -> None:
    fits: dict[str, Any] = {"inputs": given(), "labels": [0, 1, 0], "learn": False, "batch": 1, "factor": 1.0}
    with pytest.raises(kind, match=said):
        check_run(learning(), **{**fits, **changed})


def test_only_what_exists_is_recorded() -> None:
    check_recorded(("a",), learning().populations)
    with pytest.raises(DataError, match="'b'"):
        check_recorded(("b",), learning().populations)


def test_programs_that_only_play_refuse_to_learn_and_classify_by_counts_then_membranes() -> None:
    forward = learning().inference()
    assert check_playing(forward, given(), None, ("a",), False, 1, 1.0, "no") == (3, ("a",))
    with pytest.raises(EngineError, match="it only plays"):
        check_playing(forward, given(), None, (), True, 1, 1.0, "it only plays")
    raster = np.zeros((2, 4, 2), np.int8)
    raster[0, 1, 1] = 1
    v = np.zeros((2, 4, 2), np.int64)
    v[1, -1, 1] = 5
    found = played(forward, {"a": from_raster(raster)}, {"a": v}, ("a",))
    assert found.predictions.tolist() == [1, 1], "by its spike, and of two silent neurons by the membrane"
    assert found.counts["a"].sum(axis=1).tolist() == [[0, 1], [0, 0]]
    assert len(played(forward, {"a": from_raster(raster)}, {}, ()).predictions) == 0, "ties need membranes"


# weights


def test_an_engine_begins_with_the_declared_weights_or_copies_of_given_ones() -> None:
    network = learning()
    declared = starting_masters(network, None)["in->a"]
    assert declared.tolist() == [[1 << MASTER_BITS - 1, 0], [0, -(1 << MASTER_BITS - 1)]]
    mine = {"in->a": declared // 2}
    taken = starting_masters(network, mine)
    mine["in->a"][:] = 0
    assert taken["in->a"].any(), "a copy"
    for wrong, said in (
        ({}, "another network"),
        ({"in->a": declared[:1]}, "another network"),
        ({"in->a": declared.astype(np.int64)}, "int32"),
        ({"in->a": np.full_like(declared, 2**30)}, r"weight \[0, 0\]"),
    ):
        with pytest.raises(DeclarationError, match=said):
            starting_masters(network, wrong)


def test_only_normalised_steps_have_running_squares() -> None:
    assert starting_squares(learning(), None) == {}
    network = learning(step="normalised")
    squares = starting_squares(network, None)
    assert squares["in->a"].shape == (2, 2) and squares["in->a"].dtype == np.float64
    again = starting_squares(network, {"in->a": np.ones((2, 2))})
    assert again["in->a"].tolist() == [[1, 1], [1, 1]]
    with pytest.raises(DeclarationError, match="another network"):
        starting_squares(network, {})


# which engine


def test_the_fastest_engine_that_runs_it_is_taken() -> None:
    layered = learning().inference()
    assert type(engine(layered)) is Windowed and engine_name(engine(layered)) == "windowed"
    endless = Network({"a": LIF(2, 1.0)}, (Dense("a", "a", np.eye(2), 1),))
    assert type(engine(endless)) is Stepped
    assert {type(engine(layered, name=name)) for name in ENGINES} == {Naive, Stepped, Windowed}
    with pytest.raises(EngineError, match="'fast'"):
        engine(layered, name="fast")
    with pytest.raises(EngineError, match="threads = 0"):
        engine(layered, threads=0)


def test_a_training_that_is_slower_says_so_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(select, "_logged", set())
    populations = {"in": Source(2), "a": IF(2, 1.0, grid=4, refractory=1)}
    projection = Dense("in", "a", np.zeros((2, 2)), plastic=CountRule(0.25, clip=(-1.0, 1.0)))
    network = Network(populations, (projection,), Window.halved(4))
    with caplog.at_level("WARNING", logger="spikesim.engines"):
        assert type(engine(network)) is type(engine(network)) is Stepped
        engine(network.inference())
    assert len(caplog.records) == 1, "once a reason, and only for a network that learns"


# runs without presentations


def endless() -> Network:
    """A source, a driven leaky population that projects onto itself three steps later."""
    return Network(
        {"in": Source(2), "a": LIF(3, 1.0)},
        (
            Dense("in", "a", np.ones((2, 3)), 1),
            Dense("a", "a", np.eye(3), 3, plastic=STDP(0.01, -0.01, 10.0, 10.0)),
        ),
        drives=(CurrentInput("a"),),
    )


def test_external_inputs_are_told_step_by_step() -> None:
    raster = np.array([[1, 0], [0, 0], [1, 1]], np.int8)
    current = np.arange(9.0).reshape(3, 3)
    outside = ExternalInputs(endless(), 3, {"in": from_raster(raster), "->a": current}, {}, first=10)
    assert [outside.fired("in", t)[0].tolist() for t in (10, 11, 12)] == [[0], [], [0, 1]]
    drive = np.zeros(3)
    outside.add_drives("a", 11, drive)
    assert drive.tolist() == [3.0, 4.0, 5.0]
    steady = ExternalInputs(endless(), 3, {"in": from_raster(raster), "->a": np.ones(3)}, {}, first=0)
    steady.add_drives("a", 2, drive)
    assert drive.tolist() == [4.0, 5.0, 6.0] and steady.signal("", 1) == 0.0


@pytest.mark.parametrize(
    ("changed", "kind", "said"),
    [
        ({"steps": 0}, DeclarationError, "steps = 0"),
        ({"inputs": {}}, DataError, "->a"),
        ({"in": np.ones((3, 2))}, DataError, "in: ndarray"),
        ({"in": from_raster(np.ones((4, 2), np.int8))}, DataError, "3 steps"),
        ({"->a": np.ones((2, 3))}, DataError, r"->a: .*\(2, 3\)"),
        ({"->a": np.full(3, np.nan)}, DataError, "->a"),
        ({"signals": {"reward": np.ones(3)}}, DataError, "'reward'"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(changed: Any, kind: type[Exception], said: str) -> None:
    inputs: dict[str, Any] = {"in": from_raster(np.ones((3, 2), np.int8)), "->a": np.ones(3)}
    inputs |= {key: value for key, value in changed.items() if key in inputs}
    with pytest.raises(kind, match=said):
        ExternalInputs(
            endless(), changed.get("steps", 3), changed.get("inputs", inputs), changed.get("signals", {}), 0
        )


def test_a_state_belongs_to_its_network() -> None:
    network = endless()
    begun = beginning(network)
    assert begun.t == 0 and set(begun.populations) == {"a"} and not begun.recent["a"].any()
    assert begun.recent["a"].shape == (longest_delay(network, "a"), 3) == (3, 3)
    assert longest_delay(network, "in") == 1
    assert check_state(network, begun) is begun
    other = replace(network, populations={"in": Source(2), "a": LIF(3, 2.0)})
    assert other.signature != network.signature == endless().signature
    with pytest.raises(DataError, match="another network"):
        check_state(other, begun)
    spoilt = replace(begun, recent={**begun.recent, "a": begun.recent["a"][:1]})
    with pytest.raises(DataError, match="spikes in transit of a"):
        check_state(network, spoilt)


def test_time_with_and_without_end_are_told_apart() -> None:
    check_endless(endless())
    check_trials(learning())
    with pytest.raises(EngineError, match="4 steps"):
        check_endless(learning())
    with pytest.raises(EngineError, match="this network is continuous"):
        check_trials(endless())
    assert OneToOne("a", "b", 1.0).longest_delay == 0
