"""Runs of mSTDP: train (or go on from a file), measure, and keep what a table needs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikesim.datasets import Dataset, Split
from spikesim.errors import DeclarationError
from spikesim.hopfield.divergence import DivergenceError
from spikesim.hopfield.mstdp import Mstdp, Net
from spikesim.hopfield.mstdp_tasks import accuracy
from spikesim.hopfield.mstdp_training import Training, batches, begin, load, train

Say = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one training came to.

    Attributes:
        net: the network that is tested.
        test, train: accuracy in percent on the samples judged, and on (part of) those learned; NaN where the
            training diverged.
        presented: presentations of single samples.
        seconds: of training, in this process.
        curve: (presentations, accuracy on the samples judged), by epoch.
        note: "" or how it diverged.
    """

    net: Net
    test: float
    train: float
    presented: int
    seconds: float
    curve: tuple[tuple[int, float], ...] = ()
    note: str = ""

    def record(self) -> dict[str, Any]:
        """The figures as JSON takes them."""
        return {
            "test": _number(self.test),
            "train": _number(self.train),
            "presentations": self.presented,
            "seconds": round(self.seconds, 1),
            "curve": [[n, round(a, 3)] for n, a in self.curve],
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
    curve_samples: int = 0,
    until: int | None = None,
    say: Say | None = None,
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
        curve_samples: samples judged after each epoch, for the curve; 0 for none.
        until: stop after so many batches; None for the end.
        say: takes a line for each epoch.

    Raises:
        DeclarationError: the checkpoint is of another configuration, seed or length.
        DivergenceError: never; a divergence is noted in the outcome.
    """
    x, y = learned.x[:samples], learned.y[:samples]
    training = _begun(config, x, seed, epochs, save_to)
    per_epoch = batches(config, len(x))
    curve: list[tuple[int, float]] = []
    seconds, note = 0.0, ""
    while training.presented < min(epochs * per_epoch, until or epochs * per_epoch):
        stop = min((training.presented // per_epoch + 1) * per_epoch, until or epochs * per_epoch)
        start = time.monotonic()
        try:
            train(training, x, y, until=stop, save_to=save_to, save_every=max(per_epoch // 2, 1))
        except DivergenceError as problem:
            return Outcome(
                training.tested(),
                np.nan,
                np.nan,
                problem.step * config.batch,
                seconds,
                tuple(curve),
                str(problem),
            )
        seconds += time.monotonic() - start
        if curve_samples:
            found = accuracy(training.tested(), judged.x[:curve_samples], judged.y[:curve_samples])
            curve.append((training.presented * config.batch, found))
            if say is not None:
                say(
                    f"seed {seed}, epoch {training.presented / per_epoch:.2f}: {found:.2f} %, {seconds:.0f} s"
                )
    net = training.tested()
    few = min(len(x), len(judged))
    return Outcome(
        net,
        accuracy(net, judged.x, judged.y),
        accuracy(net, x[:few], y[:few]),
        training.presented * config.batch,
        seconds,
        tuple(curve),
        note,
    )


def _begun(config: Mstdp, x: np.ndarray, seed: int, epochs: int, save_to: Path | None) -> Training:
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
