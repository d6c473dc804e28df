"""Plots of aSTDP as small PNG files: figs. 2 to 6 and the ablation. They need the extra `plot`."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spikesim.errors import MissingExtraError
from spikesim.files.atomic import write_bytes
from spikesim.files.measured_table import load_table
from spikesim.hopfield.astdp.toy_network import small
from spikesim.models.astdp.rivalry import ITERATIONS, RIVALRY, overshoot, recalled, rivalry, switches, trained
from spikesim.models.astdp.window import (
    AMENDED,
    BEFORE,
    BETAS,
    LITERAL,
    SHIFTS,
    WIDTHS,
    responses,
    stdp_window,
)
from spikesim.plotting import BLUE, GREEN, GREY, ORANGE, SERIES, STYLE, VERMILION

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_figures(results: Path) -> list[Path]:
    """Draw all figures into a folder, the ablation only if its table exists; returns their paths."""
    made = [
        _picture(results / "fig5-responses.png", (7.2, 3.4), _responses),
        _picture(results / "fig6-window.png", (7.2, 5.0), _windows),
        _picture(results / "fig3-rivalry.png", (7.2, 4.2), _rivalry),
        _picture(results / "fig4-adaptation.png", (5.4, 3.2), _adaptation),
    ]
    if (results / "ablation.json").exists():
        made.append(_picture(results / "ablation.png", (7.2, 6.4), _ablation(results / "ablation.json")))
    return made


def draw_digits(images: npt.NDArray[np.float32], path: Path, columns: int) -> Path:
    """Draw images (samples, 784) in rows of `columns`, dark on light."""
    rows = len(images) // columns
    sheet = images[: rows * columns].reshape(rows, columns, 28, 28).transpose(0, 2, 1, 3)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.imshow(sheet.reshape(rows * 28, columns * 28), cmap="gray_r", vmin=0, vmax=1)
        axes.set_axis_off()

    return _picture(path, (0.42 * columns, 0.42 * rows), draw)


def _responses(figure: Figure) -> None:
    """Draw fig. 5: a target for ten steps at the input, and five steps later at the output."""
    trace = responses(AMENDED, 10, 5)[BEFORE - 10 : BEFORE + 50]
    rho = 0.5 + 0.5 * np.tanh(2 * trace)
    steps = np.arange(-10, 50)
    for axes, neuron, name, shift in zip(
        figure.subplots(1, 2, sharey=True), (0, 1), ("input", "output"), (0, 5), strict=True
    ):
        axes.axvspan(shift, shift + 10, color="#EDEDED")
        axes.plot(steps, trace[:, 0, neuron], color=GREEN, label="s, small beta")
        axes.plot(steps, trace[:, 1, neuron], color=BLUE, label="s, large beta")
        axes.plot(steps, 5 * (rho[:, 1, neuron] - rho[:, 0, neuron]), color=ORANGE, label="5 dz")
        axes.set(xlabel="iteration", title=f"{name} neuron (grey: target 1)")
        axes.axhline(0, color=GREY, linewidth=0.6)
    axes.legend()


def _windows(figure: Figure) -> None:
    """Draw fig. 6: widths above, values of beta_l below; the printed eps dotted."""
    panels = [(width, BETAS[0]) for width in WIDTHS] + [(5, beta) for beta in BETAS]
    for axes, (width, beta) in zip(figure.subplots(2, 3, sharex=True).flat, panels, strict=True):
        for config, style, label in ((AMENDED, "-", "amended"), (LITERAL, ":", "eps as printed")):
            curve = stdp_window(replace(config, beta_l=beta, centred=True), width)
            axes.plot(SHIFTS, curve, style, color=BLUE if style == "-" else GREY, label=label)
        axes.axhline(0, color=GREY, linewidth=0.6)
        axes.axvline(0, color=GREY, linewidth=0.6)
        axes.set_title(f"window {width}, betas 0.4, {beta}", fontsize=9)
    figure.axes[0].legend(fontsize=7, loc="upper left")
    figure.supxlabel("output after input (steps)", fontsize=9)
    figure.supylabel("change of the weight (alpha = 1)", fontsize=9)


def _rivalry(figure: Figure) -> None:
    """Draw fig. 3: the two inputs that are active at once, and two hidden neurons."""
    net = trained(RIVALRY, 3)
    recalled(net)  # the same state as for the table
    trace = rivalry(net)
    shown = slice(0, 1000)
    upper, lower = figure.subplots(2, 1, sharex=True)
    for neuron, color in ((0, BLUE), (1, VERMILION)):
        upper.plot(trace[shown, 0, neuron], color=color, linewidth=0.8, label=f"input {neuron}")
    for neuron, color in ((4, GREEN), (5, ORANGE)):
        lower.plot(trace[shown, 0, neuron], color=color, linewidth=0.8, label=f"hidden {neuron - 4}")
    upper.set(
        title=f"two patterns at once (seed 3): {switches(trace)} switches in {len(trace)} iterations",
        ylabel="s, small beta",
    )
    lower.set(xlabel="iteration", ylabel="s, small beta")
    for axes in (upper, lower):
        axes.legend(loc="upper right", ncols=2, fontsize=8)


def _adaptation(figure: Figure) -> None:
    """Draw fig. 4: an input neuron after its pattern is switched on."""
    axes = figure.subplots()
    net = trained(RIVALRY, 1)
    kinds: tuple[dict[str, Any], ...] = (
        {},
        {"fake": "none"},
        {"inertia": 1.0},
        {"fake": "none", "inertia": 1.0},
    )
    names = ("inertia and fake targets", "inertia", "fake targets", "neither")
    for k, (changed, name) in enumerate(zip(kinds, names, strict=True)):
        twin = small(replace(RIVALRY, **changed), net.seed)
        twin.w[...], twin.b[...] = net.w, net.b
        up, _, trace = overshoot(twin)
        axes.plot(trace[:ITERATIONS, 0, 1], color=SERIES[k], label=f"{name}: {100 * up:.0f} % beyond")
    axes.set(xlabel="iterations since its pattern appeared", ylabel="s of the input (mean of 20)")
    axes.legend(fontsize=8)


def _ablation(path: Path) -> Callable[[Figure], None]:
    def draw(figure: Figure) -> None:
        table = load_table(path)
        for axes, form in zip(figure.subplots(2, 1), ("literal", "amended"), strict=True):
            rows = [row for row in table.rows if row[0] == form][::-1]
            values = [float(row[2] or 0.0) for row in rows]
            axes.barh([str(row[1]) for row in rows], values, color=BLUE)
            for k, (row, value) in enumerate(zip(rows, values, strict=True)):
                axes.text(
                    value + 1, k, "diverged" if row[2] is None else f"{value:.1f}", va="center", fontsize=7
                )
            axes.set(xlim=(0, 105), title=f"from the {form} rule")
            axes.tick_params(labelsize=8)
        axes.set_xlabel("validation accuracy (%), 14x14 images, short runs")

    return draw


def _picture(path: Path, inches: tuple[float, float], draw: Callable[[Figure], None]) -> Path:
    """Draw a figure in the project's style and write it; 100 dots per inch keep the files small."""
    try:
        from matplotlib import style
        from matplotlib.figure import Figure
    except ImportError as problem:
        raise MissingExtraError("matplotlib", "plot") from problem
    with style.context(["default", STYLE]):
        figure = Figure(figsize=inches, layout="constrained")
        draw(figure)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=100)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, buffer.getvalue(), what="the picture")
    return path
