"""The rules that act in every step: weight changes by hand, naive = stepped, clips, refusals, files."""

from __future__ import annotations

from dataclasses import replace
from math import exp
from typing import Any

import numpy as np
import pytest

import spikesim.recording.state as states
from spikesim.engines import simulate
from spikesim.errors import DataError, DeclarationError
from spikesim.learning import RULES, STDP, CountRule, OnlineRule, RewardSTDP, SquareSTDP
from spikesim.network import Network
from spikesim.network.file import digest, load_network, save_network
from spikesim.neurons import IF, LIF, PoissonSource, Source
from spikesim.spikes import from_raster
from spikesim.synapses import Dense, OneToOne, Sparse, Transpose
from spikesim.window import Window

pytestmark = pytest.mark.core
ENGINES = ("naive", "stepped")
RAISING = LIF(1, theta=1.0, v_decay=1.0)  # fires in the step in which 1 arrives, and forgets the rest


def pair(rule: Any, delay: int = 0, w: float = 0.25, post: Any = RAISING) -> Network:
    """One synapse that learns, from "pre" to "post"; "teacher" makes post fire."""
    populations = {"pre": Source(1), "teacher": Source(1), "post": post}
    synapse = Dense("pre", "post", np.array([[w]]), delay, rule, "learns")
    return Network(populations, (synapse, OneToOne("teacher", "post", 1.0)))


def spikes(T: int, *times: int) -> Any:
    raster = np.zeros((1, T, 1), np.int8)
    raster[0, list(times)] = 1
    return from_raster(raster)


def learnt(
    network: Network, pre: tuple[int, ...], post: tuple[int, ...], T: int = 12, **options: Any
) -> float:
    """The weight after a run, equal on both engines to 1e-15."""
    given = {"pre": spikes(T, *pre), "teacher": spikes(T, *post)}
    found = [simulate(network, given, engine=name, steps=T, record="post", **options) for name in ENGINES]
    for recording in found:
        assert recording.spikes["post"].times.tolist() == list(post)  # only the teacher makes it fire
    w = [float(recording.state.weights["learns"][0]) for recording in found]  # type: ignore[union-attr]
    assert abs(w[0] - w[1]) <= 1e-15
    return w[1]


def test_a_pair_by_hand() -> None:
    rule = STDP(0.125, 0.0625, tau_plus=5, tau_minus=7)
    # arrival at 2, fires at 5: + 0.125 exp(-3/5)
    assert learnt(pair(rule), (2,), (5,)) == pytest.approx(0.25 + 0.125 * exp(-3 / 5), abs=1e-14)
    # fires at 2, arrival at 5: - 0.0625 exp(-3/7)
    assert learnt(pair(rule), (5,), (2,)) == pytest.approx(0.25 - 0.0625 * exp(-3 / 7), abs=1e-14)
    # in one step the arrival came first: + 0.125, and the later spike finds nothing to depress
    assert learnt(pair(rule), (4,), (4,)) == 0.25 + 0.125
    # with a delay of 2 the spike of 3 arrives at 5
    assert learnt(pair(rule, delay=2), (3,), (5,)) == 0.25 + 0.125
    assert learnt(pair(rule, delay=2), (3,), (4,)) == pytest.approx(0.25 - 0.0625 * exp(-1 / 7), abs=1e-14)


def test_all_pairs_and_nearest_pairs_by_hand() -> None:
    rule = STDP(0.125, 0.0625, tau_plus=5, tau_minus=7)
    # arrivals at 1 and 3, fires at 4: all pairs add up; then an arrival at 6
    down = 0.0625 * exp(-2 / 7)
    all_pairs = 0.25 + 0.125 * (exp(-3 / 5) + exp(-1 / 5)) - down
    assert learnt(pair(rule), (1, 3, 6), (4,)) == pytest.approx(all_pairs, abs=1e-14)
    nearest = replace(rule, pairing="nearest")
    expected = 0.25 + 0.125 * exp(-1 / 5) - down
    assert learnt(pair(nearest), (1, 3, 6), (4,)) == pytest.approx(expected, abs=1e-14)


def test_a_square_window_by_hand() -> None:
    rule = SquareSTDP(0.125, 0.0625, window=3)
    assert learnt(pair(rule), (2,), (5,)) == 0.25 + 0.125  # 3 steps: inside
    assert learnt(pair(rule), (2,), (6,)) == 0.25  # 4 steps: outside
    assert learnt(pair(rule), (5,), (2,)) == 0.25 - 0.0625
    assert learnt(pair(rule), (6,), (2,)) == 0.25
    assert learnt(pair(rule), (4,), (4,)) == 0.25 + 0.125  # one step: the arrival came first
    # arrivals at 1, 3, 4; fires at 4: three pairs; arrival at 7 (3 after): one, at 8 (4 after): none
    assert learnt(pair(rule), (1, 3, 4, 7, 8), (4,)) == 0.25 + 3 * 0.125 - 0.0625
    nearest = replace(rule, pairing="nearest")
    assert learnt(pair(nearest), (1, 3, 4, 7, 8), (4,)) == 0.25 + 0.125 - 0.0625


def test_the_paper_s_window_is_ten_steps() -> None:
    assert SquareSTDP(1.0, 1.0).window == 10  # 10 ms (section 4.1) in steps of 1 ms


def test_a_reward_by_hand() -> None:
    rule = RewardSTDP(0.125, 0.0625, eta=2.0, tau_plus=5, tau_minus=7, tau_e=9)
    reward = np.zeros(12)
    reward[[3, 10]] = (1.0, -0.5)
    # arrival 2, fires 5: e(5) = .125 exp(-3/5); the reward of step 3 finds nothing, that of 10 what is left
    w = 0.25 + 2 * -0.5 * 0.125 * exp(-3 / 5) * exp(-5 / 9)
    assert learnt(pair(rule), (2,), (5,), signals={"reward": reward}) == pytest.approx(w, abs=1e-14)
    # fires 2, arrival 5, reward in the step of the arrival
    reward[:] = 0
    reward[5] = 1.5
    w = 0.25 - 2 * 1.5 * 0.0625 * exp(-3 / 7)
    assert learnt(pair(rule), (5,), (2,), signals={"reward": reward}) == pytest.approx(w, abs=1e-14)
    assert learnt(pair(rule), (2,), (5,), signals={"reward": np.zeros(12)}) == 0.25  # no reward, no change


@pytest.mark.parametrize("rule", [STDP(0.5, 0.5), SquareSTDP(0.5, 0.5), RewardSTDP(0.5, 0.5)])
def test_weights_stay_in_their_range(rule: Any) -> None:
    options = {"signals": {"reward": np.ones(12)}} if rule.signal else {}
    up, down = replace(rule, clip=(-0.1, 0.375)), replace(rule, clip=(0.125, 0.9))
    assert learnt(pair(up), (4, 6), (5, 6), **options) <= 0.375
    assert learnt(pair(up), (2,), (2, 3, 4, 5), **options) == 0.375
    assert learnt(pair(down), (5, 6, 7), (4,), **options) == 0.125


def test_without_learning_weights_and_traces_stay() -> None:
    net = pair(STDP(0.125, 0.0625))
    assert learnt(net, (2, 4), (3, 5), learn=False) == 0.25


RULES_TO_COMPARE: list[Any] = [
    STDP(0.05, 0.06, 6, 9, (-1, 1)),
    STDP(0.05, 0.06, 6, 9, (-1, 1), "nearest"),
    SquareSTDP(0.05, 0.06, 4, (-1, 1)),
    SquareSTDP(0.05, 0.06, 4, (-1, 1), "nearest"),
    RewardSTDP(0.05, 0.06, 0.5, 6, 9, 30, (-1, 1)),
]


def recurrent(rule: Any, seed: int, grid: int | None = None) -> Network:
    """Learning synapses of both kinds, from generators and among neurons."""
    rs = np.random.default_rng(seed)

    def drawn(*shape: int) -> Any:
        return np.round(rs.uniform(0.1, 0.6, shape) * 256) / 256

    rows = np.concatenate([[0], np.cumsum(rs.integers(0, 4, 6))])
    cols = rs.integers(0, 6, rows[-1]).astype(np.int32)
    post = LIF(6, 1.0, grid, v_decay=0.25, refractory=1, reset="subtract")
    return Network(
        {"in": PoissonSource(5, 0.3, seed), "a": post, "b": replace(post, u_decay=0.5)},
        (
            Dense("in", "a", drawn(5, 6), 1, rule),
            Dense("a", "b", drawn(6, 6), 0, rule),
            Sparse("b", "a", rows, cols, drawn(int(rows[-1])), 2, None, rule),
            Dense("b", "b", -drawn(6, 6), 1),
        ),
    )


@pytest.mark.parametrize("rule", RULES_TO_COMPARE)
@pytest.mark.parametrize("seed", [1, 2])
def test_naive_equals_stepped_and_a_split_run_the_run(rule: Any, seed: int, tmp_path: Any) -> None:
    net, T = recurrent(rule, seed), 150
    reward = np.where(np.arange(T) % 7 == 0, np.sin(np.arange(T)), 0.0)
    signals = {"reward": reward} if rule.signal else {}
    whole = [simulate(net, steps=T, engine=name, record=("a", "b"), signals=signals) for name in ENGINES]
    assert whole[0].counts["b"].sum() > 20
    assert whole[0].spikes == whole[1].spikes
    ends = [recording.state for recording in whole]
    for names in (ENGINES, ENGINES[::-1]):  # each half on another engine, through a file
        state = None
        for name, part in zip(names, (slice(0, 60), slice(60, T)), strict=True):
            cut = {key: values[part] for key, values in signals.items()}
            n = len(reward[part])
            state = simulate(net, steps=n, engine=name, signals=cut, state=state).state
            assert state is not None
            state.save(tmp_path / "state.h5")
            state = states.State.load(tmp_path / "state.h5")
        ends.append(state)
    first = ends[0]
    assert first is not None
    for name, w in first.weights.items():
        assert (np.abs(w - net.weights(name).reshape(-1)) > 1e-3).any(), f"{name} has not learnt"
    for end in ends[1:]:
        assert end is not None and end.t == first.t
        for name, w in first.weights.items():
            np.testing.assert_allclose(end.weights[name], w, rtol=0, atol=1e-12)
            for key in ("x", "y", "arrivals", "spikes", "at", "now"):
                assert np.array_equal(end.traces[name].get(key), first.traces[name].get(key)), key


def test_a_square_window_learns_exactly_on_a_grid() -> None:
    rule = SquareSTDP(2.0**-6, 2.0**-5, 5, (-1.0, 1.0))
    net = recurrent(rule, 3, grid=8)
    a, b = (simulate(net, steps=200, engine=name, record=("a", "b")) for name in ENGINES)
    assert a.spikes == b.spikes and all(np.array_equal(a.v[n], b.v[n]) for n in a.v)
    assert a.state is not None and b.state is not None and states.same(a.state, b.state)
    moved = np.abs(a.state.weights["a->b"] - net.weights("a->b").reshape(-1)) * 64
    assert moved.any() and np.array_equal(moved, np.round(moved))


def test_what_rules_refuse() -> None:
    for bad, said in (
        (lambda: STDP(np.nan, 0.1), "a_plus = nan"),
        (lambda: STDP(0.1, 0.1, tau_plus=0), "tau_plus = 0"),
        (lambda: STDP(0.1, 0.1, tau_minus=np.inf), "tau_minus = inf"),
        (lambda: STDP(0.1, 0.1, clip=(1.0, 0.0)), "low < high"),
        (lambda: STDP(0.1, 0.1, pairing="some"), "unknown pairing 'some'"),  # type: ignore[arg-type]
        (lambda: SquareSTDP(0.1, 0.1, window=0), "window = 0"),
        (lambda: RewardSTDP(0.1, 0.1, eta=np.inf), "eta = inf"),
        (lambda: RewardSTDP(0.1, 0.1, tau_e=-1), "tau_e = -1"),
        (lambda: RewardSTDP(0.1, 0.1, signal=""), "name of the reward"),
    ):
        with pytest.raises(DeclarationError, match=said):
            bad()


def test_where_rules_are_refused() -> None:
    on_grid = IF(1, 1.0)
    sparse = ([0, 1], np.zeros(1, np.int32))
    ends = {"pre": Source(1), "post": RAISING}
    timed = {"pre": Source(1), "post": on_grid}
    for make, said in (
        (lambda: pair(STDP(0.1, 0.1), post=on_grid), "off the grid of post"),
        (lambda: pair(RewardSTDP(0.1, 0.1), post=on_grid), "off the grid of post"),
        (lambda: pair(SquareSTDP(0.1, 0.125), post=on_grid), "SquareSTDP: a_plus.*off the grid"),
        (lambda: pair(STDP(0.1, 0.1), w=1.5), "outside the clip range"),
        (lambda: pair("stdp"), "plastic = 'stdp'"),
        (lambda: pair(STDP), "members signal, start and step"),
        (
            lambda: Network(ends, (Sparse("pre", "post", *sparse, 0.5, plastic=STDP(0.1, 0.1)),)),
            "all synapses share one weight",
        ),
        (
            lambda: Network(
                ends, (Sparse("pre", "post", *sparse, [0.5], 0, np.ones(1, np.uint16), STDP(0.1, 0.1)),)
            ),
            "must have one delay",
        ),
        (
            lambda: Network(
                timed, (Sparse("pre", "post", *sparse, [0.5], plastic=CountRule(0.1)),), Window(4, 2)
            ),
            "a CountRule changes Dense",
        ),
    ):
        with pytest.raises(DeclarationError, match=said):
            make()


def test_a_reward_is_needed_where_a_rule_listens() -> None:
    net = pair(RewardSTDP(0.1, 0.1))
    given = {"pre": spikes(5), "teacher": spikes(5)}
    for signals, said in (
        ({}, "'reward' has the shape"),
        ({"reward": np.zeros(4)}, "5 finite numbers"),
        ({"reward": np.full(5, np.nan)}, "finite"),
        ({"reward": np.zeros(5), "other": np.zeros(5)}, "unknown signal 'other'"),
    ):
        with pytest.raises(DataError, match=said):
            simulate(net, given, steps=5, signals=signals)


@pytest.mark.parametrize("rule", RULES_TO_COMPARE)
def test_rules_are_known_and_kept_in_files(rule: Any, tmp_path: Any) -> None:
    assert RULES[type(rule).__name__] is type(rule)
    assert isinstance(rule, OnlineRule)
    net = recurrent(rule, 1)
    save_network(net, tmp_path / "net.h5")
    back = load_network(tmp_path / "net.h5")
    assert digest(back) == digest(net)
    assert back.projections[0].plastic == rule  # type: ignore[attr-defined]


def test_a_transpose_delivers_the_weight_as_it_learns() -> None:
    """A synapse with a rule and its transpose; nothing leaks, so the membrane adds up the weights."""
    rule = SquareSTDP(0.125, 0.0, window=3)
    quiet = LIF(1, theta=1e4, v_decay=0.0)
    populations = {"pre": Source(1), "teacher": Source(1), "post": replace(RAISING, theta=1e3), "ear": quiet}
    net = Network(
        populations,
        (
            Dense("pre", "post", np.array([[0.25]]), 0, rule, "learns"),
            OneToOne("teacher", "post", 2e3),
            Dense("post", "ear", Transpose("learns"), 1, name="back"),
        ),
    )
    given = {"pre": spikes(9, 1, 2, 4), "teacher": spikes(9, 2, 4, 6)}
    # weights after the spikes of 2, 4, 6: two pairs, three pairs (1, 2, 4), one pair: clipped at 1
    delivered = np.cumsum([0, 0, 0, 0.25 + 2 * 0.125, 0, 0.25 + 5 * 0.125, 0, 1.0, 0])
    for name in ENGINES:
        found = simulate(net, given, engine=name, steps=9, record=("post", "ear"))
        assert found.spikes["post"].times.tolist() == [2, 4, 6]
        assert found.v["ear"][0, :, 0].tolist() == delivered.tolist()
        half = simulate(net, {k: spikes(4, *t) for k, t in (("pre", (1, 2)), ("teacher", (2,)))}, steps=4)
        rest = {"pre": spikes(5, 0), "teacher": spikes(5, 0, 2)}
        again = simulate(net, rest, engine=name, steps=5, record="ear", state=half.state)
        assert again.v["ear"][0, :, 0].tolist() == delivered[4:].tolist()
