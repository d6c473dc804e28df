"""The baselines: gradients by finite differences, eqs. 12 and 13 by loops, learning, refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spikesim import datasets
from spikesim.errors import DataError, DeclarationError
from spikesim.models.emstdp.rate import RateModel, RateNetwork

SIZES = (5, 4, 3, 3)
RS = np.random.default_rng(7)
X = RS.random((6, 5)).astype(np.float32)
Y = np.array([0, 1, 2, 1, 0, 2])


def network(**given: Any) -> RateNetwork:
    """A small network with positive and negative drives, in float64 so that differences are exact enough."""
    net = RateNetwork(RateModel(SIZES, **{"beta_hidden": 0.5, "beta_out": 0.5, **given}), seed=3)
    for arrays in (net.w, net.b, net.fixed):
        arrays[:] = [a.astype(np.float64) for a in arrays]  # type: ignore[misc]
    for k, b in enumerate(net.b):
        b += 0.1 * RS.normal(size=b.shape) + 0.2 * (k < 2)
    return net


def loss(net: RateNetwork) -> float:
    """Cross-entropy (BP), or half the squared error; the mean over the samples."""
    out = net.forward(X.astype(np.float64))[1][-1]  # type: ignore[arg-type]
    if net.model.rule == "bp":
        p = np.exp(out) / np.exp(out).sum(axis=1, keepdims=True)
        return float(-np.log(p[np.arange(len(Y)), Y]).mean())
    wanted = net.model.target_rate * np.eye(SIZES[-1])[Y]
    return float(0.5 * ((wanted - out) ** 2).sum(axis=1).mean())


@pytest.mark.parametrize("rule", ["bp", "emstdp"])
def test_symmetric_changes_are_the_negative_gradient(rule: str) -> None:
    """EMSTDP with a small gamma: no neuron changes between silent, active and saturated."""
    gamma = 1e-6
    net = network(rule=rule, gamma=gamma)
    net.w[:] = [0.3 * w for w in net.w]
    assert max(u.max() for u in net.forward(X)[0][:-1]) < 1, "a saturated neuron has another gradient"
    found = net.changes(X.astype(np.float64), Y)  # type: ignore[arg-type]
    scale = 1.0 if rule == "bp" else gamma
    silent = sum(int((u <= 0).sum()) for u in net.forward(X)[0][:-1])
    assert silent > 0, "the gate is not tested"
    for arrays, changes in ((net.w, found.weights), (net.b, found.biases)):
        for array, change in zip(arrays, changes, strict=True):
            for at in np.ndindex(array.shape):
                before, h = array[at], 1e-6
                array[at] = before + h
                up = loss(net)
                array[at] = before - h
                down = loss(net)
                array[at] = before
                assert change[at] / scale == pytest.approx(-(up - down) / (2 * h), abs=2e-6)


@pytest.mark.parametrize("feedback", ["symmetric", "fa", "dfa"])
@pytest.mark.parametrize("gate", [True, False])
def test_changes_are_those_of_plain_loops(feedback: str, gate: bool) -> None:
    net = network(feedback=feedback, gate=gate, gamma=2.0)
    found = net.changes(X.astype(np.float64), Y)  # type: ignore[arg-type]
    wanted_w = [np.zeros(w.shape) for w in net.w]
    wanted_b = [np.zeros(b.shape) for b in net.b]
    for x, y in zip(X.astype(np.float64), Y, strict=True):
        h, u = [x], []
        for w, b in zip(net.w, net.b, strict=True):
            u.append(np.array([sum(h[-1][i] * w[i, j] for i in range(len(w))) + b[j] for j in range(len(b))]))
            h.append(np.array([min(max(v, 0.0), 1.0) for v in u[-1]]) if len(h) < 3 else u[-1])
        e = {2: np.array([(0.3 if k == y else 0.0) - h[3][k] for k in range(3)])}
        for layer in (1, 0):
            source = e[2] if feedback == "dfa" else e[layer + 1]
            back = net.w[layer + 1].T if feedback == "symmetric" else net.fixed[layer]
            sums = [sum(source[k] * back[k, j] for k in range(len(source))) for j in range(SIZES[layer + 1])]
            closed = [gate and u[layer][j] <= 0 for j in range(SIZES[layer + 1])]
            e[layer] = np.array([0.0 if c else total for c, total in zip(closed, sums, strict=True)])
        for layer in range(3):
            for j in range(SIZES[layer + 1]):
                change = u[layer][j] + 2.0 * e[layer][j]
                change = (min(max(change, 0.0), 1.0) if layer < 2 else change) - h[layer + 1][j]
                wanted_b[layer][j] += change / len(Y)
                for i in range(SIZES[layer]):
                    wanted_w[layer][i, j] += change * h[layer][i] / len(Y)
    for a, b in zip([*found.weights, *found.biases], [*wanted_w, *wanted_b], strict=True):
        assert np.allclose(a, b, rtol=0, atol=1e-12)


def test_fa_and_dfa_are_one_with_one_hidden_layer() -> None:
    fa, dfa = (RateNetwork(RateModel((5, 4, 3), feedback=f)) for f in ("fa", "dfa"))  # type: ignore[arg-type]
    assert all(np.array_equal(a, b) for a, b in zip(fa.fixed, dfa.fixed, strict=True))
    fa, dfa = (RateNetwork(RateModel(SIZES, feedback=f)) for f in ("fa", "dfa"))  # type: ignore[arg-type]
    assert [b.shape for b in fa.fixed] == [(3, 4), (3, 3)]
    assert [b.shape for b in dfa.fixed] == [(3, 4), (3, 3)]
    centred = RateNetwork(RateModel(SIZES, feedback="dfa", b_centred=True)).fixed
    assert all(np.allclose(b.mean(axis=0), 0, atol=1e-5) for b in centred)
    assert not np.array_equal(RateNetwork(RateModel(SIZES), 1).w[0], RateNetwork(RateModel(SIZES), 2).w[0])


@pytest.mark.parametrize(
    "model",
    [
        RateModel((64, 50, 10), "bp", eta=0.1, batch=16),
        RateModel((64, 50, 10), eta=0.5, batch=8),
        RateModel((64, 50, 50, 10), feedback="dfa", eta=0.5, batch=8),
    ],
    ids=["bp", "sw", "dfa"],
)
def test_digits_are_learned_and_come_back(model: RateModel) -> None:
    data = datasets.digits()
    one, two = RateNetwork(model, 1), RateNetwork(model, 1)
    before = one.accuracy(data.validation)
    course = list(one.learn(data.fit, 12))
    assert before < 0.4 < 0.9 < one.accuracy(data.validation)
    assert course[0] < course[-1]
    assert list(two.learn(data.fit, 12)) == course
    assert two.weights_sha256 == one.weights_sha256 != RateNetwork(model, 1).weights_sha256


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"sizes": (5,)}, r"sizes = \(5,\); whole numbers >= 1"),
        ({"sizes": (5, 0, 3)}, "whole numbers >= 1"),
        ({"rule": "bpp"}, "Did you mean 'bp'"),
        ({"feedback": "dfaa"}, "Did you mean 'dfa'"),
        ({"eta": 0.0}, r"eta = 0\.0; must lie in \(0, 1e6\)"),
        ({"gamma": float("nan")}, "gamma = nan"),
        ({"batch": 0}, "batch = 0; a whole number >= 1"),
    ],
)
def test_values_out_of_range_are_named(given: dict[str, Any], words: str) -> None:
    with pytest.raises(DeclarationError, match=words):
        replace(RateModel(SIZES), **given)


def test_data_that_do_not_fit_are_refused() -> None:
    data = datasets.digits()
    with pytest.raises(DataError, match="64 inputs per sample and labels up to 9, but the network 5 inputs"):
        next(RateNetwork(RateModel(SIZES)).learn(data.fit, 1))
    with pytest.raises(DataError, match=r"samples = 0 per epoch; a whole number in 1\.\."):
        next(RateNetwork(RateModel((64, 10))).learn(data.fit, 1, samples=0))
