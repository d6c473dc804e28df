"""Runs of mSTDP: train (or go on from a file), measure, and keep what a table needs."""

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
    """What one training came to.

    Attributes:
        net: the network that is tested.
        test, train: accuracy in percent on the samples judged, and on (part of) those learned; NaN where the
            training diverged.
        presented: presentations of single samples.
        seconds: of training, in this process; NaN where a finished one was read from a file.
        note: "" or how it diverged.
    """

    net: Net
    test: float
    train: float
    presented: int
    seconds: float
    note: str = ""

    def record(self) -> dict[str, Any]:
        """The figures as JSON takes them."""
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
    """Train a configuration and measure it.

    Args:
        config: the configuration.
        learned: the samples to learn from, the first `samples` of them.
        judged: the samples that judge it.
        seed: of weights, states and order.
        epochs: passes over the samples.
        samples: how many to learn from; None for all.
        save_to: a checkpoint; where it exists already, the training goes on from it.
        until: stop after so many batches; None for the end.

    Raises:
        DeclarationError: the checkpoint is of another configuration, seed or length.
        DivergenceError: never; a divergence is noted in the outcome.
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
                f"{save_to} holds a training with another {what} ({_short(found)}); move it away, or choose "
                "another place"
            )
    return training


def _short(value: object) -> str:
    return "see its meta" if isinstance(value, Mstdp) else str(value)


def spread(values: Sequence[float]) -> str:
    """'96.1 ± 0.1' over seeds; one value stands alone."""
    if len(values) == 1:
        return f"{values[0]:.2f}"
    return f"{np.mean(values):.2f} ± {np.std(values, ddof=1):.2f}"


def settings(config: Mstdp) -> dict[str, Any]:
    """The configuration whole, as JSON takes it."""
    return asdict(config)


def mnist_parts(data: Dataset, tuning: bool) -> tuple[Split, Split]:
    """What is learned and what judges it: fit and validation while tuning, train and test for results."""
    return (data.fit, data.validation) if tuning else (data.train, data.test)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)
