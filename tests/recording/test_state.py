"""Where a run stands, as a file; and whatever is no state of the network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikesim.engines import simulate
from spikesim.errors import CheckpointError, DataError, DeclarationError, EngineError
from spikesim.files import checkpoint
from spikesim.learning import STDP
from spikesim.network import Network
from spikesim.neurons import IF, LIF, PoissonSource, Source
from spikesim.recording.state import KIND, State, same
from spikesim.spikes import from_raster
from spikesim.synapses import Dense
from spikesim.window import Window

pytestmark = pytest.mark.core
ENGINES = ("naive", "stepped")
NAMES = ("in", "a/b", "ü")  # names may hold any character


def network(**change: Any) -> Network:
    return Network(
        {"in": PoissonSource(3, 0.5), "a/b": IF(2, 1.0, 4, refractory=1), "ü": LIF(2, 1.0, **change)},
        (
            Dense("in", "a/b", np.full((3, 2), 0.5), 3),
            Dense("a/b", "ü", np.full((2, 2), 0.5), 1, STDP(0.1, 0.1)),
        ),
    )


def stopped(steps: int = 9) -> State:
    state = simulate(network(), steps=steps).state
    assert state is not None
    return state


def test_a_state_comes_back_from_its_file(tmp_path: Path) -> None:
    state = stopped()
    digest = state.save(tmp_path / "s.h5")
    back = State.load(tmp_path / "s.h5")
    assert same(state, back) and back.t == 9 and len(digest) == 64
    assert back.save(tmp_path / "again.h5") == digest
    assert not same(back, replace(back, t=10))
    assert not same(back, replace(back, weights={}))
    assert not same(back, stopped(10))


def test_a_state_that_is_gone_on_from_stays_as_it_is() -> None:
    state, kept = stopped(), stopped()
    for name in ENGINES:
        one, two = (simulate(network(), steps=7, state=state, engine=name).state for _ in range(2))
        assert one is not None and two is not None and same(one, two)
        assert same(state, kept)


def test_files_that_hold_no_state(tmp_path: Path) -> None:
    stopped().save(tmp_path / "s.h5")
    whole = (tmp_path / "s.h5").read_bytes()
    for k, damaged in enumerate((b"", whole[: len(whole) // 2], whole[:-200] + b"x" * 200, b"text")):
        path = tmp_path / f"{k}.h5"
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=f"{k}.h5"):
            State.load(path)
    with pytest.raises(CheckpointError, match=r"gone\.h5"):
        State.load(tmp_path / "gone.h5")
    checkpoint.save(tmp_path / "other.h5", "network", {}, {})
    with pytest.raises(CheckpointError, match=r"other\.h5.*network"):
        State.load(tmp_path / "other.h5")
    checkpoint.save(tmp_path / "empty.h5", KIND, {}, {})
    with pytest.raises(CheckpointError, match="not a valid state"):
        State.load(tmp_path / "empty.h5")


def changed(state: State, group: str, name: str, key: str | None, value: Any) -> State:
    """The state with another array in one place; None takes it away."""
    nested = {k: dict(v) if isinstance(v, dict) else v for k, v in getattr(state, group).items()}
    place: Any = nested if key is None else nested[name]
    place[name if key is None else key] = value
    if value is None:
        del place[name if key is None else key]
    return replace(state, **{group: nested})


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(
    ("group", "place", "key", "value", "said"),
    [
        (
            "populations",
            "a/b",
            "v",
            np.zeros(1, np.int64),
            r"v of a/b is int64 \(1,\), and .* needs int64 \(2,\)",
        ),
        ("populations", "a/b", "v", np.zeros(2), r"v of a/b is float64"),
        ("populations", "a/b", "refractory_left", None, "refractory_left of a/b is missing"),
        ("populations", "ü", "more", np.zeros(2), "more of ü is float64 .* needs none"),
        ("recent", "in", None, np.zeros((2, 3), np.int8), r"in transit of in is int8 \(2, 3\)"),
        ("weights", "a/b->ü", None, np.zeros(3), r"weights of a/b->ü is float64 \(3,\)"),
        ("weights", "a/b->ü", None, None, "weights of a/b->ü is missing"),
        ("traces", "other", None, {}, "traces of .*'other'.*; the projections with online rules are"),
    ],
)
def test_states_of_another_shape(name: str, group: str, place: str, key: Any, value: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        simulate(network(), steps=3, state=changed(stopped(), group, place, key, value), engine=name)


@pytest.mark.parametrize("name", ENGINES)
def test_a_state_of_another_network(name: str) -> None:
    with pytest.raises(DataError, match="belongs to another network"):
        simulate(network(v_decay=0.5), steps=3, state=stopped(), engine=name)


@pytest.mark.parametrize("name", ENGINES)
def test_runs_that_cannot_be(name: str) -> None:
    for steps in (0, -1, 1.5):
        with pytest.raises(DeclarationError, match=f"steps = {steps}"):
            simulate(network(), steps=steps, engine=name)  # type: ignore[arg-type]
    with pytest.raises(EngineError, match="this network is continuous: give steps"):
        simulate(network(), engine=name)
    with pytest.raises(DataError, match="unknown population 'b'"):
        simulate(network(), steps=3, record="b", engine=name)
    presented = Network(
        {"in": Source(2), "a": IF(1, 1.0, 2)}, (Dense("in", "a", np.ones((2, 1))),), Window(4)
    )
    spikes = {"in": from_raster(np.zeros((1, 4, 2), np.int8))}
    with pytest.raises(EngineError, match="steps is for continuous networks"):
        simulate(presented, spikes, steps=4, engine=name)
    with pytest.raises(EngineError, match="state is for continuous networks"):
        simulate(presented, spikes, state=stopped(), engine=name)


@pytest.mark.parametrize("name", ENGINES)
def test_spikes_that_do_not_fit(name: str) -> None:
    net = Network({"in": Source(2), "a": IF(1, 1.0, 2)}, (Dense("in", "a", np.ones((2, 1))),))
    signed = from_raster(-np.ones((1, 4, 2), np.int8))
    for given, said in (
        ({}, r"inputs for \[\]; this network has the inputs \['in'\]"),
        ({"in": np.zeros((4, 2))}, "in: ndarray; Spikes are needed"),
        ({"in": from_raster(np.zeros((2, 4, 2), np.int8))}, "2 trials of 4 steps and 2 neurons"),
        ({"in": from_raster(np.zeros((1, 5, 2), np.int8))}, "1 trials of 5 steps"),
        ({"in": from_raster(np.zeros((1, 4, 3), np.int8))}, "and 3 neurons; "),
        ({"in": signed}, r"spikes of \+1"),
    ):
        with pytest.raises(DataError, match=said):
            simulate(net, given, steps=4, engine=name)
