"""Plots of the paper's figures: fixed points (1), a step response (2), generated digits (3)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from spikesim.datasets import Split
from spikesim.errors import DeclarationError
from spikesim.hopfield.mstdp.network import Net
from spikesim.hopfield.mstdp.tasks import fixed_points, pixels, response
from spikesim.plotting import BLUE, GREY, VERMILION, picture

STEPS = (40, 80, 80)


def draw_figures(net: Net, images: Split, results: Path, seed: int = 1) -> list[Path]:
    """Draw figs. 1 and 2 for a network; returns the paths of the pictures.

    Raises:
        MissingExtraError: matplotlib is not installed.
        DeclarationError: no hidden neuron is activated by the image.
    """
    return [
        draw_fixed_points(net, images, results / "fig1-fixed-points.png", seed),
        draw_response(net, images, results / "fig2-response.png"),
    ]


def draw_fixed_points(net: Net, images: Split, path: Path, seed: int = 1, groups: int = 6) -> Path:
    """Draw fig. 1: for each sample the free, first and second clamped fixed points, and the data."""
    x, y = images.x[:groups], images.y[:groups]
    states = fixed_points(net, x, y, seed)
    rows = [pixels(net.config, s) for s in states]
    titles = ("free", "1st clamped", "2nd clamped", "data")
    with picture(path, (6.4, 4.4)) as figure:
        axes = figure.subplots(len(titles), groups)
        for k, (title, shown) in enumerate(zip(titles, [*rows, x], strict=True)):
            for j in range(groups):
                _image(axes[k, j], shown[j])
            axes[k, 0].set_ylabel(title, fontsize=9)
    return path


def overshoot(
    rates: npt.NDArray[np.floating], steps: tuple[int, int, int] = STEPS
) -> npt.NDArray[np.float64]:
    """Overshoot of each rate beyond its settled value while the image is on, float64 (neurons,).

    Args:
        rates: rates of all neurons, (sum of steps, neurons).
        steps: iterations before, during and after the image.
    """
    before, on, _ = steps
    start, shown = rates[before - 1], rates[before : before + on]
    settled = shown[-1]
    up = settled > start
    beyond = np.where(up, shown.max(0) - settled, settled - shown.min(0))
    return np.asarray(beyond, np.float64)


def draw_response(net: Net, images: Split, path: Path, momentum: float = 0.4) -> Path:
    """Draw fig. 2: the rate of a hidden neuron while an image is on and off, with and without momentum."""
    layout = net.config.layout
    found = {m: response(net, images.x[:1], STEPS, m)[:, layout.hidden] for m in (momentum, 0.0)}
    change = found[momentum][STEPS[0] + STEPS[1] - 1] - found[momentum][STEPS[0] - 1]
    rising = np.flatnonzero(change > 0.5 * change.max())
    if not len(rising):
        raise DeclarationError("fig. 2: no hidden neuron is activated by the image; take a trained network")
    chosen = rising[int(np.argmax(overshoot(found[momentum])[rising]))]
    with picture(path, (5.6, 3.2)) as figure:
        axes = figure.subplots()
        for (m, rates), colour in zip(found.items(), (BLUE, VERMILION), strict=True):
            axes.plot(np.arange(len(rates)), rates[:, chosen], color=colour, label=f"momentum {m:g}")
        axes.axvspan(STEPS[0], STEPS[0] + STEPS[1], color=GREY, alpha=0.12, linewidth=0)
        axes.set(
            xlabel="Iteration (the image is on in the grey part)", ylabel="Rate", title="A hidden neuron"
        )
        axes.legend()
    return path


def draw_generated(
    images: npt.NDArray[np.floating], labels: npt.NDArray[np.int64], path: Path, each: int = 8
) -> Path:
    """Draw fig. 3: generated digits, one row for each label."""
    classes = np.unique(labels)
    side = int(np.sqrt(images.shape[1]))
    block = np.block([[images[labels == c][j].reshape(side, side) for j in range(each)] for c in classes])
    with picture(path, (3.2, 4.0)) as figure:
        axes = figure.subplots()
        axes.imshow(block, cmap="gray_r", vmin=0, vmax=1)
        axes.set_xticks([])
        axes.set_yticks([side * (k + 0.5) for k in range(len(classes))], [str(c) for c in classes])
        axes.set_title("Generated from a label")
    return path


def _image(axes: object, values: npt.NDArray[np.floating]) -> None:
    side = int(np.sqrt(values.size))
    axes.imshow(values.reshape(side, side), cmap="gray_r", vmin=0, vmax=1)  # type: ignore[attr-defined]
    axes.set_xticks([])  # type: ignore[attr-defined]
    axes.set_yticks([])  # type: ignore[attr-defined]
