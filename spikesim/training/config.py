"""How a network is trained, and where a training stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from spikesim import rng
from spikesim.errors import DeclarationError
from spikesim.grid import whole


@dataclass(frozen=True)
class Training:
    """How a network is trained; kept whole with every run.

    Attributes:
        epochs: passes.
        samples: samples of an epoch, drawn anew from the split each time; None for all of it.
        split: "train" (all training data), or "fit" (without the validation samples, on which each epoch is
            then measured: for choosing settings).
        batch: presentations whose updates are summed; 1 is online.
        eta_decay: factor of the step size after each epoch.
        seed: of the order and of the encoder.

    Raises:
        DeclarationError: a value out of range.
    """

    epochs: int = 1
    samples: int | None = None
    split: Literal["train", "fit"] = "train"
    batch: int = 1
    eta_decay: float = 1.0
    seed: int = 1

    def __post_init__(self) -> None:
        for name, low in (("epochs", 1), ("samples", 1), ("batch", 1), ("seed", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not (whole(value, low) or (name == "samples" and value is None)):
                raise DeclarationError(f"Training: {name} = {value!r}; a whole number >= {low} is needed")
        decay: object = self.eta_decay  # whatever a file or a caller has put there
        if not (isinstance(decay, (int, float)) and 0 < decay <= 1):
            raise DeclarationError(f"Training: eta_decay = {self.eta_decay!r}; it has to lie in (0, 1]")
        if self.split not in ("train", "fit"):
            raise DeclarationError(f"Training: split = {self.split!r}; known: 'train', 'fit'")
        rng.key(self.seed)

    def factor(self, epoch: int) -> float:
        """The step size's factor in an epoch; by repeated products, which are the same on every machine."""
        value = 1.0
        for _ in range(epoch):
            value *= self.eta_decay
        return value


@dataclass
class TrainingProgress:
    """Where a training stands: what progress bars show, and what a checkpoint holds beside the weights."""

    epoch: int = 0
    done: int = 0
    per_epoch: int = 0
    epochs: int = 0
    right: int = 0
    seconds: float = 0.0
    spikes: dict[str, int] = field(default_factory=dict)
    clipped: dict[str, int] = field(default_factory=dict)
    validation: float | None = None
    rate: float = 0.0  # samples a second, of the last chunk

    @property
    def accuracy(self) -> float:
        """Share of right predictions in this epoch so far, each made before its sample was learnt."""
        return self.right / max(self.done, 1)

    @property
    def finished(self) -> bool:
        """Whether all epochs are done."""
        return self.epoch >= self.epochs
