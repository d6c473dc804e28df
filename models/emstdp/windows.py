"""Accuracy against the time window T: trained with each T, and read with each (section 4.2).

The paper observes "faster convergence and better accuracies" with larger T, and prints no figures. What
depends on T follows it: the learning rate is in units of theta / (T / 2)**2, rates are in spikes per step,
and the bound of `bounded` is T / 2. Thresholds do not depend on it. Measured on validation samples.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean, stdev
from typing import Any

from spikesim.files.measured_table import Table
from spikesim.models.emstdp import build, encoder
from spikesim.models.emstdp.experiment import Experiment
from spikesim.plotting import MARKERS, SERIES, picture
from spikesim.training.train import train

Data = dict[str, dict[str, float]]  # "T, seed" -> T of the test -> accuracy in %
WINDOWS = (20, 40, 64, 100, 200)


def measure_windows(
    experiment: Experiment,
    trained: Sequence[int] = WINDOWS,
    tested: Sequence[int] = WINDOWS,
    seeds: Sequence[int] = (1,),
    known: Mapping[str, Mapping[str, float]] | None = None,
    done: Callable[[Data], None] = lambda data: None,
) -> Data:
    """Train a network with each T and seed, and read each with every T of the test.

    Args:
        experiment: what to train, with split "fit"; its T is replaced.
        trained, tested: windows of the training (even) and of the test.
        seeds: of weights, order and spikes.
        known: what is measured already; it is not measured again.
        done: called with all data after each network.

    Returns:
        Validation accuracies in %, by "T, seed" and by T of the test.
    """
    data: Data = {key: dict(values) for key, values in (known or {}).items()}
    dataset = None
    for T in trained:
        for seed in seeds:
            key = f"{T}, {seed}"
            if set(data.get(key, {})) >= {str(t) for t in tested}:
                continue
            dataset = experiment.load() if dataset is None else dataset
            model = replace(experiment.model, T=T)
            training = replace(experiment, model=model).training(seed)
            run = train(build(model, seed), dataset, encoder(model), training, progress=False)
            data[key] = {str(t): 100 * run.evaluate(dataset, "validation", T=t).accuracy for t in tested}
            done(data)
    return data


def windows_table(experiment: Experiment, data: Data, command: str) -> Table:
    """The table: a row for each T of the training, a column for each T of the test."""
    trained = sorted({int(key.partition(",")[0]) for key in data})
    tested = sorted({int(t) for values in data.values() for t in values})
    rows = [(T, *(_cell(_of(data, T, t)) for t in tested)) for T in trained]
    seeds = sorted({int(key.partition(",")[2]) for key in data})
    samples = "all" if experiment.samples is None else f"{experiment.samples:,}"
    network = "-".join(map(str, experiment.model.sizes))
    notes = (
        f"{experiment.title}, {network}, {experiment.epochs} epochs of {samples} samples; validation "
        f"accuracy in %, seeds {', '.join(map(str, seeds))}. Rows: T of the training. Settings are those of "
        "the preset for its own T; only what is given in units of T follows."
    )
    columns = ("Training T", *(f"test T = {t}" for t in tested))
    config = experiment.describe()
    return Table("Accuracy against the time window T", columns, tuple(rows), command, notes, config, data)


def _of(data: Data, T: int, t: int) -> list[float]:
    """Accuracies of all seeds for one training T and one test T."""
    return [values[str(t)] for key, values in data.items() if key.startswith(f"{T},") and str(t) in values]


def _cell(found: Sequence[float]) -> str | None:
    if not found:
        return None
    return f"{fmean(found):.2f}" + (f" ± {stdev(found):.2f}" if len(found) > 1 else "")


def draw_windows(data: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Draw accuracy against the T of the test, a line for each T of the training."""
    given = {key: dict(values) for key, values in data.items()}
    trained = sorted({int(key.partition(",")[0]) for key in given})
    with picture(path, (6.4, 4.0)) as figure:
        axes = figure.subplots()
        for k, T in enumerate(trained):
            tested = sorted({int(t) for key, v in given.items() if key.startswith(f"{T},") for t in v})
            line = [fmean(_of(given, T, t)) for t in tested]
            colour, marker = SERIES[k % len(SERIES)], MARKERS[k % len(MARKERS)]
            axes.plot(
                tested, line, color=colour, marker=marker, markersize=4.5, label=f"trained with T = {T}"
            )
        axes.set_xscale("log")
        axes.set_xticks(tested, [str(t) for t in tested])
        axes.minorticks_off()
        axes.set(xlabel="T of the test (steps)", ylabel="validation accuracy (%)", title="Time window T")
        axes.grid(True)
        axes.legend(loc="lower right")
