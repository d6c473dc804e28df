"""Ablation of the printed choices: 196-128-10 on 14x14 images, one change at a time, short runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from spikesim.datasets.dataset import Dataset, make_split
from spikesim.errors import DivergenceError
from spikesim.files.measured_table import Cell, Table
from spikesim.hopfield.astdp.config import Astdp
from spikesim.models.astdp.measure import measure
from spikesim.models.astdp.presets import LITERAL, SUPERVISED
from spikesim.models.log import Log

SIZES = (196, 128, 10)
SAMPLES = 768  # number of validation samples
PRESENTATIONS = {"literal": 2_560, "amended": 10_000}
SMALL_LITERAL = replace(LITERAL, sizes=SIZES)
SMALL_AMENDED = replace(SUPERVISED, sizes=SIZES)

# Changes of the literal rule, and amendments that are reverted in the amended rule.
LITERAL_CHANGES: dict[str, dict[str, Any]] = {
    "as printed": {},
    "no fake targets": {"fake": "none"},
    "fake targets by eq. 18": {"fake": "square"},
    "data in {0, 1}": {"low": 0.0, "high": 1.0},
    "eps_s = eps_l = 0.5": {"eps_l": 0.5},
    "eps_s 0.4, eps_l 0.5": {"eps_s": 0.4, "eps_l": 0.5},
    "beta_s and beta_l swapped": {"beta_s": 0.4, "beta_l": 0.25},
    "no lateral connections": {"lateral": False},
    "centred": {"centred": True},
    "symmetric initial weights": {"mirrored": True},
    "inertia 0.5": {"inertia": 0.5},
    "smoothing as printed, 1e-3": {"smoothing": 1e-3, "smoothing_form": "printed"},
    "smoothing by descent, 0.2": {"smoothing": 0.2, "smoothing_form": "descent"},
    "dz after the step": {"dz": "after"},
}
AMENDED_CHANGES: dict[str, dict[str, Any]] = {
    "amended": {},
    "pixels not held": {"held": False},
    "not centred": {"centred": False},
    "asymmetric initial weights": {"mirrored": False},
    "states carried over": {"carry": True},
    "learning at every iteration": {"learn_last": 0, "alpha": SUPERVISED.alpha / 12},
    "alpha constant": {"alpha_end": 1.0},
    "one alpha for all weights": {"alpha_scale": (), "alpha": 0.06},
    "lateral connections": {"lateral": True},
    "fake targets (listing)": {"fake": "listing"},
    "eps as printed": {"eps_l": 0.4},
    "no free phase": {"free": 0, "clamped": 24},
    "data in {-1/2, 1/2}": {"low": -0.5, "high": 0.5},
    "batch of 128": {"batch": 128, "alpha": SUPERVISED.alpha / 8},
    "weights tied": {"tied": True},
    "dz before the step, as in the listing": {"dz": "before"},
}


def halved(dataset: Dataset) -> Dataset:
    """MNIST reduced to 14 x 14 pixels; each pixel is the mean of four."""

    def small(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return x.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196)

    return Dataset(
        name=f"{dataset.name}-14",
        classes=dataset.classes,
        shape=(14, 14),
        train=make_split("train", small(dataset.train.x), dataset.train.y),
        test=make_split("test", small(dataset.test.x), dataset.test.y),
        validation_rows=dataset.validation_rows,
        source=dataset.source,
    )


def ablation(dataset: Dataset, seeds: Sequence[int], say: Log) -> Table:
    """Table of the validation accuracy after every change of the literal and of the amended rule."""
    small = halved(dataset)
    rows, data = [], {}
    bases = (("literal", SMALL_LITERAL, LITERAL_CHANGES), ("amended", SMALL_AMENDED, AMENDED_CHANGES))
    for form, base, changes in bases:
        for name, changed in changes.items():
            scores = [_score(replace(base, **changed), small, PRESENTATIONS[form], seed) for seed in seeds]
            good = [s for s in scores if s is not None]
            mean = float(np.mean(good)) if good else None
            spread = float(np.std(good)) if good else None
            rows.append((form, name, mean, spread, len(scores) - len(good)))
            data[f"{form}: {name}"] = scores
            say(f"{form}, {name}: {scores}")
    return Table(
        "aSTDP: which choice matters, 196-128-10 on 14x14 images",
        ("From", "Change", "Validation accuracy (%)", "Spread", "Diverged"),
        tuple(rows),
        f"spikesim astdp ablation --seeds {len(seeds)}",
        f"One change at a time; {PRESENTATIONS['literal']:,} presentations of the literal rule (240 "
        f"iterations each), {PRESENTATIONS['amended']:,} of the amended one (24 each); "
        f"{SAMPLES:,} validation samples.",
        data=data,
    )


LISTED = replace(LITERAL, sizes=(64, 32, 10), batch=32, alpha=3e-3, free=20, clamped=40)
LISTED_PRESENTATIONS = 4_000
ORDERS: dict[Literal["before", "after"], str] = {
    "before": "before the step, as listed",
    "after": "after the step",
}


def listing(dataset: Dataset, seeds: Sequence[int], say: Log) -> Table:
    """Table of the printed rule with dz before the step, as in the listings, and after it; 8x8 digits."""
    rows: list[tuple[Cell, ...]] = []
    data: dict[str, list[float]] = {}
    for dz, name in ORDERS.items():
        config = replace(LISTED, dz=dz)
        data[dz] = [
            round(measure(config, dataset, LISTED_PRESENTATIONS, seed, fit="fit", judge="validation").test, 2)
            for seed in seeds
        ]
        rows.append((name, float(np.mean(data[dz])), min(data[dz]), max(data[dz]), len(seeds)))
        say(f"dz {name}: {data[dz]}")
    return Table(
        "aSTDP: the order of dz and the step of the states in the printed rule, 64-32-10 on 8x8 digits",
        ("dz", "Validation accuracy (%)", "Worst seed", "Best seed", "Seeds"),
        tuple(rows),
        f"spikesim astdp listing --seeds {len(seeds)}",
        f"{LISTED_PRESENTATIONS:,} presentations of 20 + 40 iterations in batches of {LISTED.batch}, alpha "
        f"{LISTED.alpha}. Algorithms 1 and 2 take dz before the step, and rho(s_s) after it.",
        data=data,
    )


def _score(config: Astdp, dataset: Dataset, total: int, seed: int) -> float | None:
    """Validation accuracy in %; None if the run diverged."""
    part = _Judged(dataset)
    try:
        return round(measure(config, part.dataset, total, seed, fit="fit", judge="validation").test, 2)
    except DivergenceError:
        return None


class _Judged:
    """A dataset whose validation split is reduced to SAMPLES; the removed samples belong to no split."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = Dataset(
            name=dataset.name,
            classes=dataset.classes,
            shape=dataset.shape,
            train=dataset.train,
            test=dataset.test,
            validation_rows=dataset.validation_rows[:SAMPLES],
            fit_rows=dataset.fit.index,
            source=dataset.source,
        )
