"""Self-supervised learning (section 3.1.1): predict the pixels below a grey square, then classify features.

First a network 784-512-784 learns by algorithm 2: its inputs are images with a grey square of 10 x 10 pixels
at a random position, its outputs are the complete images. Then the weights and biases of its hidden neurons
are fixed, output neurons for the classes are added, and only these learn, again by algorithm 2.

Differs from the paper: there, inputs are also outputs, so that covered pixels are predicted by the covered
neurons themselves; here, inputs are held at the covered image, and separate neurons predict (`Astdp.held`).
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim import rng
from spikesim.datasets.dataset import Dataset
from spikesim.errors import CheckpointError
from spikesim.files import checkpoint
from spikesim.hopfield.astdp.config import Astdp
from spikesim.hopfield.astdp.network import AstdpNetwork
from spikesim.hopfield.astdp.training import Trainer, accuracy, pixel_states, present, rate_at
from spikesim.models.astdp.presets import SUPERVISED
from spikesim.models.log import Log
from spikesim.rng import Stream

Float32 = npt.NDArray[np.float32]
KIND = "astdp squares"
SQUARE, GREY = 10, 0.5
PRETEXT = replace(
    SUPERVISED,
    sizes=(784, 512, 784),
    alpha=0.05,
    alpha_scale=(1.0, 0.4),
    init_scale=1.0,
    free=8,
    clamped=8,
)
# The summed update of a batch is stable for a smaller alpha, the larger the batch; few samples learn faster.
READOUT = replace(SUPERVISED, alpha=0.1, alpha_scale=(1.0, 1.0), batch=4)


def covered(x: Float32, seed: int, epoch: int, index: int, side: int = 28, square: int = SQUARE) -> Float32:
    """Images (B, side * side) with a grey square at a position drawn from (seed, epoch, index)."""
    words = rng.words(seed, Stream.INPUT, 2 * len(x), epoch=epoch, index=index).reshape(len(x), 2)
    top, left = (words % np.uint32(side - square + 1)).astype(np.int64).T
    rows, columns = np.arange(side)[None, :, None], np.arange(side)[None, None, :]
    inside = (rows >= top[:, None, None]) & (rows < top[:, None, None] + square)
    inside = inside & (columns >= left[:, None, None]) & (columns < left[:, None, None] + square)
    return np.where(inside.reshape(len(x), -1), np.float32(GREY), x)


def pretext(
    x: Float32,
    total: int,
    seed: int = 1,
    config: Astdp = PRETEXT,
    side: int = 28,
    square: int = SQUARE,
    path: Path | None = None,
    until: int | None = None,
) -> tuple[AstdpNetwork, list[float]]:
    """Train a network to complete covered images.

    Args:
        x: images in [0, 1], (samples, side * side).
        total: number of presentations; with 0 the network keeps its random weights.
        seed: of weights, order and squares.
        config: configuration of the network.
        side, square: pixels of a side of an image and of a square.
        path: file of the checkpoint, written at each tenth, from which the training continues if it exists.
        until: number of batches after which to stop; None for the end.

    Returns:
        The network, and the mean squared error of covered pixels in the free phase, on samples not learned
        before, averaged over each tenth of the training.

    Raises:
        CheckpointError: the file is damaged, or belongs to another configuration, seed or length.
    """
    net = AstdpNetwork(config, seed)
    batches, errors = total // config.batch, _resumed(net, total, path)
    tenth = max(batches // 10, 1)
    for k in range(len(errors), batches if until is None else min(until, batches)):
        rows = rng.permutation(seed, len(x), k // (len(x) // config.batch))
        at = k % (len(x) // config.batch) * config.batch
        images = x[rows[at : at + config.batch]]
        shown = covered(images, seed, 0, k, side, square)
        targets = config.label * (2 * images - 1)
        found = present(net, pixel_states(config, shown), targets, rate_at(config, k * config.batch, total))
        hidden = shown != images
        errors.append(float(np.mean((found / (2 * config.label) + 0.5 - images)[hidden] ** 2)))
        if path is not None and ((k + 1) % tenth == 0 or k + 1 == batches):
            path.parent.mkdir(parents=True, exist_ok=True)
            arrays = net.arrays() | {"errors": np.array(errors)}
            checkpoint.save(path, KIND, arrays, {"run": _run(net, total), "step": net.step})
    return net, [float(np.mean(errors[i : i + tenth])) for i in range(0, len(errors), tenth)]


def _run(net: AstdpNetwork, total: int) -> dict[str, Any]:
    """What a checkpoint of the squares must share with the run that continues it."""
    config = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(net.config).items()}
    return {"config": config, "seed": net.seed, "total": total}


def _resumed(net: AstdpNetwork, total: int, path: Path | None) -> list[float]:
    """Restore a network from its checkpoint, if there is one; returns the errors of the batches so far."""
    if path is None or not path.exists():
        return []
    found = checkpoint.load(path, KIND)
    if found.meta["run"] != _run(net, total):
        raise CheckpointError(
            f"{path} contains a run of another configuration, seed or length; choose another folder"
        )
    errors = found.arrays.pop("errors")
    net.restore(found.arrays, found.meta["step"])
    return [float(e) for e in errors]


def readout(features: AstdpNetwork, config: Astdp = READOUT, seed: int = 1) -> AstdpNetwork:
    """Create a classifier on the hidden neurons of another network; only weights to the output learn.

    The weights and biases of the hidden neurons are those of `features`; outputs have no feedback to them.
    """
    net = AstdpNetwork(config, seed)
    net.w[0, 1][...] = features.w[0, 1]
    net.b[1][...] = features.b[1]
    net.w[2, 1][...] = 0.0
    net.w[1, 2][...] = 0.0
    net.plastic = {(1, 2)}
    return net


def self_supervised(
    dataset: Dataset,
    totals: tuple[int, int],
    seed: int = 1,
    fit: str = "train",
    judge: str = "test",
    path: Path | None = None,
    say: Log | None = None,
    pretext_config: Astdp = PRETEXT,
    readout_config: Astdp = READOUT,
) -> tuple[float, list[float]]:
    """Run both stages; returns the accuracy in %, and the errors of the first stage as `pretext`.

    Args:
        dataset: images and classes.
        totals: presentations of the two stages; 0 of the first is the control, a readout of random weights.
        seed: of both stages.
        fit, judge: names of the training and the test split.
        path: file of the checkpoint of the readout; that of the squares has "-squares" after its name.
        say: receives messages.
        pretext_config, readout_config: configurations of the two stages.
    """
    train, test = dataset.split(fit), dataset.split(judge)
    squares = None if path is None else path.with_name(f"{path.stem}-squares{path.suffix}")
    features, errors = pretext(train.x, totals[0], seed, pretext_config, path=squares)
    if say is not None and errors:
        say(f"  squares: error {errors[0]:.4f} -> {errors[-1]:.4f}")
    net = readout(features, readout_config, seed)
    trainer = Trainer(net, train.x, train.y, totals[1], path)
    trainer.resume()
    trainer.run()
    return 100 * accuracy(net, test.x, test.y), errors
