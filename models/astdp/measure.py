"""One run of aSTDP on a dataset, and what is measured on it: accuracy, and steps to a stable state."""

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
    """A trained network and its figures: accuracies in %, seconds, and the settings that led there."""

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
    """Train on one split and judge on another.

    Args:
        config: of the network.
        dataset: images and classes.
        total: presentations.
        seed: of weights, order and fake targets.
        fit, judge: names of the splits.
        path: a checkpoint to go on from and to keep; none where None.
        say: told of the progress.
        steps: iterations of a prediction; a whole presentation's where None.
    """
    train, test = dataset.split(fit), dataset.split(judge)
    net = AstdpNetwork(config, seed)
    trainer = Trainer(net, train.x, train.y, total, path, every=max(total // 10, 1))
    trainer.resume()
    start = time.perf_counter()

    def report(progress: AstdpProgress) -> None:
        if say is not None:
            share = 100 * progress.right / max(progress.counted, 1)
            say(f"  {progress.done:,} of {total:,} presentations, online {share:.2f} %")

    trainer.run(report=report)
    seconds = time.perf_counter() - start
    right = accuracy(net, test.x, test.y, steps)
    online = 100 * trainer.progress.right / max(trainer.progress.counted, 1)
    return Measured(net, seed, total, 100 * right, online, seconds)


def steps_to_stable(
    net: AstdpNetwork, x: npt.ArrayLike, limit: int = 1000, threshold: float = STABLE
) -> npt.NDArray[np.int64]:
    """Iterations from a new image until the mean |change of s| over a sample's neurons is below `threshold`.

    The network settles on the first half of the images; then each is replaced by one of the second half, and
    the steps are counted from there (section 3.1.1: "number of steps from data changed to network reach a
    stable state"). Neurons that hold the data do not count.

    Args:
        net: the network; it stays as it is.
        x: images, (samples, n_in); half as many counts come back.
        limit: where the counting ends; what is not stable by then counts as `limit`.
        threshold: of the mean |ds|.

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
