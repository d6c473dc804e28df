"""Training by Gupta's rule on bundled data: associations, learning, attack, classes, invalid input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spikesim import datasets
from spikesim.datasets.dataset import Split
from spikesim.errors import DataError, DeclarationError
from spikesim.models import gupta
from spikesim.models.gupta.association import fed_back, fixed_codes, output_codes
from spikesim.models.gupta.training import coded, directions
from spikesim.rates.divergence import DivergenceError
from spikesim.rates.mlp import RateMLP

DIGITS = replace(gupta.AMENDED, sizes=(64, 16, 8, 1), rate=3e-3, batch=20, epochs=15)


def two_digits() -> tuple[Split, Split]:
    data = datasets.digits()
    return gupta.pair(data.train, 0, 2), gupta.pair(data.test, 0, 2)


def test_the_rule_learns_two_digits_and_backprop_too() -> None:
    learn, test = two_digits()
    for config in (DIGITS, replace(DIGITS, association="feedback"), replace(DIGITS, learning="backprop")):
        model = gupta.train(config, learn.x, learn.y, seed=1, measure={"test": (test.x, test.y)}, every=5)
        assert gupta.evaluate(model, test.x, test.y) >= 97
        assert [record["epoch"] for record in model.curve] == [5, 10, 15]
        assert model.curve[-1]["test"] == gupta.evaluate(model, test.x, test.y)


def test_iris_needs_complement_coding_or_fed_back_z() -> None:
    """Effect of the amendments: accuracy is at chance level without them."""
    learn, test = gupta.iris_folds(0, 1, 5, seed=1)[0]

    def trained(config: gupta.Gupta) -> float:
        return gupta.evaluate(gupta.train(config, *learn, seed=1, epochs=700), *test)

    assert trained(gupta.IRIS_AMENDED) >= 95
    assert trained(gupta.IRIS_FEEDBACK) >= 95
    assert trained(replace(gupta.IRIS_LITERAL, eps=1e-2)) <= 60


def test_same_seed_same_weights_to_the_last_bit_other_seed_others() -> None:
    learn, _ = two_digits()
    one, two, other = (gupta.train(DIGITS, learn.x, learn.y, seed, epochs=2) for seed in (1, 1, 2))
    for a, b, c in zip(one.net.arrays, two.net.arrays, other.net.arrays, strict=True):
        np.testing.assert_array_equal(a, b)
        assert (a != c).any()


def test_fixed_z_is_balanced_opposite_for_the_classes_and_shuffled() -> None:
    codes, other = fixed_codes((784, 32, 16, 1), 1), fixed_codes((784, 32, 16, 1), 2)
    for code in codes[:-1]:
        assert code[1].sum() == 0
        np.testing.assert_array_equal(code[0], -code[1])
    assert codes[-1].tolist() == [[-1.0], [1.0]]
    assert (codes[0] != other[0]).any()
    assert 0 < np.count_nonzero(np.diff(codes[0][1])) < 31  # not in two blocks


def test_class_codes_are_balanced_over_the_classes() -> None:
    hidden, out = fixed_codes((784, 64, 10), 3)
    assert (hidden.sum(axis=0) == 0).all() and set(np.unique(hidden)) == {-1.0, 1.0}
    np.testing.assert_allclose(out.sum(axis=1), 0, atol=1e-12)
    assert (np.diag(out) == 1).all()
    assert output_codes(3, balanced=False).tolist() == [[1, -1, -1], [-1, 1, -1], [-1, -1, 1]]


def test_fed_back_z_by_hand() -> None:
    """Output Z = -1 over weights (2, -3, 0): the layer below has -1, +1, and +1 for sign(0)."""
    weights = (np.zeros((2, 3)), np.array([[2.0], [-3.0], [0.0]]))
    net = RateMLP(weights, (np.zeros(3), np.zeros(1)))
    hidden, out = fed_back(net, np.array([[-1.0], [1.0]]))
    assert hidden.tolist() == [[-1, 1, 1], [1, -1, 1]] and out.tolist() == [[-1], [1]]


def test_complement_coding_doubles_the_inputs_and_its_gradient_comes_back_to_them() -> None:
    config = replace(DIGITS, sizes=(64, 4, 1), coding="complement", epochs=1)
    learn, _ = two_digits()
    np.testing.assert_array_equal(coded(config, learn.x[:2])[:, 64:], 1 - learn.x[:2].astype(np.float64))
    model = gupta.train(config, learn.x, learn.y)
    assert model.net.sizes == (128, 4, 1)
    x, y = learn.x[:1].astype(np.float64), learn.y[:1]

    def loss(at: np.ndarray) -> float:
        p = model.rates(at)[0, 0]
        return float(-np.log(p if y[0] else 1 - p))

    gradient = model.gradient(x, y)
    for i in (3, 20, 43):
        up, down = x.copy(), x.copy()
        up[0, i] += 1e-5
        down[0, i] -= 1e-5
        assert gradient[0, i] == pytest.approx((loss(up) - loss(down)) / 2e-5, rel=1e-4, abs=1e-9)


def test_without_biases_they_stay_at_zero() -> None:
    learn, _ = two_digits()
    model = gupta.train(replace(DIGITS, bias=False, bias_start=-2.0), learn.x, learn.y, epochs=1)
    assert not any(b.any() for b in model.net.biases) and model.net.weights[0].any()


def test_an_attack_stays_within_its_strength_and_does_harm() -> None:
    learn, test = two_digits()
    model = gupta.train(DIGITS, learn.x, learn.y)
    clean = gupta.evaluate(model, test.x, test.y)
    for method in ("fgsm", "pgd"):
        x = gupta.attack(model, test.x, test.y, 0.3, method)  # type: ignore[arg-type]
        assert np.abs(x - test.x).max() <= 0.3 + 1e-7 and x.min() >= 0 and x.max() <= 1
        assert gupta.evaluate(model, x, test.y) < clean - 10
    with pytest.raises(DeclarationError, match="fgsm"):
        gupta.attack(model, test.x, test.y, 0.1, "cw")  # type: ignore[arg-type]


def test_several_classes_three_ways() -> None:
    data = datasets.digits()
    rows, other = data.train.y < 4, data.test.y < 4
    x, y, test_x, test_y = data.train.x[rows], data.train.y[rows], data.test.x[other], data.test.y[other]
    told: list[str] = []
    config = replace(DIGITS, epochs=10)
    assert gupta.evaluate(gupta.one_vs_one(config, x, y, say=told.append), test_x, test_y) >= 90
    assert len(told) == 6
    long = replace(config, epochs=60)  # an epoch has no more than twice the samples of a class
    assert gupta.evaluate(gupta.one_vs_rest(long, x, y), test_x, test_y) >= 85
    assert gupta.evaluate(gupta.train(replace(config, sizes=(64, 4)), x, y), test_x, test_y) >= 90


def test_labels_beyond_two_classes_are_refused_with_the_way_out() -> None:
    data = datasets.digits()
    rows = data.train.y <= 2
    with pytest.raises(DataError, match=r"sample \d+ has the label 2, the limit is 1.*pair\(split"):
        gupta.train(DIGITS, data.train.x[rows], data.train.y[rows])
    with pytest.raises(DataError, match="label -1"):
        gupta.train(DIGITS, data.train.x[:1], np.array([-1]))
    with pytest.raises(DataError, match="integers"):
        gupta.train(DIGITS, data.train.x[:1], np.array([1.0]))  # type: ignore[arg-type]
    with pytest.raises(DataError, match="without a gap"):
        gupta.one_vs_one(DIGITS, data.train.x[:3], np.array([1, 2, 3]))


def test_inputs_outside_0_to_1_are_refused() -> None:
    learn, _ = two_digits()
    with pytest.raises(DataError, match="divide by 255"):
        gupta.train(DIGITS, learn.x * 255, learn.y)
    with pytest.raises(DataError, match="NaN"):
        gupta.train(DIGITS, np.full_like(learn.x, np.nan), learn.y)
    with pytest.raises(DataError, match=r"held.*\(n, 64\)"):
        gupta.train(DIGITS, learn.x, learn.y, measure={"held": (learn.x[:, :9], learn.y)})
    model = gupta.train(DIGITS, learn.x, learn.y, epochs=0)
    with pytest.raises(DataError, match="attack"):
        gupta.attack(model, learn.x * 2, learn.y, 0.1)


def test_a_divergence_is_met_at_its_step_with_the_last_good_network() -> None:
    """A denominator of 5e-324 is 0 at x = 1, p = 1/2, which an untrained bias meets without any input."""
    x, y = np.zeros((40, 64)), np.ones(40, np.int64)
    with pytest.raises(
        DivergenceError, match=r"step 1: the norm of the weights is nan.*larger eps"
    ) as caught:
        gupta.train(replace(DIGITS, eps=5e-324), x, y)
    assert caught.value.step == 1
    assert all(np.isfinite(a).all() for a in caught.value.last_good.arrays)
    learn, _ = two_digits()
    with pytest.raises(DivergenceError, match="the limit 1e"):
        gupta.train(replace(DIGITS, rate=1e6), learn.x, learn.y)


@pytest.mark.parametrize(
    "wrong",
    [{"learning": "hebb"}, {"association": "random"}, {"coding": "on-off"}, {"sizes": (4,)}, {"batch": 0},
     {"epochs": -1}, {"eps": 0.0}, {"rate": 0.0}, {"sizes": (4, 0, 1)}],
)  # fmt: skip
def test_configurations_that_cannot_be_are_named(wrong: dict[str, object]) -> None:
    with pytest.raises(DeclarationError, match=next(iter(wrong))):
        gupta.Gupta(**wrong)  # type: ignore[arg-type]


def test_pairs_are_labelled_0_and_1_and_keep_their_indices() -> None:
    data = datasets.digits()
    found = gupta.pair(data.test, 7, 3)
    assert set(found.y) == {0, 1}
    np.testing.assert_array_equal(data.test.y[found.index], np.where(found.y == 1, 3, 7))
    for a, b in ((3, 3), (3, 12)):
        with pytest.raises(DataError, match="two different ones"):
            gupta.pair(data.test, a, b)


def test_folds_share_out_each_species_and_scale_by_what_is_learnt() -> None:
    folds = gupta.iris_folds(1, 2, 5, seed=3)
    assert [len(test[1]) for _, test in folds] == [20] * 5
    assert all(test[1].sum() == 10 and learn[1].sum() == 40 for learn, test in folds)
    for (x, _), (other, _) in folds:
        assert x.min() == 0 and x.max() == 1 and other.min() >= 0 and other.max() <= 1


def test_directions_of_backprop_are_descent_and_of_the_rule_its_update() -> None:
    learn, _ = two_digits()
    model = gupta.train(DIGITS, learn.x, learn.y, epochs=0)
    rates, y = model.net.forward(learn.x[:9]), learn.y[:9]
    found = directions(model, rates, y)
    weights, biases = DIGITS.rule.update(rates[1], rates[2], model.codes[1][y])
    np.testing.assert_array_equal(found[1], weights)
    np.testing.assert_array_equal(found[4], biases)
