"""Objects by value: equality of what holds arrays, descriptions of a few lines, arguments told by name."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import small_runs
from random_nets import case

import spikesim as ss
from spikesim._values import equal, lines, listed, named_arguments
from spikesim.errors import ArgumentError
from spikesim.models import emstdp
from spikesim.recording.monitor import Series
from spikesim.tools.dev.random_networks import endless
from spikesim.training.run import Run

pytestmark = pytest.mark.core


@named_arguments
@dataclass(frozen=True)
class Pair:
    left: Any
    right: Any = 2


def again(thing: Any) -> Any:
    """What another process is given."""
    return pickle.loads(pickle.dumps(thing))  # noqa: S301 - of our own making


def two_layers(w: float = 0.25) -> ss.Network:
    populations = {"in": ss.Source(4), "a": ss.IF(3, theta=1.0)}
    return ss.Network(populations, (ss.Dense("in", "a", np.full((4, 3), w)),), ss.Window(8))


def ones(B: int = 2) -> dict[str, ss.Spikes]:
    return {"in": ss.from_raster(np.ones((B, 8, 4), np.int8))}


def test_values_in_any_nesting_are_compared() -> None:
    a, b = ({"x": [np.arange(3), (1, "a")], "y": Pair(np.eye(2))} for _ in range(2))
    assert equal(a, b)
    for other in (
        {"x": [np.arange(3), (1, "b")], "y": Pair(np.eye(2))},
        {"x": [np.arange(4), (1, "a")], "y": Pair(np.eye(2))},
        {"x": [np.arange(3), (1, "a")], "y": Pair(np.eye(2) * 2)},
        {"x": [np.arange(3), (1, "a")]},
        {"x": [[0, 1, 2], (1, "a")], "y": Pair(np.eye(2))},
        {"x": [np.arange(3), (1, "a")], "y": 3},
    ):
        assert not equal(a, other)
    assert equal(np.arange(3), np.arange(3.0)), "the type of the numbers does not count"
    spikes = ss.from_raster(np.eye(3, dtype=np.int8))
    assert equal(spikes, replace(spikes, signs=np.ones(3, np.int8))), "the comparison of the class itself"


def test_a_description_has_one_line_for_each_entry_that_is_there() -> None:
    assert lines("Head", {"a": "1", "empty": "", "longer": listed(())}) == "Head\n  a  1"
    assert listed(map(str, range(14)), most=2) == "0, 1, ... (14 in all)"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ss.LIF(theta=[1.0, 2.0]), "LIF: missing a required argument: 'n'. It is LIF(n, theta, "),
        (lambda: ss.IF(3, 1.0, treshold=2), "got an unexpected keyword argument 'treshold'"),
        (lambda: ss.Dense("a"), "Dense: missing a required argument: 'post'"),
        (lambda: ss.Sparse(), "Sparse: missing"),
        (lambda: ss.STDP(speed=2), "STDP: missing a required argument"),
        (lambda: ss.Window(), "Window: missing a required argument: 'T'"),
        (lambda: ss.Training(epoch=1), "Training(epochs=1, samples=None"),
        (lambda: ss.Monitor(), "Monitor: missing a required argument: 'name'"),
        (lambda: ss.Network(), "window=..."),
        (lambda: ss.Poisson(rate=2), "Poisson: got an unexpected keyword argument 'rate'"),
        (lambda: ss.Readout(), "Readout: missing"),
        (lambda: ss.PoissonInput(), "PoissonInput: missing"),
    ],
)
def test_missing_and_unknown_arguments_are_told_with_all_that_there_are(make: Any, said: str) -> None:
    with pytest.raises(ArgumentError) as problem:
        make()
    assert said in str(problem.value)
    assert isinstance(problem.value, TypeError) and isinstance(problem.value, ss.SpikesimError)


def test_an_error_inside_a_constructor_passes_unchanged() -> None:
    @named_arguments
    @dataclass(frozen=True)
    class Refusing:
        n: int

        def __post_init__(self) -> None:
            raise TypeError("of its own")

    with pytest.raises(TypeError, match=r"^of its own$"):
        Refusing(2)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", [case, endless])
def test_networks_are_copied_pickled_and_compared_by_value(kind: Any, seed: int) -> None:
    network = kind(seed).network
    for other in (copy.copy(network), copy.deepcopy(network), again(network)):
        assert other is not network and other == network and hash(other) == hash(network)
        assert other.signature == network.signature and other.order == network.order
    with pytest.raises(TypeError, match="item assignment"):
        again(network).populations["x"] = 1


def test_a_network_with_another_weight_is_another() -> None:
    assert two_layers() == two_layers() != two_layers(0.5)
    assert two_layers() != replace(two_layers(), window=ss.Window(9))
    assert two_layers() != "a network"


def test_a_copied_network_gives_the_same_spikes() -> None:
    network = emstdp.build(small_runs.config())
    rs = np.random.default_rng(1)
    spikes = ss.from_raster((rs.random((2, network.window.boundary, 12)) < 0.3).astype(np.int8))
    given = {"in": spikes}, np.array([0, 1])
    assert ss.simulate(network, *given, learn=True, engine="naive") == ss.simulate(
        again(network), *given, learn=True, engine="naive"
    )


def test_recordings_are_compared_and_described() -> None:
    network = two_layers()
    found, other = (ss.simulate(network, ones(), record=["a"], engine=e) for e in ("stepped", "naive"))
    assert found == other == again(found) == copy.deepcopy(found), "events, which naive does not count, aside"
    assert found != ss.simulate(network, ones(), engine="naive") and found != "a recording"
    assert repr(found).splitlines() == [
        "Recording of 2 trials",
        "  spike counts  in 64, a 48",
        "  spikes        a 8 steps of 3",
        "  membranes     a (2, 8, 3)",
        "  events        192",
    ]


def test_states_and_series_are_compared_and_described() -> None:
    network = replace(two_layers(), window=ss.Window.without_end())
    monitor = ss.Monitor("a", "v")
    found = [ss.simulate(network, ones(1), steps=8, record=monitor) for _ in range(2)]
    assert found[0] == found[1] and found[0].state == found[1].state == again(found[0].state)
    later = ss.simulate(network, ones(1), steps=8, state=found[0].state).state
    assert later != found[0].state
    series: Series = found[0].monitors[monitor]
    assert series == found[1].monitors[monitor] != replace(series, values=series.values + 1)
    assert repr(later).startswith("State before step 16\n") and len(repr(later)) < 400
    assert "v of a (8 rows)" in repr(found[0]) and "to step 8" in repr(found[0])


def test_runs_are_copied_compared_and_described(tmp_path: Any) -> None:
    data, config = small_runs.data(60), small_runs.config()
    training = emstdp.training(config, epochs=2)
    runs = [
        ss.train(emstdp.build(config), data, emstdp.encoder(config), training, out=tmp_path / name)
        for name in "ab"
    ]
    assert runs[0] == runs[1] == again(runs[0]) == copy.deepcopy(runs[1]) == Run.open(tmp_path / "a")
    assert runs[0] != replace(runs[0], finished=False)
    shown = repr(runs[0])
    assert shown.startswith("Run, finished: 2 of 2 epochs\n") and len(shown) < 500
    assert str(tmp_path / "a") in shown and "accuracy" in shown
    found = runs[0].evaluate(data)
    assert found == again(found) != replace(found, labels=found.labels[::-1])


def test_a_network_is_described_in_a_few_lines() -> None:
    network = emstdp.build(emstdp.Emstdp(sizes=(64, 50, 10)))
    shown = repr(network)
    assert shown.startswith("Network, trials of ") and len(shown) < 700
    assert "hid1 IF 50" in shown and "in->hid1 Dense (learns)" in shown
