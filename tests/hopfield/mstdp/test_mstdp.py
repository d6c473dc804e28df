"""mSTDP: schedule, learning on 8x8 digits, resuming, errors, divergence, and tasks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spikesim.datasets import digits
from spikesim.errors import CheckpointError, DataError, DeclarationError
from spikesim.hopfield.divergence import DivergenceError
from spikesim.hopfield.mstdp.network import Mstdp, amendments, initial, present, schedule_of
from spikesim.hopfield.mstdp.tasks import (
    accuracy,
    classify,
    dream,
    fixed_points,
    generate,
    label_rates,
    response,
)
from spikesim.hopfield.mstdp.training import MstdpTraining, begin, load, save, train
from spikesim.models.mstdp.config import AMENDED, LITERAL
from spikesim.models.mstdp.generation import learn_to_generate

SMALL = replace(AMENDED, n_in=64, n_hidden=48, batch=20)
TINY = replace(SMALL, n_hidden=8, iterations=4, free_iterations=4)


def _digits(samples: int = 1200) -> tuple[np.ndarray, np.ndarray]:
    data = digits()
    return data.train.x[:samples], data.train.y[:samples]


def test_the_literal_configuration_is_the_papers() -> None:
    """The literal configuration has no amendments; the amended one lists each of its own."""
    assert Mstdp() == LITERAL
    assert (LITERAL.alpha, LITERAL.epsilon, LITERAL.beta, LITERAL.momentum) == (0.001, 0.2, 0.8, 0.4)
    assert (LITERAL.n_hidden, LITERAL.lateral, LITERAL.cycles, LITERAL.iterations) == (2048, True, 10, 32)
    assert amendments(LITERAL) == ()
    assert "held = inputs" in amendments(AMENDED)
    assert "lateral = False" in amendments(AMENDED)


def test_the_schedule_is_algorithm_1() -> None:
    """Each cycle: a clamped phase with momentum and learning, then a free phase without both."""
    phases = list(schedule_of(replace(LITERAL, cycles=2)))
    assert [learns for _, learns in phases] == [True, False, True, False]
    clamped, free = phases[0][0], phases[1][0]
    assert (clamped.inputs, clamped.outputs, clamped.beta, clamped.momentum) == ("pushed", "pushed", 0.8, 0.4)
    assert (free.inputs, free.outputs, free.beta, free.momentum) == ("free", "free", 0.0, 0.0)
    late = list(schedule_of(replace(LITERAL, cycles=2, learn_first=False, free_first=True)))
    assert [learns for _, learns in late] == [False, False, False, True]
    both = [phase for phase, _ in schedule_of(replace(LITERAL, cycles=2, held="alternate"))]
    assert [(p.inputs, p.outputs) for p in both] == [
        ("held", "pushed"),
        ("held", "free"),
        ("pushed", "held"),
        ("free", "held"),
    ]


def test_it_learns_digits_far_above_chance() -> None:
    """8x8 digits: above 75 % on samples that were not learned; chance is 10 %."""
    x, y = _digits()
    config = replace(SMALL, alpha=0.02, hidden_gain=30.0, averaging=0.9)
    before = accuracy(begin(config, x).net, digits().test.x, digits().test.y)
    net = train(begin(config, x, epochs=6), x, y).tested()
    after = accuracy(net, digits().test.x, digits().test.y)
    assert before < 30.0
    assert after > 75.0


def test_the_near_literal_structure_learns_too() -> None:
    """Nothing held, states carried over, an immediate rule: centred, accuracy is far above chance."""
    x, y = _digits(800)
    config = replace(
        Mstdp(), n_in=64, n_hidden=32, lateral=False, low=-0.5, high=0.5, centre="half", learn_first=False
    )
    config = replace(config, cycles=3, iterations=12, free_iterations=12, batch=20, alpha=0.1)
    net = train(begin(config, x, epochs=4), x, y).tested()
    assert accuracy(net, x, y) > 60.0


def _arrays(training: MstdpTraining) -> dict[str, np.ndarray]:
    return {"s": training.net.states.s, **training.tested().weights.arrays()}


@pytest.mark.parametrize(
    "config",
    [TINY, replace(LITERAL, n_in=64, n_hidden=6, cycles=2, iterations=4, free_iterations=3, batch=4)],
)
def test_a_resumed_training_equals_an_uninterrupted_one(config: Mstdp, tmp_path: Path) -> None:
    """Interrupted in the middle of the second epoch, saved, loaded, continued."""
    x, y = _digits(100)
    whole = train(begin(config, x, seed=3, epochs=3), x, y)
    path = tmp_path / "mstdp.h5"
    train(begin(config, x, seed=3, epochs=3), x, y, until=whole.presented // 2 + 1, save_to=path)
    resumed = train(load(path), x, y)
    assert resumed.presented == whole.presented > 0
    for name, array in _arrays(whole).items():
        np.testing.assert_allclose(_arrays(resumed)[name], array, rtol=0, atol=1e-6, err_msg=name)
    other = train(begin(config, x, seed=4, epochs=3), x, y)
    assert not np.allclose(other.net.weights.to_hidden, whole.net.weights.to_hidden)


def test_a_divergence_is_caught_and_the_last_good_state_saved(tmp_path: Path) -> None:
    """A learning rate of 9e5: the error contains trial, norm, remedies and the file to resume from."""
    x, y = _digits(200)
    path = tmp_path / "good.h5"
    with pytest.raises(DivergenceError, match=r"trial \d+.*limit 50\. Take a smaller") as said:
        train(begin(replace(TINY, alpha=9e5), x), x, y, save_to=path, save_every=1)
    assert said.value.step >= 1 and not said.value.norm <= 50.0
    assert said.value.limit == 50.0
    assert said.value.saved == path and str(path) in str(said.value)
    kept = load(path)
    assert kept.presented <= said.value.step
    assert np.isfinite(kept.net.states.s).all()


def test_bad_input_is_refused() -> None:
    """Images beyond [0, 1], labels beyond the classes, configurations that cannot be."""
    x, y = _digits(40)
    with pytest.raises(DataError, match=r"inputs must be in \[0, 1\]"):
        begin(TINY, 16 * x)
    with pytest.raises(DataError, match="label 0 is 10"):
        train(begin(TINY, x), x, np.full(40, 10))
    with pytest.raises(DeclarationError, match="fewer than a batch of 20"):
        train(begin(TINY, x), x[:5], y[:5])
    with pytest.raises(DeclarationError, match="epochs = 0"):
        begin(TINY, x, epochs=0)
    with pytest.raises(DeclarationError, match=r"unknown held 'input'\. Did you mean 'inputs'"):
        replace(TINY, held="input")  # type: ignore[arg-type]
    with pytest.raises(DeclarationError, match=r"low = 1\.0 is not below high = 0\.5"):
        replace(TINY, low=1.0, high=0.5)
    with pytest.raises(DeclarationError, match=r"momentum = 1\.0"):
        replace(TINY, momentum=1.0)
    with pytest.raises(DeclarationError, match="needs the mean rates"):
        initial(TINY, 1)


def test_another_file_is_no_training(tmp_path: Path) -> None:
    """A checkpoint whose weights do not match its configuration."""
    x, _ = _digits(40)
    training = begin(TINY, x)
    broken = replace(training, net=replace(training.net, config=replace(TINY, n_hidden=9)))
    save(broken, tmp_path / "broken.h5")
    with pytest.raises(CheckpointError, match="to_hidden is float32"):
        load(tmp_path / "broken.h5")


def test_samples_do_not_depend_on_their_neighbours() -> None:
    """A test of many images equals tests of single images, as printed and with held inputs."""
    x, y = _digits(40)
    for config in (TINY, replace(TINY, held="none", restart="never", centre="half", batch=5)):
        net = train(begin(config, x), x, y).tested()
        together = label_rates(net, x[:5])
        alone = np.concatenate([label_rates(net, x[k : k + 1]) for k in range(5)])
        np.testing.assert_allclose(together, alone, atol=1e-5)
        np.testing.assert_array_equal(classify(net, x[:5]), together.argmax(1))


def test_nothing_is_learned_where_the_rate_is_zero() -> None:
    """alpha = 0 changes no weight: testing and training are the same process (section 2.6)."""
    x, y = _digits(20)
    training = begin(replace(LITERAL, n_in=64, n_hidden=6, cycles=1, batch=20), x)
    before = training.net.weights.copy()
    present(training.net, x, y, 0.0)
    for name, array in before.arrays().items():
        np.testing.assert_array_equal(training.net.weights.arrays()[name], array)
    assert training.net.states.s.any()


def test_generation_dreams_and_fixed_points_have_their_shapes() -> None:
    """Images in [0, 1], equal for equal seeds; states of fig. 1; rates of fig. 2."""
    x, y = _digits(40)
    for held in ("none", "alternate"):
        config = replace(TINY, held=held, restart="cycle", cycles=2)  # type: ignore[arg-type]
        net = train(begin(config, x), x, y).tested()
        images = generate(net, [0, 1, 2], seed=1)
        assert images.shape == (3, 64) and images.min() >= 0.0 and images.max() <= 1.0
        np.testing.assert_array_equal(images, generate(net, [0, 1, 2], seed=1))
        assert not np.array_equal(images, generate(net, [0, 1, 2], seed=2))
        free, first, second = fixed_points(net, x[:3], y[:3], seed=1)
        assert free.shape == first.shape == second.shape == (3, 64 + 10 + 8)
        np.testing.assert_array_equal(free, dream(net, 3, seed=1))
        clamped = np.abs(first[:, :64] - (x[:3] - 0.5)).mean()
        assert clamped < np.abs(free[:, :64] - (x[:3] - 0.5)).mean()
    with pytest.raises(DataError, match="label 1 is 11"):
        generate(net, [0, 11], seed=1)
    rates = response(net, x[:1], (5, 6, 7), 0.4)
    assert rates.shape == (18, 82) and rates.min() >= 0.0 and rates.max() <= 1.0


def test_learning_to_generate_leaves_classification_as_it_is() -> None:
    """Labels held: only weights into inputs learn, and images are nearest to the mean of their class."""
    x, y = _digits(800)
    classifier = replace(SMALL, n_hidden=128, hidden_gain=60.0, averaging=0.0, label_init=5.0)
    net = train(begin(classifier, x, epochs=3), x, y).tested()
    both = learn_to_generate(net, x, y, epochs=6)
    np.testing.assert_array_equal(both.weights.to_hidden, net.weights.to_hidden)
    np.testing.assert_array_equal(both.weights.to_visible[:, 64:], net.weights.to_visible[:, 64:])
    assert both.weights.to_visible[:, :64].any()
    assert accuracy(replace(both, config=classifier), x, y) == accuracy(net, x, y)
    labels = np.arange(10)
    means = np.stack([x[y == c].mean(0) for c in labels])
    images = generate(both, labels, seed=1, start=0.1)
    distances = ((images[:, None] - means[None]) ** 2).sum(2)
    assert (distances.argmin(1) == labels).mean() >= 0.8
