"""What a trained network answers to samples without labels: spike counts of the readout, and classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.encoders import Encoder
from spikesim.errors import DataError
from spikesim.network import Network
from spikesim.spikes import Spikes
from spikesim.training.evaluate import check_inputs, run_chunks


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers of a network to B samples.

    Attributes:
        predictions: the class of each sample, int64 (B,): the readout neuron with the most spikes; ties: the
            higher membrane, then the lowest class.
        counts: spikes of the readout neurons in the trial of each sample, int64 (B, classes).
    """

    predictions: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]


def answers(
    network: Network,
    x: Any,
    encoder: Encoder,
    seed: int,
    masters: Mapping[str, npt.NDArray[np.int32]] | None = None,
    T: int | None = None,
    threads: int = 1,
    engine: str | None = None,
    index: npt.NDArray[np.int64] | None = None,
) -> Answers:
    """Classify samples.

    Args:
        network: the network; its teaching populations are left out.
        x: intensities in [0, 1], (B, ...) numbers in anything that NumPy makes an array of; or `Spikes` of B
            trials.
        encoder: turns intensities into spikes; its random stream differs from that of training.
        seed: seed of the encoder.
        masters, T, threads, engine: as in `spikesim.training.evaluate.evaluate`.
        index: numbers of the samples, int64 (B,) in [0, 2**32), which select the random numbers of the
            encoder; None for 0 .. B-1, as in a test set.

    Raises:
        DataError: samples that do not fit the network, or values outside [0, 1].
        DeclarationError: weights of another network, or an invalid T.
        EngineError: threads < 1, an unknown engine, or one that does not support the network.
    """
    samples = as_samples(x)
    check_inputs(network, samples, encoder)
    order = np.arange(len(samples), dtype=np.int64) if index is None else index
    assert network.readout is not None
    out = network.readout.population
    predictions = np.zeros(len(samples), np.int64)
    counts = np.zeros((len(samples), network.populations[out].n), np.int64)
    for rows, found in run_chunks(network, samples, order, encoder, seed, masters, T, threads, engine):
        predictions[rows] = found.predictions
        counts[rows] = found.counts[out].sum(axis=1)
    return Answers(predictions, counts)


def as_samples(x: Any) -> npt.NDArray[np.float32] | Spikes:
    """Samples as the encoders take them: float32 (B, features), or the given `Spikes`.

    Raises:
        DataError: not an array of numbers with a dimension of samples and at least one of features.
    """
    if isinstance(x, Spikes):
        return x
    found = np.asarray(x)
    if found.dtype.kind not in "fiub" or found.ndim < 2:
        raise DataError(
            f"predict: x is {found.dtype} of shape {found.shape}; numbers of shape (samples, features) are "
            f"needed. For one sample x, give x[None]"
        )
    return np.ascontiguousarray(found.reshape(len(found), int(np.prod(found.shape[1:]))), np.float32)
