"""Rules at the end of a trial: one of one's own, and where each engine and backend stands to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spikesim as ss
from spikesim import grid
from spikesim.errors import DeclarationError, EngineError
from spikesim.learning import RULES, TrialRule, is_trial_rule, register_rule
from spikesim.learning.trial import PRODUCTS_EXACT, clip_master


@register_rule
@dataclass(frozen=True)
class Hebbian:
    """dw = eta * sum over the batch of h_pre * (h_post - its running mean), counts of both phases."""

    eta: float
    clip: tuple[float, float] = (-1.0, 1.0)
    error: None = None

    def memory(self, shape: tuple[int, int]) -> Any:
        """The running mean of h_post, one row for each presynaptic neuron."""
        return np.zeros(shape)

    def increments(self, pre: Any, post: Any, error: Any, factor: float, memory: Any) -> Any:
        h_pre, h_post = pre.sum(axis=1), post.sum(axis=1)
        step = round(self.eta * factor * 2**grid.MASTER_BITS)
        moved = step * (h_pre.T @ (h_post - np.floor(memory[0]).astype(np.int64)))
        memory += (h_post.mean(axis=0) - memory) / 2
        return moved

    def exceeds(self, T: int, batch: int, factor: float) -> bool:
        return T * T * batch >= PRODUCTS_EXACT


def network(rule: Any, **changes: Any) -> ss.Network:
    w = np.random.default_rng(1).integers(-64, 128, (5, 3)) / 256
    return ss.Network(
        {"in": ss.Source(5), "out": ss.IF(3, 0.5, 8, **changes)},
        (ss.Dense("in", "out", w, plastic=rule),),
        ss.Window(12, 6),
    )


def spikes(trials: int = 6) -> ss.Spikes:
    return ss.from_raster((np.random.default_rng(2).random((trials, 12, 5)) < 0.4).astype(np.int8))


@pytest.mark.core
def test_both_kinds_are_known_by_their_protocol() -> None:
    assert is_trial_rule(ss.CountRule(0.1))
    assert is_trial_rule(Hebbian(0.1))
    assert isinstance(ss.CountRule(0.1), TrialRule)
    assert not is_trial_rule(ss.STDP(0.1, 0.1))
    assert not is_trial_rule(None)
    assert {"CountRule", "STDP", "Hebbian"} <= set(RULES)


@pytest.mark.core
@pytest.mark.parametrize("batch", [1, 4])
def test_a_rule_of_ones_own_learns_the_same_on_naive_and_stepped(batch: int) -> None:
    runners = [ss.engine(network(Hebbian(0.001)), name=name) for name in ("naive", "stepped")]
    for runner in runners:
        runner.run({"in": spikes()}, learn=True, batch=batch)
    first, second = (r.masters["in->out"] for r in runners)
    assert not np.array_equal(first, network(Hebbian(0.001)).masters()["in->out"])
    assert np.array_equal(first, second)
    assert np.array_equal(runners[0].squares["in->out"], runners[1].squares["in->out"])


@pytest.mark.core
def test_one_trial_by_hand() -> None:
    """One input, one neuron of theta 1 and weight 1: h_pre = h_post = 3, so dw = 9 eta."""
    net = ss.Network(
        {"in": ss.Source(1), "out": ss.IF(1, 1.0, 8)},
        (ss.Dense("in", "out", [[1.0]], plastic=Hebbian(2.0**-8, (-2.0, 2.0))),),
        ss.Window(8, 4),
    )
    raster = np.zeros((1, 8, 1), np.int8)
    raster[0, [0, 2, 5]] = 1
    running = ss.engine(net, name="naive")
    running.run({"in": ss.from_raster(raster)}, learn=True)
    assert running.masters["in->out"] * 2.0**-28 == 1.0 + 9 * 2.0**-8


@pytest.mark.core
def test_it_is_clipped_and_saved(tmp_path: Path) -> None:
    rule = Hebbian(0.125, (-0.5, 0.5))
    running = ss.engine(network(rule), name="stepped")
    found = running.run({"in": spikes()}, learn=True)
    low, high = clip_master(rule.clip)
    assert found.clipped["in->out"] > 0
    assert running.masters["in->out"].min() >= low
    assert running.masters["in->out"].max() <= high
    ss.save_network(network(rule), tmp_path / "net.h5")
    assert ss.load_network(tmp_path / "net.h5").projections[0].plastic == rule


@pytest.mark.core
def test_windowed_refuses_another_rule_than_its_own() -> None:
    with pytest.raises(
        EngineError,
        match=r"Hebbian is not supported, only CountRule; use engine='stepped', which supports every rule",
    ):
        ss.engine(network(Hebbian(0.01)), name="windowed")
    assert type(ss.engine(network(Hebbian(0.01)))).__name__ == "Stepped"  # the fastest that can


@pytest.mark.brian2
def test_brian2_refuses_another_rule_than_its_own() -> None:
    from spikesim.backends.brian2.backend import Brian2

    with pytest.raises(EngineError, match=r"brian2: in->out learns by Hebbian"):
        Brian2(network(Hebbian(0.01))).run({"in": spikes()}, learn=True)


@pytest.mark.core
def test_where_it_is_refused() -> None:
    net = network(Hebbian(0.01))
    with pytest.raises(DeclarationError, match=r"Hebbian acts after a (trial|presentation)"):
        replace(net, window=ss.Window.without_end())
    with pytest.raises(DeclarationError, match="start outside the clip range"):
        network(Hebbian(0.01, (-0.01, 0.01)))
