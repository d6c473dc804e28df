"""Agreement of spikes with rates against the window, and training with spikes only: 8x8 digits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from spikesim.datasets import Dataset
from spikesim.files.measured_table import Table
from spikesim.hopfield.mstdp.tasks import label_rates
from spikesim.hopfield.mstdp.training import begin, train
from spikesim.models.log import Log
from spikesim.models.mstdp.config import AMENDED
from spikesim.models.mstdp.runs import settings, spread
from spikesim.models.mstdp.spiking import Spiking, label_rates_spiking, train_spiking
from spikesim.plotting import BLUE, GREY, VERMILION, picture

Coding = Literal["regular", "poisson"]
COLUMNS = ("Carried by", "T", "Same class as rates (%)", "RMS of label rates", "Test (%)", "Spikes a neuron")
DIGITS = replace(AMENDED, n_in=64, n_hidden=64, averaging=0.0)
WINDOWS = (1, 2, 4, 8, 16, 32, 64, 128)


def spiking_agreement(
    data: Dataset,
    path: Path,
    seeds: Sequence[int] = (1, 2),
    epochs: int = 10,
    taught: Sequence[int] = (16,),
    say: Log = print,
) -> Table:
    """Table and picture of the agreement against the window, for networks trained with rates or with spikes.

    Args:
        data: the 8x8 digits.
        path: path of the table; the picture is written to the same folder.
        seeds: of the networks.
        epochs: passes over the data.
        taught: windows of the networks that learn from spikes.
        say: receives a message after every coding and window.
    """
    x, y, test = data.train.x, data.train.y, data.test
    nets = [train(begin(DIGITS, x, seed=s, epochs=epochs), x, y).tested() for s in seeds]
    rates = [label_rates(net, test.x) for net in nets]
    by_rates = [100.0 * float((r.argmax(1) == test.y).mean()) for r in rates]
    rows: list[tuple[Any, ...]] = [("rates", None, None, None, spread(by_rates), None)]
    curves: dict[str, list[float]] = {}
    for coding in get_args(Coding):
        curves[coding] = []
        for T in WINDOWS:
            same, rms, right, spikes = [], [], [], []
            for seed, net, rate in zip(seeds, nets, rates, strict=True):
                found, _, fired = label_rates_spiking(net, test.x, Spiking(T, coding, seed))
                same.append(100.0 * float((found.argmax(1) == rate.argmax(1)).mean()))
                rms.append(float(np.sqrt(((found - rate) ** 2).mean())))
                right.append(100.0 * float((found.argmax(1) == test.y).mean()))
                spikes.append(fired)
            mean = round(float(np.mean(rms)), 4)
            rows.append((f"{coding} spikes", T, spread(same), mean, spread(right), round(np.mean(spikes), 2)))
            curves[coding].append(float(np.mean(same)))
            say(f"{coding}, T = {T}: {rows[-1][2]} %")
    rows += _taught(data, seeds, taught, epochs, say)
    draw_agreement(curves, path.with_name("spiking-agreement.png"))
    return Table(
        title="mSTDP with spikes: 8x8 digits, agreement with the rate network against the window",
        columns=COLUMNS,
        rows=tuple(rows),
        command="spikesim mstdp table spiking",
        notes=(
            f"64 hidden neurons, inputs held, {DIGITS.test_iterations} windows of T steps. Mean ± standard "
            f"deviation over seeds {', '.join(map(str, seeds))}. Taught by spikes: the rule reads counts."
        ),
        config=settings(DIGITS),
        data={"windows": list(WINDOWS), "same": curves},
    )


def _taught(
    data: Dataset, seeds: Sequence[int], windows: Sequence[int], epochs: int, say: Log
) -> list[tuple[Any, ...]]:
    """Table rows of networks that learn from spike counts, tested with the same windows."""
    rows: list[tuple[Any, ...]] = []
    x, y = data.train.x, data.train.y
    for T in windows:
        right = []
        for seed in seeds:
            spiking = Spiking(T, "regular", seed)
            net = train_spiking(begin(DIGITS, x, seed=seed).net, x, y, spiking, epochs=epochs, seed=seed)
            found, _, _ = label_rates_spiking(net, data.test.x, spiking)
            right.append(100.0 * float((found.argmax(1) == data.test.y).mean()))
        rows.append(("regular spikes, taught by them", T, None, None, spread(right), None))
        say(f"taught by spikes, T = {T}: {rows[-1][4]} %")
    return rows


def draw_agreement(curves: dict[str, list[float]], path: Path) -> Path:
    """Draw the agreement against the window, one line for each coding."""
    with picture(path, (5.2, 3.4)) as figure:
        axes = figure.subplots()
        for (name, values), colour, marker in zip(curves.items(), (BLUE, VERMILION), "os", strict=True):
            axes.plot(WINDOWS, values, marker=marker, color=colour, label=f"{name} spikes")
        axes.axhline(100, color=GREY, linestyle=":", linewidth=0.8)
        axes.set_xscale("log", base=2)
        axes.set_xticks(WINDOWS, [str(T) for T in WINDOWS])
        axes.set(xlabel="Window T (steps an iteration)", ylabel="Same class as rates (%)")
        axes.set_title("Spikes settle where rates do")
        axes.grid(True)
        axes.legend()
    return path
