"""`spikesim dynamics`: figures 2, 3 and 5 of the EMSTDP paper and their correlations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from spikesim import datasets
from spikesim.files.measured_table import Table, save_table
from spikesim.models.emstdp import dynamics as figures
from spikesim.models.emstdp.dynamics import Relation
from spikesim.plotting import Cloud, clouds
from spikesim.tools.commands.display import Display

SEEDS = (1, 2, 3)


def dynamics(
    out: Annotated[Path, typer.Option(help="Folder for the figures and the table.")] = Path("dynamics"),
    samples: Annotated[int, typer.Option(min=1, help="MNIST samples for figures 2(b) and 3(b).")] = 20,
) -> None:
    """Plot figures 2, 3 and 5 of the EMSTDP paper and print their correlations."""
    display = Display()
    mnist = datasets.mnist()
    zero, subtract = (figures.forward_activation(reset) for reset in ("zero", "subtract"))
    ternary, pair = (figures.error_activation(form) for form in ("ternary", "pair"))
    forward = [figures.forward_layers(mnist, samples, seed=seed) for seed in SEEDS]
    backward = [figures.backward_layers(mnist, samples, seed=seed) for seed in SEEDS]
    stdp = [figures.stdp_changes(seed=seed) for seed in SEEDS]
    rows: list[tuple[Any, ...]] = [
        ("2(a)", "staircase, reset to zero", zero.r, None, _steps(zero)),
        ("2(a)", "staircase, reset by subtraction", subtract.r, None, _steps(subtract)),
        ("3(a)", "two channels, ternary", ternary.r, None, _steps(ternary)),
        ("3(a)", "two channels, pair", pair.r, None, _steps(pair)),
    ]
    for figure, what, runs in (("2(b)", "hidden layer", forward), ("3(b)", "error layer", backward)):
        for layer in range(2):
            number = layer + 1 if figure == "2(b)" else 2 - layer
            rows.append((figure, f"{what} {number}", *_spread([run[layer].r for run in runs]), None))
    rows.append(("5", "eq. 12 and STDP, window 10 ms", *_spread([run.r for run in stdp]), None))
    table = Table(
        "Figures 2, 3 and 5 of Shrestha 2019: correlations",
        ("Figure", "What", "r", "std over 3 seeds", "largest distance from floor(u / theta)"),
        tuple(rows),
        f"spikesim dynamics --samples {samples}",
        "784-500-500-10 with initial weights, T = 200; the paper prints no numbers for these figures.",
        {"samples": samples, "seeds": list(SEEDS), "T": 200},
    )
    save_table(table, out / "dynamics.json")
    display.say(table.markdown())
    line = np.linspace(0, 10, 101)
    clouds(
        [
            Cloud("(a) reset to zero", zero.x, zero.y, "u / θ", "spikes", (line, np.maximum(line - 1, 0))),
            Cloud(
                "(a) by subtraction",
                subtract.x,
                subtract.y,
                "u / θ",
                "spikes",
                (line, np.maximum(line - 1, 0)),
            ),
            _layer("(b) hidden layer 1", forward[0][0]),
            _layer("(b) hidden layer 2", forward[0][1]),
        ],
        out / "figure2.png",
        title="Figure 2: the forward pass",
    )
    both = np.linspace(-10, 10, 101)
    clouds(
        [
            Cloud("(a) ternary", ternary.x, ternary.y, "ε / θ", "signed spikes", (both, both)),
            Cloud("(a) pair", pair.x, pair.y, "ε / θ", "signed spikes", (both, both)),
            _layer("(b) error layer 2", backward[0][0], "error"),
            _layer("(b) error layer 1", backward[0][1], "error"),
        ],
        out / "figure3.png",
        title="Figure 3: the backward pass",
    )
    panel = Cloud(f"r = {stdp[0].r:.3f}", stdp[0].x, stdp[0].y, "EMSTDP, eq. 12", "STDP, window 10 ms")
    clouds([panel], out / "figure5.png", title="Figure 5: weight changes")
    display.say(f"Figures: {out}/figure2.png, figure3.png, figure5.png")


def _steps(relation: Relation) -> float:
    """The largest distance of a spike count from the staircase of eq. 4."""
    return float(np.abs(relation.y - np.trunc(relation.x)).max())


def _spread(values: list[float]) -> tuple[float, float]:
    return float(np.mean(values)), float(np.std(values, ddof=1))


def _layer(title: str, relation: Relation, what: str = "activation") -> Cloud:
    return Cloud(
        f"{title}, r = {relation.r:.3f}", relation.x, relation.y, "spikes of the SNN", f"{what} of the ANN"
    )
