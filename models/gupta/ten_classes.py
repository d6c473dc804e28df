"""Ten classes from the binary rule, which the paper leaves open (section 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from spikesim.datasets.dataset import Dataset
from spikesim.files.measured_table import Cell, Table
from spikesim.models.gupta.classes import one_vs_one, one_vs_rest
from spikesim.models.gupta.config import AMENDED, Gupta
from spikesim.models.gupta.summary import rounded, spread
from spikesim.models.gupta.training import Inputs, Labels, evaluate, train
from spikesim.models.log import Log

FAST = replace(AMENDED, rate=3e-3, epochs=6)  # chosen on validation data
NETWORKS: dict[str, tuple[str, Gupta]] = {
    "one against one, 784-1": ("ovo", replace(FAST, sizes=(784, 1))),
    "one against the rest, 784-32-16-1": ("ovr", FAST),
    "one layer, 784-10": ("one", replace(FAST, sizes=(784, 10))),
    "class codes, 784-64-32-10": ("one", replace(FAST, sizes=(784, 64, 32, 10), bias_start=-2.0)),
}


def ten_classes(
    data: Dataset,
    seeds: Sequence[int],
    epochs: int = 6,
    say: Log = print,
    networks: Mapping[str, tuple[str, Gupta]] = NETWORKS,
) -> Table:
    """Table of test accuracies of each multi-class scheme, by the rule and by backpropagation.

    Args:
        data: networks learn `train`, and are tested once on `test`.
        seeds: of the runs; backpropagation uses the first one alone.
        epochs: passes over the data.
        say: receives a message after every training.
        networks: row -> ("ovo", "ovr" or "one", configuration).
    """
    rows: list[tuple[Cell, ...]] = []
    values: dict[str, Any] = {}
    x, y = data.train.x, data.train.y
    for name, (way, config) in networks.items():
        mine = replace(config, epochs=epochs)
        found = []
        for seed in seeds:
            found.append(evaluate(_trained(way, mine, x, y, seed), data.test.x, data.test.y))
            say(f"{name}, seed {seed}: {found[-1]:.2f} %")
        baseline = _trained(way, replace(mine, learning="backprop", bias_start=0.0), x, y, seeds[0])
        other = evaluate(baseline, data.test.x, data.test.y)
        say(f"{name}, backprop: {other:.2f} %")
        rows.append((name, spread(found), other))
        values[name] = {"rule": rounded(found), "backprop": rounded([other])}
    return Table(
        "Gupta's rule on ten classes of MNIST: test accuracy",
        ("Network", "amended (%)", "backprop, same networks (%)"),
        tuple(rows),
        f"spikesim gupta classes --seeds {len(seeds)} --epochs {epochs}",
        "Mean ± standard deviation over the seeds; backprop: the first seed. The paper has two classes only. "
        "Amended: eps = 1e-2, Adam at 3e-3, all chosen on validation data. One against the rest: in every "
        "epoch the samples of a class meet as many others. One layer, class codes: Z = +1 for a sample of "
        "the own class, -1/9 for others (with -1 all outputs fall silent); class codes have biases from -2.",
        {
            "seeds": list(seeds),
            "epochs": epochs,
            "networks": {n: asdict(c) for n, (_, c) in networks.items()},
        },
        values,
    )


def _trained(way: str, config: Gupta, x: Inputs, y: Labels, seed: int) -> Any:
    if way == "ovo":
        return one_vs_one(config, x, y, seed)
    return one_vs_rest(config, x, y, seed) if way == "ovr" else train(config, x, y, seed)
