"""Classification accuracy of a network: inference only, on input spikes that training does not use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spikesim import engines
from spikesim._values import equal_fields
from spikesim.datasets.dataset import Split
from spikesim.encoders import Encoder, inputs_of
from spikesim.errors import DataError, DeclarationError
from spikesim.network import Network
from spikesim.recording import Recording
from spikesim.rng import Stream
from spikesim.spikes import Spikes
from spikesim.training.argument_checks import expect, expect_encoder

CHUNK = 1000


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Result of an evaluation.

    Attributes:
        split: name of the split.
        predictions: predicted classes, int64 (B,).
        labels: true classes, int64 (B,).
        n_classes: number of readout neurons.
        spikes: population -> mean number of spikes per trial.
    """

    split: str
    predictions: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    n_classes: int
    spikes: dict[str, float]

    def __eq__(self, other: object) -> bool:
        """Whether all predictions, labels and spike counts are equal."""
        return equal_fields(self, other) if isinstance(other, Evaluation) else NotImplemented

    @property
    def accuracy(self) -> float:
        """Share of correct predictions, 0 to 1."""
        return float((self.predictions == self.labels).mean())

    def confusion(self) -> npt.NDArray[np.int64]:
        """Confusion matrix, int64 (classes, classes): rows are labels, columns predictions."""
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
        network: the network; its teaching populations are left out.
        split: samples to classify.
        encoder: turns intensities into spikes; its random stream differs from that of training.
        seed: seed of the encoder.
        masters: plastic weights, projection -> int32 (n_pre, n_post) on the master grid; None for the
            declared ones.
        T: time steps of a trial; None for those of the network's window, or of samples that are recorded
            spikes.
        threads: number of threads; they never change a result.
        progress: called with (samples done, samples in total).
        engine: "naive" or "windowed"; None selects windowed if it supports the network.

    Returns:
        Predictions, labels and spike counts.

    Raises:
        DataError: data that does not fit the network.
        DeclarationError: weights of another network, or an invalid T.
        EngineError: threads < 1, an unknown engine, or one that does not support the network.

    Examples:
        >>> import spikesim as ss
        >>> from spikesim.models import emstdp
        >>> config, iris = emstdp.Emstdp(sizes=(4, 20, 3), T=64), ss.datasets.iris()
        >>> found = ss.evaluate(emstdp.build(config), iris.test, emstdp.encoder(config), seed=1)
        >>> found.predictions.shape, 0 <= found.accuracy <= 1
        ((30,), True)
    """
    expect("evaluate", Network, network=network)
    expect("evaluate", Split, split=split)
    expect_encoder("evaluate", encoder)
    check_fits(network, split, encoder)
    predictions = np.zeros(len(split), np.int64)
    totals: dict[str, float] = {}
    for rows, found in run_chunks(network, split.x, split.index, encoder, seed, masters, T, threads, engine):
        predictions[rows] = found.predictions
        for name, counts in found.counts.items():
            totals[name] = totals.get(name, 0.0) + float(np.abs(counts).sum())
        if progress is not None:
            progress(min(rows.start + CHUNK, len(split)), len(split))
    assert network.readout is not None  # `check_fits` refuses a network without
    readout = network.populations[network.readout.population]
    return Evaluation(
        split.name, predictions, split.y, readout.n, {k: v / len(split) for k, v in totals.items()}
    )


def run_chunks(
    network: Network,
    x: npt.NDArray[np.float32] | Spikes,
    index: npt.NDArray[np.int64],
    encoder: Encoder,
    seed: int,
    masters: Mapping[str, npt.NDArray[np.int32]] | None = None,
    T: int | None = None,
    threads: int = 1,
    engine: str | None = None,
) -> Iterator[tuple[slice, Recording]]:
    """Run the trials of samples without learning; yields rows and their recording, chunk by chunk.

    Arguments as for `evaluate`; x holds the samples and index int64 (B,) their numbers.
    """
    forward = network.inference(x.T if T is None and isinstance(x, Spikes) else T)
    running = engines.engine(forward, _kept(forward, masters), name=engine, threads=threads)
    source = forward.sources[0]
    for first in range(0, len(index), CHUNK):
        rows = slice(first, first + CHUNK)
        spikes = encoder.encode(x[rows], index[rows], forward.window.T, seed, 0, Stream.TEST)
        yield rows, running.run({source: spikes})


def trial_steps(split: Split, T: int | None) -> int | None:
    """The steps of a trial for inference: T, or those of samples that are recorded spikes; else None.

    A network that replays its input trains on recordings of half a window.
    """
    return split.x.T if T is None and isinstance(split.x, Spikes) else T


def _kept(
    network: Network, masters: Mapping[str, npt.NDArray[np.int32]] | None
) -> dict[str, npt.NDArray[np.int32]]:
    given = network.masters() if masters is None else masters
    if missing := [p.name for p in network.plastic if p.name not in given]:
        raise DeclarationError(f"masters: weights of another network, without {', '.join(missing)}")
    return {p.name: given[p.name] for p in network.plastic}


def check_inputs(network: Network, x: npt.NDArray[np.float32] | Spikes, encoder: Encoder) -> None:
    """Check that encoded samples fit a network that classifies: one source, a readout, the number of inputs.

    Raises:
        DataError: they do not.
    """
    if len(network.sources) != 1 or network.readout is None:
        raise DataError(
            f"the network has {len(network.sources)} sources and {'no' if network.readout is None else 'a'} "
            f"readout; classification needs exactly one source and a readout"
        )
    n_in, given = network.populations[network.sources[0]].n, inputs_of(encoder, x.shape[1])
    if given != n_in:
        added = "" if given == x.shape[1] else f", with the encoder's bias {given}"
        raise DataError(
            f"the data has {x.shape[1]} inputs per sample{added}, but the network {n_in}; adapt the sizes"
        )


def check_fits(network: Network, split: Split, encoder: Encoder) -> None:
    """Check that an encoded split fits a network: number of inputs, and labels below the number of outputs.

    Raises:
        DataError: it does not fit, it is empty, or the network has no readout or several sources.
    """
    if len(split) == 0:
        raise DataError(f"the split {split.name!r} is empty")
    check_inputs(network, split.x, encoder)
    assert network.readout is not None
    n_out = network.populations[network.readout.population].n
    if split.y.max() >= n_out:
        raise DataError(
            f"the data has labels up to {split.y.max()}, but the network {n_out} outputs (0 .. {n_out - 1})"
        )
