"""Training of mSTDP networks: reproducible from a seed, resumable, and stopped at the first divergence."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim import rng
from spikesim.errors import CheckpointError, DeclarationError
from spikesim.files import checkpoint
from spikesim.hopfield.divergence import DivergenceError
from spikesim.hopfield.mstdp.network import Mstdp, Net, initial, mean_rates, present
from spikesim.hopfield.mstdp.relaxation import States
from spikesim.hopfield.mstdp.states import Float32, Weights, check_images, check_labels

KIND = "mstdp"
ProgressCallback = Callable[["MstdpTraining"], None]


@dataclass
class MstdpTraining:
    """State of a training between its first and its last trial.

    Attributes:
        net: the network that is trained.
        seed: of weights, states and order.
        epochs: total number of passes over the data.
        presented: batches that have been learned so far.
        mean: running mean of the weights; None if the configuration has no averaging.
    """

    net: Net
    seed: int
    epochs: int
    presented: int = 0
    mean: Weights | None = None

    def tested(self) -> Net:
        """The network to be tested: with averaged weights if the configuration has averaging."""
        return self.net if self.mean is None else replace(self.net, weights=self.mean)


def begin(config: Mstdp, x: npt.ArrayLike, *, seed: int = 1, epochs: int = 1) -> MstdpTraining:
    """Start a training.

    Args:
        config: the configuration.
        x: training images in [0, 1], (samples, ...); their mean is needed for centre = "mean".
        seed: of weights, states and order.
        epochs: total number of passes over the data.

    Raises:
        DeclarationError: epochs below 1.
        DataError: images of another size, or values outside [0, 1].
    """
    if int(epochs) != epochs or epochs < 1:
        raise DeclarationError(f"mSTDP training: epochs = {epochs!r}; a whole number >= 1 is needed")
    images = check_images(x, config.n_in, "mSTDP training")
    net = initial(config, seed, mean_rates(config, images) if config.centre == "mean" else None)
    return MstdpTraining(net, seed, epochs, 0, net.weights.copy() if config.averaging else None)


def train(
    training: MstdpTraining,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    until: int | None = None,
    save_to: str | os.PathLike[str] | None = None,
    save_every: int = 500,
    progress: ProgressCallback | None = None,
) -> MstdpTraining:
    """Continue a training to its end, or until `until` batches have been learned.

    The order of samples in an epoch is drawn from (seed, epoch); an incomplete last batch is skipped. A
    training that is interrupted and resumed therefore equals an uninterrupted one.

    Args:
        training: changed in place.
        x: images in [0, 1], (samples, ...).
        y: labels, int (samples,).
        until: number of batches, counted from the start, after which to stop; None for the end.
        save_to: file of the checkpoint, which is written every `save_every` batches and at the end.
        save_every: batches between two checkpoints, and between two calls of `progress`.
        progress: called with the training.

    Returns:
        The training itself.

    Raises:
        DataError: images or labels out of range.
        DeclarationError: fewer samples than a batch.
        DivergenceError: a state beyond the limit; the last good state has been written to `save_to`, if
            given.
    """
    config = training.net.config
    images = check_images(x, config.n_in, "mSTDP training")
    labels = check_labels(y, len(images), config.n_out, "mSTDP training")
    per_epoch = batches(config, len(images))
    total = training.epochs * per_epoch
    stop = total if until is None else min(until, total)
    good = _copy(training)
    while training.presented < stop:
        epoch, first = divmod(training.presented, per_epoch)
        order = rng.permutation(training.seed, len(images), epoch)
        for k in range(first, per_epoch):
            rows = order[k * config.batch : (k + 1) * config.batch]
            try:
                _present(training, images[rows], labels[rows], total)
            except DivergenceError as problem:
                raise _kept(problem, good, save_to) from None
            if training.presented % save_every == 0 or training.presented == stop:
                good = _copy(training)
                if save_to is not None:
                    save(training, save_to)
                if progress is not None:
                    progress(training)
            if training.presented == stop:
                break
    return training


def batches(config: Mstdp, samples: int) -> int:
    """Number of batches in an epoch.

    Raises:
        DeclarationError: fewer samples than a batch.
    """
    if samples < config.batch:
        raise DeclarationError(
            f"mSTDP training: {samples} samples are fewer than a batch of {config.batch}; "
            "take a smaller batch"
        )
    return samples // config.batch


def _present(training: MstdpTraining, x: Float32, labels: npt.NDArray[np.int64], total: int) -> None:
    config = training.net.config
    left = 1.0 - training.presented / total
    alpha = config.alpha * (left if config.schedule == "linear" else 1.0)
    present(training.net, x, labels, alpha, training.presented)
    training.presented += 1
    if training.mean is not None:  # a shorter average at first, so that the initial weights are forgotten
        keep = min(config.averaging, training.presented / (training.presented + 10.0))
        for mean, now in zip(
            training.mean.arrays().values(), training.net.weights.arrays().values(), strict=True
        ):
            mean *= np.float32(keep)
            mean += np.float32(1.0 - keep) * now


def _copy(training: MstdpTraining) -> MstdpTraining:
    net = training.net
    states = States(net.states.s.copy(), net.states.v.copy())
    mean = None if training.mean is None else training.mean.copy()
    return replace(training, net=replace(net, weights=net.weights.copy(), states=states), mean=mean)


def _kept(
    problem: DivergenceError, good: MstdpTraining, save_to: str | os.PathLike[str] | None
) -> DivergenceError:
    """Write the last good state to the checkpoint file; returns the error with its path."""
    if save_to is None:
        return problem
    save(good, save_to)
    return problem.with_file(Path(save_to))


def save(training: MstdpTraining, path: str | os.PathLike[str]) -> str:
    """Write a training to a checksummed HDF5 file, atomically; returns the SHA-256 of the file.

    Raises:
        CheckpointError: the file cannot be written.
    """
    net = training.net
    arrays: dict[str, np.ndarray] = {"s": net.states.s, "v": net.states.v, **net.weights.arrays()}
    if net.centre is not None:
        arrays["centre"] = net.centre
    if training.mean is not None:
        arrays |= {f"mean/{name}": array for name, array in training.mean.arrays().items()}
    meta: dict[str, Any] = {
        "config": asdict(net.config),
        "seed": training.seed,
        "epochs": training.epochs,
        "presented": training.presented,
    }
    return checkpoint.save(path, KIND, arrays, meta)


def load(path: str | os.PathLike[str]) -> MstdpTraining:
    """Read a training from a file written by `save`.

    Raises:
        CheckpointError: the file is missing, damaged, or of another kind or shape.
    """
    found = checkpoint.load(path, KIND)
    try:
        config = Mstdp(**found.meta["config"])
        net = Net(
            config,
            Weights(*(found.arrays[name] for name in ("to_hidden", "to_visible", "bias"))),
            States(found.arrays["s"], found.arrays["v"]),
            found.arrays.get("centre"),
        )
        mean = None
        if "mean/bias" in found.arrays:
            mean = Weights(*(found.arrays[f"mean/{name}"] for name in ("to_hidden", "to_visible", "bias")))
        training = MstdpTraining(net, found.meta["seed"], found.meta["epochs"], found.meta["presented"], mean)
        _check_shapes(net)
    except (KeyError, TypeError, ValueError) as problem:
        raise CheckpointError(
            f"checkpoint {path} contains no mSTDP training of this version ({problem}); train again"
        ) from problem
    return training


def _check_shapes(net: Net) -> None:
    layout, rows = (
        net.config.layout,
        net.config.layout.n if net.config.lateral else net.config.layout.n_visible,
    )
    expected = {"to_hidden": (rows, layout.n_hidden), "to_visible": (layout.n_hidden, layout.n_visible)}
    for name, array in net.weights.arrays().items():
        shape = expected.get(name, (layout.n,))
        if array.shape != shape or array.dtype != np.float32:
            raise ValueError(f"{name} is {array.dtype} {array.shape}; float32 {shape} is needed")
