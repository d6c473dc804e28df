"""EMSTDP as a classifier of scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from spikesim.datasets.dataset import Dataset, make_split
from spikesim.errors import DeclarationError, unknown
from spikesim.estimators.classifier import SpikingClassifier
from spikesim.estimators.early_stopping import EarlyStopping
from spikesim.estimators.lessons import Float32, Lessons, Rows
from spikesim.estimators.scaling import numbers_of
from spikesim.models.emstdp import Emstdp, build, encoder, fit, training
from spikesim.models.emstdp.presets import BEST
from spikesim.training.callbacks import EpochReport
from spikesim.training.predict import answers
from spikesim.training.train import train

FEEDBACKS = {"sw": "symmetric", "fa": "fa", "dfa": "dfa"}
BASE = replace(
    BEST, reset="zero", average=0, bias=True
)  # other fields than those of `settings` and parameters


class EMSTDPClassifier(SpikingClassifier):
    """A spiking network trained by EMSTDP (Shrestha 2019), spike for spike as `spikesim.train` does it.

    Features are scaled to [0, 1] by the range of the training samples and become spike trains of T / 2 steps.
    The class is that of the output neuron with the most spikes; a tie is decided by the membranes.

    Args:
        hidden_layer_sizes: neurons of each hidden layer, for example (100,) or (100, 50).
        feedback: "sw" (symmetric weights), "fa" (feedback alignment) or "dfa" (direct feedback alignment).
        T: steps of a trial, an even number; the input is shown in both halves.
        epochs: passes over the samples; with early stopping the most.
        learning_rate: eta of `Emstdp`; it falls to 0 along the training, and is constant in `partial_fit`.
        coding: "regular" (evenly spaced spikes) or "poisson" (random spikes, drawn anew in each epoch).
        batch_size: samples whose weight changes are summed; 1 is online learning.
        scaling: "feature" (range of each feature), "global" (one range of all features: pixels) or "none"
            (all values lie in [0, 1]).
        complement: add an input 1 - x for each feature x, so that small values are strong inputs, too.
        settings: further fields of `spikesim.models.emstdp.Emstdp`, for example {"dropout": 0.2}.
        class_weight: None, "balanced", or a mapping from classes to weights >= 0. `fit` repeats samples: with
            weights {0: 1, 1: 3} an epoch, which stays as long, shows each sample of class 1 three times as
            often as one of class 0. Ratios count; they are exact to one repetition, with at most 16 times as
            many rows as samples.
        early_stopping: hold out a share of the samples, measure the accuracy on them after each epoch, stop
            without improvement, and keep the weights of the best epoch.
        validation_fraction, n_iter_no_change, tol: the share, stratified by class; the epochs without an
            improvement by more than tol after which the training stops.
        random_state: seed, `RandomState` or None, of initial weights, feedback, order and spikes. The same
            seed gives the same weights and answers on every machine.
        threads: threads that share a batch; they never change a result.

    Attributes:
        classes_: the labels, sorted.
        network_: the trained `Network`, for `spikesim.verify`, `quantise` and `export`; its input are the
            features scaled by `scaled(X)`, encoded by `encoder_`.
        encoder_: the encoder of the input.
        config_: the `Emstdp` configuration.
        n_iter_: epochs (calls of `partial_fit`) so far.
        accuracies_: accuracy on the training samples in each epoch, before each was learnt (from `fit`).
        validation_scores_, best_validation_score_: accuracies on the held-out samples (with early stopping).
        n_features_in_, feature_names_in_: as everywhere in scikit-learn.
    """

    def __init__(
        self,
        hidden_layer_sizes: tuple[int, ...] = (100,),
        *,
        feedback: Literal["sw", "fa", "dfa"] = "sw",
        T: int = 64,
        epochs: int = 30,
        learning_rate: float = 0.1,
        coding: Literal["regular", "poisson"] = "regular",
        batch_size: int = 1,
        scaling: Literal["feature", "global", "none"] = "feature",
        complement: bool = True,
        settings: Mapping[str, Any] | None = None,
        class_weight: Any = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        random_state: Any = None,
        threads: int = 1,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.feedback = feedback
        self.T = T
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.coding = coding
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
        self.threads = threads

    def scaled(self, X: Any) -> Float32:
        """The samples as the network gets them: float32 (samples, inputs) in [0, 1].

        Raises:
            NotFittedError: the scaling is not learnt yet.
            ValueError: samples with another number of features.
        """
        return self._inputs(X)

    def _train(self, given: Lessons, stopping: EarlyStopping | None) -> None:
        self._configure()

        def ended(report: EpochReport) -> bool:
            assert stopping is not None and report.validation_accuracy is not None
            return stopping.add(report.validation_accuracy, report.masters)

        run = fit(
            self.config_,
            _dataset(given.x, given.y, len(self.classes_), given.held_x, given.held_y),
            self.epochs,
            self._seed,
            samples=given.per_epoch,
            split="train" if stopping is None else "fit",
            threads=self.threads,
            progress=False,
            callback=None if stopping is None else ended,
        )
        best = run.masters if stopping is None else stopping.best
        self.network_ = run.network.with_masters(best)
        self.accuracies_ = [record["train_accuracy"] for record in run.metrics]
        self.n_iter_ = len(run.metrics)

    def _start(self, x: Float32) -> None:
        self._configure()
        self.network_ = build(self.config_, self._seed)

    def _go_on(self, x: Float32, y: Rows) -> None:
        once = replace(
            training(self.config_, 1, (self._seed + self.n_iter_) % 2**32),
            schedule="constant",
            average=0,
            samples=len(y),
        )
        if len(y) == 1:  # a dataset has two samples at least; one of the two is drawn
            x, y = np.concatenate([x, x]), np.concatenate([y, y])
        data = _dataset(x, y, len(self.classes_))
        run = train(self.network_, data, self.encoder_, once, threads=self.threads, progress=False)
        self.network_ = run.trained()

    def _scores(self, x: Float32) -> npt.NDArray[np.float64]:
        found = answers(
            self.network_, x, self.encoder_, self._seed, threads=self.threads, index=numbers_of(x)
        )
        scores = found.counts + 1.0
        scores[np.arange(len(x)), found.predictions] += 0.5  # decides ties as the readout does
        return scores

    def _configure(self) -> None:
        """Make the configuration and the encoder from the parameters."""
        if self.feedback not in FEEDBACKS:
            raise DeclarationError(f"EMSTDPClassifier: {unknown('feedback', self.feedback, FEEDBACKS)}")
        own: dict[str, Any] = {
            "sizes": (self._scaling.inputs, *self._hidden(), len(self.classes_)),
            "feedback": FEEDBACKS[self.feedback],
            "T": self.T,
            "eta": self.learning_rate,
            "coding": self.coding,
            "batch": self.batch_size,
        }
        further = dict(self.settings or {})
        known = {f.name for f in fields(Emstdp)} - own.keys()
        for name in further:
            if name in own:
                raise DeclarationError(
                    f"EMSTDPClassifier: settings has {name!r}, which a parameter decides: "
                    f"hidden_layer_sizes, feedback, T, learning_rate, coding or batch_size"
                )
            if name not in known:
                raise DeclarationError(f"EMSTDPClassifier: {unknown('setting', name, known)}")
        self.config_ = replace(BASE, **own, **further)
        self.encoder_ = encoder(self.config_)


def _dataset(
    x: Float32, y: Rows, classes: int, held_x: Float32 | None = None, held_y: Rows | None = None
) -> Dataset:
    """Samples as a dataset, with the held-out ones as its validation split; its test split is not used."""
    n = len(y)
    held = np.arange(1)
    if held_x is not None and held_y is not None:
        x, y = np.concatenate([x, held_x]), np.concatenate([y, held_y])
        held = np.arange(n, len(y))
    return Dataset(
        name="given arrays",
        classes=tuple(str(c) for c in range(classes)),
        shape=x.shape[1:],
        train=make_split("train", x, y),
        test=make_split("test", x[:1], y[:1]),
        validation_rows=held,
        source="given arrays",
    )
