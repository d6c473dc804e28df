"""Continuous Hopfield networks with mSTDP or aSTDP as classifiers of scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from spikesim import rng
from spikesim.errors import DeclarationError, unknown
from spikesim.estimators.classifier import SpikingClassifier
from spikesim.estimators.early_stopping import EarlyStopping
from spikesim.estimators.lessons import Float32, Lessons, Rows
from spikesim.estimators.relaxing import Astdps, Mstdps, Relaxing
from spikesim.hopfield.astdp.config import Astdp
from spikesim.hopfield.mstdp.network import Mstdp
from spikesim.models.astdp.presets import SUPERVISED
from spikesim.models.mstdp.config import AMENDED

RULES = ("astdp", "mstdp")


class HopfieldClassifier(SpikingClassifier):
    """A continuous Hopfield network that relaxes to its answer, trained by mSTDP or by aSTDP.

    The configurations are the amended ones of this package, with inputs held at their data:
    `spikesim.models.mstdp.config.AMENDED` and `spikesim.models.astdp.presets.SUPERVISED`.

    Args:
        rule: "mstdp" or "astdp".
        hidden_layer_sizes: neurons of each hidden layer; mSTDP has one hidden layer.
        epochs: passes over the samples; with early stopping the most. In `fit`, samples beyond whole batches
            are left out, others in each epoch.
        learning_rate: alpha of the rule; None for that of the configuration. It falls to 0 along the
            training, and is constant in `partial_fit`.
        batch_size: samples of a trial.
        scaling: "feature" (range of each feature), "global" (one range of all features: pixels) or "none"
            (all values lie in [0, 1]).
        complement: add an input 1 - x for each feature x.
        settings: further fields of `Mstdp` or `Astdp`, for example {"iterations": 20}.
        class_weight: None, "balanced", or a mapping from classes to weights >= 0. `fit` repeats samples: with
            weights {0: 1, 1: 3} an epoch, which stays as long, shows each sample of class 1 three times as
            often as one of class 0. Ratios count; they are exact to one repetition, with at most 16 times as
            many rows as samples.
        early_stopping: hold out a share of the samples, measure the accuracy on them after each epoch, stop
            without improvement, and keep the weights of the best epoch.
        validation_fraction, n_iter_no_change, tol: the share, stratified by class; the epochs without an
            improvement by more than tol after which the training stops.
        random_state: seed, `RandomState` or None, of initial weights and order.

    Attributes:
        classes_: the labels, sorted.
        config_: the `Mstdp` or `Astdp` configuration.
        n_iter_: epochs (calls of `partial_fit`) so far.
        validation_scores_, best_validation_score_: accuracies on the held-out samples (with early stopping).
        n_features_in_, feature_names_in_: as everywhere in scikit-learn.
    """

    def __init__(
        self,
        rule: Literal["mstdp", "astdp"] = "astdp",
        hidden_layer_sizes: tuple[int, ...] = (64,),
        *,
        epochs: int = 30,
        learning_rate: float | None = None,
        batch_size: int = 16,
        scaling: Literal["feature", "global", "none"] = "feature",
        complement: bool = True,
        settings: Mapping[str, Any] | None = None,
        class_weight: Any = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        random_state: Any = None,
    ) -> None:
        self.rule = rule
        self.hidden_layer_sizes = hidden_layer_sizes
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.scaling = scaling
        self.complement = complement
        self.settings = settings
        self.class_weight = class_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.random_state = random_state

    def _train(self, given: Lessons, stopping: EarlyStopping | None) -> None:
        self.config_ = self._configured(given.per_epoch)
        self._net = _network(self.config_, given.x, self._seed)
        self.n_iter_ = 0
        for epoch in range(self.epochs):
            x, y = given.epoch(epoch)
            self._net.learn(x, y, epoch, self.epochs)
            self.n_iter_ = epoch + 1
            if stopping is not None and given.held_x is not None:
                right = float(np.mean(self._scores(given.held_x).argmax(axis=1) == given.held_y))
                if stopping.add(right, self._net.weights()):
                    break
        if stopping is not None:
            self._net.take(stopping.best)

    def _start(self, x: Float32) -> None:
        self.config_ = self._configured(len(x))
        self._net = _network(self.config_, x, self._seed)

    def _go_on(self, x: Float32, y: Rows) -> None:
        order = rng.permutation(self._seed, len(y), self.n_iter_)
        whole = len(y) // int(self.batch_size) * int(self.batch_size)
        for rows in (order[:whole], order[whole:]):  # the rest is a smaller batch
            if len(rows):
                self._net.resize(min(int(self.batch_size), len(rows)))
                self._net.learn(x[rows], y[rows], self.n_iter_, None)

    def _scores(self, x: Float32) -> npt.NDArray[np.float64]:
        return self._net.rates(x).astype(np.float64) + 1e-6

    def _configured(self, samples: int) -> Mstdp | Astdp:
        """The configuration from the parameters, with batches of at most `samples`."""
        hidden, n_out = self._hidden(), len(self.classes_)
        own: dict[str, Any] = {"batch": min(int(self.batch_size), samples)}
        if self.learning_rate is not None:
            own["alpha"] = self.learning_rate
        if self.rule == "mstdp":
            if len(hidden) != 1:
                raise DeclarationError(
                    f"HopfieldClassifier: hidden_layer_sizes = {self.hidden_layer_sizes!r}; mSTDP has one "
                    f"hidden layer, for example (64,); rule='astdp' takes several"
                )
            own |= {"n_in": self._scaling.inputs, "n_hidden": hidden[0], "n_out": n_out}
            base: Mstdp | Astdp = AMENDED
        elif self.rule == "astdp":
            own["sizes"] = (self._scaling.inputs, *hidden, n_out)
            base = replace(SUPERVISED, alpha_scale=(1.0, *(0.06,) * len(hidden)))
        else:
            raise DeclarationError(f"HopfieldClassifier: {unknown('rule', self.rule, RULES)}")
        further = dict(self.settings or {})
        known = {f.name for f in fields(base)} - own.keys()
        for name in further:
            if name not in known:
                raise DeclarationError(f"HopfieldClassifier: {unknown('setting', name, known)}")
        made: Mstdp | Astdp = replace(base, **own, **further)
        return made


def _network(config: Mstdp | Astdp, x: Float32, seed: int) -> Relaxing:
    return Mstdps(config, x, seed) if isinstance(config, Mstdp) else Astdps(config, seed)
