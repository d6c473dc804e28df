"""The test accuracy of a run after each epoch, for the curves of a figure; nothing is chosen by it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from spikesim.datasets.dataset import Dataset
from spikesim.files.atomic import json_bytes, read_json, write_bytes
from spikesim.training.config import TrainingProgress
from spikesim.training.run import Run

FILE = "test_curve.json"
Observer = Callable[[TrainingProgress], None]


def following(folder: Path) -> Callable[[Dataset, Observer], Observer]:
    """Make a progress callback also measure a run: on the test samples, from the checkpoint of each epoch.

    Args:
        folder: of the run; the accuracies are stored there.

    Returns:
        A function of the data and of the callback that shows the progress.
    """

    def observing(dataset: Dataset, show: Observer) -> Observer:
        def observe(progress: TrainingProgress) -> None:
            show(progress)
            if progress.done == 0 and progress.epoch:
                known = epoch_curve(folder)
                if progress.epoch not in known:
                    known[progress.epoch] = Run.open(folder).evaluate(dataset).accuracy
                    by_epoch = {str(epoch): accuracy for epoch, accuracy in known.items()}
                    write_bytes(folder / FILE, json_bytes(by_epoch), what="the test curve")

        return observe

    return observing


def epoch_curve(folder: Path) -> dict[int, float]:
    """The test accuracy after each epoch that was measured, 0 to 1; empty if none was.

    Raises:
        CheckpointError: the file is damaged.
    """
    if not (folder / FILE).exists():
        return {}
    found = read_json(folder / FILE, "Remove it; the curve then begins anew.")
    return {int(epoch): float(accuracy) for epoch, accuracy in found.items()}
