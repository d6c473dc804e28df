"""Runs of mSTDP: train a network (or continue from a file), test it, and record the figures of a table."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikesim.datasets import Dataset, Split
from spikesim.errors import DeclarationError, DivergenceError
from spikesim.hopfield.mstdp.network import Mstdp, Net
from spikesim.hopfield.mstdp.tasks import accuracy
from spikesim.hopfield.mstdp.training import MstdpTraining, batches, begin, load, train


@dataclass(frozen=True, eq=False)
class Outcome:
    """Result of one training.

    Attributes:
        net: the network that was tested.
        test, train: accuracy in percent on the test samples, and on (part of) the training samples; NaN if
            the training diverged.
        presented: number of trials of single samples.
        seconds: duration of the training in this process; NaN if a finished one was read from a file.
        note: "", or the message of the divergence.
    """

    net: Net
    test: float
    train: float
    presented: int
    seconds: float
    note: str = ""

    def record(self) -> dict[str, Any]:
        """The figures as a dict for JSON."""
        return {
            "test": _number(self.test),
            "train": _number(self.train),
            "presentations": self.presented,
            "seconds": _number(self.seconds),
            "note": self.note,
        }


def run(
    config: Mstdp,
    learned: Split,
    judged: Split,
    *,
    seed: int = 1,
    epochs: int = 1,
    samples: int | None = None,
    save_to: Path | None = None,
    until: int | None = None,
) -> Outcome:
    """Train a configuration and test it. A divergence is not raised, but recorded in the outcome.

    Args:
        config: the configuration.
        learned: training samples, of which the first `samples` are used.
        judged: test samples.
        seed: of weights, states and order.
        epochs: passes over the samples.
        samples: number of training samples; None for all.
        save_to: file of the checkpoint; if it exists, the training continues from it.
        until: number of batches after which to stop; None for the end.

    Raises:
        DeclarationError: the checkpoint belongs to another configuration, seed or length.
    """
    x, y = learned.x[:samples], learned.y[:samples]
    training = _begun(config, x, seed, epochs, save_to)
    start, before = time.monotonic(), training.presented
    half = max(batches(config, len(x)) // 2, 1)
    try:
        train(training, x, y, until=until, save_to=save_to, save_every=half)
    except DivergenceError as problem:
        shown = problem.step * config.batch
        return Outcome(training.tested(), np.nan, np.nan, shown, time.monotonic() - start, str(problem))
    seconds = time.monotonic() - start if training.presented > before else np.nan
    net = training.tested()
    few = min(len(x), len(judged))
    return Outcome(
        net,
        accuracy(net, judged.x, judged.y),
        accuracy(net, x[:few], y[:few]),
        training.presented * config.batch,
        seconds,
    )


def _begun(config: Mstdp, x: np.ndarray, seed: int, epochs: int, save_to: Path | None) -> MstdpTraining:
    if save_to is None or not save_to.exists():
        return begin(config, x, seed=seed, epochs=epochs)
    training = load(save_to)
    for what, found, asked in (
        ("configuration", training.net.config, config),
        ("seed", training.seed, seed),
        ("epochs", training.epochs, epochs),
    ):
        if found != asked:
            raise DeclarationError(
                f"{save_to} contains a training with another {what} ({_short(found)}); move the file, or "
                "choose another one"
            )
    return training


def _short(value: object) -> str:
    return "see its meta" if isinstance(value, Mstdp) else str(value)


def spread(values: Sequence[float]) -> str:
    """Mean and standard deviation over seeds as text, '96.10 ± 0.10'; a single value without the latter."""
    if len(values) == 1:
        return f"{values[0]:.2f}"
    return f"{np.mean(values):.2f} ± {np.std(values, ddof=1):.2f}"


def settings(config: Mstdp) -> dict[str, Any]:
    """All fields of the configuration as a dict for JSON."""
    return asdict(config)


def mnist_parts(data: Dataset, tuning: bool) -> tuple[Split, Split]:
    """Training and test samples: the splits fit and validation for tuning, train and test for results."""
    return (data.fit, data.validation) if tuning else (data.train, data.test)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)
