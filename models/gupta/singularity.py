"""Effect of eps and clip: f at the start of training, and the accuracy at the end.

Near x = 2p the denominator (2p - x)**2 + eps is eps alone. An untrained neuron has p near 1/2, and a white
pixel is x = 1: every training starts at the singularity. Adam divides by the root mean square of past
updates, so that one sample with f = 1e7 freezes its weight for thousands of steps.

Measured on validation data; eps was chosen by this search.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy as np

from spikesim.datasets.dataset import Dataset, Split
from spikesim.files.measured_table import Cell, Table
from spikesim.models.gupta.config import LITERAL, Gupta
from spikesim.models.gupta.data import pair
from spikesim.models.gupta.summary import rounded, spread
from spikesim.models.gupta.training import coded, train
from spikesim.models.log import Log

SETTINGS: tuple[tuple[float, float | None], ...] = (
    *((eps, None) for eps in (1e-9, 1e-7, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)),
    *((1e-9, clip) for clip in (100.0, 10.0, 1.0)),
)


def singularity(
    data: Dataset,
    seeds: Sequence[int],
    pairs: Sequence[tuple[int, int]] = ((0, 2), (0, 5)),
    epochs: int = 12,
    say: Log = print,
    base: Gupta = LITERAL,
    settings: Sequence[tuple[float, float | None]] = SETTINGS,
) -> Table:
    """Table of final validation accuracy and of initial |f| in the first layer, for each eps and clip.

    Args:
        data: networks learn `fit`, and are tested on `validation`; the test set is not used.
        seeds: of the runs.
        pairs: pairs of classes.
        epochs: passes over the data.
        say: receives a message after every setting.
        base: the configuration whose eps and clip are varied.
        settings: pairs of eps and clip.
    """
    tasks = [(pair(data.fit, a, b), pair(data.validation, a, b)) for a, b in pairs]
    rows: list[tuple[Cell, ...]] = []
    values = {}
    for eps, clip in settings:
        config = replace(base, eps=eps, clip=clip)
        sizes = np.concatenate([_starting_f(config, learn, seed) for learn, _ in tasks for seed in seeds])
        found = [[_final(config, learn, held, seed, epochs) for seed in seeds] for learn, held in tasks]
        setting = f"eps = {eps:.0e}" + ("" if clip is None else f", clip = {clip:g}")
        rows.append((setting, float(np.median(sizes)), float(sizes.max()), *(spread(v) for v in found)))
        values[setting] = [rounded(v) for v in found]
        say(f"{setting}: {', '.join(spread(v) for v in found)} %")
    return Table(
        "Gupta 2020, eq. 3: the singularity at x = 2p",
        ("Setting", "median of |f|", "largest |f|", *(f"{a}v{b} (%)" for a, b in pairs)),
        tuple(rows),
        f"spikesim gupta singularity --seeds {len(seeds)} --epochs {epochs}",
        "|f| of active pixels and untrained neurons of the first hidden layer, over 1,000 samples of each "
        "pair and seed, after the clip. Accuracy on validation data, mean ± standard deviation over the "
        "seeds: the test set had no part in the choice of eps = 1e-2.",
        {"seeds": list(seeds), "epochs": epochs, "base": asdict(base)},
        values,
    )


def _starting_f(config: Gupta, learn: Split, seed: int) -> np.ndarray:
    """Initial |f| of the first layer for up to 100,000 pairs of active pixel and neuron, float64 (n,)."""
    net = train(config, learn.x[:1], learn.y[:1], seed, epochs=0).net
    x = coded(config, learn.x[:1000])
    p = net.forward(x)[1]
    sample, pixel = np.nonzero(x)
    stride = max(1, len(sample) * p.shape[1] // 100_000)
    sample, pixel = sample[::stride], pixel[::stride]
    return np.abs(config.rule.f(x[sample, pixel][:, None], p[sample])).ravel()


def _final(config: Gupta, learn: Split, held: Split, seed: int, epochs: int) -> float:
    measure = {"validation": (held.x, held.y)}
    return train(config, learn.x, learn.y, seed, measure, epochs, every=epochs).curve[-1]["validation"]
