"""What the classifiers have in common: checks, classes, scaling, class weights, probabilities."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from spikesim.errors import DeclarationError
from spikesim.estimators.early_stopping import EarlyStopping
from spikesim.estimators.lessons import Float32, Lessons, Rows, lessons, presented, weights_of
from spikesim.estimators.scaling import learnt
from spikesim.grid import whole


class SpikingClassifier(ClassifierMixin, BaseEstimator, metaclass=ABCMeta):  # type: ignore[misc]
    """The part of a classifier that does not depend on its rule.

    A classifier implements `_train` (from the start, over all epochs), `_start` and `_go_on` (for
    `partial_fit`), and `_scores`. Its parameters include those that are read here: scaling, complement,
    epochs, class_weight, early_stopping, validation_fraction, n_iter_no_change, tol and random_state.
    """

    def fit(self, X: Any, y: Any) -> SpikingClassifier:
        """Learn from samples; what was learnt before is forgotten.

        Args:
            X: numbers (samples, features): an array, a data frame, or anything that NumPy makes an array of.
            y: label of each sample: numbers or words, of two classes or more.

        Returns:
            The classifier itself.

        Raises:
            ValueError: samples or labels that cannot be used, or a parameter out of range.
        """
        x, labels = self._checked(X, y, first=True)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        self._begin(x)
        weights = weights_of(self.class_weight, self.classes_, labels)
        share = self._held_share() if self.early_stopping else None
        stopping = EarlyStopping(self.n_iter_no_change, self.tol) if self.early_stopping else None
        given = lessons(self._scaling.apply(x), codes.astype(np.int64), weights, self._seed, share)
        self._train(given, stopping)
        if stopping is not None:
            self.validation_scores_ = stopping.scores
            self.best_validation_score_ = stopping.best_score
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> SpikingClassifier:
        """Learn from samples once, on top of what was learnt before, at a constant learning rate.

        The first call learns the scaling of the features; later samples beyond its range are clipped. A class
        weight w presents each sample of the class w times; "balanced" and early stopping need `fit`.

        Args:
            X, y: as in `fit`; y may have any of the classes.
            classes: all classes; needed in the first call, unless `fit` was called before.

        Returns:
            The classifier itself.

        Raises:
            ValueError: as `fit`; classes that are missing in the first call, or others later; a label that is
                none of the classes.
        """
        first = not hasattr(self, "classes_")
        x, labels = self._checked(X, y, first)
        if first and classes is None:
            raise ValueError(
                "classes must be passed on the first call to partial_fit: all labels that y may have"
            )
        known = self.classes_ if classes is None else unique_labels(np.asarray(classes))
        if not first and not np.array_equal(known, self.classes_):
            raise ValueError(
                f"classes = {known.tolist()} in partial_fit, but {self.classes_.tolist()} before; leave "
                f"classes out, or call fit to begin anew"
            )
        if self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True; use fit")
        if self.class_weight == "balanced":
            raise ValueError(
                "partial_fit does not support class_weight='balanced'; give a weight for each class"
            )
        codes = np.searchsorted(known, labels).clip(max=len(known) - 1).astype(np.int64)
        if not (known[codes] == labels).all():
            strange = np.setdiff1d(labels, known)
            raise ValueError(f"y contains labels that are none of the classes: {strange.tolist()[:5]}")
        self.classes_ = known
        if first:
            self._begin(x)
            self._start(self._scaling.apply(x))
            self.n_iter_ = 0
        rows = presented(codes, weights_of(self.class_weight, known, labels), self._seed + self.n_iter_)
        if len(rows):
            self._go_on(self._scaling.apply(x)[rows], codes[rows])
        self.n_iter_ += 1
        return self

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Share of each class in the answer of the network, float64 (samples, classes); rows sum to 1.

        It orders the classes; it is not calibrated (`sklearn.calibration` does that).

        Args:
            X: as in `fit`.

        Raises:
            NotFittedError: neither `fit` nor `partial_fit` was called.
            ValueError: samples that cannot be used, or with another number of features.
        """
        scores = self._scores(self._inputs(X))
        found: npt.NDArray[np.float64] = scores / scores.sum(axis=1, keepdims=True)
        return found

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The class with the highest share for each sample, (samples,); arguments as `predict_proba`."""
        best = self.predict_proba(X).argmax(axis=1)
        found: npt.NDArray[Any] = self.classes_[best]
        return found

    def _inputs(self, X: Any) -> Float32:
        """Samples to be classified, checked and scaled."""
        check_is_fitted(self)
        return self._scaling.apply(validate_data(self, X, reset=False, dtype=np.float64))

    def _checked(self, X: Any, y: Any, first: bool) -> tuple[npt.NDArray[np.float64], npt.NDArray[Any]]:
        x, labels = validate_data(self, X, y, reset=first, dtype=np.float64)
        check_classification_targets(labels)
        return x, column_or_1d(labels, warn=True)

    def _begin(self, x: npt.NDArray[np.float64]) -> None:
        """Check the parameters, draw the seed, and learn the scaling."""
        if len(self.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__} needs samples of two classes or more; y has one class: "
                f"{self.classes_[0]!r}"
            )
        if isinstance(self.epochs, bool) or not whole(self.epochs, 1):
            raise DeclarationError(
                f"{type(self).__name__}: epochs = {self.epochs!r}; a whole number >= 1 is needed"
            )
        self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self._scaling = learnt(x, self.scaling, bool(self.complement))

    def _held_share(self) -> float:
        share = self.validation_fraction
        if not (isinstance(share, int | float) and 0 < share < 1):
            raise DeclarationError(
                f"{type(self).__name__}: validation_fraction = {share!r}; must lie between 0 and 1"
            )
        return float(share)

    def _hidden(self) -> tuple[int, ...]:
        """The sizes of the hidden layers; one number is one layer."""
        given = self.hidden_layer_sizes
        sizes = (given,) if whole(given) else tuple(given)
        if not all(whole(n, 1) and not isinstance(n, bool) for n in sizes):
            raise DeclarationError(
                f"{type(self).__name__}: hidden_layer_sizes = {given!r}; whole numbers >= 1 are needed, for "
                f"example (100,) or (100, 50)"
            )
        return tuple(int(n) for n in sizes)

    @abstractmethod
    def _train(self, given: Lessons, stopping: EarlyStopping | None) -> None:
        """Learn from the start; sets `n_iter_`, the number of epochs."""

    @abstractmethod
    def _start(self, x: Float32) -> None:
        """Make the network before the first samples of `partial_fit`."""

    @abstractmethod
    def _go_on(self, x: Float32, y: Rows) -> None:
        """Learn from samples once; `n_iter_` calls were made before."""

    @abstractmethod
    def _scores(self, x: Float32) -> npt.NDArray[np.float64]:
        """Positive numbers (samples, classes), of which the largest is the answer."""
