"""Toy experiments of aSTDP: signs of the STDP window, order, rivalry, covered squares, generation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikesim.datasets import digits
from spikesim.errors import CheckpointError, DeclarationError
from spikesim.hopfield.astdp.config import Astdp
from spikesim.hopfield.astdp.network import AstdpNetwork
from spikesim.hopfield.astdp.toy_network import small
from spikesim.models.astdp import order, rivalry, self_supervised, window
from spikesim.models.astdp.backprop import Mlp
from spikesim.models.astdp.generation import GENERATOR, generate
from spikesim.models.astdp.self_supervised import PRETEXT, covered, pretext, readout

# These take minutes without compilation, so that they are not among the tests of the core.
SHIFTS = window.SHIFTS


@pytest.mark.parametrize("width", window.WIDTHS)
@pytest.mark.parametrize("beta_l", window.BETAS)
def test_the_input_before_the_output_strengthens_and_after_it_weakens(width: int, beta_l: float) -> None:
    curve = window.stdp_window(replace(window.AMENDED, beta_l=beta_l), width)
    found = window.shape(curve, SHIFTS, width)
    assert found.leads > 0 > found.lags
    assert found.gain > -found.loss  # asymmetric up and down (fig. 1)
    assert abs(curve[0]) < 0.1 * found.gain and abs(curve[-1]) < 0.1 * found.gain


def test_a_larger_beta_makes_the_window_less_symmetric() -> None:
    curves = [window.stdp_window(replace(window.AMENDED, beta_l=b), 5) for b in window.BETAS]
    ratios = [window.shape(curve, SHIFTS, 5).asymmetry for curve in curves]
    assert ratios[0] < ratios[1] < ratios[2]


def test_a_wider_pulse_makes_a_wider_window() -> None:
    def width(w: int) -> int:
        curve = window.stdp_window(window.AMENDED, w)
        return int(np.count_nonzero(np.abs(curve) > 0.25 * np.abs(curve).max()))

    assert width(5) < width(10) < width(15)


def test_the_printed_steps_give_one_sign_only() -> None:
    curve = window.stdp_window(window.LITERAL, 5)
    assert curve.min() > 0
    assert not window.shape(curve, SHIFTS, 5).two_signs


def test_a_window_needs_two_neurons() -> None:
    with pytest.raises(DeclarationError, match="two neurons"):
        window.stdp_window(replace(window.LITERAL, sizes=(1, 2)), 5)


def test_a_network_is_better_in_its_own_order() -> None:
    found = order.compare(order.AMENDED, 1, (80,), epochs=120)
    assert set(found) == {"81 81", "81 83", "83 81", "83 83"}
    assert order.gain(found, 0) > 10


def test_switches_count_crossings_and_not_noise() -> None:
    trace = np.zeros((400, 2, 12))
    trace[:, 0, 0] = np.repeat([0.5, -0.5, 0.5, 0.02], 100)
    assert rivalry.switches(trace) == 2
    trace[:, 0, 0] = 0.05 * np.sin(np.arange(400))
    assert rivalry.switches(trace) == 0


def test_fake_targets_make_rivalry() -> None:
    counts = {}
    for fake in ("square", "none"):
        net = rivalry.trained(replace(rivalry.RIVALRY, fake=fake), 3, epochs=300)
        counts[fake] = rivalry.switches(rivalry.rivalry(net))
    assert counts["square"] > 5 * max(counts["none"], 1)


def test_overshoot_is_a_share_of_the_way() -> None:
    before, after = np.zeros(100), np.r_[np.linspace(0, 1.5, 20), np.full(80, 1.0)]
    assert rivalry._beyond(before, after) == pytest.approx(0.5)
    assert rivalry._beyond(before, np.minimum(after, 1.0)) == 0.0


def test_a_small_network_refuses_what_it_does_not_know() -> None:
    with pytest.raises(DeclarationError, match="up to 1000 neurons"):
        small(Astdp())
    with pytest.raises(DeclarationError, match="no held inputs"):
        small(Astdp(sizes=(3, 3), held=True))


@pytest.fixture(scope="module")
def data() -> Any:
    return digits()


def test_a_square_covers_its_place_and_nothing_else(data: Any) -> None:
    x = data.fit.x[:6]
    shown = covered(x, seed=1, epoch=0, index=3, side=8, square=3)
    grey = (shown == 0.5).reshape(6, 8, 8)
    assert np.array_equal(shown[~grey.reshape(6, 64)], x[~grey.reshape(6, 64)])
    assert (grey.sum(axis=(1, 2)) >= 9).all()
    assert not np.array_equal(shown, covered(x, seed=1, epoch=0, index=4, side=8, square=3))
    np.testing.assert_array_equal(shown, covered(x, seed=1, epoch=0, index=3, side=8, square=3))


def test_squares_are_completed_better_and_better_and_the_readout_keeps_the_features(data: Any) -> None:
    config = replace(PRETEXT, sizes=(64, 48, 64), batch=16)
    net, errors = pretext(data.fit.x, 3_200, 1, config, side=8, square=3)
    assert errors[-1] < 0.8 * errors[0]
    reader = readout(net, replace(PRETEXT, sizes=(64, 48, 10), batch=16))
    np.testing.assert_array_equal(reader.w[0, 1], net.w[0, 1])
    reader.hold(data.fit.x[:16])
    reader.aim(-1, 0.5)
    for _ in range(5):
        reader.iterate()
    reader.learn(0.1)
    np.testing.assert_array_equal(reader.w[0, 1], net.w[0, 1])
    np.testing.assert_array_equal(reader.b[1], net.b[1])
    assert np.abs(reader.w[1, 2]).max() > 0


def test_interrupted_squares_go_on_and_other_ones_are_refused(data: Any, tmp_path: Path) -> None:
    config, path = replace(PRETEXT, sizes=(64, 20, 64), batch=16), tmp_path / "squares.h5"
    whole, errors = pretext(data.fit.x, 320, 1, config, 8, 3)
    pretext(data.fit.x, 320, 1, config, 8, 3, path, until=13)
    again, joined = pretext(data.fit.x, 320, 1, config, 8, 3, path)
    assert joined == errors and len(errors) == 10
    for key, w in whole.w.items():
        np.testing.assert_array_equal(w, again.w[key])
    finished, same = pretext(data.fit.x, 320, 1, config, 8, 3, path)
    np.testing.assert_array_equal(finished.w[0, 1], whole.w[0, 1])
    assert same == errors
    with pytest.raises(CheckpointError, match="another configuration"):
        pretext(data.fit.x, 640, 1, config, 8, 3, path)


def test_the_control_reads_random_weights(data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    small = replace(PRETEXT, sizes=(64, 20, 64), batch=16)
    seen: list[Any] = []
    made = self_supervised.readout
    monkeypatch.setattr(self_supervised, "readout", lambda net, *rest: seen.append(net) or made(net, *rest))
    found, errors = self_supervised.self_supervised(
        data, (0, 320), 1, pretext_config=small, readout_config=replace(small, sizes=(64, 20, 10), alpha=0.3)
    )
    assert errors == [] and found > 20
    np.testing.assert_array_equal(seen[0].w[0, 1], AstdpNetwork(small, 1).w[0, 1])


def test_generated_images_depend_on_label_and_seed() -> None:
    net = AstdpNetwork(replace(GENERATOR, sizes=(10, 20, 64)), 1)
    y = np.array([3, 3, 5])
    first = generate(net, y, seed=1, iterations=2)
    assert first.shape == (3, 64) and first.min() >= 0 and first.max() <= 1
    assert not np.array_equal(first[0], first[1])
    np.testing.assert_array_equal(first, generate(net, y, seed=1, iterations=2))
    assert not np.array_equal(first, generate(net, y, seed=2, iterations=2))


@pytest.mark.parametrize("loss", ["mse", "cross entropy"])
def test_backprop_follows_the_gradient_and_learns(loss: Any, data: Any) -> None:
    net = Mlp((64, 32, 10), loss, seed=1)
    before = net.accuracy(data.test.x, data.test.y)
    net.train(data.train.x, data.train.y, 15, eta=0.5 if loss == "mse" else 0.2, batch=16)
    assert before < 30 / 100 < 85 / 100 < net.accuracy(data.test.x, data.test.y)


def test_a_step_of_backprop_is_the_numerical_gradient() -> None:
    net = Mlp((4, 3, 2), "mse", seed=1)
    draw = np.random.default_rng(0)
    x, y = draw.uniform(size=(5, 4)).astype(np.float32), np.array([0, 1, 1, 0, 1])

    def loss(at: tuple[int, int], step: float) -> float:
        w = net.w[0].astype(np.float64)
        w[at] += step
        hidden = np.tanh(x @ w + net.b[0])
        out = 1 / (1 + np.exp(-(hidden @ net.w[1] + net.b[1])))
        return float(((out - np.eye(2)[y]) ** 2).sum() / len(y))

    slope = (loss((1, 2), 1e-5) - loss((1, 2), -1e-5)) / 2e-5
    before = net.w[0].copy()
    net._step(x, y, np.float32(1.0))
    assert before[1, 2] - net.w[0][1, 2] == pytest.approx(slope, rel=1e-3)


def test_an_unknown_loss_is_refused() -> None:
    with pytest.raises(DeclarationError, match="known: 'mse'"):
        Mlp((4, 3, 2), "hinge")  # type: ignore[arg-type]
