"""Fig. 2: digits generated from labels (section 2.3.4), evaluated by a separate classifier.

"Swapping input and output data of some classification task": the label is the input, the image the output,
and the network learns by algorithm 2. Hidden neurons start at random states, so that one label can lead to
several digits.

Differs from the paper: the label is held (`Astdp.held`), the network is trained for generation only, and the
weights from pixels back to hidden neurons keep their initial values, scaled by BACK. If they learn, 784
pixels outweigh one label: hidden neurons settle at mixtures of digits, and 26 % of the digits were classified
as the label (12,000 trials; 44 % with fixed weights and BACK = 1). With BACK = 0.4 each digit is close to the
mean of its class, with hardly any variety.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from spikesim import rng
from spikesim.datasets.dataset import Dataset
from spikesim.files.measured_table import Table
from spikesim.hopfield.astdp.config import Astdp
from spikesim.hopfield.astdp.network import AstdpNetwork
from spikesim.hopfield.astdp.training import present, rate_at
from spikesim.hopfield.mstdp.states import uniform
from spikesim.models.astdp.backprop import Mlp
from spikesim.models.astdp.presets import SUPERVISED
from spikesim.models.log import Log

Float32 = npt.NDArray[np.float32]
GENERATOR = replace(
    SUPERVISED,
    sizes=(10, 128, 784),
    alpha=0.15,
    alpha_scale=(1.0, 1.0),
    init_scale=1.0,
    batch=4,
    # With larger steps, the feedback of 784 outputs to the hidden neurons causes oscillations.
    eps_s=0.25,
    eps_l=0.25,
    free=20,
    clamped=20,
)
BACK = 0.4  # factor of the weights from pixels to hidden neurons, relative to their mirrored initial values
START = 2500  # index of the random stream of weights


def one_hot(y: npt.NDArray[np.int64]) -> Float32:
    """States at which label neurons are held, float32 (samples, 10): 1 for the class, 0 for the others."""
    return np.eye(10, dtype=np.float32)[y]


def train_generator(
    x: Float32, y: npt.NDArray[np.int64], total: int, seed: int = 1, config: Astdp = GENERATOR
) -> AstdpNetwork:
    """Train a network to generate images from labels.

    Args:
        x: images in [0, 1], float32 (samples, 784).
        y: labels, (samples,).
        total: number of trials.
        seed: of weights, states and order.
        config: the configuration.
    """
    net = AstdpNetwork(config, seed)
    # Xavier's bound for ten labels only: with 784 pixels in the fan-in, one label would have little effect.
    net.w[0, 1] *= np.float32(np.sqrt(sum(config.sizes[::2]) / config.sizes[0]))
    net.plastic.discard((2, 1))
    net.w[2, 1] *= np.float32(BACK)
    a_pass = len(x) // config.batch
    for k in range(total // config.batch):
        rows = rng.permutation(seed, len(x), k // a_pass)
        rows = rows[k % a_pass * config.batch :][: config.batch]
        targets = config.label * (2 * x[rows] - 1)
        present(net, one_hot(y[rows]), targets, rate_at(config, k * config.batch, total))
    return net


def generate(
    net: AstdpNetwork, y: npt.NDArray[np.int64], seed: int = 1, iterations: int = 100, spread: float = 0.3
) -> Float32:
    """Generate images with the labels held, float32 (samples, 784) in [0, 1].

    Args:
        net: the network; its states are replaced.
        y: the label of each image.
        seed: of the random initial states of hidden and output neurons.
        iterations: number of iterations before the image is read.
        spread: initial states are U(-spread, spread).
    """
    net.resize(len(y))
    for k in range(1, len(net.s)):
        start = spread * uniform(seed, (len(y), net.config.sizes[k]), START + k)
        net.s[k][: len(y)] = net.s[k][len(y) :] = start
    net.refresh()
    net.hold(one_hot(y))
    net.aim(-1, 0.0, 0.0)
    for _ in range(iterations):
        net.iterate(1)
    return np.clip(net.s[-1][: len(y)] / (2 * net.config.label) + 0.5, 0.0, 1.0).astype(np.float32)


def judge(dataset: Dataset, epochs: int = 5) -> Mlp:
    """Train the separate classifier: 784-256-10 by backpropagation on the training images."""
    net = Mlp((784, 256, 10), "cross entropy", seed=99)
    net.train(dataset.train.x, dataset.train.y, epochs, eta=0.3)
    return net


def generation_table(dataset: Dataset, total: int, results: Path, say: Log, a_class: int = 100) -> Table:
    """Generate `a_class` digits of each label and classify them; returns the table and draws some digits."""
    from spikesim.models.astdp.pictures import draw_digits

    reader = judge(dataset)
    right = 100 * reader.accuracy(dataset.test.x, dataset.test.y)
    say(f"the classifier reads {right:.2f} % of the test images")
    net = train_generator(dataset.train.x, dataset.train.y, total)
    y = np.repeat(np.arange(10), a_class)
    found = generate(net, y)
    read = reader.classes(found)
    share = 100 * float(np.mean(read == y))
    within = np.array([found[y == k].std(axis=0).mean() for k in range(10)])
    of_data = np.array([dataset.test.x[dataset.test.y == k].std(axis=0).mean() for k in range(10)])
    picked = np.concatenate([np.flatnonzero(y == k)[:8] for k in range(10)])
    draw_digits(found[picked], results / "fig2-generated.png", columns=8)
    rows = [
        (str(k), 100 * float(np.mean(read[y == k] == k)), float(within[k] / of_data[k])) for k in range(10)
    ]
    rows.append(("all", share, float(within.mean() / of_data.mean())))
    return Table(
        "aSTDP, fig. 2: digits generated from labels, read by a separate classifier",
        ("Label", "Read as the label (%)", "Variety (1: as the data)"),
        tuple(rows),
        f"spikesim astdp generate --presentations {total}",
        f"Network 10-128-784 with the label held, {a_class} digits a label; the classifier "
        f"(784-256-10, backpropagation) reads {right:.2f} % of the test images. Variety: standard "
        "deviation of pixels within a label, over that of the test images. The paper shows a picture "
        "and no number.",
        data={"confusion": [[int(np.sum((y == i) & (read == j))) for j in range(10)] for i in range(10)]},
    )
