"""Helpers shared by inference-only backends: input checks before a run, the recording after it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.engines.input_checks import check_recorded, check_run
from spikesim.errors import EngineError
from spikesim.network import Network
from spikesim.recording import Recording, winners
from spikesim.spikes import Spikes


def check_playing(
    network: Network,
    inputs: Mapping[str, Spikes],
    labels: npt.NDArray[np.int64] | None,
    record: Iterable[str],
    learn: bool,
    batch: int,
    factor: float,
    refusal: str,
) -> tuple[int, tuple[str, ...]]:
    """The number of trials, and the populations to be recorded.

    Args:
        network, inputs, labels, record, learn, batch, factor: the arguments of a backend's `run`.
        refusal: error message if `learn` is true.

    Raises:
        EngineError: learn is true.
        DataError: inputs that do not fit, or an unknown name in `record`.
        DeclarationError: a batch below 1.
    """
    if learn:
        raise EngineError(refusal)
    keep = tuple(record)
    B, _ = check_run(network, inputs, labels, learn, batch, factor)
    check_recorded(keep, network.populations)
    return B, keep


def played(
    network: Network, spikes: Mapping[str, Spikes], v: Mapping[str, npt.NDArray[Any]], keep: Iterable[str]
) -> Recording:
    """The recording of a run without learning.

    Args:
        network: has the window and the readout.
        spikes: population -> Spikes; populations that are missing have no counts.
        v: population -> (B, T, ...), membranes; without the readout's, there are no predictions, because
            membranes break ties.
        keep: populations to be recorded.
    """
    end, recorded = network.window.boundary, tuple(keep)
    counts = {name: np.stack([s.counts(0, end), s.counts(end)], axis=1) for name, s in spikes.items()}
    predictions = np.zeros(0, np.int64)
    readout = network.readout
    if readout is not None and readout.population in v:
        first, last = network.window.span(readout.span)
        predictions = winners(
            spikes[readout.population].counts(first, last), v[readout.population][:, last - 1]
        )
    membranes = {name: v[name] for name in recorded if name in v}
    return Recording(counts, predictions, {name: spikes[name] for name in recorded}, membranes)
