"""Learning that goes on, with tiny networks: tasks, forgetting, drift, the perceptron by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import small_runs

from spikesim.datasets import digits, iris
from spikesim.encoders import Regular
from spikesim.errors import DataError, DeclarationError
from spikesim.models.emstdp import continual
from spikesim.models.emstdp.continual import (
    Study,
    configuration,
    learn_classes,
    learn_drift,
    make,
    run_study,
    table,
    tasks,
)
from spikesim.models.emstdp.continual_figure import draw_continual
from spikesim.models.emstdp.drift import drifting, rotated
from spikesim.models.emstdp.perceptron import Perceptron

SIZES = (64, 20, 10)


class Memory:
    """Knows the classes of the last samples that it has learnt, and no others."""

    def __init__(self) -> None:
        self.known: set[int] = set()
        self.learnt: list[int] = []

    def learn(self, split, epoch=0):
        self.learnt += split.y.tolist()
        self.known = set(split.y.tolist())
        return split.y.copy()

    def accuracy(self, split):
        return float(np.isin(split.y, list(self.known)).mean())


def test_forgetting_by_hand() -> None:
    """A learner that only knows its last task forgets all others: 100 points, and a fifth of all classes."""
    learner = Memory()
    found = learn_classes(learner, digits(), Study(per_task=40), seed=1)
    assert len(learner.learnt) == 5 * 40 and set(learner.learnt[:40]) == {0, 1}
    assert found["forgetting"] == 1.0
    assert found["by_task"][2] == [0.0, 0.0, 1.0]
    assert found["seen"][0] == 1.0 and found["seen"][-1] == pytest.approx(0.2, abs=0.02)
    mixed = learn_classes(Memory(), digits(), Study(per_task=40), seed=1, mixed=True)
    assert mixed["seen"] == [1.0] and mixed["forgetting"] is None
    with pytest.raises(DataError, match="task 0 of digits has"):
        learn_classes(Memory(), digits(), Study(per_task=5000), seed=1)
    assert tasks(iris()) == [[0, 1], [2]]


def test_online_accuracy_is_measured_around_the_change() -> None:
    class Fails:
        """Right until the change, wrong in the piece after it, then right."""

        seen = 0

        def learn(self, split, epoch=0):
            self.seen += len(split)
            return split.y if self.seen != 600 else split.y + 1

    stream = drifting(digits(), "permuted", 1000)
    found = learn_drift(Fails(), stream, 500)  # type: ignore[arg-type]
    assert found["samples"] == [500, 1000] and found["mean"] == 1.0
    pieces = [piece.take(100) for piece in drifting(digits(), "permuted", 1000) for _ in range(6)][:10]
    found = learn_drift(Fails(), pieces, 500)  # type: ignore[arg-type]
    assert (found["before"], found["after"], found["end"]) == (1.0, 0.0, 1.0)
    assert found["mean"] == 0.9


def test_streams_change_as_they_say() -> None:
    data = digits()
    for drift in ("permuted", "inverted"):
        before, after = drifting(data, drift, 80)
        assert len(before) == len(after) == 40
        by_index = dict(zip(data.fit.index.tolist(), data.fit.x, strict=True))
        true = np.stack([by_index[k] for k in after.index.tolist()])
        np.testing.assert_array_equal(before.x, np.stack([by_index[k] for k in before.index.tolist()]))
        if drift == "inverted":
            np.testing.assert_array_equal(after.x, 1 - true)
        else:
            assert not np.array_equal(after.x, true)
            np.testing.assert_array_equal(np.sort(after.x, axis=1), np.sort(true, axis=1))
    with pytest.raises(DeclarationError, match="rotated"):
        list(drifting(data, "rotate", 80))
    with pytest.raises(DataError, match="images are needed"):
        list(drifting(iris(), "rotated", 20))
    with pytest.raises(DataError, match="samples = 1"):
        list(drifting(data, "inverted", 1))


def test_images_turn_about_their_centre() -> None:
    x = np.random.default_rng(1).random((3, 36)).astype(np.float32)
    image = x.reshape(3, 6, 6)
    turned = rotated(x, (6, 6), [0, 90, 180]).reshape(3, 6, 6)
    for k, quarter in enumerate((0, 1, 2)):
        np.testing.assert_array_equal(turned[k], np.rot90(image[k], quarter))
    half = rotated(np.ones((1, 36), np.float32), (6, 6), [45.0]).reshape(6, 6)
    assert half[0, 0] == 0 and half[2:4, 2:4] == pytest.approx(1.0), "corners come from outside"


def test_a_step_of_the_delta_rule_by_hand() -> None:
    """Rates 1 and 1/2, weights 0: after one sample of class 1, w = eta x (target - 0)."""
    from spikesim.datasets import from_arrays

    data = from_arrays(np.array([[1.0, 0.5]] * 20), np.arange(20) % 2)
    rival = Perceptron(2, 2, 0.1, 10, Regular())
    one = data.fit.select([int(np.flatnonzero(data.fit.y == 1)[0])])
    assert rival.learn(one).tolist() == [0], "a tie goes to the first class"
    np.testing.assert_allclose(rival.w, [[0, 0.1], [0, 0.05]])
    np.testing.assert_allclose(rival.b, [0, 0.1])
    rival.learn(one)  # y_1 = .1 + .5 * .05 + .1 = .225
    np.testing.assert_allclose(rival.w[:, 1], np.array([1, 0.5]) * (0.1 + 0.1 * 0.775))
    assert rival.accuracy(one) == 1.0
    for wrong in ({"eta": -1.0}, {"inputs": 0}, {"steps": 0}):
        with pytest.raises(DeclarationError, match="Perceptron"):
            Perceptron(**{"inputs": 2, "classes": 2, "eta": 0.1, "steps": 10, "encoder": Regular()} | wrong)


def test_learners_learn_and_the_slow_one_is_slower_below() -> None:
    fast, slow = configuration("SW", SIZES), configuration("SW-slow", SIZES)
    assert slow.eta_hidden == tuple(step / 10 for step in fast.eta_hidden)
    data = small_runs.data(600)
    for name in ("DFA", "perceptron"):
        learner = make(name, (12, 30, 3), 1)
        predicted = learner.learn(data.fit)
        assert (predicted[-100:] == data.fit.y[-100:]).mean() > 0.8
        assert learner.accuracy(data.validation) > 0.8


def test_a_study_is_kept_tabled_and_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    study = Study(hidden=(10,), per_task=20, stream=60, learners=("SW", "perceptron"), seeds=(1, 2))
    cells = run_study(digits(), study, tmp_path / "cells", lambda _: None)
    assert len(cells) == 2 * 2 * 5
    monkeypatch.setattr(continual, "make", lambda *_: pytest.fail("a finished cell runs again"))
    assert run_study(digits(), study, tmp_path / "cells", lambda _: None) == cells
    made = table(cells, study, "digits", "spikesim continual")
    assert [row[0] for row in made.rows] == ["EMSTDP-SW", "perceptron"]
    assert all(0 <= row[1] <= 100 for row in made.rows)
    draw_continual(cells, tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(DataError, match="no cells"):
        draw_continual([], tmp_path / "x.png")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"learners": ("adaline",)}, "known: SW, DFA"),
        ({"per_task": 0}, "per_task = 0"),
        ({"measured": 0}, "measured = 0"),
        ({"stream": 1}, "stream = 1; at least 2 is needed"),
        ({"hidden": ()}, "one hidden layer"),
        ({"seeds": ()}, "one seed"),
    ],
)
def test_a_wrong_study_is_refused(wrong: dict, said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        Study(**wrong)
