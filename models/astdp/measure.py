"""Measurements of aSTDP on a dataset: accuracy after a training, and steps to a stable state."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from spikesim.datasets.dataset import Dataset
from spikesim.hopfield.astdp.config import Astdp
from spikesim.hopfield.astdp.network import AstdpNetwork
from spikesim.hopfield.astdp.training import AstdpProgress, Trainer, accuracy, clone, pixel_states
from spikesim.models.log import Log

STABLE = 1e-3  # "mean ds is less than 0.001", section 3.1.1


@dataclass(frozen=True, eq=False)
class Measured:
    """A trained network and its figures.

    Attributes:
        net: the trained network.
        seed: of weights, order and fake targets.
        presentations: number of trials of the training.
        test: accuracy in % on the test samples.
        online: accuracy in % of the predictions during training.
        seconds: duration of the training.
    """

    net: AstdpNetwork
    seed: int
    presentations: int
    test: float
    online: float
    seconds: float


def measure(
    config: Astdp,
    dataset: Dataset,
    total: int,
    seed: int = 1,
    *,
    fit: str = "train",
    judge: str = "test",
    path: Path | None = None,
    say: Log | None = None,
    steps: int | None = None,
) -> Measured:
    """Train on one split and test on another.

    Args:
        config: configuration of the network.
        dataset: images and classes.
        total: number of trials.
        seed: of weights, order and fake targets.
        fit, judge: names of the training and the test split.
        path: file of the checkpoint, from which the training continues if it exists; None for no checkpoint.
        say: receives a message at every tenth of the training.
        steps: iterations of a prediction; None for those of a whole trial.
    """
    train, test = dataset.split(fit), dataset.split(judge)
    net = AstdpNetwork(config, seed)
    trainer = Trainer(net, train.x, train.y, total, path, every=max(total // 10, 1))
    trainer.resume()
    start = time.perf_counter()

    def report(progress: AstdpProgress) -> None:
        if say is not None:
            share = 100 * progress.right / max(progress.counted, 1)
            say(f"  {progress.done:,} of {total:,} trials, online accuracy {share:.2f} %")

    trainer.run(report=report)
    seconds = time.perf_counter() - start
    right = accuracy(net, test.x, test.y, steps)
    online = 100 * trainer.progress.right / max(trainer.progress.counted, 1)
    return Measured(net, seed, total, 100 * right, online, seconds)


def steps_to_stable(
    net: AstdpNetwork, x: npt.ArrayLike, limit: int = 1000, threshold: float = STABLE
) -> npt.NDArray[np.int64]:
    """Iterations from a new image until the mean |ds| over the neurons of a sample is below `threshold`.

    The network settles on the first half of the images; then each is replaced by one of the second half, and
    the iterations from there are counted (section 3.1.1: "number of steps from data changed to network reach
    a stable state"). Held neurons are not included in the mean.

    Args:
        net: the network, which is not changed.
        x: images, (samples, n_in).
        limit: largest number of iterations, which is returned for samples that are not stable by then.
        threshold: bound of the mean |ds|.

    Returns:
        int64 (samples // 2,).
    """
    half = len(np.asarray(x)) // 2
    pixels = pixel_states(net.config, x)
    twin = clone(net, half)
    moving = range(1 if net.config.held else 0, len(net.config.sizes))
    found = np.full(half, limit, np.int64)
    for part in (pixels[:half], pixels[half : 2 * half]):
        twin.hold(part) if net.config.held else twin.aim(0, part)
        twin.aim(-1, 0.0, 0.0)
        found[:] = limit
        for t in range(1, limit + 1):
            before = [twin.s[k][:half].copy() for k in moving]
            twin.iterate(2 if net.config.fake != "none" else 1)
            moved = np.zeros(half)
            for k, old in zip(moving, before, strict=True):
                moved += np.abs(twin.s[k][:half] - old).sum(axis=1)
            moved /= sum(net.config.sizes[k] for k in moving)
            found[(moved < threshold) & (found == limit)] = t
            if (found < limit).all():
                break
    return found
