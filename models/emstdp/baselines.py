"""Baselines of table 2 and fig. 6 as experiments: BP-MLP and EMSTDP-MLP of the sizes of each row.

Settings were chosen on validation samples with one seed; the test set was read by the final runs only. Its
accuracy after each epoch is kept for the curves of fig. 6.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from spikesim import datasets
from spikesim.datasets.dataset import Dataset
from spikesim.errors import DeclarationError, unknown
from spikesim.files.provenance import provenance
from spikesim.models.emstdp.presets import other_splits
from spikesim.models.emstdp.rate import RateModel, RateNetwork


@dataclass(frozen=True)
class Baseline:
    """A baseline on one dataset.

    Attributes:
        name: of the baseline and its result file.
        title: a description for tables and messages.
        dataset: a name from `spikesim datasets list`.
        model: configuration of the network.
        options: options of the dataset.
        epochs: passes over the training samples.
        paper: test accuracy of the paper as a fraction; None if it prints none for this size.
        source: where the paper prints it.
    """

    name: str
    title: str
    dataset: str
    model: RateModel
    options: Mapping[str, Any] = field(default_factory=dict)
    epochs: int = 10
    paper: float | None = None
    source: str = ""

    def describe(self) -> dict[str, Any]:
        """The baseline as a dict for JSON."""
        return asdict(replace(self, options=dict(self.options)))

    def load(self) -> Dataset:
        """Load the dataset."""
        return datasets.load(self.dataset, **self.options)


def measure(
    baseline: Baseline,
    seed: int,
    say: Callable[[str], None] = lambda text: None,
    dataset: Dataset | None = None,
) -> dict[str, Any]:
    """Train a baseline on all training samples; returns a run as result files hold it.

    Keys: seed, epochs, test_accuracy, train_accuracy (fractions; the latter online, in the last epoch),
    seconds, metrics (a record with both after each epoch), weights_sha256, provenance.

    Args:
        baseline: what to train.
        seed: of the initial weights, the fixed feedback and the order of samples.
        say: called with a line after each epoch.
        dataset: its data, if they are loaded already.
    """
    data = baseline.load() if dataset is None else dataset
    network = RateNetwork(baseline.model, seed)
    metrics: list[dict[str, Any]] = []
    begun, seconds = time.monotonic(), 0.0
    for epoch, accuracy in enumerate(network.learn(data.train, baseline.epochs), 1):
        seconds += time.monotonic() - begun
        test = network.accuracy(data.test)
        metrics.append(
            {"epoch": epoch, "train_accuracy": accuracy, "test_accuracy": test, "seconds": round(seconds, 3)}
        )
        say(f"{baseline.name}, seed {seed}: epoch {epoch}/{baseline.epochs}, training {100 * accuracy:.2f} %")
        begun = time.monotonic()
    return {
        "seed": seed,
        "epochs": baseline.epochs,
        "test_accuracy": metrics[-1]["test_accuracy"],
        "train_accuracy": metrics[-1]["train_accuracy"],
        "seconds": round(seconds, 1),
        "metrics": metrics,
        "weights_sha256": network.weights_sha256,
        "provenance": provenance(),
    }


FIG_6, TABLE_2 = "Shrestha 2019, fig. 6 and section 4.2", "Shrestha 2019, table 2"
SIZES, ONE, SIGNS = (784, 500, 500, 10), (784, 500, 10), (45 * 22, 150, 150, 50)
BP = RateModel(SIZES, "bp", eta=0.2)
SW = RateModel(SIZES, eta=1.0)
# DFA drives the rates of hidden layers up; beyond eta |h|**2 of about 2 the linear outputs diverge (eta 0.5
# falls to chance after an epoch of MNIST, 0.25 after an epoch of the brighter Fashion-MNIST)
DFA = RateModel(SIZES, feedback="dfa", eta=0.25, batch=8)
MNIST = (BP, SW, DFA)
FASHION = (replace(BP, eta=0.1), replace(SW, eta=0.5), replace(DFA, eta=0.1))
AUSLAN = (
    replace(BP, sizes=SIGNS, eta=0.05),
    replace(SW, sizes=SIGNS, eta=0.5),
    replace(DFA, sizes=SIGNS, eta=0.05, b_scale=5.0, batch=4),
)
_PAPER = {
    "bp-mnist-500-500": (0.982, FIG_6),
    "mlp-mnist-500-500": (0.978, FIG_6),
    "mlp-mnist-500-500-dfa": (0.975, FIG_6),
    "bp-auslan": (0.985, TABLE_2),
}


def _of_row(row: str, dataset: str, data: str, models: tuple[RateModel, ...], epochs: int) -> list[Baseline]:
    """BP-MLP and EMSTDP-MLP of one row of table 2."""
    found = []
    for model in models:
        dfa = model.feedback == "dfa"
        name = f"bp-{row}" if model.rule == "bp" else f"mlp-{row}{'-dfa' * dfa}"
        kind = "BP-MLP" if model.rule == "bp" else f"EMSTDP-MLP-{'DFA' if dfa else 'SW'}"
        paper, source = _PAPER.get(name, (None, ""))
        found.append(Baseline(name, f"{kind}, {data}", dataset, model, {}, epochs, paper, source))
    return found


_AUSLAN = _of_row("auslan", "auslan", "Auslan", AUSLAN, epochs=20)
_ALL = (
    *_of_row("mnist-500", "mnist", "MNIST", tuple(replace(m, sizes=ONE) for m in MNIST), epochs=12),
    *_of_row("mnist-500-500", "mnist", "MNIST, two layers", MNIST, epochs=12),
    *_of_row("fashion-500-500", "fashion_mnist", "Fashion-MNIST", FASHION, epochs=12),
    *_AUSLAN,
    *(other for found in _AUSLAN for other in other_splits(found)),
)
BASELINES = {baseline.name: baseline for baseline in _ALL}


def baseline(name: str) -> Baseline:
    """The baseline of a name.

    Raises:
        DeclarationError: the name is unknown; the message lists similar names.
    """
    if name not in BASELINES:
        raise DeclarationError(unknown("baseline", name, BASELINES))
    return BASELINES[name]
