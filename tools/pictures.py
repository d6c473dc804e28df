"""The pictures of a run: learning curve, raster of one sample, confusion matrix, receptive fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from spikesim import plotting
from spikesim.datasets.dataset import Dataset
from spikesim.engines import engine
from spikesim.errors import MissingExtraError
from spikesim.evaluation import Evaluation
from spikesim.run import Run


def draw_run(run: Run, dataset: Dataset, found: Evaluation, say: Callable[[str], None]) -> list[str]:
    """Draw what a run has learnt into its folder; gives the paths. Says so where matplotlib is missing."""
    assert run.folder is not None
    names = ("learning_curve.png", "raster.png", "confusion.png", "weights.png")
    paths = [run.folder.path(name) for name in names]
    title = f"{dataset.name}: {100 * found.accuracy:.2f} % ({found.split})"
    try:
        plotting.learning_curve(run.metrics, paths[0], title=title)
        _raster(run, dataset, paths[1])
        plotting.confusion(found.confusion(), _classes(dataset, found.n_classes), paths[2], title=title)
        first = run.network.plastic[0]
        w = run.masters[first.name] * 2.0**-28
        plotting.weight_fields(w, dataset.shape, paths[3], title="weights into the first layer")
    except MissingExtraError as problem:
        say(f"No pictures: {problem}")
        return []
    return [str(path) for path in paths]


def _classes(dataset: Dataset, n: int) -> tuple[str, ...]:
    return (*dataset.classes, *(str(k) for k in range(len(dataset.classes), n)))[:n]


def _raster(run: Run, dataset: Dataset, path: Any) -> None:
    """Every population's spikes while one test sample is presented with its label, both phases."""
    network, sample = run.network, dataset.test.take(1)
    window, source = network.window, network.sources[0]
    T = window.boundary if network.populations[source].replay else window.T
    spikes = run.encoder.encode(sample.x, sample.index, T, run.training.seed)
    moving = [name for name in network.order if hasattr(network.populations[name], "theta")]
    found = engine(network, run.masters).run({source: spikes}, sample.y, record=moving)
    trains: list[Any] = []
    shown = spikes
    if T < window.T:
        again = spikes.times < window.T - T
        times = np.concatenate([spikes.times, spikes.times[again] + T])
        trains.append((source, times, np.concatenate([spikes.neurons, spikes.neurons[again]]), spikes.n))
    else:
        trains.append((source, shown.times, shown.neurons, shown.n))
    for name in moving:
        s = found.spikes[name]
        signs = () if s.signs is None else (s.signs,)
        trains.append((name, s.times, s.neurons, s.n, *signs))
    label = dataset.classes[int(sample.y[0])]
    phases = () if window.split is None else (window.split,)
    plotting.raster(
        trains, window.T, path, title=f"one sample of class {label}, presented with its target", phases=phases
    )
