"""Online rules on Brian2: against NumPy from the equations, against the engines, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from spikesim.backends.brian2.backend import Brian2
from spikesim.backends.brian2.learned import Learned, check_learning
from spikesim.backends.brian2.learning import TOLERANCE, TRANSLATIONS, translated
from spikesim.engines import Naive, Stepped
from spikesim.errors import EngineError
from spikesim.learning import RULES, STDP, Brian2STDP, RewardSTDP, SquareSTDP, is_trial_rule, register_rule
from spikesim.network import Network
from spikesim.neurons import LIF, ErrorIF, PoissonSource, Source
from spikesim.recording.monitor import Monitor
from spikesim.recording.state import same
from spikesim.spikes import from_raster
from spikesim.synapses import Dense, OneToOne, Sparse, Transpose
from spikesim.verification.verify import verify

b2 = pytest.importorskip("brian2", reason="needs the extra brian2")
pytestmark = [pytest.mark.brian2, pytest.mark.usefixtures("swift_brian2")]

N, M, T, DELAY = 7, 5, 160, 2
EXPONENTIAL: list[Any] = [
    STDP(0.05, 0.06, 6, 9, (0.0, 0.7)),
    STDP(0.05, -0.03, 6, 9, (0.0, 0.7), "nearest"),
    Brian2STDP(0.05, 0.06, 6, 9, (0.0, 0.7)),
    RewardSTDP(0.05, 0.06, 0.5, 6, 9, 30, (0.0, 0.7)),
    RewardSTDP(0.05, 0.06, -0.5, 6, 9, 3, (0.0, 0.7), "nearest"),
]
SQUARE: list[Any] = [
    SquareSTDP(0.05, 0.06, 4, (0.0, 0.7)),
    SquareSTDP(0.05, 0.06, 4, (0.0, 0.7), "nearest"),
]


def trains(seed: int) -> tuple[Any, Any, Any]:
    """Spikes before and after, (T, N) and (T, M) of 0 and 1, with steps in which all fire; a reward (T,)."""
    rs = np.random.default_rng(seed)
    pre, post = rs.random((T, N)) < 0.15, rs.random((T, M)) < 0.15
    pre[40], post[40 + DELAY], post[41 + DELAY], pre[-1], post[-1] = 1, 1, 1, 1, 1
    return pre.astype(np.int8), post.astype(np.int8), np.where(rs.random(T) < 0.3, rs.normal(size=T), 0.0)


def by_hand(rule: Any, w: Any, pre: Any, post: Any, reward: Any) -> Any:
    """The weights (N, M) after every step, from all pairs of spikes: no traces, no order of synapses.

    A pair counts at its later spike; an arrival in the step of the spike is the earlier one.
    """
    came = np.zeros_like(pre)
    came[DELAY:] = pre[:-DELAY]
    if isinstance(rule, Brian2STDP):  # which is told of a spike of the neuron one step late
        post = np.concatenate([np.zeros_like(post[:1]), post[:-1]])
    low, high = rule.clip

    def paired(earlier: Any, t: int, first: int, weight: Callable[[int], float]) -> Any:
        """For each neuron the sum of weight(distance) over its spikes at distances of `first` or more."""
        total = np.zeros(earlier.shape[1])
        open_ = np.ones(earlier.shape[1], bool)
        for d in range(first, t + 1):
            total += weight(d) * earlier[t - d] * open_
            if rule.pairing == "nearest":
                open_ &= earlier[t - d] == 0
        return total

    if isinstance(rule, SquareSTDP):
        up = down = lambda d: float(d <= rule.window)
    else:
        up, down = (lambda d: np.exp(-d / rule.tau_plus)), (lambda d: np.exp(-d / rule.tau_minus))
    found, e, rewarded = [], np.zeros_like(w), isinstance(rule, RewardSTDP)
    for t in range(len(pre)):
        minus = came[t][:, None] * paired(post, t, 1, down)[None, :] * rule.a_minus
        plus = post[t][None, :] * paired(came, t, 0, up)[:, None] * rule.a_plus
        if rewarded:
            e = e * np.exp(-1 / rule.tau_e) - minus + plus
            w = np.clip(w + rule.eta * reward[t] * e, low, high)
        else:
            w = np.clip(np.clip(w - minus, low, high) + plus, low, high)
        found.append(w)
    return np.array(found)


def taught(rule: Any, w: Any, grid: int | None = None, sparse: bool = False) -> Network:
    """N x M synapses that learn; "teacher" makes each postsynaptic neuron fire when it is told to."""
    post = LIF(M, theta=1e4, grid=grid, v_decay=1.0)
    learns: Any = Dense("pre", "post", w, DELAY, rule, "learns")
    if sparse:
        rows = np.arange(N + 1) * M
        learns = Sparse(
            "pre", "post", rows, np.tile(np.arange(M), N), w.reshape(-1), DELAY, None, rule, "learns"
        )
    populations = {"pre": Source(N), "teacher": Source(M), "post": post}
    return Network(populations, (learns, OneToOne("teacher", "post", 2e4)))


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("rule", [*EXPONENTIAL, *SQUARE])
def test_every_rule_against_numpy(rule: Any, sparse: bool) -> None:
    (pre, post, reward), w = trains(3), np.random.default_rng(4).uniform(0, 0.6, (N, M))
    expected = by_hand(rule, w, pre, post, reward)
    net = taught(rule, w, sparse=sparse)
    inputs = {"pre": from_raster(pre[None]), "teacher": from_raster(post[None])}
    signals = {"reward": reward} if rule.signal else {}
    every = Monitor("learns", "weights")
    found = Brian2(net).advance(T, inputs, signals, ("post", every))
    assert np.array_equal(found.spikes["post"].raster(), post)
    over_time = found.monitors[every].values.reshape(T, N, M)
    np.testing.assert_allclose(over_time, expected, rtol=0, atol=TOLERANCE)
    assert found.state is not None
    assert np.array_equal(found.state.weights["learns"], over_time[-1].reshape(-1))
    changes = np.diff(expected, axis=0) != 0
    assert changes.sum() > 300 and (expected[-1] != w).all()
    assert np.isin(expected[1:], rule.clip).any(), "some weights reach the end of the clip range"


def recurrent(rule: Any, seed: int, grid: int | None = None) -> Network:
    """Learning synapses of both kinds and every direction; two from one population, one onto itself."""
    rs = np.random.default_rng(seed)

    def drawn(*shape: int) -> Any:
        return np.round(rs.uniform(0.1, 0.6, shape) * 256) / 256

    rows = np.concatenate([[0], np.cumsum(rs.integers(0, 4, 6))])
    columns = rs.integers(0, 6, rows[-1]).astype(np.int32)
    post = LIF(6, 1.0, grid, v_decay=0.25, refractory=1, reset="subtract", bias=0.25)
    return Network(
        {"in": PoissonSource(5, 0.3, seed), "a": post, "b": replace(post, u_decay=0.5), "c": post},
        (
            Dense("in", "a", drawn(5, 6), 1, rule),
            Dense("a", "b", drawn(6, 6), 0, rule),
            Dense("a", "c", drawn(6, 6) / 2, 3, rule),
            Dense("c", "c", drawn(6, 6) / 4, 1, rule),
            Sparse("b", "a", rows, columns, drawn(int(rows[-1])), 2, None, rule),
            Dense("b", "b", -drawn(6, 6), 1),
        ),
    )


@pytest.mark.parametrize("rule", [*EXPONENTIAL, *SQUARE])
def test_recurrent_networks_that_learn_equal_stepped(rule: Any) -> None:
    net = recurrent(rule, 1)
    signals = {"reward": np.where(np.arange(T) % 7 == 0, np.sin(np.arange(T)), 0.0)} if rule.signal else {}
    record: Any = ("a", "b", "c", Monitor("b->a", "weights", (0, 2), start=5, every=3))
    expected = Stepped(net).advance(T, {}, signals, record)
    found = Brian2(net).advance(T, {}, signals, record)
    assert expected.spikes == found.spikes
    assert expected.state is not None and found.state is not None
    limit = 0.0 if isinstance(rule, SquareSTDP) else TOLERANCE
    (a,), (b,) = expected.monitors.values(), found.monitors.values()
    assert np.array_equal(a.t, b.t) and np.array_equal(a.neurons, b.neurons)
    np.testing.assert_allclose(b.values, a.values, rtol=0, atol=limit)
    for name, w in expected.state.weights.items():
        np.testing.assert_allclose(found.state.weights[name], w, rtol=0, atol=limit)
        assert (np.abs(w - net.weights(name).reshape(-1)) > 1e-3).any(), f"{name} has not learnt"
    # The state is one that the engines can continue: they end where they end from their own.
    more = {name: values[:50] for name, values in signals.items()}
    ends = [
        Stepped(net).advance(50, {}, more, ("a", "b", "c"), state) for state in (expected.state, found.state)
    ]
    assert ends[0].spikes == ends[1].spikes and ends[0].counts["a"].sum() > 0
    for name, w in ends[0].state.weights.items():  # type: ignore[union-attr]
        np.testing.assert_allclose(ends[1].state.weights[name], w, rtol=0, atol=limit)  # type: ignore[union-attr]


@pytest.mark.parametrize("pairing", ["all", "nearest"])
def test_a_square_window_on_a_grid_is_equal_bit_for_bit(pairing: Any) -> None:
    net = recurrent(SquareSTDP(2.0**-6, 2.0**-5, 5, (-1.0, 1.0), pairing), 3, grid=10)
    expected, found = (made(net).advance(T, {}, {}, ("a", "b", "c")) for made in (Naive, Brian2))
    assert expected.state is not None and found.state is not None and same(expected.state, found.state)
    assert expected.spikes == found.spikes and all(
        np.array_equal(v, found.v[n]) for n, v in expected.v.items()
    )
    assert all((w != net.weights(name).reshape(-1)).any() for name, w in found.state.weights.items())


def test_signed_spikes_teach_as_any_other() -> None:
    rule = SquareSTDP(2.0**-4, 2.0**-5, 3, (-2.0, 2.0))
    rs = np.random.default_rng(2)
    w = np.round(rs.uniform(-1, 1, (6, 4)) * 16) / 16
    for form in ("ternary", "pair"):
        error = ErrorIF(4, 0.5, 5, form=form)
        net = Network(
            {"in": PoissonSource(6, 0.3, 1), "e": error, "f": error},
            (Dense("in", "e", w, 1, rule), Dense("e", "f", w[:4], 0, rule), Dense("f", "e", w[2:], 1, rule)),
        )
        expected, found = (made(net).advance(T, {}, {}, ("e", "f")) for made in (Naive, Brian2))
        signs = expected.spikes["e"].signs
        assert signs is not None and (signs < 0).any()
        assert expected.spikes == found.spikes
        assert expected.state is not None and found.state is not None
        assert same(expected.state, found.state)
        assert (found.state.weights["f->e"] != w[2:].reshape(-1)).any()


def test_neurons_and_projections_without_synapses_have_traces_too() -> None:
    rule, nobody = STDP(0.1, 0.1), np.zeros(0, np.int32)
    net = Network(
        {"in": PoissonSource(3, 0.5, 1), "a": LIF(2, 1.0, bias=0.3)},
        (
            Sparse(
                "in",
                "a",
                np.array([0, 1, 1, 1]),
                np.zeros(1, np.int32),
                np.array([0.5]),
                1,
                None,
                rule,
                "one",
            ),
            Sparse("in", "a", np.zeros(4, np.int64), nobody, np.zeros(0), 1, None, rule, "none"),
        ),
    )
    expected, found = (made(net).advance(40, {}, {}, ("a",)).state for made in (Naive, Brian2))
    assert expected is not None and found is not None
    for name in ("one", "none"):
        for key, trace in expected.traces[name].items():
            assert trace.any()
            np.testing.assert_allclose(found.traces[name][key], trace, rtol=1e-12, err_msg=f"{name} {key}")
    assert found.weights["none"].shape == (0,) and found.weights["one"][0] != 0.5


def test_the_verifier_compares_what_was_learned() -> None:
    net = recurrent(EXPONENTIAL[0], 2)
    verdict = verify(net, {}, a="stepped", b="brian2", learn=True, steps=T)
    assert verdict.equal and verdict.spikes > 100
    signals = {"reward": np.sin(np.arange(T))}
    verdict = verify(recurrent(EXPONENTIAL[3], 2), {}, None, "naive", "brian2", True, T, signals)
    assert verdict.equal and verdict.spikes > 100


def test_a_transpose_follows_the_weights_while_they_learn() -> None:
    rule = SquareSTDP(2.0**-4, 2.0**-6, 3, (0.0, 1.0))
    rs = np.random.default_rng(7)
    w, into = (
        np.round(rs.uniform(0.1, 0.4, (4, 4)) * 256) / 256,
        np.round(rs.uniform(0, 0.4, (5, 4)) * 256) / 256,
    )
    leaky = LIF(4, 1.0, 8, v_decay=0.125, reset="subtract")
    populations = {"in": PoissonSource(5, 0.3, 1), "a": leaky, "b": leaky}
    forward = (Dense("in", "a", into), Dense("a", "b", w, 1, rule, "f"))
    net = Network(populations, (*forward, Dense("b", "a", Transpose("f"), 1)))
    engines = (Naive, Stepped, Brian2)
    expected, *others = (made(net).advance(T, {}, {}, ("a", "b")) for made in engines)
    assert expected.state is not None
    for found in others:
        assert found.state is not None and same(expected.state, found.state)
        assert expected.spikes == found.spikes and np.array_equal(expected.v["a"], found.v["a"])
    frozen = Network(populations, (*forward, Dense("b", "a", w.T, 1)))
    assert Naive(frozen).advance(T, {}, {}, ("a", "b")).spikes != expected.spikes
    # from a state, with constant weights
    ends = [made(net).advance(40, {}, {}, ("a", "b"), expected.state, False) for made in engines]
    assert ends[0].spikes == ends[1].spikes == ends[2].spikes and ends[0].counts["b"].sum() > 0


@register_rule
@dataclass(frozen=True)
class Hebb:
    """A rule of somebody's own: + a for every arrival in the step of a spike."""

    a: float
    signal: str = ""

    def start(self, layout: Any) -> dict[str, Any]:
        return {}

    def step(self, w: Any, traces: Any, pre: Any, post: Any, layout: Any, signal: float) -> Any:
        return w + self.a * pre[layout.pre] * post[layout.post], traces


def test_what_brian2_does_not_learn_is_refused_in_words() -> None:
    own = recurrent(Hebb(0.01), 1)
    with pytest.raises(
        EngineError, match="in->a learns by Hebb, a rule without a translation; brian2 supports Brian2S"
    ):
        Brian2(own).advance(9, {}, {})
    expected, found = (made(own).advance(30, {}, {}, ("b",), None, False) for made in (Stepped, Brian2))
    assert expected.spikes == found.spikes
    net = recurrent(EXPONENTIAL[0], 1)
    state = Stepped(net).advance(10, {}, {}).state
    with pytest.raises(EngineError, match="starts at step 0, and a state of step 10 was given"):
        Brian2(net).advance(9, {}, {}, (), state)
    expected, found = (made(net).advance(30, {}, {}, ("b",), state, False) for made in (Stepped, Brian2))
    assert expected.spikes == found.spikes  # with the weights of the state
    for monitor in (Monitor("a", "v"), Monitor("b->b", "weights")):
        with pytest.raises(EngineError, match="use the engine 'stepped'"):
            Brian2(net).advance(9, {}, {}, (monitor,))
    with pytest.raises(EngineError, match="use the engine 'stepped'"):
        check_learning({}, None, [Monitor("in->a", "weights")])


def test_every_online_rule_of_ours_has_a_translation() -> None:
    ours = {kind for kind in RULES.values() if kind.__module__.startswith("spikesim.learning")}
    online = {kind for kind in ours if not hasattr(kind, "increments")}
    assert online == set(TRANSLATIONS) and len(online) == 4
    assert not any(is_trial_rule(rule) for rule in (*EXPONENTIAL, *SQUARE))


def test_translations_and_results_by_projection() -> None:
    net = recurrent(SQUARE[0], 1)
    rules = translated(net)
    assert list(rules) == ["in->a", "a->b", "a->c", "c->c", "b->a"] and all(r.exact for r in rules.values())
    learned = Learned(net, {}, {}, None, 9)  # type: ignore[arg-type]
    assert not learned.weights() and not learned.traces() and not learned.series(())


def little() -> Network:
    """Both kinds of rules and a recurrence in one network: few things to compile."""
    rs = np.random.default_rng(5)
    return Network(
        {"in": PoissonSource(5, 0.4, 1), "a": LIF(4, 1.0, v_decay=0.25)},
        (
            Dense("in", "a", rs.uniform(0.1, 0.6, (5, 4)), 1, SQUARE[0]),
            Dense("a", "a", rs.uniform(0.1, 0.3, (4, 4)), 2, EXPONENTIAL[3]),
        ),
    )


@pytest.mark.slow
@pytest.mark.parametrize("code", ["cython", "cpp_standalone"])
def test_compiled_code_learns_the_same(code: Any) -> None:
    net, signals = little(), {"reward": np.sin(np.arange(60))}
    assert {type(p.plastic) for p in net.online} == {SquareSTDP, RewardSTDP}
    expected = Stepped(net).advance(60, {}, signals, ("a",))
    found = Brian2(net, code=code).advance(60, {}, signals, ("a",))
    assert expected.spikes == found.spikes and expected.counts["a"].sum() > 20
    assert expected.state is not None and found.state is not None
    for name, limit in (("in->a", 0.0), ("a->a", TOLERANCE)):
        w = expected.state.weights[name]
        assert (w != net.weights(name).reshape(-1)).any()
        np.testing.assert_allclose(found.state.weights[name], w, rtol=0, atol=limit)
