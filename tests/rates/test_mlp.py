"""Rate networks: forward pass, Adam, backpropagation, attacks, divergence; by a naive twin or by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spikesim.errors import DataError, DeclarationError, SpikesimError
from spikesim.rates.adam import Adam, AdamSettings
from spikesim.rates.attack import fgsm, pgd
from spikesim.rates.backprop import cross_entropy, gradients, input_gradient
from spikesim.rates.divergence import DivergenceError, check_norm
from spikesim.rates.mlp import RateMLP, uniform_mlp

pytestmark = pytest.mark.core


def small() -> tuple[RateMLP, np.ndarray, np.ndarray]:
    net = uniform_mlp((6, 5, 4, 2), seed=2, bias=0.3)
    rng = np.random.default_rng(4)
    x = rng.random((3, 6)) * (rng.random((3, 6)) < 0.7)
    return net, x, np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])


def naive_forward(net: RateMLP, x: np.ndarray) -> list[np.ndarray]:
    """One neuron after the other."""
    rates = [x]
    for w, b in zip(net.weights, net.biases, strict=True):
        out = np.empty((len(x), w.shape[1]))
        for k in range(len(x)):
            for j in range(w.shape[1]):
                current = float(b[j])
                for i in range(w.shape[0]):
                    current += float(rates[-1][k, i]) * float(w[i, j])
                out[k, j] = 1 / (1 + math.exp(-current))
        rates.append(out)
    return rates


def test_forward_is_its_naive_twin() -> None:
    net, x, _ = small()
    for found, expected in zip(net.forward(x), naive_forward(net, x), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_one_neuron_by_hand() -> None:
    net = RateMLP((np.array([[2.0], [-1.0]]),), (np.array([0.5]),))
    # 0.5 + 2 * 1 - 1 * 0.5 = 2
    assert net.forward(np.array([[1.0, 0.5]]))[-1][0, 0] == pytest.approx(1 / (1 + math.exp(-2)), rel=1e-15)


def test_batches_give_what_the_whole_gives() -> None:
    net, x, _ = small()
    np.testing.assert_array_equal(net.output(x, batch=2), net.forward(x)[-1])
    assert net.output(x[:0]).shape == (0, 2)


def test_weights_start_evenly_within_the_root_of_the_fan_in_and_follow_the_seed() -> None:
    net, again, other = (
        uniform_mlp((400, 30, 1), 1),
        uniform_mlp((400, 30, 1), 1),
        uniform_mlp((400, 30, 1), 2),
    )
    w = net.weights[0]
    assert np.abs(w).max() < 1 / 20 and np.abs(w).max() > 0.999 / 20
    assert abs(w.mean()) < 1e-3 and w.std() == pytest.approx(1 / 20 / math.sqrt(3), rel=0.02)
    np.testing.assert_array_equal(w, again.weights[0])
    assert (w != other.weights[0]).all()
    assert net.sizes == (400, 30, 1) and not net.biases[0].any()


def test_a_copy_has_arrays_of_its_own() -> None:
    net, _, _ = small()
    other = net.copy()
    other.weights[0][:] = 0
    assert net.weights[0].all()


def test_adam_by_hand() -> None:
    """The first step is rate * g / (|g| + epsilon) for any g; the second follows the printed equations."""
    w = np.array([1.0, -2.0, 0.0])
    adam = Adam([w], AdamSettings(rate=0.1))
    assert adam.ascend([np.array([3.0, -5.0, 0.0])]) == pytest.approx(1.1**2 + 2.1**2)
    np.testing.assert_allclose(w, [1.1, -2.1, 0.0], rtol=1e-8)
    adam.ascend([np.array([1.0, 0.0, 0.0])])
    m = (0.9 * 0.3 + 0.1) / (1 - 0.9**2)
    v = (0.999 * 0.009 + 0.001) / (1 - 0.999**2)
    assert w[0] == pytest.approx(1.1 + 0.1 * m / (math.sqrt(v) + 1e-8), rel=1e-8)
    assert adam.steps == 2


def test_adam_refuses_other_shapes_and_impossible_constants() -> None:
    with pytest.raises(DeclarationError, match=r"\(2,\)"):
        Adam([np.zeros(3)]).ascend([np.zeros(2)])
    with pytest.raises(DeclarationError, match="rate"):
        AdamSettings(rate=0.0)
    with pytest.raises(DeclarationError, match="beta2"):
        AdamSettings(beta2=1.0)


def test_gradients_are_the_slopes_of_the_loss() -> None:
    net, x, y = small()
    found = gradients(net, net.forward(x), y)
    assert len(found) == len(net.arrays)
    for array, gradient in zip(net.arrays, found, strict=True):
        for at in list(np.ndindex(array.shape))[::3]:
            value, step = array[at], 1e-5
            array[at] = value + step
            up = cross_entropy(net, x, y)
            array[at] = value - step
            down = cross_entropy(net, x, y)
            array[at] = value
            assert gradient[at] == pytest.approx((up - down) / (2 * step), rel=1e-5, abs=1e-9)


def test_the_input_gradient_is_the_slope_by_the_input() -> None:
    net, x, y = small()
    found = input_gradient(net, net.forward(x), y)
    for k in range(len(x)):
        for i in range(x.shape[1]):
            moved = x[k : k + 1].copy()
            moved[0, i] += 1e-5
            up = cross_entropy(net, moved, y[k : k + 1])
            moved[0, i] -= 2e-5
            slope = (up - cross_entropy(net, moved, y[k : k + 1])) / 2e-5
            assert found[k, i] == pytest.approx(slope, rel=1e-5, abs=1e-9)


def test_fgsm_moves_every_input_by_the_strength_and_stays_in_range() -> None:
    x = np.array([[0.0, 0.5, 1.0, 0.5]])
    moved = fgsm(lambda at: np.array([[-3.0, 1e-9, 2.0, 0.0]]), x, 0.1)
    np.testing.assert_allclose(moved, [[0.0, 0.6, 1.0, 0.5]])


def test_pgd_stays_within_the_strength_and_raises_the_loss_as_far_as_fgsm() -> None:
    net, x, y = small()

    def gradient(at: np.ndarray) -> np.ndarray:
        return input_gradient(net, net.forward(at), y)

    one, many = fgsm(gradient, x, 0.2), pgd(gradient, x, 0.2)
    assert np.abs(many - x).max() <= 0.2 + 1e-12 and many.min() >= 0 and many.max() <= 1
    assert cross_entropy(net, many, y) >= cross_entropy(net, one, y) - 1e-9 > cross_entropy(net, x, y)
    np.testing.assert_array_equal(fgsm(gradient, x, 0.0), x)


def test_attacks_refuse_a_strength_in_grey_values() -> None:
    for attack in (fgsm, pgd):
        with pytest.raises(DeclarationError, match="12 / 255"):
            attack(lambda at: at, np.zeros((1, 2)), 12.0)
    with pytest.raises(DeclarationError, match="steps"):
        pgd(lambda at: at, np.zeros((1, 2)), 0.1, steps=0)


@pytest.mark.parametrize("squares", [math.nan, math.inf, 1e20])
def test_a_divergence_says_step_norm_and_remedies(squares: float) -> None:
    with pytest.raises(DivergenceError, match=r"step 7.*norm.*a smaller rate") as caught:
        check_norm(squares, 7, "a smaller rate", last_good="before")
    assert isinstance(caught.value, SpikesimError)
    assert caught.value.step == 7 and caught.value.last_good == "before" and not caught.value.norm <= 1e6


def test_a_sound_norm_passes() -> None:
    check_norm(100.0, 1, "none")


def test_sizes_and_inputs_that_do_not_fit_are_named() -> None:
    for sizes in ((3,), (3, 0), (3, 2.5)):
        with pytest.raises(DeclarationError, match="sizes"):
            uniform_mlp(sizes, 1)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"\(B, 6\)"):
        small()[0].forward(np.zeros((2, 5)))


def test_adam_goes_on_with_the_arrays_that_it_is_given() -> None:
    first, second = [np.ones((2, 3))], [np.ones((2, 3))]
    one, other = Adam(first), Adam([np.ones((2, 3))])
    for adam in (one, other):
        adam.ascend([np.full((2, 3), 0.5)])
    other.attach(second)
    second[0][...] = first[0]
    for adam in (one, other):
        adam.ascend([np.full((2, 3), -0.25)])
    assert (first[0] == second[0]).all()
    with pytest.raises(DeclarationError, match="attach the arrays of the same network"):
        one.attach([np.ones((3, 2))])
