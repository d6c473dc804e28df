"""The rate network's gradient against finite differences, and angles of updates that are known by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import small_runs

from spikesim.engines import engine
from spikesim.errors import DataError, DeclarationError
from spikesim.models.emstdp import Emstdp, encoder
from spikesim.models.emstdp.angles import (
    RateNetwork,
    angle,
    layer_angles,
    layers_of,
    rate_error,
    rate_network,
    updates,
)
from spikesim.models.emstdp.learner import Learner
from spikesim.rng import Stream

REMEDIED = small_runs.config(
    sizes=(12, 8, 6, 3),
    T=40,
    gate=True,
    reset="subtract",
    error_reset="subtract",
    update="error",
    gamma=0.0,
    target_rate=0.6,
    beta_hidden=0.1,
    beta_error=0.1,
    clip=4.0,
)


def test_angles_of_known_vectors() -> None:
    one = np.array([[1.0, 0.0], [0.0, 0.0]])
    assert angle(one, 3 * one) == pytest.approx(0.0)
    assert angle(one, -one) == pytest.approx(180.0)
    assert angle(one, [[0, 2], [0, 0]]) == pytest.approx(90.0)
    assert angle(one, [[1, 1], [0, 0]]) == pytest.approx(45.0)
    assert angle(one, np.zeros((2, 2))) is None
    with pytest.raises(DataError, match=r"shapes \(2, 2\) and \(2,\)"):
        angle(one, [1, 2])


def test_a_gradient_by_hand() -> None:
    """One neuron a layer, w = 2 and 3, theta = 4 and 6, shift 1/2, 5 input spikes, target 3.

    h1 = 5 * 2 / 4 - 1/2 = 2, h2 = 2 * 3 / 6 - 1/2 = 1/2; L = (3 - 1/2)**2 / 2 = 3.125;
    dL/dw2 = (1/2 - 3) / 6 * h1 = -5/6, dL/dw1 = (1/2 - 3) / 6 * 3 / 4 * 5 = -25/16.
    """
    rates = RateNetwork([np.array([[2.0]]), np.array([[3.0]])], [4.0, 6.0], 20.0)
    x, wanted = np.array([[5.0]]), np.array([[3.0]])
    assert [float(h[0, 0]) for h in rates.activities(x)] == [5.0, 2.0, 0.5]
    assert rates.loss(x, wanted) == 3.125
    assert [float(g[0, 0]) for g in rates.gradients(x, wanted)] == pytest.approx([-25 / 16, -5 / 6])


def test_the_gradient_is_that_of_the_loss() -> None:
    """Central differences of the loss, for every weight, with neurons below, inside and above the range."""
    rs = np.random.default_rng(4)
    weights = [rs.normal(0, 1, shape) for shape in ((5, 4), (4, 4), (4, 3))]
    rates = RateNetwork(weights, [1.5, 2.0, 1.0], 12.0)
    x, wanted = rs.integers(0, 10, (6, 5)).astype(float), rs.integers(0, 6, (6, 3)).astype(float)
    inner = rates.activities(x)[1]
    assert (inner == 0).any() and (inner == 12).any() and ((inner > 0) & (inner < 12)).any()
    for w, gradient in zip(weights, rates.gradients(x, wanted), strict=True):
        for at in product(*map(range, w.shape)):
            kept, found = w[at], []
            for step in (1e-6, -1e-6):
                w[at] = kept + step
                found.append(rates.loss(x, wanted))
            w[at] = kept
            assert gradient[at] == pytest.approx((found[0] - found[1]) / 2e-6, abs=1e-4, rel=1e-4)


@pytest.mark.parametrize("update", ["error", "change"])
def test_updates_are_what_the_engine_adds(update: str) -> None:
    """The weights of the naive engine move by the sum over the batch, to the last count."""
    config = replace(REMEDIED, update=update, gamma=1.0, eta=0.01, batch=10)
    learner, split = Learner(config), small_runs.data().fit.take(10)
    moved = updates(learner.network, learner.counts(split))
    spikes = encoder(config).encode(split.x, split.index, config.T // 2, 1, 0, Stream.TEST)
    naive = engine(learner.network, name="naive")
    before = {name: w.copy() for name, w in naive.masters.items()}
    naive.run({"in": spikes}, split.y, learn=True, batch=10)
    for name, change in zip(layers_of(learner.network), moved, strict=True):
        np.testing.assert_array_equal(naive.masters[name] - before[name], change)
    assert any(change.any() for change in moved)


def test_the_output_layer_goes_down_the_gradient() -> None:
    """With one layer of weights the update is the gradient but for thresholds of the loss: a small angle."""
    config = Emstdp(
        sizes=(12, 3), T=100, reset="subtract", error_reset="subtract", update="error", gamma=0.0,
        target_rate=0.5, theta_loss=1.0, beta_out=0.3,
    )  # fmt: skip
    learner, data = Learner(config), small_runs.data()
    learner.learn(data.fit)  # a silent output has no gradient in the rate network, but errors
    counts = learner.counts(data.fit)
    (found,) = layer_angles(learner, counts)
    assert found is not None and found < 20
    counts["err_out"] = -counts["err_out"]
    (turned,) = layer_angles(learner, counts)
    assert turned == pytest.approx(180 - found)


def test_symmetric_feedback_is_closer_to_the_gradient_than_a_fixed_one() -> None:
    data = small_runs.data(600)
    mean = {}
    for feedback in ("symmetric", "dfa"):
        learner = Learner(replace(REMEDIED, feedback=feedback, eta_hidden=0.2))
        learner.learn(data.fit)
        angles = layer_angles(learner, learner.counts(data.validation))
        assert len(angles) == 3 and all(a is not None and 0 <= a <= 180 for a in angles)
        mean[feedback] = np.mean([a for a in angles[:2] if a is not None])
    assert mean["symmetric"] < 60 < mean["dfa"] + 10 and mean["symmetric"] < mean["dfa"]


def test_half_a_spike_is_the_best_shift_of_the_transfer() -> None:
    """Spike counts are closest to the line through the middle of the steps of eq. 4."""
    learner, data = Learner(REMEDIED), small_runs.data()
    by_shift = {shift: rate_error(learner, data.fit, shift) for shift in (0.0, 0.5, 1.0)}
    assert all(by_shift[0.5][0] < by_shift[shift][0] for shift in (0.0, 1.0))
    rates = rate_network(learner)
    assert rates.ceiling == 20 and [w.shape for w in rates.weights] == [(12, 8), (8, 6), (6, 3)]


def test_a_network_with_bias_neurons_is_refused() -> None:
    with pytest.raises(DeclarationError, match="bias = True"):
        rate_network(Learner(replace(REMEDIED, bias=True)))


def test_silence_has_no_angle() -> None:
    learner = Learner(REMEDIED)
    counts = learner.counts(small_runs.data().fit.take(5))
    for name in ("err1", "err2", "err_out"):
        counts[name] = np.zeros_like(counts[name])
    assert layer_angles(learner, counts) == [None, None, None]
