"""Early stopping: the weights of the best epoch on held-out samples, and the end of a training."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from spikesim.errors import DeclarationError
from spikesim.grid import whole


@dataclass
class EarlyStopping:
    """Follows the accuracy on held-out samples.

    Attributes:
        patience: epochs without an improvement after which the training ends.
        tol: an accuracy that is not higher than the best by more than this is no improvement.
        scores: accuracy after each epoch.
        best: weights of the epoch with the highest accuracy, the first of several.
        best_score: its accuracy.
    """

    patience: int
    tol: float
    scores: list[float] = field(default_factory=list)
    best: Any = None
    best_score: float = -1.0
    _mark: float = -1.0
    _idle: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.patience, bool) or not whole(self.patience, 1):
            raise DeclarationError(f"n_iter_no_change = {self.patience!r}; a whole number >= 1 is needed")
        if not self.tol >= 0:
            raise DeclarationError(f"tol = {self.tol!r}; a number >= 0 is needed")

    def add(self, score: float, weights: Any) -> bool:
        """Take the accuracy after an epoch and the weights, which must not change any more.

        Returns:
            Whether the training ends.
        """
        self.scores.append(score)
        if score > self.best_score:
            self.best, self.best_score = weights, score
        if score > self._mark + self.tol:
            self._mark, self._idle = score, 0
        else:
            self._idle += 1
        return self._idle >= self.patience
