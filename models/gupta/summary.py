"""Summary of several seeds in one table cell: mean, standard deviation and worst seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SPREAD = "Mean ± standard deviation over the seeds, in % of the test samples."
NO_NUMBERS = "The paper prints curves and no numbers, hence no column of its own figures."


def spread(values: Sequence[float]) -> str:
    """'99.07 ± 0.11', or '99.07' for one seed; for a standard deviation above 1 with the worst value."""
    if len(values) == 1:
        return f"{values[0]:.2f}"
    mean, sd, worst = float(np.mean(values)), _sd(values), float(np.min(values))
    text = f"{mean:.2f} ± {sd:.2f}"
    return f"{text} (worst {worst:.2f})" if sd > 1 else text


def rounded(values: Sequence[float]) -> list[float]:
    """Values rounded to four decimals for a file, which is finer than the weight of one sample."""
    return [round(float(v), 4) for v in values]


def _sd(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1))
