"""What all classifiers share, seen through one with the simplest of rules: the nearest mean of a class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spikesim.errors import DeclarationError
from spikesim.estimators import EMSTDPClassifier, HopfieldClassifier, LocalRuleClassifier
from spikesim.estimators.classifier import SpikingClassifier
from spikesim.estimators.early_stopping import EarlyStopping
from spikesim.estimators.lessons import Float32, Lessons, Rows


class Means(SpikingClassifier):
    """Nearest mean; it keeps what it was given to learn."""

    def __init__(
        self, scaling: Any = "feature", class_weight: Any = None, early_stopping: bool = False
    ) -> None:
        self.scaling, self.class_weight, self.early_stopping = scaling, class_weight, early_stopping
        self.complement, self.epochs, self.random_state, self.tol = False, 1, 0, 0.0
        self.validation_fraction, self.n_iter_no_change = 0.25, 1

    def _train(self, given: Lessons, stopping: EarlyStopping | None) -> None:
        self.given, self.n_iter_ = given, 1
        self.means = np.stack([given.x[given.y == c].mean(axis=0) for c in range(len(self.classes_))])
        if stopping is not None and given.held_x is not None:
            right = self._scores(given.held_x).argmax(axis=1) == given.held_y
            stopping.add(float(np.mean(right)), self.means)

    def _start(self, x: Float32) -> None:
        self.means, self.started = np.zeros((len(self.classes_), x.shape[1])), len(x)

    def _go_on(self, x: Float32, y: Rows) -> None:
        self.seen = x, y

    def _scores(self, x: Float32) -> Any:
        return 1 / (1e-3 + np.abs(x[:, None] - self.means).sum(axis=2))


X = np.array([[0.0, 10.0], [2.0, 30.0], [8.0, 10.0], [10.0, 30.0]] * 4)
Y = np.array(["low", "low", "high", "high"] * 4)


def test_the_rule_gets_scaled_samples_and_numbered_classes() -> None:
    made = Means().fit(X, Y)
    assert made.given.x.tolist() == np.float32([[0, 0], [0.2, 1], [0.8, 0], [1, 1]] * 4).tolist()
    assert made.classes_.tolist() == ["high", "low"] and made.given.y.tolist() == [1, 1, 0, 0] * 4
    assert made.predict([[1.0, 20.0], [99.0, 20.0]]).tolist() == ["low", "high"]
    assert np.allclose(made.predict_proba(X).sum(axis=1), 1)
    assert made.score(X, Y) == 1.0


def test_weights_and_held_out_samples_reach_the_rule() -> None:
    heavy = Means(class_weight={"low": 3}).fit(X, Y)
    assert np.bincount(heavy.given.y).tolist() == [8, 24] and heavy.given.per_epoch == 16
    held = Means(early_stopping=True).fit(X, Y)
    assert held.given.held_y is not None and sorted(held.given.held_y) == [0, 0, 1, 1]
    assert held.validation_scores_ == [held.best_validation_score_] == [1.0]


def test_parts_are_scaled_by_the_first_and_numbered_by_the_classes() -> None:
    made = Means().partial_fit(X[:4], Y[:4], classes=["low", "mid", "high"])
    assert made.started == 4 and made.seen[1].tolist() == [1, 1, 0, 0]
    made.partial_fit([[20.0, 20.0]], ["mid"])
    assert made.seen[0].tolist() == [[1.0, 0.5]] and made.seen[1].tolist() == [2] and made.n_iter_ == 2


@pytest.mark.parametrize("fraction", [0, 1, "half", True])
def test_a_share_that_is_none_is_refused(fraction: Any) -> None:
    made = Means(early_stopping=True)
    made.validation_fraction = fraction
    with pytest.raises(DeclarationError, match="must lie between 0 and 1"):
        made.fit(X, Y)


def test_the_three_are_of_this_kind() -> None:
    for kind in (EMSTDPClassifier, HopfieldClassifier, LocalRuleClassifier):
        assert issubclass(kind, SpikingClassifier)
    with pytest.raises(TypeError, match="abstract"):
        SpikingClassifier()
    with pytest.raises(ValueError, match="needs samples of two classes or more; y has one class: 'low'"):
        Means().fit(X[:2], Y[:2])
