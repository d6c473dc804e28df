"""The spike trains that populations are given from outside: encoded input, replayed too, and targets'."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from spikesim.neurons import Source, Target
from spikesim.spikes import Spikes
from spikesim.window import Window


def source_train(source: Source, window: Window, spikes: Spikes, b: int) -> npt.NDArray[np.int64]:
    """Presentation b of a source in its own window, int64 (T, n): with replay the first phase comes twice."""
    raster = spikes.raster(b).astype(np.int64)
    if not source.replay:
        return raster
    return np.concatenate([raster, raster[: window.T - window.boundary]])


def target_train(target: Target, window: Window, label: int) -> npt.NDArray[np.int64]:
    """The target's spikes for a class, int64 (T, n): in the second phase, for the true class's neuron."""
    train = np.zeros((window.T, target.n), np.int64)
    train[window.boundary :, label] = target.train(window.T - window.boundary)
    return train
