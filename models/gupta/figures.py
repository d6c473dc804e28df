"""Plots of the paper's figures from the saved tables: accuracy, robustness, and the STDP curve."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spikesim.errors import MissingExtraError
from spikesim.files.atomic import write_bytes
from spikesim.files.measured_table import Table, load_table
from spikesim.plotting import BLUE, GREEN, GREY, MARKERS, ORANGE, PURPLE, SERIES, STYLE, VERMILION
from spikesim.rates.gupta_rule import stdp_window

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLORS = (VERMILION, BLUE, GREEN, ORANGE, PURPLE, GREY, "#222222")
FORMS = (
    "literal",
    "amended",
    "amended, Z fed back",
    "backprop",
    "backprop, 2 epochs",
    "linear, backprop",
    "eps = 1e-2 alone",
)
ERRORS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50)  # ticks of the axis


def draw_figures(results: Path) -> list[Path]:
    """Draw every figure whose table is in a folder; returns the paths of the pictures.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    made = [draw_stdp(results / "fig4-stdp.png")]
    for name, draw, picture in (
        ("pairs", draw_curves, "fig2-mnist.png"),
        ("iris", draw_curves, "fig2-iris.png"),
        ("robustness", draw_attacks, "fig3-robustness.png"),
        ("singularity", draw_singularity, "singularity.png"),
    ):
        if (results / f"{name}.json").exists():
            made.append(draw(load_table(results / f"{name}.json"), results / picture))
    return made


def draw_stdp(path: Path) -> Path:
    """Draw fig. 4: the STDP curves of eqs. 5 (dotted) and 6 (solid) at t_pre = 1, clipped at their poles."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.axvspan(-4, -1, color="#F2F2F2", linewidth=0)
        axes.text(-2.5, 1.7, r"no such spikes: $T_{post} < 0$", ha="center", color=GREY, fontsize=9)
        dt = np.linspace(-4, 4, 1601)
        for form, style, color in (("eq5", ":", SERIES[1]), ("eq6", "-", SERIES[0])):
            curve = stdp_window(dt, 1.0, "eq5" if form == "eq5" else "eq6")
            axes.plot(
                dt, np.where(np.abs(curve) > 50, np.nan, curve), style, color=color, label=f"eq. {form[2]}"
            )
        axes.axhline(0, color=GREY, linewidth=0.8)
        axes.axvline(0, color=GREY, linewidth=0.8)
        axes.set(
            xlabel=r"$\Delta T = T_{post} - T_{pre}$, in units of $T_{pre}$",
            ylabel=r"$\Delta W$",
            title="The STDP curve behind the rule",
            xlim=(-4, 4),
            ylim=(-2, 2),
        )
        axes.legend(loc="lower right")

    return _picture(path, (5.2, 3.6), draw)


def draw_curves(table: Table, path: Path) -> Path:
    """Draw fig. 2: accuracy over epochs, one panel for each pair; means over seeds, training dotted."""

    def panel(axes: Any, pair: str, runs: Mapping[str, Any]) -> None:
        from matplotlib.ticker import MaxNLocator

        for name in _in_order(runs):
            for part, style in (("train", ":"), ("test", "-")):
                mean = np.mean([run[part] for run in runs[name]], axis=0)
                label = name if part == "test" else None
                axes.plot(runs[name][0]["epoch"], _error(mean), style, color=_look(name)[0], label=label)
        axes.set(title=pair.replace("v", " vs "), xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))

    return _panels(table.data, path, panel, "accuracy (%); dotted: train")


def draw_attacks(table: Table, path: Path) -> Path:
    """Draw fig. 3: accuracy over FGSM strength, one panel for each pair; the mean and every seed."""

    def panel(axes: Any, pair: str, runs: Mapping[str, Any]) -> None:
        for name in _in_order(runs):
            values, (color, marker) = np.asarray(runs[name])[:, :4], _look(name)
            axes.plot(
                (0, 4, 8, 12), _error(values.mean(axis=0)), color=color, marker=marker, ms=4, label=name
            )
            for run in values:
                axes.plot((0, 4, 8, 12), _error(run), ".", color=color, ms=3, alpha=0.6)
        axes.set(title=pair.replace("v", " vs "), xlabel="FGSM strength (of 255)", xticks=(0, 4, 8, 12))

    return _panels(table.data, path, panel, "test accuracy (%)")


def _in_order(runs: Mapping[str, Any]) -> list[str]:
    """The forms of a table in the order of FORMS."""
    return sorted(runs, key=lambda name: FORMS.index(name) if name in FORMS else len(FORMS))


def _look(name: str) -> tuple[str, str]:
    """The colour and marker of a form, the same in every figure."""
    k = (FORMS.index(name) if name in FORMS else len(FORMS)) % len(COLORS)
    return COLORS[k], MARKERS[k % len(MARKERS)]


def _error(accuracy: Any) -> Any:
    """The error in %, at least 0.02 so that its logarithm is finite."""
    return np.maximum(100 - np.asarray(accuracy, np.float64), 0.02)


def draw_singularity(table: Table, path: Path) -> Path:
    """Draw the final accuracy of every run and the largest initial |f| over eps."""
    eps = [name for name in table.data if "clip" not in name]
    at = [float(name.split("=")[1]) for name in eps]
    largest = {row[0]: row[2] for row in table.rows}

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        for k, column in enumerate(table.columns[3:]):
            for x, name in zip(at, eps, strict=True):
                runs = table.data[name][k]
                shifted = [x * (0.9 + 0.25 * k)] * len(runs)
                label = column if name == eps[0] else None
                left.plot(shifted, runs, MARKERS[k], color=SERIES[k], markersize=4, alpha=0.7, label=label)
        left.set(xscale="log", xlabel="eps", ylabel="validation accuracy (%)", title="Every seed's end")
        left.legend()
        right.plot(at, [largest[name] for name in eps], "o-", color=SERIES[0], markersize=4)
        right.set(xscale="log", yscale="log", xlabel="eps", title="Largest |f| before learning")

    return _picture(path, (8.4, 3.4), draw)


def _panels(
    data: Mapping[str, Any], path: Path, panel: Callable[[Any, str, Mapping[str, Any]], None], ylabel: str
) -> Path:
    """Draw one panel for each pair, and the legend in a free panel."""

    def draw(figure: Figure) -> None:
        columns = min(3, len(data)) + (len(data) <= 3)
        rows = len(data) // columns + 1
        grid: Any = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, (pair, runs) in zip(grid, data.items(), strict=False):
            panel(axes, pair, runs)
            axes.grid(True)
            _as_accuracy(axes)
        for axes in grid[:: len(grid) // rows]:
            axes.set_ylabel(ylabel)
        for axes in grid[len(data) :]:
            axes.set_axis_off()
        handles, labels = grid[0].get_legend_handles_labels()
        grid[len(data)].legend(handles, labels, loc="center")

    return _picture(path, (9.6, 2.9 * (2 if len(data) > 3 else 1)), draw)


def _as_accuracy(axes: Any) -> None:
    """Set an inverted logarithmic axis of errors with accuracies as labels, to resolve both 99.9 and 50 %."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.set_ylim(high, low)
    axes.yaxis.set_major_locator(FixedLocator([e for e in ERRORS if low <= e <= high]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda error, _: f"{100 - error:g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def _picture(path: Path, inches: tuple[float, float], draw: Callable[[Figure], None]) -> Path:
    """Draw a figure in the project's style and write it atomically."""
    try:
        from matplotlib import style
        from matplotlib.figure import Figure
    except ImportError as problem:
        raise MissingExtraError("matplotlib", "plot") from problem
    with style.context(["default", STYLE]):
        figure = Figure(figsize=inches, layout="constrained", dpi=100)
        draw(figure)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=100)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, buffer.getvalue(), what="the picture")
    return path
