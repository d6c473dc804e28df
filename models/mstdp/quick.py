"""Quick reproduction of the claims of mSTDP; `spikesim mstdp table ...` measures them in full."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spikesim.datasets import Dataset, mnist
from spikesim.hopfield.mstdp.network import Mstdp, amendments
from spikesim.hopfield.mstdp.tasks import response
from spikesim.models.claims import Claim
from spikesim.models.mstdp.ablation import halved
from spikesim.models.mstdp.config import AMENDED, LITERAL, PAPER, PAPER_TEST, PAPER_TRAIN, sized
from spikesim.models.mstdp.figures import STEPS, overshoot
from spikesim.models.mstdp.generation import generated, judge, learn_to_generate, neighbours
from spikesim.models.mstdp.runs import Outcome, run

NAMES = "inputs held, centred, states return to rest, linear schedule, gains, no lateral weights"


def quick(seed: int = 1) -> list[Claim]:
    """Measure the paper's claims on small networks: 256 hidden neurons, one pass over 20,000 images.

    Raises:
        DataError: MNIST is not in the cache and could not be downloaded.
    """
    data = mnist()
    literal = _literal(data, seed)
    amended = run(sized(AMENDED, 256), data.fit, data.validation.take(2000), seed=seed, samples=20_000)
    size = f"256 hidden neurons, {amended.presented:,} presentations; literal: 64, {literal.presented:,}"
    return [
        Claim(
            f"{PAPER}, section 3.1",
            "MNIST, accuracy on images not learned",
            "%",
            PAPER_TEST,
            round(literal.test, 2),
            round(amended.test, 2),
            NAMES,
            size,
        ),
        Claim(
            f"{PAPER}, section 3.1",
            "MNIST, accuracy on images learned",
            "%",
            PAPER_TRAIN,
            round(literal.train, 2),
            round(amended.train, 2),
            NAMES,
            size,
        ),
        _generation(data, amended, seed),
        _dynamics(data, amended),
    ]


def _literal(data: Dataset, seed: int) -> Outcome:
    """Train the literal configuration on images of 14x14 pixels, in batches of 32 to save time."""
    config = replace(LITERAL, n_in=196, n_hidden=64, batch=32, alpha=LITERAL.alpha * 32)
    return run(config, halved(data.fit), halved(data.validation.take(2000)), seed=seed, samples=960)


def _generation(data: Dataset, amended: Outcome, seed: int) -> Claim:
    net = learn_to_generate(amended.net, data.fit.x[:16_000], data.fit.y[:16_000], seed=seed)
    reader = judge(data.fit, samples=5_000, hidden=64, epochs=8, seed=seed)
    found = generated(net, reader, each=20, seed=seed)
    near = 100.0 * float(neighbours(data.fit, 5_000).score(found.images, found.labels))
    return Claim(
        f"{PAPER}, section 3.2",
        "digits generated from a label, read as that label",
        "%",
        None,
        None,
        round(found.share, 2),
        "labels held, weights into inputs learn alone",
        f"read by a small perceptron; by nearest neighbours {near:.0f} %; the paper shows a picture",
    )


def _dynamics(data: Dataset, amended: Outcome) -> Claim:
    """Overshoot of hidden rates with the printed momentum, and without: fig. 2."""
    net = replace(amended.net, config=replace(amended.net.config, epsilon=Mstdp().epsilon))
    hidden = net.config.layout.hidden
    with_, without = (
        float(np.percentile(overshoot(response(net, data.validation.x[:1], STEPS, m))[hidden], 90))
        for m in (LITERAL.momentum, 0.0)
    )
    return Claim(
        f"{PAPER}, fig. 2",
        "overshoot of hidden rates, 90th percentile",
        "rate",
        None,
        None,
        round(with_, 4),
        f"{len(amendments(net.config))} amendments of the trained network",
        f"without momentum {without:.4f}; the paper shows a curve",
    )
