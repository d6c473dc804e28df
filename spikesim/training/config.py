"""Configuration of a training, and its progress."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import cos, pi
from typing import Literal

from spikesim import rng
from spikesim._values import named_arguments
from spikesim.errors import DeclarationError
from spikesim.files.plain_values import plain_fields
from spikesim.grid import whole


@named_arguments
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
        seed: seed of the sample order, of the encoder and of dropout.
        schedule: further factor of the learning rate: "constant", "linear" (1 - p) or "cosine"
            ((1 + cos(pi p)) / 2), where p is the share of all trials that are complete, updated every 500
            trials.
        average: number of last epochs whose weights are averaged: the result is the mean of the weights after
            each of them, rounded to the master grid. 0: the last weights.
        dropout: population -> probability that a neuron does not take part in a trial of the training: a
            source neuron sends no spikes, another keeps its initial state. The thresholds of the layers that
            receive from it are lower by this share during training. Drawn from (seed, epoch, sample, neuron).

    Raises:
        DeclarationError: a value out of range.

    Examples:
        >>> import spikesim as ss
        >>> training = ss.Training(epochs=4, eta_decay=0.5)
        >>> [training.factor(epoch) for epoch in range(4)]
        [1.0, 0.5, 0.25, 0.125]
    """

    epochs: int = 1
    samples: int | None = None
    split: Literal["train", "fit"] = "train"
    batch: int = 1
    eta_decay: float = 1.0
    seed: int = 1
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    average: int = 0
    dropout: Mapping[str, float] = field(default_factory=dict, hash=False)

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
        if self.schedule not in ("constant", "linear", "cosine"):
            raise DeclarationError(
                f"Training: schedule = {self.schedule!r}; known: 'constant', 'linear', 'cosine'"
            )
        if isinstance(self.average, bool) or not (whole(self.average) and self.average <= self.epochs):
            way = (
                f". Train for {self.average} epochs or more, or set average to 0 (on the command line: "
                f"--epochs {self.average}, or --set average=0)"
                if whole(self.average)
                else ""
            )
            raise DeclarationError(
                f"Training: average = {self.average!r}; must be a whole number of epochs, 0 .. {self.epochs}"
                + way
            )
        self._check_dropout()
        rng.key(self.seed)

    def _check_dropout(self) -> None:
        given: object = self.dropout  # may be of any type if read from a file
        if not isinstance(given, Mapping):
            raise DeclarationError(
                f"Training: dropout = {given!r}; a mapping from populations to probabilities is needed, for "
                f"example {{'hid1': 0.2}}"
            )
        for name, p in given.items():
            if isinstance(p, bool) or not (isinstance(p, (int, float)) and 0 <= p < 1):
                raise DeclarationError(f"Training: dropout of {name!r} = {p!r}; must lie in [0, 1)")

    @property
    def fixed_length(self) -> bool:
        """Whether the result depends on the number of epochs from the start, so that it cannot be
        extended.
        """
        return self.schedule != "constant" or self.average > 0

    def factor(self, epoch: int, share: float = 0.0) -> float:
        """Factor of the learning rate in an epoch: eta_decay ** epoch times that of the schedule.

        The power is computed by repeated multiplication, and the cosine is rounded to 2**-24, so that the
        result is the same on every machine.

        Args:
            epoch: completed epochs.
            share: share of the present epoch that is complete, 0 to 1.
        """
        value = 1.0
        for _ in range(epoch):
            value *= self.eta_decay
        done = (epoch + share) / self.epochs
        if self.schedule == "linear":
            value *= 1.0 - done
        elif self.schedule == "cosine":
            value *= round((1.0 + cos(pi * done)) * 2**23) * 2.0**-24
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


def extended(training: Training, progress_made: TrainingProgress, epochs: int | None) -> TrainingProgress:
    """The progress with a new total number of epochs; None keeps the present one.

    Raises:
        DeclarationError: fewer epochs than are complete or started, or a schedule that is set for the number
            of epochs.
    """
    if epochs is None or epochs == progress_made.epochs:
        return progress_made
    if training.fixed_length:
        raise DeclarationError(
            f"resume: epochs = {epochs}, but this run has a {training.schedule} schedule and averages "
            f"{training.average} epochs, which are set for {progress_made.epochs} epochs; start a new run"
        )
    least = progress_made.epoch + (progress_made.done > 0)
    if epochs < least:
        part = f" and a part of epoch {least}" if progress_made.done else ""
        raise DeclarationError(
            f"resume: epochs = {epochs}, but {progress_made.epoch} of {progress_made.epochs} are done{part}; "
            f"give at least {least}, or leave epochs out to train to {progress_made.epochs}"
        )
    return replace(progress_made, epochs=epochs)
