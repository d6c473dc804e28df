"""Ablation of the amendments of EMSTDP: 784-500-500-10 on MNIST, one change at a time, short runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from spikesim.datasets.dataset import Dataset
from spikesim.errors import DeclarationError, unknown
from spikesim.files.measured_table import Table, load_table, save_table
from spikesim.models.emstdp import Emstdp, build, encoder, training
from spikesim.models.emstdp.presets import BEST_DEEP
from spikesim.training.train import train

# Without dropout, which needs longer runs to pay.
BASE = replace(BEST_DEEP, average=0, dropout_in=0.0, dropout=0.0)
# Amendments taken away, changed, or added.
CHANGES: dict[str, dict[str, Any]] = {
    "base": {},
    "forward neurons reset to zero": {"reset": "zero"},
    "loss and error neurons reset to zero": {"error_reset": "zero"},
    "injections, updates from error counts": {"gamma": 1.0},
    "injections, output layer by eq. 12": {"gamma": 1.0, "update": "error_hidden"},
    "injections, all layers by eq. 12": {"gamma": 1.0, "update": "change"},
    "no gate": {"gate": False},
    "gate with an upper end": {"gate_upper": True},
    "rises bounded": {"bounded": True},
    "one eta for all layers": {"eta_hidden": 1.0},
    "one beta_error, 0.02": {"beta_error": 0.02},
    "one beta_error, 0.1": {"beta_error": 0.1},
    "constant eta": {"schedule": "constant"},
    "cosine schedule": {"schedule": "cosine"},
    "mean of the last two epochs": {"average": 2},
    "dropout 0.1 of inputs, 0.2 of hidden neurons": {"dropout_in": 0.1, "dropout": 0.2},
    "bias": {"bias": True},
    "weight decay 1e-6": {"decay": 1e-6},
    "weight decay 3e-6": {"decay": 3e-6},
    "target rate 0.6": {"target_rate": 0.6, "eta": 0.01},
    "h_pre of both phases": {"h_pre": "all", "eta": 0.01},
    "regular input": {"coding": "regular"},
    "new input in the second phase": {"replay": False},
    "no reset between the phases": {"reset_at_split": False},
}


@dataclass(frozen=True)
class Budget:
    """Length of the runs.

    Attributes:
        samples: per epoch, drawn anew from the fit split.
        epochs: of a run.
    """

    samples: int = 20_000
    epochs: int = 3


def ablation(
    dataset: Dataset,
    seeds: Sequence[int],
    path: Path,
    *,
    only: Iterable[str] | None = None,
    base: Emstdp = BASE,
    budget: Budget | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Table:
    """Measure the validation accuracy after every change, and keep each run in a table.

    Runs that the table holds, with the same configuration and budget, are not repeated.

    Args:
        dataset: with a validation split.
        seeds: of the initial weights and the training.
        path: JSON file of the table, saved after each run.
        only: names of CHANGES; None for all.
        base: the configuration that is changed.
        budget: length of the runs; None for the defaults.
        say: called with a line for each run.

    Raises:
        DeclarationError: an unknown change.
        SpikesimError: the file holds no table, or cannot be written.
    """
    budget = budget or Budget()
    for name in (chosen := tuple(CHANGES if only is None else only)):
        if name not in CHANGES:
            raise DeclarationError(unknown("change", name, CHANGES))
    config = _plain({"base": asdict(base), "dataset": dataset.name, **asdict(budget)})
    kept = _kept(path, config)
    for name in chosen:
        for seed in seeds:
            runs = kept.setdefault(name, {"changes": CHANGES[name], "runs": {}})["runs"]
            if str(seed) in runs:
                continue
            runs[str(seed)] = _measured(replace(base, **CHANGES[name]), dataset, seed, budget)
            say(f"{name}, seed {seed}: {runs[str(seed)]['accuracy']:.2f} %")
            save_table(_table(kept, config, budget, len(seeds)), path)
    return _table(kept, config, budget, len(seeds))


def _kept(path: Path, config: Any) -> dict[str, dict[str, Any]]:
    """The runs of an earlier table with the same configuration, by change."""
    if not path.exists():
        return {}
    table = load_table(path)
    if table.config != config:
        return {}
    return {
        name: entry
        for name, entry in table.data.items()
        if name in CHANGES and entry["changes"] == _plain(CHANGES[name])
    }


def _measured(config: Emstdp, dataset: Dataset, seed: int, budget: Budget) -> dict[str, Any]:
    """Validation accuracy in %, share of steps with a spike by layer in %, and seconds of a run."""
    length = replace(training(config, budget.epochs, seed), samples=budget.samples, split="fit")
    run = train(build(config, seed), dataset, encoder(config), length, progress=False)
    last = run.metrics[-1]
    hidden = [name for name in run.network.populations if name.startswith("hid")]
    activity = [last["spikes"][name] / (run.network.populations[name].n * config.T) for name in hidden]
    return {
        "accuracy": round(100 * last["validation_accuracy"], 3),
        "activity": [round(100 * share, 2) for share in activity],
        "seconds": round(last["seconds"], 1),
    }


def _table(kept: dict[str, dict[str, Any]], config: Any, budget: Budget, seeds: int) -> Table:
    rows, base = [], _mean(kept.get("base"))
    for name in CHANGES:
        if (mean := _mean(kept.get(name))) is None:
            continue
        runs = list(kept[name]["runs"].values())
        scores = [run["accuracy"] for run in runs]
        spread = round(float(np.std(scores)), 2) if len(scores) > 1 else None
        activity = np.mean([run["activity"] for run in runs], axis=0)
        shown = " / ".join(f"{share:.1f}" for share in activity)
        gap = None if base is None or name == "base" else round(mean - base, 2)
        rows.append((name, round(mean, 2), spread, gap, shown, len(scores)))
    return Table(
        "EMSTDP beyond the paper: which choice matters, 784-500-500-10, symmetric feedback, MNIST",
        ("Change", "Validation accuracy (%)", "Spread", "Gap to base", "Active steps (%), by layer", "Seeds"),
        tuple(rows),
        f"spikesim ablation --seeds {seeds}",
        f"One change at a time; {budget.epochs} epochs of {budget.samples:,} images of the fit split. Active "
        f"steps: share of steps with a spike in the hidden layers, during the last epoch of training. Base: "
        f"resets by subtraction, updates from error counts without injections, a gate, eta and beta_error by "
        f"layer, a linear schedule; no dropout, which needs longer runs. The settings are those of the base "
        f"in every row; a row's own best ones would be better.",
        config=config,
        data={name: kept[name] for name in CHANGES if name in kept},
    )


def _mean(entry: dict[str, Any] | None) -> float | None:
    if not entry or not entry["runs"]:
        return None
    return float(np.mean([run["accuracy"] for run in entry["runs"].values()]))


def _plain(values: Any) -> Any:
    """Values as JSON gives them back."""
    return json.loads(json.dumps(values))
