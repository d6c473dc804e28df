"""How well a network classifies: its layers alone, on fresh spikes, with nothing learnt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spikesim import engines
from spikesim.datasets.dataset import Split
from spikesim.encoders import Encoder
from spikesim.errors import DataError, DeclarationError
from spikesim.network import Network
from spikesim.rng import Stream
from spikesim.training.argument_checks import expect, expect_encoder

CHUNK = 1000


@dataclass(frozen=True)
class Evaluation:
    """What came of it.

    Attributes:
        split: the name of the split.
        predictions: int64 (B,).
        labels: int64 (B,).
        n_classes: neurons of the readout.
        spikes: population -> mean spikes a presentation.
    """

    split: str
    predictions: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    n_classes: int
    spikes: dict[str, float]

    @property
    def accuracy(self) -> float:
        """Share of right predictions, 0 to 1."""
        return float((self.predictions == self.labels).mean())

    def confusion(self) -> npt.NDArray[np.int64]:
        """int64 (classes, classes): rows are labels, columns predictions."""
        found = np.zeros((self.n_classes, self.n_classes), np.int64)
        np.add.at(found, (self.labels, self.predictions), 1)
        return found


def evaluate(
    network: Network,
    split: Split,
    encoder: Encoder,
    seed: int,
    masters: Mapping[str, npt.NDArray[np.int32]] | None = None,
    T: int | None = None,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
    engine: str | None = None,
) -> Evaluation:
    """Classify every sample of a split.

    Args:
        network: the declaration; its teaching populations are left out.
        split: what to classify.
        encoder: makes spikes of the intensities; their random stream is another one than in training.
        seed: of the encoder.
        masters: plastic weights; the declared ones where None.
        T: steps of a presentation; the window's where None.
        threads: workers; they never change a result.
        progress: called with (samples done, samples in all).
        engine: "naive" or "windowed"; None takes windowed where it runs the network.

    Raises:
        DataError: data that does not fit the network.
        DeclarationError: weights of another network, or a T that cannot be.
        EngineError: threads < 1, an unknown engine, or one that does not run the network.
    """
    expect("evaluate", Network, network=network)
    expect("evaluate", Split, split=split)
    expect_encoder("evaluate", encoder)
    check_fits(network, split)
    forward = network.inference(T)
    running = engines.engine(forward, _kept(forward, masters), name=engine, threads=threads)
    source = forward.sources[0]
    predictions = np.zeros(len(split), np.int64)
    totals = dict.fromkeys(forward.populations, 0.0)
    for first in range(0, len(split), CHUNK):
        rows = slice(first, first + CHUNK)
        spikes = encoder.encode(split.x[rows], split.index[rows], forward.window.T, seed, 0, Stream.TEST)
        found = running.run({source: spikes})
        predictions[rows] = found.predictions
        for name, counts in found.counts.items():
            totals[name] += float(np.abs(counts).sum())
        if progress is not None:
            progress(min(first + CHUNK, len(split)), len(split))
    readout = forward.populations[forward.readout.population]  # type: ignore[union-attr]
    return Evaluation(
        split.name, predictions, split.y, readout.n, {k: v / len(split) for k, v in totals.items()}
    )


def _kept(
    network: Network, masters: Mapping[str, npt.NDArray[np.int32]] | None
) -> dict[str, npt.NDArray[np.int32]]:
    given = network.masters() if masters is None else masters
    if missing := [p.name for p in network.plastic if p.name not in given]:
        raise DeclarationError(f"weights of another network: {', '.join(missing)} is missing")
    return {p.name: given[p.name] for p in network.plastic}


def check_fits(network: Network, split: Split) -> None:
    """The data has as many inputs as the network's source, and no label beyond its readout.

    Raises:
        DataError: it has not.
    """
    if len(network.sources) != 1 or network.readout is None:
        raise DataError("a network that classifies has one source and a readout")
    n_in, n_out = network.populations[network.sources[0]].n, network.populations[network.readout.population].n
    if len(split) == 0:
        raise DataError(f"the split {split.name!r} is empty")
    if split.x.shape[1] != n_in:
        raise DataError(
            f"the data has {split.x.shape[1]} inputs a sample, and the network {n_in}; set sizes accordingly"
        )
    if split.y.max() >= n_out:
        raise DataError(
            f"the data has labels up to {split.y.max()}, and the network {n_out} outputs (0 .. {n_out - 1})"
        )
