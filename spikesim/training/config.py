"""Configuration of a training, and its progress."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from spikesim import rng
from spikesim.errors import DeclarationError
from spikesim.files.plain_values import plain_fields
from spikesim.grid import whole


@dataclass(frozen=True)
class Training:
    """Configuration of a training; stored with every run.

    For an EMSTDP network use `spikesim.models.emstdp.training(config, epochs=5)`, which takes `batch` and
    `eta_decay` from the network's configuration; `Training(epochs=5)` alone has their defaults.

    Attributes:
        epochs: passes over the data.
        samples: samples per epoch, drawn anew from the split in each epoch; None for the whole split.
        split: "train" (all training data), or "fit" (training data without the validation samples; the
            validation accuracy is then measured after each epoch, for choosing settings).
        batch: trials whose weight updates are summed; 1 is online learning.
        eta_decay: factor applied to the learning rate after each epoch, in (0, 1].
        seed: seed of the sample order and of the encoder.

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
        plain_fields(self)
        for name, low in (("epochs", 1), ("samples", 1), ("batch", 1), ("seed", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not (whole(value, low) or (name == "samples" and value is None)):
                raise DeclarationError(f"Training: {name} = {value!r}; must be a whole number >= {low}")
        decay: object = self.eta_decay  # may be of any type if read from a file
        if not (isinstance(decay, (int, float)) and 0 < decay <= 1):
            raise DeclarationError(f"Training: eta_decay = {self.eta_decay!r}; must lie in (0, 1]")
        if self.split not in ("train", "fit"):
            raise DeclarationError(f"Training: split = {self.split!r}; known: 'train', 'fit'")
        rng.key(self.seed)

    def factor(self, epoch: int) -> float:
        """Factor of the learning rate in an epoch, eta_decay ** epoch.

        Computed by repeated multiplication, which gives the same result on every machine.
        """
        value = 1.0
        for _ in range(epoch):
            value *= self.eta_decay
        return value


@dataclass
class TrainingProgress:
    """Progress of a training, for progress bars and checkpoints.

    Attributes:
        epoch: completed epochs.
        done: samples learnt in the present epoch.
        per_epoch: samples per epoch.
        epochs: epochs in total.
        right: correct predictions in the present epoch, each made before its sample was learnt.
        seconds: training time so far.
        spikes: population -> spikes in the present epoch.
        clipped: projection -> updates cut by the clip range in the present epoch.
        validation: latest validation accuracy, 0 to 1; None if it is not measured.
        rate: samples per second, in the last chunk.
    """

    epoch: int = 0
    done: int = 0
    per_epoch: int = 0
    epochs: int = 0
    right: int = 0
    seconds: float = 0.0
    spikes: dict[str, int] = field(default_factory=dict)
    clipped: dict[str, int] = field(default_factory=dict)
    validation: float | None = None
    rate: float = 0.0

    @property
    def accuracy(self) -> float:
        """Share of correct predictions in this epoch so far, each made before its sample was learnt."""
        return self.right / max(self.done, 1)

    @property
    def finished(self) -> bool:
        """Whether all epochs are complete."""
        return self.epoch >= self.epochs
