"""Spike trains of sources (encoded input, optionally replayed) and of targets."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from spikesim.neurons import Source, Target
from spikesim.spikes import Spikes
from spikesim.window import Window


def source_train(source: Source, window: Window, spikes: Spikes, b: int) -> npt.NDArray[np.int64]:
    """The spikes of a source in trial b, int64 (T, n) of its own window; a replay repeats the first phase."""
    raster = spikes.raster(b).astype(np.int64)
    if not source.replay:
        return raster
    return np.concatenate([raster, raster[: window.T - window.boundary]])


def target_train(target: Target, window: Window, label: int) -> npt.NDArray[np.int64]:
    """The spikes of a target for a class: int64 (T, n), in the second phase, for the neuron of the class."""
    train = np.zeros((window.T, target.n), np.int64)
    train[window.boundary :, label] = target.train(window.T - window.boundary)
    return train
