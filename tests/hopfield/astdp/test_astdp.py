"""aSTDP: one step against loops, two neurons by hand, both networks in one array, learning, errors."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikesim.datasets import digits
from spikesim.errors import CheckpointError, DataError, DeclarationError
from spikesim.files.checkpoint import load, save
from spikesim.hopfield.astdp.config import Astdp, DivergenceWarning
from spikesim.hopfield.astdp.network import AstdpNetwork
from spikesim.hopfield.astdp.toy_network import small
from spikesim.hopfield.astdp.training import Trainer, accuracy, answers, present, rate_at
from spikesim.hopfield.divergence import DivergenceError
from spikesim.models.astdp.measure import measure, steps_to_stable
from spikesim.models.astdp.presets import DIGITS, LITERAL, PRESETS, SUPERVISED, preset

# These trainings take minutes without compilation, so that they are not among the tests of the core.
TINY = Astdp(sizes=(5, 4, 3), batch=2, fake="none", alpha=0.01, dz="after")


def rho(s: float) -> float:
    return float(1 / (1 + np.exp(-4 * s)))


def naive_iteration(net: AstdpNetwork, alpha: float) -> dict[str, Any]:
    """Eqs. 1, 2, 5, 15, 19, 20 as loops over networks, samples, layers and neurons, in float64."""
    c, n = net.config, net.batch
    s = [a.astype(float).copy() for a in net.s]
    v = [a.astype(float).copy() for a in net.v]
    w = {k: a.astype(float).copy() for k, a in net.w.items()}
    b = [a.astype(float).copy() for a in net.b]
    offset = 0.5 if c.centred else 0.0
    for which, (eps, beta) in enumerate([(c.eps_s, c.beta_s), (c.eps_l, c.beta_l)]):
        for row in range(which * n, (which + 1) * n):
            old = [net.s[k][row].astype(float) for k in range(len(c.sizes))]
            for k, size in enumerate(c.sizes):
                for i in range(size):
                    total = b[k][i]
                    for (j, post), matrix in w.items():
                        if post == k:
                            total += sum((rho(old[j][q]) - offset) * matrix[q, i] for q in range(c.sizes[j]))
                    r = rho(old[k][i])
                    v[k][row, i] = (
                        c.inertia * (4 * r * (1 - r) * total - old[k][i]) + (1 - c.inertia) * v[k][row, i]
                    )
                    pull = net._on[k][row % n, i] if k not in c.hidden else 0.0
                    s[k][row, i] = old[k][i] + eps * v[k][row, i]
                    s[k][row, i] += eps * beta * pull * (net._target[k][row % n, i] - old[k][i])
    new_w = {k: a.copy() for k, a in w.items()}
    for (j, k), matrix in new_w.items():
        for row in range(n):
            for q in range(c.sizes[j]):
                for i in range(c.sizes[k]):
                    if j == k and q == i:
                        continue
                    # `net` itself has not moved yet
                    at = [a.astype(float) for a in net.s] if c.dz == "before" else s
                    dz = rho(at[k][n + row, i]) - rho(at[k][row, i])
                    matrix[q, i] += alpha * (rho(s[j][row, q]) - offset) * dz
    return {"s": s, "v": v, "w": new_w}


@pytest.mark.parametrize(
    "changes", [{}, {"centred": True}, {"lateral": False, "inertia": 0.3}, {"dz": "before"}]
)
def test_an_iteration_is_its_naive_twin(changes: dict[str, Any]) -> None:
    net = AstdpNetwork(replace(TINY, **changes), seed=3)
    draw = np.random.default_rng(1)
    net.s[1][...] = draw.normal(size=net.s[1].shape)
    net.refresh()
    net.aim(0, draw.uniform(-0.5, 0.5, (2, 5)))
    net.aim(-1, 0.5, [[1, 0, 1], [0, 0, 1]])
    expected = naive_iteration(net, alpha=0.1)
    net.iterate()
    net.learn(0.1)
    for name in ("s", "v"):
        for mine, theirs in zip(getattr(net, name), expected[name], strict=True):
            np.testing.assert_allclose(mine, theirs, atol=3e-6)
    for key, w in net.w.items():
        np.testing.assert_allclose(w, expected["w"][key], atol=3e-6)


def test_two_neurons_by_hand() -> None:
    """One input and one output, no weights, from s = 0: the input's target pulls by eps beta t."""
    config = replace(TINY, sizes=(1, 1), lateral=False, init_scale=0.0, carry=False, batch=1)
    net = AstdpNetwork(config)
    net.aim(0, 1.0)
    net.aim(-1, 1.0)
    net.iterate()
    # s_s = 0.5 * 0.25 * 1 = 0.125, s_l = 0.4 * 0.4 * 1 = 0.16
    np.testing.assert_allclose(net.s[0][:, 0], [0.125, 0.16], rtol=1e-6)
    net.learn(0.1)
    # rho(0.125) = 0.62246, rho(0.16) = 0.65475: dz = 0.03230, dW = 0.1 * 0.62246 * 0.03230 = 0.0020105
    assert net.w[0, 1][0, 0] == pytest.approx(0.0020105, abs=1e-6)
    assert net.b[1][0] == pytest.approx(0.0032299, abs=1e-6)


def test_stacked_rows_are_two_networks() -> None:
    """The rows of beta_s are independent of those of beta_l."""
    config = replace(TINY, beta_l=0.4)
    other = replace(TINY, beta_l=3.0, eps_l=0.1)
    nets = [AstdpNetwork(c, seed=2) for c in (config, other)]
    for net in nets:
        net.aim(0, 0.5)
        net.aim(-1, -0.5)
        for _ in range(5):
            net.iterate()
    for a, b in zip(nets[0].s, nets[1].s, strict=True):
        np.testing.assert_array_equal(a[:2], b[:2])
        assert not np.allclose(a[2:], b[2:])


def test_one_network_alone_moves_as_in_the_pair() -> None:
    nets = [AstdpNetwork(TINY, seed=2) for _ in range(2)]
    for networks, net in zip((1, 2), nets, strict=True):
        net.aim(0, 0.5)
        net.iterate(networks)
    np.testing.assert_array_equal(nets[0].s[1][:2], nets[1].s[1][:2])


@pytest.mark.parametrize("dz", ["before", "after"])
def test_the_small_form_is_the_large_one(dz: Any) -> None:
    config = replace(TINY, batch=1, centred=True, inertia=0.7, dz=dz)
    big, one = AstdpNetwork(config, seed=5), small(config, seed=5)
    for k in range(3):
        big.s[k][...] = one.s[:, one.slice(k)]
    big.refresh()
    target, on = np.linspace(-0.5, 0.5, 12), np.r_[np.ones(5), np.zeros(4), np.ones(3)]
    big.aim(0, target[:5])
    big.aim(-1, target[-3:])
    for _ in range(20):
        big.iterate()
        big.learn(0.05)
    one.run(target, on, 20, 0.05)
    for k in range(3):
        np.testing.assert_allclose(big.s[k], one.s[:, one.slice(k)], atol=1e-5)
    np.testing.assert_allclose(big.w[1, 2], one.w[one.slice(1), one.slice(2)], atol=1e-5)


def test_without_a_difference_nothing_is_learnt() -> None:
    """With equal betas and eps both networks are identical, and dz = 0."""
    with pytest.warns(DivergenceWarning):
        config = replace(TINY, beta_l=0.25, eps_l=0.5, fake="listing")
    net = AstdpNetwork(config, seed=1)
    before = {k: w.copy() for k, w in net.w.items()}
    present(net, np.full((2, 5), 0.5, np.float32), np.full((2, 3), 0.5, np.float32), 1.0)
    for key, w in net.w.items():
        np.testing.assert_array_equal(w, before[key])


@pytest.mark.parametrize("learn_last", [0, 3])
def test_held_inputs_sum_as_if_they_were_multiplied_anew(learn_last: int) -> None:
    """The stored product over held inputs, corrected after updates, equals a new product."""
    config = replace(
        TINY, held=True, lateral=False, carry=False, learn_last=learn_last, free=4, clamped=6, alpha=0.1
    )
    net = AstdpNetwork(config, seed=4)
    pixels = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 5)).astype(np.float32)
    present(net, pixels, np.float32([[0.5, -0.5, -0.5], [-0.5, 0.5, -0.5]]), 0.1)
    net._sum(2)
    fresh = net.b[1] + net.x[0][:2] @ net.w[0, 1] + net.x[2][:2] @ net.w[2, 1]
    np.testing.assert_allclose(net._u[1][:2], fresh, atol=1e-5)


@pytest.mark.parametrize("form", ["listing", "signed", "linear", "square"])
def test_fake_targets_pull_hidden_neurons_by_the_sign_of_dz(form: Any) -> None:
    config = replace(TINY, sizes=(5, 200, 3), lateral=False, fake=form, fake_k=2.0, alpha=0.0)
    net = AstdpNetwork(config, seed=1)
    net.aim(0, 0.5)
    net.aim(-1, 0.5)
    for _ in range(3):
        net.iterate()
    net._draw(1)
    dz, on = net.x[1][2:] - net.x[1][:2], net._on[1] > 0
    assert on.any() and not on.all()
    np.testing.assert_array_equal(np.sign(net._target[1][on]), np.sign(dz[on]))
    if form == "listing":  # P = min(1, |dz| / (k dz_m)), so that the larger differences act more often
        ratio = np.abs(dz) / net.average[1]
        assert on[ratio > 2].all()
        assert on[ratio > 1].mean() > on[ratio < 0.5].mean()


def test_fake_targets_of_the_listing_act_on_few_neurons() -> None:
    """k = 50: at most one neuron in fifty where dz is near its own average."""
    net = AstdpNetwork(replace(LITERAL, sizes=(20, 100, 10), batch=32), seed=1)
    net.aim(0, 0.5)
    shares = []
    for _ in range(40):
        net.iterate()
        shares.append(float(net._on[1].mean()))
    assert 0 < np.mean(shares[20:]) < 0.1


@pytest.fixture(scope="module")
def data() -> Any:
    return digits()


def test_it_learns_the_bundled_digits(data: Any) -> None:
    found = measure(DIGITS, data, 12_000, seed=1)
    assert found.test > 85
    steps = steps_to_stable(found.net, data.test.x[:40])
    assert 3 < steps.mean() < 200


@pytest.mark.parametrize(("dz", "least"), [("before", 20), ("after", 40)])
def test_the_literal_rule_beats_chance(dz: Any, least: int, data: Any) -> None:
    config = replace(LITERAL, sizes=(64, 32, 10), batch=32, alpha=3e-3, free=20, clamped=40, dz=dz)
    assert measure(config, data, 4_000, seed=1).test > least


@pytest.mark.parametrize(
    "config", [DIGITS, replace(LITERAL, sizes=(64, 16, 10), batch=16, free=3, clamped=5)]
)
def test_a_resumed_training_is_an_uninterrupted_one(config: Astdp, data: Any, tmp_path: Path) -> None:
    x, y = data.fit.x[:160], data.fit.y[:160]
    whole = Trainer(AstdpNetwork(config, 7), x, y, 400)
    whole.run()
    first = Trainer(AstdpNetwork(config, 7), x, y, 400, tmp_path / "run.h5", every=100)
    first.run(until=200)
    second = Trainer(AstdpNetwork(config, 7), x, y, 400, tmp_path / "run.h5")
    assert second.resume()
    assert second.progress == first.progress
    second.run()
    for key, w in whole.net.w.items():
        np.testing.assert_array_equal(w, second.net.w[key])
    assert whole.progress == second.progress


def test_a_checkpoint_without_the_order_of_dz_is_one_of_after(data: Any, tmp_path: Path) -> None:
    """Release 0.1.0 had no field dz, and took it after the step."""
    path = tmp_path / "run.h5"
    x, y = data.fit.x[:64], data.fit.y[:64]
    Trainer(AstdpNetwork(DIGITS), x, y, 64, path).run()
    found = load(path, "astdp")
    del found.meta["config"]["dz"]
    save(path, "astdp", found.arrays, found.meta)
    assert Trainer(AstdpNetwork(DIGITS), x, y, 64, path).resume()
    with pytest.raises(CheckpointError, match="dz"):
        Trainer(AstdpNetwork(replace(DIGITS, dz="before")), x, y, 64, path).resume()


def test_a_checkpoint_of_other_settings_is_refused(data: Any, tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    Trainer(AstdpNetwork(DIGITS), data.fit.x, data.fit.y, 64, path).run()
    other = Trainer(AstdpNetwork(replace(DIGITS, alpha=0.1)), data.fit.x, data.fit.y, 64, path)
    with pytest.raises(CheckpointError, match="alpha"):
        other.resume()


def test_a_seed_gives_the_same_weights_and_another_seed_others(data: Any) -> None:
    runs = [AstdpNetwork(DIGITS, seed) for seed in (1, 1, 2)]
    for net in runs:
        Trainer(net, data.fit.x, data.fit.y, 160).run()
    np.testing.assert_array_equal(runs[0].w[0, 1], runs[1].w[0, 1])
    assert not np.array_equal(runs[0].w[0, 1], runs[2].w[0, 1])


def test_a_prediction_leaves_the_network_as_it_was(data: Any) -> None:
    net = AstdpNetwork(DIGITS, 1)
    before = {k: a.copy() for k, a in net.arrays().items()}
    accuracy(net, data.test.x[:50], data.test.y[:50], 5)
    for key, a in net.arrays().items():
        np.testing.assert_array_equal(a, before[key])


def test_a_divergence_is_caught_and_the_last_good_weights_are_kept(data: Any, tmp_path: Path) -> None:
    config = replace(LITERAL, sizes=(64, 16, 10), batch=16, alpha=5.0)
    trainer = Trainer(AstdpNetwork(config), data.fit.x, data.fit.y, 1_000, tmp_path / "run.h5")
    with pytest.raises(
        DivergenceError, match=r"iteration \d+: diverged at .*smaller learning rate.*last-good"
    ):
        trainer.run()
    kept = tmp_path / "run.h5.last-good"
    assert kept.exists()
    assert all(np.isfinite(a).all() for a in load(kept, "astdp").arrays.values())


def test_a_beta_order_that_diverges_is_warned_of() -> None:
    with pytest.warns(DivergenceWarning, match="known to diverge; swap"):
        Astdp(beta_s=0.4, beta_l=0.25)
    with pytest.warns(DivergenceWarning, match="grow without bound"):
        Astdp(smoothing=0.1, smoothing_form="printed")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Astdp()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sizes": (5,)}, "two or more layers"),
        ({"sizes": (5, 0, 3)}, "at least one neuron"),
        ({"alpha": float("nan")}, "alpha = nan"),
        ({"eps_s": 2.0}, r"eps_s = 2.0 is out of range; it must be in \[0.001, 1.0\]"),
        ({"fake": "lisitng"}, "Did you mean 'listing'"),
        ({"dz": "befor"}, "Did you mean 'before'"),
        ({"alpha_scale": (1.0,)}, "2 are needed"),
        ({"learn_last": 500}, "learn_last = 500 exceeds the number of clamped iterations, 160"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(DeclarationError, match=words):
        Astdp(**{"sizes": (5, 4, 3), **changes})


def test_bad_data_are_refused(data: Any) -> None:
    net = AstdpNetwork(DIGITS)
    x, y = data.fit.x[:64].copy(), data.fit.y[:64].copy()
    with pytest.raises(DataError, match="inputs must be in"):
        Trainer(net, 255 * x, y, 64)
    with pytest.raises(DataError, match="64 values"):
        answers(net, x[:, :10], 3)
    with pytest.raises(DataError, match="label 0 is 10"):
        Trainer(net, x, y + 10 - y[0], 64)
    with pytest.raises(DataError, match="fewer than a batch"):
        Trainer(net, x[:5], y[:5], 64)
    with pytest.raises(DeclarationError, match="average = 9 of 3"):
        answers(net, x, 3, average=9)


def test_amendments_are_named() -> None:
    assert LITERAL.amendments == ()
    assert "held" in SUPERVISED.amendments and "centred" in SUPERVISED.amendments
    assert set(PRESETS) >= {"literal", "supervised", "unsupervised", "deep-2", "deep-3"}
    with pytest.raises(DeclarationError, match="Did you mean 'supervised'"):
        preset("supervized")


def test_the_rate_rises_and_falls() -> None:
    config = replace(DIGITS, warm=100, batch=10)
    assert rate_at(config, 0, 1000) == pytest.approx(0.1 * config.alpha)
    assert rate_at(config, 1000, 1000) == pytest.approx(0.0)
    assert rate_at(LITERAL, 999, 1000) == LITERAL.alpha
