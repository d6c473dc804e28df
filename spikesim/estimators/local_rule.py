"""Gupta's local learning rule as a classifier of scikit-learn."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from spikesim import rng
from spikesim.estimators.classifier import SpikingClassifier
from spikesim.estimators.early_stopping import EarlyStopping
from spikesim.estimators.lessons import Float32, Lessons, Rows
from spikesim.models.gupta import Gupta, Model
from spikesim.models.gupta.training import initial, learn
from spikesim.rates.adam import Adam


class LocalRuleClassifier(SpikingClassifier):
    """A network of rates trained by Gupta's local rule (2020) in Adam, or by backpropagation.

    Two classes have one output neuron, as in the paper. More have one each, in one network with associations
    for each class (an extension, see `spikesim.models.gupta.classes`). Where classes overlap, networks for
    each pair of classes learn better: `sklearn.multiclass.OneVsOneClassifier(LocalRuleClassifier())`.

    Args:
        hidden_layer_sizes: neurons of each hidden layer (the paper: 32 and 16).
        learning: "rule", or "backprop" (the baseline of the paper, with the same network and optimiser).
        association: "fixed" (+-1 for each class and neuron, drawn once) or "feedback" (sign of W Z of the
            layer above).
        eps, clip: constant in the denominator of the rule, and bound of its absolute factor; see `Gupta`.
        bias_start: initial biases: one number, or one for each layer.
        epochs: passes over the samples; with early stopping the most.
        learning_rate: step size of Adam.
        batch_size: samples of an update.
        scaling: "feature" (range of each feature), "global" (one range of all features: pixels) or "none"
            (all values lie in [0, 1]).
        complement: add an input 1 - x for each feature x, without which the rule learns nothing from features
            that are small.
        class_weight: None, "balanced", or a mapping from classes to weights >= 0. `fit` repeats samples: with
            weights {0: 1, 1: 3} an epoch, which stays as long, shows each sample of class 1 three times as
            often as one of class 0. Ratios count; they are exact to one repetition, with at most 16 times as
            many rows as samples.
        early_stopping: hold out a share of the samples, measure the accuracy on them after each epoch, stop
            without improvement, and keep the weights of the best epoch.
        validation_fraction, n_iter_no_change, tol: the share, stratified by class; the epochs without an
            improvement by more than tol after which the training stops.
        random_state: seed, `RandomState` or None, of initial weights, associations and order.

    Attributes:
        classes_: the labels, sorted.
        model_: the trained `spikesim.models.gupta.Model`.
        n_iter_: epochs (calls of `partial_fit`) so far.
        validation_scores_, best_validation_score_: accuracies on the held-out samples (with early stopping).
        n_features_in_, feature_names_in_: as everywhere in scikit-learn.
    """

    def __init__(
        self,
        hidden_layer_sizes: tuple[int, ...] = (32, 16),
        *,
        learning: Literal["rule", "backprop"] = "rule",
        association: Literal["fixed", "feedback"] = "fixed",
        eps: float = 1e-2,
        clip: float | None = None,
        bias_start: float | tuple[float, ...] = -2.0,
        epochs: int = 200,
        learning_rate: float = 3e-3,
        batch_size: int = 40,
        scaling: Literal["feature", "global", "none"] = "feature",
        complement: bool = True,
        class_weight: Any = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        random_state: Any = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.learning = learning
        self.association = association
        self.eps = eps
        self.clip = clip
        self.bias_start = bias_start
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.scaling = scaling
        self.complement = complement
        self.class_weight = class_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.random_state = random_state

    def _train(self, given: Lessons, stopping: EarlyStopping | None) -> None:
        self._start(given.x)
        self.n_iter_ = 0
        for epoch in range(self.epochs):
            x, y = given.epoch(epoch)
            learn(self.model_, self._adam, x, y, rng.permutation(self._seed, len(y), epoch))
            self.n_iter_ = epoch + 1
            if stopping is not None and given.held_x is not None:
                right = float(np.mean(self._scores(given.held_x).argmax(axis=1) == given.held_y))
                if stopping.add(right, self.model_.net.copy()):
                    break
        if stopping is not None:
            self.model_.net = stopping.best
            self._adam.attach(self.model_.net.arrays)

    def _start(self, x: Float32) -> None:
        outputs = len(self.classes_) if len(self.classes_) > 2 else 1
        config = Gupta(
            sizes=(self._scaling.inputs, *self._hidden(), outputs),
            learning=self.learning,
            eps=self.eps,
            clip=self.clip,
            association=self.association,
            bias_start=self.bias_start,
            rate=self.learning_rate,
            batch=self.batch_size,
            epochs=self.epochs,
        )
        self.model_: Model = initial(config, self._seed)
        self._adam = Adam(self.model_.net.arrays, config.adam)

    def _go_on(self, x: Float32, y: Rows) -> None:
        self._adam.attach(self.model_.net.arrays)  # a copy that was read may hold each array twice
        learn(self.model_, self._adam, x, y, rng.permutation(self._seed, len(y), self.n_iter_))

    def _scores(self, x: Float32) -> npt.NDArray[np.float64]:
        p = self.model_.rates(x)
        both = np.concatenate([1 - p, p], axis=1) if p.shape[1] == 1 else p
        return both + 1e-12
