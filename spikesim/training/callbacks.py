"""What a training tells at the end of each epoch, to a function that can log it and stop the training.

A callback is any function of one argument, an `EpochReport`. With Weights & Biases:

    import wandb

    wandb.init(project="emstdp")

    def log(report):
        wandb.log(report.record, step=report.samples)

    run = emstdp.fit(config, data, epochs=20, out="runs/mine", callback=log)

With TensorBoard, through the writer of PyTorch (tensorboardX has the same):

    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter("runs/mine/board")

    def log(report):
        writer.add_scalar("accuracy/training", report.train_accuracy, report.samples)
        for name, spikes in report.spikes.items():
            writer.add_scalar(f"spikes/{name}", spikes, report.samples)

A callback that returns True stops the training. Here, as soon as an epoch is worse than the one before:

    accuracies = [0.0]

    def until_worse(report):
        accuracies.append(report.validation_accuracy)
        return accuracies[-1] < accuracies[-2]

    run = emstdp.fit(config, data, epochs=50, split="fit", callback=until_worse)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikesim.errors import DeclarationError
from spikesim.network import Masters


@dataclass(frozen=True, eq=False)
class EpochReport:
    """The state of a training at the end of an epoch.

    Attributes:
        record: the record of the epoch, as it stands in `run.metrics` and in metrics.jsonl; plain numbers.
        epochs: epochs in total.
        masters: the weights that count after this epoch, projection -> int32 (n_pre, n_post) on the master
            grid; copies.
    """

    record: Mapping[str, Any]
    epochs: int
    masters: Masters

    @property
    def epoch(self) -> int:
        """Number of the epoch that has ended, from 1."""
        return int(self.record["epoch"])

    @property
    def samples(self) -> int:
        """Samples learnt since the start of the training."""
        return int(self.record["samples"])

    @property
    def train_accuracy(self) -> float:
        """Share of correct predictions in the epoch, each made before its sample was learnt."""
        return float(self.record["train_accuracy"])

    @property
    def validation_accuracy(self) -> float | None:
        """Validation accuracy, 0 to 1; None unless the training has split = "fit"."""
        return self.record.get("validation_accuracy")

    @property
    def spikes(self) -> Mapping[str, float]:
        """Population -> mean number of spikes per trial of the epoch."""
        found: Mapping[str, float] = self.record["spikes"]
        return found

    @property
    def seconds(self) -> float:
        """Time of the training so far, in seconds."""
        return float(self.record["seconds"])


EpochCallback = Callable[[EpochReport], Any]


def check_callback(where: str, callback: object) -> None:
    """Check that a callback can be called.

    Raises:
        DeclarationError: it cannot.
    """
    if callback is not None and not callable(callback):
        raise DeclarationError(
            f"{where}: callback is of type {type(callback).__name__}; a function of one argument is needed, "
            f"an EpochReport: for example lambda report: print(report.record)"
        )


def wants_to_stop(answer: object) -> bool:
    """Whether the value that a callback has returned stops the training: True does, None and False do not.

    Raises:
        DeclarationError: any other value, which would leave open what was meant.
    """
    if answer is None:
        return False
    if isinstance(answer, bool | np.bool_):
        return bool(answer)
    raise DeclarationError(
        f"the callback has returned {answer!r}; it must return True to stop the training, or False or None"
    )
