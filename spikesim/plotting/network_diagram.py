"""Network diagram: layers in a row, the error pathway above, as in fig. 4 of the EMSTDP paper."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from spikesim.errors import MissingExtraError
from spikesim.files.atomic import atomic_write
from spikesim.network import Network, Projection
from spikesim.network.scheduling import is_input, is_target
from spikesim.neurons.description import uniform
from spikesim.synapses import OneToOne

PLASTIC, FIXED = "#c1272d", "#0072b2"
FILLS = {
    "input": "#e8e8e8",
    "generator": "#e8e8e8",
    "target": "#fff2cc",
    "binary": "#dbe9f6",
    "signed": "#f9dede",
}
SIZE = (1.5, 0.72)
Places = dict[str, tuple[float, float]]


def draw_network(network: Network, path: str | os.PathLike[str]) -> None:
    """Draw populations as boxes and projections as arrows: red plastic, blue fixed, dashed one-to-one.

    Args:
        network: the network to draw.
        path: a .png file.

    Raises:
        MissingExtraError: matplotlib is not installed.
        SpikesimError: the file cannot be written.

    Examples:
        >>> import spikesim as ss
        >>> from spikesim.models import emstdp
        >>> ss.draw_network(emstdp.build(emstdp.Emstdp(sizes=(4, 8, 3))), "network.png")
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as problem:
        raise MissingExtraError("matplotlib", "plot") from problem
    places = _places(network)
    width = max(x for x, _ in places.values()) + 2.2
    height = max(y for _, y in places.values()) + 1.9
    figure = Figure(figsize=(1.15 * width, 1.15 * height))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-1.1, width - 1.1), ylim=(-0.95, height - 0.95))
    axes.axis("off")
    for projection in network.projections:
        _arrow(axes, projection, places)
    for name, (x, y) in places.items():
        _box(axes, name, network.populations[name], x, y)
    axes.text(
        -1.0,
        -0.85,
        "red: plastic   blue: fixed   dashed: one to one   d: delay in steps",
        fontsize=8,
        color="#555555",
    )
    with atomic_write(path, what="the drawing") as handle:
        figure.savefig(handle, format="png", dpi=130)


def _places(network: Network) -> Places:
    """Positions: layers from left to right in update order, teaching populations above their layer."""
    teachers = network.teaching()
    layers = [name for name in network.order if name not in teachers]
    places: Places = {name: (2.4 * k, 0.0) for k, name in enumerate(layers)}
    for name in network.order:
        if name in teachers and not is_target(network.populations[name]):
            taught = [places[p.post][0] for p in network.projections if p.pre == name and p.post in layers]
            places[name] = (taught[0] if taught else 2.4 * len(layers), 1.7)
    for name, population in network.populations.items():
        if is_target(population):
            over = [places[p.post][0] for p in network.projections if p.pre == name and p.post in places]
            places[name] = (over[0] if over else 2.4 * len(layers), 3.2)
    return places


def _box(axes: Any, name: str, population: Any, x: float, y: float) -> None:
    from matplotlib.patches import FancyBboxPatch

    corner = (x - SIZE[0] / 2, y - SIZE[1] / 2)
    style = "round,pad=0.02,rounding_size=0.12"
    axes.add_patch(
        FancyBboxPatch(corner, *SIZE, boxstyle=style, facecolor=_fill(population), edgecolor="#333333")
    )
    axes.text(x, y + 0.14, name, ha="center", va="center", fontsize=10, weight="bold")
    axes.text(x, y - 0.16, _detail(population), ha="center", va="center", fontsize=7.5, color="#333333")


def _fill(population: Any) -> str:
    """By role; neurons by the signs of their spikes."""
    model = population.description
    return FILLS[model.spikes if model.role == "neuron" else model.role]


def _detail(population: Any) -> str:
    if is_input(population):
        return f"{population.n} inputs" + (", replayed" if population.replay else "")
    if is_target(population):
        return f"{population.n} classes, rate {population.rate:g}"
    kind = type(population).__name__
    if population.description.parameter("theta") is None:
        return f"{population.n} {kind}"
    theta = np.asarray(population.theta, np.float64)
    if uniform(theta):
        return f"{population.n} {kind}, θ={theta.flat[0]:.3g}"
    return f"{population.n} {kind}, θ={theta.min():.3g} .. {theta.max():.3g}"


def _arrow(axes: Any, p: Projection, places: Places) -> None:
    (x0, y0), (x1, y1) = places[p.pre], places[p.post]
    level = y0 == y1
    shift = 0.18 if p.post < p.pre and not level else -0.18
    start = (
        (x0 + (SIZE[0] / 2 if x1 > x0 else -SIZE[0] / 2), y0)
        if level
        else (x0 + shift, y0 + (0.38 if y1 > y0 else -0.38))
    )
    end = (
        (x1 + (-SIZE[0] / 2 if x1 > x0 else SIZE[0] / 2), y1)
        if level
        else (x1 + shift, y1 + (-0.38 if y1 > y0 else 0.38))
    )
    bend = 0.0 if not level or abs(x1 - x0) < 2.5 else 0.25
    look = {
        "arrowstyle": "-|>",
        "color": PLASTIC if p.plastic is not None else FIXED,
        "linestyle": "--" if type(p) is OneToOne else "-",
        "linewidth": 1.4,
        "connectionstyle": f"arc3,rad={bend}",
        "shrinkA": 1,
        "shrinkB": 1,
    }
    axes.annotate("", xy=end, xytext=start, arrowprops=look)
    middle = (
        (start[0] + end[0]) / 2,
        (start[1] + end[1]) / 2 + (0.13 if level else 0.0) + bend * abs(x1 - x0) / 2,
    )
    side = "center" if level else ("right" if shift < 0 else "left")
    axes.text(*middle, _label(p), ha=side, va="center", fontsize=7, color="#444444")


def _label(p: Projection) -> str:
    weight = "Wᵀ " if p.follows is not None else ""
    if np.ndim(p.w) == 0 and p.follows is None:  # one weight for all synapses
        weight = f"{float(p.w):+.3g} "
    return f" {weight}d={p.delay} " if p.delay else f" {weight} "
