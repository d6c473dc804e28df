"""Quick reproduction of every claim of aSTDP: trainings with fewer trials, seeds and images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spikesim import datasets
from spikesim.datasets.dataset import Dataset
from spikesim.models.astdp import order
from spikesim.models.astdp.backprop import Loss, Mlp
from spikesim.models.astdp.generation import generate, train_generator
from spikesim.models.astdp.measure import measure, steps_to_stable
from spikesim.models.astdp.presets import DEEP_2, DEEP_3, LITERAL, SUPERVISED, TABLE_1, TABLE_2, UNSUPERVISED
from spikesim.models.astdp.rivalry import RIVALRY, overshoot, recalled, rivalry, switches, trained
from spikesim.models.astdp.self_supervised import self_supervised
from spikesim.models.astdp.window import AMENDED, SHIFTS, shape, stdp_window
from spikesim.models.astdp.window import LITERAL as WINDOW
from spikesim.models.claims import Claim

PAPER = "aSTDP"
HELD = "held, centred, mirrored, no lateral, learn_last, no fake targets, alpha by layer, falling"


def quick(seed: int = 1) -> list[Claim]:
    """Measure tables 1 to 4 and figs. 2 to 6 with one seed; about two minutes on one core.

    Raises:
        DataError: MNIST is not in the cache and could not be downloaded.
    """
    data = datasets.mnist()
    return [*_classification(data, seed), *_depth(data, seed), *_generation(data, seed), *_toys(seed)]


def _classification(data: Dataset, seed: int) -> list[Claim]:
    """Table 1. The literal rule uses 8x8 digits and a larger alpha, since it takes half a day on MNIST."""
    small = replace(LITERAL, sizes=(64, 32, 10), batch=32, alpha=3e-3, free=20, clamped=40)
    digits = datasets.digits()
    literal = [measure(replace(small, free=free), digits, 4_000, seed).test for free in (20, 0)]
    amended = [measure(c, data, 40_000, seed).test for c in (SUPERVISED, UNSUPERVISED)]
    note = "literal: 8x8 digits, alpha 3e-3, 60 iterations; amended: 40,000 presentations of MNIST"
    claims = [
        Claim(f"{PAPER}, table 1", f"{name}, test accuracy", "%", TABLE_1[name], a, b, HELD, note)
        for name, a, b in zip(("supervised", "unsupervised"), literal, amended, strict=True)
    ]
    found, _ = self_supervised(data, (3_000, 20_000), seed)
    claims.append(
        Claim(
            f"{PAPER}, table 1", "self-supervised, test accuracy", "%", 92.0, None, found, HELD, "few images"
        )
    )
    losses: tuple[Loss, ...] = ("mse", "cross entropy")
    for name, loss in zip(("backprop, MSE", "backprop, cross entropy"), losses, strict=True):
        net = Mlp((784, 512, 10), loss, seed)
        net.train(data.train.x, data.train.y, 1, 0.3)
        right = 100 * net.accuracy(data.test.x, data.test.y)
        claims.append(Claim(f"{PAPER}, table 1", f"{name}, 1 epoch", "%", TABLE_1[name], right, None))
    return claims


def _depth(data: Dataset, seed: int) -> list[Claim]:
    """Table 2 with 128 neurons per layer."""
    claims = []
    for layers, config in ((1, SUPERVISED), (2, DEEP_2), (3, DEEP_3)):
        net = replace(config, sizes=(784, *[128] * layers, 10))
        found = measure(net, data, 15_000, seed)
        steps, accuracy = TABLE_2[layers]
        what, note = f"{layers} hidden, test accuracy", "15,000 presentations, 128 neurons a layer"
        claims.append(Claim(f"{PAPER}, table 2", what, "%", accuracy, None, found.test, HELD, note))
        settled = float(steps_to_stable(found.net, data.test.x[:100]).mean())
        what = f"{layers} hidden, steps to stability"
        claims.append(Claim(f"{PAPER}, table 2", what, "steps", float(steps), None, settled, HELD, note))
    return claims


def _generation(data: Dataset, seed: int) -> list[Claim]:
    reader = Mlp((784, 128, 10), "cross entropy", 99)
    reader.train(data.train.x, data.train.y, 1, 0.3)
    y = np.repeat(np.arange(10), 20)
    net = train_generator(data.train.x, data.train.y, 3_000, seed)
    share = 100 * float(np.mean(reader.classes(generate(net, y)) == y))
    what = "generated digits read as the clamped label"
    return [Claim(f"{PAPER}, fig. 2", what, "%", None, None, share, HELD, "the paper shows a picture")]


def _toys(seed: int) -> list[Claim]:
    literal, amended = (shape(stdp_window(c, 5), SHIFTS, 5) for c in (WINDOW, AMENDED))
    window = Claim(
        f"{PAPER}, fig. 6",
        "both signs of the STDP window (1: yes)",
        "",
        1.0,
        float(literal.two_signs),
        float(amended.two_signs),
        "eps_s 0.4, eps_l 0.5, centred",
    )
    gains = [order.gain(order.compare(c, seed, (80,)), 0) for c in (order.LITERAL, order.AMENDED)]
    what = "own order minus other order, 80 iterations"
    changes = "free phase, centred, eps_l 0.5, no fake targets"
    tables = Claim(f"{PAPER}, table 4", what, "points", 11.0, gains[0], gains[1], changes)
    net = trained(RIVALRY, seed)
    recalled(net)  # the same state as for the table
    up, _, _ = overshoot(net)
    count = float(switches(rivalry(net)))
    choice = "no amendment; alpha, inertia and dz_m's factor are not printed"
    return [
        window,
        tables,
        Claim(f"{PAPER}, fig. 3", "switches in 2,500 iterations", "", None, count, None, "", choice),
        Claim(f"{PAPER}, fig. 4", "overshoot of an input", "%", None, 100 * up, None, "", choice),
    ]
