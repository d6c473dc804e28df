"""Small data and networks that train in milliseconds; for tests of training and of what is kept of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikesim.datasets import Dataset, from_arrays
from spikesim.models.emstdp import Emstdp, build
from spikesim.network import Network

CLASSES, FEATURES = 3, 12


def data(samples: int = 150, seed: int = 1, name: str = "small") -> Dataset:
    """Three noisy patterns that can be learnt: 12 features, a fifth of the samples for the test."""
    rs = np.random.default_rng(seed)
    y = np.arange(samples) % CLASSES
    patterns = np.repeat(np.eye(CLASSES), FEATURES // CLASSES, axis=1)
    x = np.clip(patterns[y] * 0.8 + rs.normal(0.1, 0.15, (samples, FEATURES)), 0, 1)
    return from_arrays(x, y, name=name)


def config(**changes: Any) -> Emstdp:
    """12-8-3 over 20 steps."""
    plain: dict[str, Any] = {
        "sizes": (FEATURES, 8, CLASSES),
        "T": 20,
        "eta": 0.5,
        "beta_hidden": 0.25,
        "beta_out": 0.2,
    }
    return Emstdp(**{**plain, **changes})


def network(seed: int = 1, **changes: Any) -> Network:
    """The network of `config`."""
    return build(config(**changes), seed)
