"""Continuous Hopfield networks: rates, one step against loops, low-rank updates, fixed points."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spikesim.errors import DataError, DeclarationError
from spikesim.hopfield.activation import rates, rates_and_slopes, sigmoid4, sigmoid4_derivative
from spikesim.hopfield.mstdp.pending_updates import Pending
from spikesim.hopfield.mstdp.relaxation import Phase, States, advance, relax, signals
from spikesim.hopfield.mstdp.rule import MstdpRule
from spikesim.hopfield.mstdp.states import (
    UnitLayout,
    Weights,
    check_images,
    check_labels,
    initial_states,
    initial_weights,
)

pytestmark = pytest.mark.core
LAYOUT = UnitLayout(5, 3, 4)


def test_rates_and_slopes_are_those_of_sigmoid4() -> None:
    """rho(s) = 1 / (1 + exp(-4 s)) and its derivative, compiled and in NumPy."""
    s = np.linspace(-8, 8, 4001).astype(np.float32)
    exact = np.array([1 / (1 + math.exp(-4 * float(x))) for x in s])
    rho, slopes, again = np.empty_like(s), np.empty_like(s), np.empty_like(s)
    rates_and_slopes(s, rho, slopes)
    rates(s, again)
    np.testing.assert_allclose(rho, exact, atol=3e-7)
    np.testing.assert_array_equal(rho, again)
    np.testing.assert_allclose(slopes, 4 * exact * (1 - exact), atol=1e-6)
    np.testing.assert_allclose(sigmoid4(s.astype(np.float64)), exact, atol=1e-14)
    step = 1e-6
    difference = (sigmoid4(0.3 + step) - sigmoid4(0.3 - step)) / (2 * step)
    assert float(sigmoid4_derivative(0.3)) == pytest.approx(float(difference), rel=1e-8)
    assert sigmoid4(0.0) == 0.5 and sigmoid4_derivative(0.0) == 1.0
    assert rho.min() >= 0.0 and rho.max() <= 1.0


def test_a_state_that_is_no_number_stays_none() -> None:
    """NaN states give NaN rates, so that clipping does not hide a divergence."""
    s = np.array([np.nan, np.inf, -np.inf], np.float32)
    rho = np.empty_like(s)
    rates(s, rho)
    assert math.isnan(rho[0])
    assert rho[1] == 1.0 and rho[2] == 0.0


def _random(seed: int, lateral: bool = True, batch: int = 3) -> tuple[Weights, States, np.ndarray]:
    weights = initial_weights(LAYOUT, seed, lateral=lateral, bound=0.7)
    rows = np.random.default_rng(seed)
    states = States(
        rows.normal(0, 0.4, (batch, LAYOUT.n)).astype(np.float32),
        rows.normal(0, 0.1, (batch, LAYOUT.n)).astype(np.float32),
    )
    return weights, states, rows.uniform(-0.5, 0.5, (batch, LAYOUT.n_visible)).astype(np.float32)


def _full(weights: Weights) -> np.ndarray:
    """W[j, i] from neuron j to neuron i, float64."""
    w = np.zeros((LAYOUT.n, LAYOUT.n))
    w[: len(weights.to_hidden), LAYOUT.hidden] = weights.to_hidden
    w[LAYOUT.hidden, LAYOUT.visible] = weights.to_visible
    return w


def _step_by_loops(
    w: np.ndarray,
    bias: np.ndarray,
    s: np.ndarray,
    v: np.ndarray,
    target: np.ndarray,
    phase: Phase,
    lam: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One iteration of one sample, neuron by neuron: new s, new v, signal (float64)."""

    def rho(x: float) -> float:
        return 1 / (1 + math.exp(-4 * x))

    new_s, new_v, signal = s.copy(), v.copy(), np.zeros_like(s)
    for i in range(LAYOUT.n):
        slope = 4 * rho(s[i]) * (1 - rho(s[i]))
        pressure = slope * (sum(w[j, i] * rho(s[j]) for j in range(LAYOUT.n)) + bias[i])
        new_v[i] = phase.momentum * v[i] + pressure - s[i]
        how = phase.inputs if i < LAYOUT.n_in else phase.outputs if i < LAYOUT.n_visible else "free"
        new_s[i] = s[i] + phase.epsilon * new_v[i]
        if how == "pushed":
            new_s[i] += phase.beta * (target[i] - s[i])
        signal[i] = rho(new_s[i]) - rho(s[i]) - lam * (pressure - s[i]) * slope
        if how == "held":
            new_s[i], new_v[i], signal[i] = target[i], 0.0, 0.0
    return new_s, new_v, signal


@pytest.mark.parametrize("lateral", [False, True])
@pytest.mark.parametrize(("inputs", "outputs"), [("free", "free"), ("pushed", "pushed"), ("held", "pushed")])
def test_one_iteration_equals_its_naive_twin(lateral: bool, inputs: str, outputs: str) -> None:
    """The fused kernel and the two products, against loops over single neurons."""
    weights, states, target = _random(3, lateral)
    phase = Phase(1, 0.2, 0.4, inputs, outputs, 0.8)  # type: ignore[arg-type]
    if inputs == "held":
        states.s[:, LAYOUT.inputs] = target[:, LAYOUT.inputs]
    w = _full(weights)
    expected = [
        _step_by_loops(
            w, weights.bias, states.s[b].astype(float), states.v[b].astype(float), target[b], phase, 0.2
        )
        for b in range(3)
    ]
    rho, rho_next = sigmoid4(states.s).astype(np.float32), np.empty_like(states.s)
    drive, signal = (rho @ w).astype(np.float32), np.empty_like(states.s)
    clamp, few = phase.clamp(LAYOUT), (np.float32(0.2), np.float32(0.4), np.float32(0.2))
    s, v = states.s.copy(), states.v.copy()
    advance(s, v, rho, drive, weights.bias, target, clamp, few[0], few[1], rho_next)
    signals(rho, rho_next, drive, clamp, few[2], signal)
    for b, (new_s, new_v, new_signal) in enumerate(expected):
        np.testing.assert_allclose(s[b], new_s, atol=2e-6)
        np.testing.assert_allclose(v[b], new_v, atol=2e-6)
        np.testing.assert_allclose(signal[b], new_signal, atol=2e-6)
    relax(weights, LAYOUT, states, target, phase)
    np.testing.assert_allclose(states.s, s, atol=2e-6)


@pytest.mark.parametrize("lateral", [False, True])
@pytest.mark.parametrize("batch", [1, 3])
def test_low_rank_updates_equal_updates_at_each_step(lateral: bool, batch: int) -> None:
    """32 iterations: pending updates that correct the drive, against an update of W at each iteration."""
    weights, states, target = _random(5, lateral, batch)
    phase, rule, alpha = Phase(32, 0.2, 0.4, "pushed", "pushed", 0.8), MstdpRule(hidden_gain=2.0), 0.05
    rule = MstdpRule(alpha, 0.2, 2.0, 0.5)
    w, bias = _full(weights), weights.bias.astype(float)
    before = w.copy()
    s, v = states.s.astype(float), states.v.astype(float)
    gain = np.ones((LAYOUT.n, LAYOUT.n))
    gain[:, LAYOUT.hidden] *= 2.0
    gain[LAYOUT.outputs, LAYOUT.hidden] *= 0.5
    exists = (
        _full(Weights(np.ones_like(weights.to_hidden), np.ones_like(weights.to_visible), weights.bias)) > 0
    )
    np.fill_diagonal(exists, False)
    for _ in range(32):
        found = [_step_by_loops(w, bias, s[b], v[b], target[b], phase, 0.2) for b in range(batch)]
        pre, signal = 1 / (1 + np.exp(-4 * s)), np.stack([signal for _, _, signal in found])
        w = w + alpha / batch * gain * exists * (pre.T @ signal)
        bias = bias + alpha / batch * signal.sum(0)
        s, v = np.stack([x for x, _, _ in found]), np.stack([x for _, x, _ in found])
    pending = Pending(weights, LAYOUT, rule, alpha)
    relax(weights, LAYOUT, states, target, phase, pending=pending)
    pending.flush()
    assert np.abs(w - before).max() > 1e-2  # there is something to compare
    np.testing.assert_allclose(_full(weights), w, atol=2e-5)
    np.testing.assert_allclose(weights.bias, bias, atol=2e-5)
    np.testing.assert_allclose(states.s, s, atol=2e-5)


def test_updates_at_the_end_of_a_phase_equal_their_sum() -> None:
    """Held inputs (whose columns are skipped) and a centre: the flushed product against a sum over steps."""
    weights, states, target = _random(7)
    states.s[:, LAYOUT.inputs] = target[:, LAYOUT.inputs]
    phase, alpha, batch = Phase(8, 0.2, 0.4, "held", "pushed", 0.8), 0.3, 3
    w, bias, centre = _full(weights), weights.bias.astype(float), np.full(LAYOUT.n, 0.5)
    seen_bias = bias - centre @ w  # a centre is a bias of its own
    s, v, update, signals = states.s.astype(float), states.v.astype(float), np.zeros_like(w), 0.0
    for _ in range(8):
        found = [_step_by_loops(w, seen_bias, s[b], v[b], target[b], phase, 0.1) for b in range(batch)]
        signal = np.stack([x for _, _, x in found])
        update += (1 / (1 + np.exp(-4 * s)) - centre).T @ signal
        signals = signals + signal.sum(0)
        s, v = np.stack([x for x, _, _ in found]), np.stack([x for _, x, _ in found])
    update[LAYOUT.hidden, LAYOUT.hidden] -= np.diag(np.diag(update[LAYOUT.hidden, LAYOUT.hidden]))
    update[LAYOUT.visible, LAYOUT.visible] = 0.0
    pending = Pending(weights, LAYOUT, MstdpRule(alpha, 0.1, immediate=False), alpha)
    relax(weights, LAYOUT, states, target, phase, centre=centre.astype(np.float32), pending=pending)
    pending.flush()
    np.testing.assert_allclose(_full(weights), w + alpha / batch * update, atol=2e-6)
    np.testing.assert_allclose(weights.bias, bias + alpha / batch * signals, atol=2e-6)
    assert np.abs(update[LAYOUT.inputs]).max() > 1e-2


def test_two_neurons_settle_where_arithmetic_says() -> None:
    """s = rho' (w rho + b) at s = 1/4: rho = 0.7310586, rho' = 0.7864477; with w = 1, b = -0.4131741."""
    layout = UnitLayout(1, 1, 1)
    b = 0.25 / 0.7864477 - 0.7310586
    assert b == pytest.approx(-0.4131741, abs=1e-6)
    weights = Weights(
        np.array([[1.0], [0.0]], np.float32),  # input to hidden
        np.array([[1.0, 0.0]], np.float32),  # hidden to input
        np.array([b, 0.0, b], np.float32),
    )
    states = States.at(np.array([[0.6, 0.1, 0.1]], np.float32))
    relax(weights, layout, states, np.zeros((1, 2), np.float32), Phase(200, 0.2))
    np.testing.assert_allclose(states.s, [[0.25, 0.0, 0.25]], atol=1e-5)


def test_a_push_settles_between_the_data_and_rest() -> None:
    """Without weights, epsilon s = beta (d - s): s = beta d / (epsilon + beta) = 0.8 * 0.5 / 1.0 = 0.4."""
    layout = UnitLayout(1, 1, 1)
    weights = Weights(np.zeros((2, 1), np.float32), np.zeros((1, 2), np.float32), np.zeros(3, np.float32))
    states = States.zeros(1, layout)
    relax(
        weights, layout, states, np.full((1, 2), 0.5, np.float32), Phase(50, 0.2, 0.0, "pushed", "held", 0.8)
    )
    np.testing.assert_allclose(states.s, [[0.4, 0.5, 0.0]], atol=1e-6)


def test_the_tail_is_the_mean_of_the_last_rates() -> None:
    """relax(tail=3) against the states recorded by the callback."""
    weights, states, target = _random(9)
    seen: list[np.ndarray] = []
    found = relax(
        weights, LAYOUT, states, target, Phase(6, 0.2), tail=3, watch=lambda _, s: seen.append(s.copy())
    )
    expected = np.mean([sigmoid4(s[:, LAYOUT.outputs]) for s in seen[-3:]], axis=0)
    assert len(seen) == 6
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_initial_weights_keep_what_they_promise() -> None:
    """Bounds, no self-connections, mirrored directions, and dependence on the seed alone."""
    lateral = initial_weights(LAYOUT, 1, bound=0.1)
    assert lateral.to_hidden.shape == (12, 4) and not lateral.to_hidden[LAYOUT.hidden].diagonal().any()
    assert 0.05 < np.abs(lateral.to_hidden).max() <= 0.1
    mirrored = initial_weights(LAYOUT, 1, mirrored=True)
    block = mirrored.to_hidden[LAYOUT.hidden]
    np.testing.assert_array_equal(mirrored.to_visible, mirrored.to_hidden[LAYOUT.visible].T)
    np.testing.assert_array_equal(block, block.T)
    np.testing.assert_array_equal(lateral.to_visible, initial_weights(LAYOUT, 1, bound=0.1).to_visible)
    assert not np.array_equal(lateral.to_visible, initial_weights(LAYOUT, 2, bound=0.1).to_visible)
    assert initial_weights(LAYOUT, 1, lateral=False, scale="xavier", bound=1.0).bias.max() == 0.0
    assert np.abs(initial_states(LAYOUT, 4, 1, 0.5)).max() <= 0.5


def test_what_cannot_be_is_refused() -> None:
    """Sizes, phases and scales out of range, each with its value."""
    with pytest.raises(DeclarationError, match="n_hidden = 0"):
        UnitLayout(1, 1, 0)
    with pytest.raises(DeclarationError, match=r"momentum = 1\.5"):
        Phase(1, 0.2, 1.5)
    with pytest.raises(DeclarationError, match="outputs = 'clamped'"):
        Phase(1, 0.2, outputs="clamped")  # type: ignore[arg-type]
    with pytest.raises(DeclarationError, match="bound = -1"):
        initial_weights(LAYOUT, 1, bound=-1.0)
    with pytest.raises(DeclarationError, match="scale = 'he'"):
        initial_weights(LAYOUT, 1, scale="he")  # type: ignore[arg-type]
    with pytest.raises(DeclarationError, match="alpha = -1"):
        MstdpRule(alpha=-1.0)


def test_bad_data_is_refused_with_its_place() -> None:
    """Images outside [0, 1], of another size, and labels out of range."""
    x = np.zeros((2, 5))
    x[1, 3] = 255
    with pytest.raises(DataError, match="image 1, pixel 3 is 255"):
        check_images(x, 5, "test")
    x[1, 3] = np.nan
    with pytest.raises(DataError, match="is nan"):
        check_images(x, 5, "test")
    with pytest.raises(DataError, match="784 values"):
        check_images(x, 784, "test")
    with pytest.raises(DataError, match="label 0 is 3"):
        check_labels(np.array([3, 0]), 2, 3, "test")
    with pytest.raises(DataError, match="dtype float64"):
        check_labels(np.array([1.0, 0.0]), 2, 3, "test")
    with pytest.raises(DataError, match="for 2 images"):
        check_labels(np.array([1]), 2, 3, "test")
