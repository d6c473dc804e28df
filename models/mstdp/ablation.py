"""Ablation: from the literal configuration up, and from the amended configuration down.

It shows which printed choice prevents the claimed accuracy. Both ablations are small (few hidden neurons, few
trials), and are evaluated on validation samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from spikesim.datasets import Dataset, Split
from spikesim.files.measured_table import Table
from spikesim.hopfield.mstdp.network import Mstdp
from spikesim.models.log import Log
from spikesim.models.mstdp.config import AMENDED, LITERAL
from spikesim.models.mstdp.runs import Outcome, run, settings, spread

JUDGED = 2000
COLUMNS = ("Change", "Validation (%)", "Training (%)", "Presentations", "Note")
STEPS_UP: tuple[tuple[str, dict[str, Any]], ...] = (
    ("literal, eq. 7 without smoothing", {"smoothing": 0.0}),
    ("literal (eq. 16), batches of 32, alpha x 32", {"smoothing": 0.2}),
    ("+ data as -1/2 and 1/2", {"low": -0.5, "high": 0.5}),
    ("+ rates centred at 1/2", {"centre": "half"}),
    ("+ no learning in the first clamped phase", {"learn_first": False}),
    ("+ no lateral weights", {"lateral": False}),
    ("+ states return to rest with each sample", {"restart": "sample"}),
    ("+ alpha x 3", {"alpha": 0.096}),
)
"""Each row keeps the changes of the rows above it."""

STEPS_DOWN: tuple[tuple[str, dict[str, Any]], ...] = (
    ("amended", {}),
    ("inputs pushed, not held (beta 0.8)", {"held": "none"}),
    ("one learning rate for all weights", {"hidden_gain": 1.0, "feedback_gain": 1.0}),
    ("data as 0 and 1", {"low": 0.0, "high": 1.0}),
    ("not centred", {"centre": "none"}),
    ("centred at 1/2", {"centre": "half"}),
    ("states carried on", {"restart": "never"}),
    ("constant learning rate", {"schedule": "constant"}),
    ("no averaged weights", {"averaging": 0.0}),
    ("directions begin apart", {"mirrored": False}),
    ("weights change at each iteration", {"immediate": True}),
    ("with lateral weights", {"lateral": True}),
    ("with momentum 0.4 in clamped phases", {"momentum": 0.4}),
    ("epsilon 0.2", {"epsilon": 0.2}),
    ("smoothing 0.1", {"smoothing": 0.1}),
)
"""Each row changes the amended configuration alone."""


def literal_up(
    data: Dataset, seeds: Sequence[int] = (1, 2, 3), samples: int = 2560, say: Log = print
) -> Table:
    """Table of the literal configuration, amended step by step: 14x14 pixels, one pass over `samples`."""
    learned, judged = (halved(split) for split in (data.fit, data.validation.take(JUDGED)))
    config = replace(LITERAL, n_in=196, n_hidden=64, batch=32, alpha=0.001 * 32)
    configs = {}
    for name, changes in STEPS_UP:
        configs[name] = config = replace(config, **changes)
    rows, kept = _measured(
        configs, seeds, say, lambda c, seed: run(c, learned, judged, seed=seed, samples=samples)
    )
    return Table(
        title="mSTDP: from the literal configuration up",
        columns=COLUMNS,
        rows=rows,
        command="spikesim mstdp table literal-up",
        notes=(
            f"14x14 pixels, 64 hidden neurons, one pass over {samples} images; each row keeps those "
            f"above. Mean ± standard deviation over seeds {', '.join(map(str, seeds))}."
        ),
        config=settings(config),
        data=kept,
    )


def amended_down(
    data: Dataset, seeds: Sequence[int] = (1, 2), samples: int = 9_600, epochs: int = 2, say: Log = print
) -> Table:
    """Table of the amended configuration with one change in each row: 128 hidden neurons."""
    judged = data.validation.take(JUDGED)
    base = replace(AMENDED, n_hidden=128)
    rows, kept = _measured(
        {name: replace(base, **changes) for name, changes in STEPS_DOWN},
        seeds,
        say,
        lambda c, seed: run(c, data.fit, judged, seed=seed, epochs=epochs, samples=samples),
    )
    return Table(
        title="mSTDP: the amended configuration, one change at a time",
        columns=COLUMNS,
        rows=rows,
        command="spikesim mstdp table amended-down",
        notes=(
            f"128 hidden neurons, {epochs} passes over {samples} training images. Nothing is tuned anew for "
            "a changed row: where it diverges, smaller gains may mend it. "
            f"Mean ± standard deviation over seeds {', '.join(map(str, seeds))}."
        ),
        config=settings(base),
        data=kept,
    )


def halved(split: Split) -> Split:
    """Images of 28x28 pixels reduced to 14x14; each pixel is the mean of four."""
    x = split.x.reshape(-1, 14, 2, 14, 2).mean((2, 4), dtype=np.float32).reshape(-1, 196)
    return replace(split, x=x)


def _measured(
    configs: Mapping[str, Mstdp], seeds: Sequence[int], say: Log, trained: Callable[[Mstdp, int], Outcome]
) -> tuple[tuple[tuple[Any, ...], ...], dict[str, Any]]:
    """A row for each configuration, summarised over the seeds, and the records of all runs."""
    rows, kept = [], {}
    for name, config in configs.items():
        found = [trained(config, seed) for seed in seeds]
        rows.append(_row(name, found))
        kept[name] = [o.record() for o in found]
        say(f"{name}: {rows[-1][1]}")
    return tuple(rows), kept


def _row(name: str, found: Sequence[Outcome]) -> tuple[str, str, str, int, str]:
    good = [o for o in found if not o.note]
    note = "" if len(good) == len(found) else f"{len(found) - len(good)} of {len(found)} runs diverged"
    if not good:
        return name, "–", "–", found[0].presented, note
    return name, spread([o.test for o in good]), spread([o.train for o in good]), good[0].presented, note
