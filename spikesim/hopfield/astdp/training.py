"""Training and prediction of aSTDP networks, in batches and resumable.

Images and labels are converted to target states: pixels range from `low` to `high`, the true class is +label,
the others are -label. The order of samples is a function of the seed. A checkpoint contains weights, states
and progress, so that a resumed training equals an uninterrupted one.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim import rng
from spikesim.errors import CheckpointError, DataError, DeclarationError
from spikesim.files import checkpoint
from spikesim.hopfield.astdp.config import Astdp
from spikesim.hopfield.astdp.network import AstdpNetwork
from spikesim.hopfield.divergence import DivergenceError
from spikesim.hopfield.mstdp.states import check_images, check_labels

Float32 = npt.NDArray[np.float32]
KIND = "astdp"


def pixel_states(config: Astdp, x: npt.ArrayLike) -> Float32:
    """Target states of images in [0, 1]: low + (high - low) x, float32 (samples, n_in).

    Raises:
        DataError: a wrong number of pixels, or a value outside [0, 1].
    """
    found = check_images(x, config.sizes[0], "aSTDP")
    return np.float32(config.low) + np.float32(config.high - config.low) * found


def label_states(config: Astdp, y: npt.ArrayLike, samples: int) -> Float32:
    """Target states of labels, float32 (samples, n_out): +label for the true class, -label for the others.

    Raises:
        DataError: a label that is no class of the output layer.
    """
    found = check_labels(y, samples, config.sizes[-1], "aSTDP")
    targets = np.full((samples, config.sizes[-1]), -config.label, np.float32)
    targets[np.arange(samples), found] = config.label
    return targets


def present(net: AstdpNetwork, pixels: Float32, labels: Float32, alpha: float) -> Float32:
    """Run one trial of a batch with learning: algorithm 2, or algorithm 1 if config.free is 0.

    Args:
        net: the network, changed in place.
        pixels, labels: target states, float32 (B, n_in), (B, n_out).
        alpha: learning rate of this trial.

    Returns:
        States of the output before the labels are applied, float32 (B, n_out).

    Raises:
        DivergenceError: a state is not finite or beyond STATE_LIMIT.
    """
    config = net.config
    if not config.carry:
        net.reset()
    net.hold(pixels) if config.held else net.aim(0, pixels)
    net.aim(-1, labels, 0.0)
    one = _single(net)
    for _ in range(config.free):
        _iterate(net, 1 if one else 2, alpha if config.learn_last == 0 and not one else 0.0)
    answer = net.s[-1][: net.batch].copy()
    if one:
        _copy_network(net)
    net.aim(-1, labels)
    for t in range(config.clamped):
        learning = config.learn_last == 0 or t >= config.clamped - config.learn_last
        _iterate(net, 2, alpha if learning else 0.0)
    return answer


def _single(net: AstdpNetwork) -> bool:
    """Whether the two networks are identical in the free phase, so that simulating one is sufficient."""
    config = net.config
    return config.held and not config.carry and config.fake == "none" and config.learn_last > 0


def _iterate(net: AstdpNetwork, networks: int, alpha: float) -> None:
    net.iterate(networks)
    if alpha > 0:
        net.learn(alpha)
    net.check()


def _copy_network(net: AstdpNetwork) -> None:
    n = net.batch
    for arrays in (net.s, net.v, net.x):
        for a in arrays:
            a[n:] = a[:n]


def answers(net: AstdpNetwork, x: npt.ArrayLike, iterations: int | None = None, average: int = 1) -> Float32:
    """States of the output with the images alone, float32 (samples, n_out), without learning.

    Args:
        net: the network; its states are replaced.
        x: images in [0, 1], (samples, n_in).
        iterations: number of iterations; None for those of a whole trial (section 2.3.5).
        average: number of last iterations over which the states are averaged.

    Raises:
        DataError: images of another size or range.
        DeclarationError: average is not in 1 .. iterations.
    """
    config, pixels = net.config, pixel_states(net.config, x)
    steps = config.free + config.clamped if iterations is None else iterations
    if not 1 <= average <= steps:
        raise DeclarationError(
            f"answers: average = {average} of {steps} iterations; it must be in [1, {steps}]"
        )
    found = np.zeros((len(pixels), config.sizes[-1]), np.float32)
    two = config.fake != "none"
    for start in range(0, len(pixels), net.batch):
        part = pixels[start : start + net.batch]
        if len(part) < net.batch:
            net.resize(len(part))
        if not config.carry:
            net.reset()
        net.hold(part) if config.held else net.aim(0, part)
        net.aim(-1, 0.0, 0.0)
        for t in range(steps):
            net.iterate(2 if two else 1)
            if t >= steps - average:
                found[start : start + len(part)] += net.s[-1][: len(part)]
    return found


def accuracy(
    net: AstdpNetwork,
    x: npt.ArrayLike,
    y: npt.NDArray[np.int64],
    iterations: int | None = None,
    average: int = 1,
) -> float:
    """Accuracy as a fraction; a copy of the network predicts, so that the states of `net` do not change."""
    twin = clone(net, min(max(net.batch, 500 if net.config.held else 1), len(y)))
    return float(np.mean(answers(twin, x, iterations, average).argmax(axis=1) == y))


def clone(net: AstdpNetwork, batch: int | None = None) -> AstdpNetwork:
    """A network with the same weights and biases, and new states."""
    twin = AstdpNetwork(net.config, net.seed, net.batch if batch is None else batch)
    for key, w in net.w.items():
        twin.w[key][...] = w
    for mine, theirs in zip(twin.b, net.b, strict=True):
        mine[...] = theirs
    return twin


@dataclass
class AstdpProgress:
    """Progress of a training.

    Attributes:
        done: trials that have been run.
        right: correct predictions among the counted ones.
        counted: trials whose prediction was evaluated.
    """

    done: int = 0
    right: int = 0
    counted: int = 0


def rate_at(config: Astdp, done: int, total: int) -> float:
    """Learning rate after `done` of `total` trials: a linear rise, and half a cosine down to alpha_end."""
    share = min(done / max(total, 1), 1.0)
    fall = config.alpha_end + (1 - config.alpha_end) * 0.5 * (1 + math.cos(math.pi * share))
    return config.alpha * fall * (min(1.0, (done + config.batch) / config.warm) if config.warm else 1.0)


class Trainer:
    """A resumable training on images and labels.

    Args:
        net: the network.
        x, y: images in [0, 1], (samples, n_in), and their classes.
        total: total number of trials (rounded up to whole batches).
        path: file of the checkpoint; None for no checkpoints.
        every: trials between two checkpoints.

    Raises:
        DataError: images or labels that do not match the network, or fewer samples than a batch.
    """

    def __init__(
        self,
        net: AstdpNetwork,
        x: npt.ArrayLike,
        y: npt.ArrayLike,
        total: int,
        path: str | os.PathLike[str] | None = None,
        every: int = 10_000,
    ) -> None:
        self.net, self.total, self.every = net, total, every
        self.pixels = pixel_states(net.config, x)
        self.labels = check_labels(y, len(self.pixels), net.config.sizes[-1], "aSTDP")
        if len(self.labels) < net.batch:
            raise DataError(
                f"aSTDP: {len(self.labels)} samples are fewer than a batch of {net.batch}; take a smaller one"
            )
        self.path = None if path is None else Path(path)
        self.progress = AstdpProgress()

    def resume(self) -> bool:
        """Load the checkpoint at `path`; returns False if there is none.

        Raises:
            CheckpointError: the file is damaged, or belongs to another configuration.
        """
        if self.path is None or not self.path.exists():
            return False
        found = checkpoint.load(self.path, KIND)
        mine = _plain(asdict(self.net.config)) | {"total": self.total, "seed": self.net.seed}
        theirs = {"dz": "after"} | found.meta["config"]  # of runs before 0.2, which had no choice
        if theirs != mine:
            changed = sorted(k for k in mine if theirs.get(k) != mine[k])
            raise CheckpointError(
                f"{self.path} contains a run whose settings differ ({', '.join(changed)}); choose another "
                "folder"
            )
        self.net.restore(found.arrays, found.meta["step"])
        self.progress = AstdpProgress(**found.meta["progress"])
        return True

    def run(self, until: int | None = None, report: Callable[[AstdpProgress], None] | None = None) -> None:
        """Train to the end, or until `until` trials have been run.

        Args:
            until: number of trials, counted from the start, after which to stop; None for the end.
            report: called with the progress after every checkpoint.

        Raises:
            DivergenceError: a state beyond the limit; the last good weights have been written to a file
                NAME.last-good in the folder of the checkpoint, if there is one.
        """
        progress, net = self.progress, self.net
        end = self.total if until is None else min(until, self.total)
        while progress.done < end:
            good = (
                {name: a.copy() for name, a in net.arrays().items() if name[0] in "wb"} if self.path else {}
            )
            try:
                self._batch()
            except DivergenceError as problem:
                saved = self._keep(good)
                if saved is None:
                    raise
                raise problem.with_file(saved) from problem
            if progress.done // self.every != (progress.done - net.batch) // self.every:
                self.save()
                if report is not None:
                    report(progress)
        self.save()

    def save(self) -> None:
        """Write a checkpoint, if there is a path."""
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            checkpoint.save(self.path, KIND, self.net.arrays(), self._meta())

    def _batch(self) -> None:
        net, progress = self.net, self.progress
        rows = self._rows()
        y = self.labels[rows]
        targets = label_states(net.config, y, len(y))
        answer = present(net, self.pixels[rows], targets, rate_at(net.config, progress.done, self.total))
        progress.right += int(np.count_nonzero(answer.argmax(axis=1) == y))
        progress.counted += len(y)
        progress.done += net.batch

    def _rows(self) -> npt.NDArray[np.int64]:
        """Rows of the next batch; each epoch has a new order, and an incomplete last batch is skipped."""
        a_pass = len(self.labels) // self.net.batch
        epoch, k = divmod(self.progress.done // self.net.batch, a_pass)
        if getattr(self, "_epoch", None) != epoch:
            self._epoch, self._order = epoch, rng.permutation(self.net.seed, len(self.labels), epoch)
        return self._order[k * self.net.batch : (k + 1) * self.net.batch]

    def _meta(self) -> dict[str, Any]:
        config = _plain(asdict(self.net.config)) | {"total": self.total, "seed": self.net.seed}
        return {"config": config, "step": self.net.step, "progress": asdict(self.progress)}

    def _keep(self, good: dict[str, npt.NDArray]) -> Path | None:
        """Write the weights before the trial that diverged, if there is a path; returns the file."""
        if self.path is None:
            return None
        path = self.path.with_name(f"{self.path.name}.last-good")
        path.parent.mkdir(parents=True, exist_ok=True)
        checkpoint.save(path, KIND, good, self._meta())
        return path


def _plain(config: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in config.items()}
