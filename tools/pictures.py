"""Figures of a run: network, learning curve, raster of one sample, confusion matrix, receptive fields."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesim import plotting
from spikesim.datasets.dataset import Dataset
from spikesim.engines import engine
from spikesim.errors import MissingExtraError
from spikesim.grid import MASTER_BITS
from spikesim.network import Masters
from spikesim.network.scheduling import is_source
from spikesim.plotting.network_diagram import draw_network
from spikesim.training.evaluate import Evaluation
from spikesim.training.run import Run


def draw_run(
    run: Run, dataset: Dataset, found: Evaluation, say: Callable[[str], None], folder: Path | None = None
) -> list[str]:
    """Draw the figures of a run into a folder, by default its own, and return their paths.

    Without matplotlib, reports that through `say` and returns an empty list.
    """
    if folder is None:
        assert run.folder is not None
        folder = run.folder.root
    title = f"{dataset.name}: {100 * found.accuracy:.2f} % ({found.split})"
    fields, shape = _first_weights(run, dataset)
    classes = _classes(dataset, found.n_classes)
    pictures: dict[str, Callable[[Path], None]] = {
        "network.png": lambda path: draw_network(run.network, path),
        "learning_curve.png": lambda path: plotting.learning_curve(run.metrics, path, title=title),
        "raster_before.png": lambda path: _raster(
            run, run.network.masters(), dataset, path, "before learning"
        ),
        "raster_after.png": lambda path: _raster(run, run.masters, dataset, path, "after learning"),
        "confusion.png": lambda path: plotting.confusion(
            found.confusion(),
            classes,
            path,
            title=f"{dataset.name} ({found.split})",  # the accuracy is appended
        ),
        "weights.png": lambda path: plotting.weight_fields(
            fields, shape, path, title="weights into the first layer"
        ),
    }
    try:
        for name, draw in pictures.items():
            draw(folder / name)
    except MissingExtraError as problem:
        say(f"Figures: skipped ({problem})")
        return []
    return [str(folder / name) for name in pictures]


def _first_weights(run: Run, dataset: Dataset) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """Weights from the input, (features, neurons or kernels); rows and columns of an image of them."""
    network = run.network
    first = next(p for p in network.projections if p.pre == network.sources[0])
    if first.name in run.masters:
        w = run.masters[first.name] * 2.0**-MASTER_BITS
    else:  # fixed kernels
        w = np.asarray(first.w, np.float64)
    if w.ndim == 4:
        return w.reshape(len(w), -1).T, _rectangle(w.shape[1:])
    return w[: int(np.prod(dataset.shape))], _rectangle(dataset.shape)  # without an encoder's bias


def _rectangle(shape: tuple[int, ...]) -> tuple[int, int]:
    """A sample's shape as (rows, columns): a vector is one row, channels lie below each other."""
    return int(np.prod(shape[:-1])), shape[-1]


def _classes(dataset: Dataset, n: int) -> tuple[str, ...]:
    return (*dataset.classes, *(str(k) for k in range(len(dataset.classes), n)))[:n]


def _raster(run: Run, masters: Masters, dataset: Dataset, path: Path, when: str) -> None:
    """Draw the spikes of every population in one trial of a test sample with its label, both phases."""
    network, sample = run.network, dataset.test.take(1)
    window, source = network.window, network.sources[0]
    T = window.boundary if network.populations[source].replay else window.T
    spikes = run.encoder.encode(sample.x, sample.index, T, run.training.seed)
    moving = [name for name in network.order if not is_source(network.populations[name])]
    found = engine(network, masters).run({source: spikes}, sample.y, record=moving)
    again = spikes.times < window.T - T  # input spikes replayed in phase 2; none if T is the whole window
    times = np.concatenate([spikes.times, spikes.times[again] + T])
    trains: list[Any] = [(source, times, np.concatenate([spikes.neurons, spikes.neurons[again]]), spikes.n)]
    for name in moving:
        s = found.spikes[name]
        trains.append((name, s.times, s.neurons, s.n, *(() if s.signs is None else (s.signs,))))
    title = f"a sample of class {dataset.classes[int(sample.y[0])]} with its target, {when}"
    plotting.raster(
        trains, window.T, path, title=title, phases=() if window.split is None else (window.split,)
    )
