"""Training of EMSTDP in one call: the configuration is given once."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from spikesim.datasets.dataset import Dataset, SplitName
from spikesim.errors import DeclarationError
from spikesim.models.emstdp.config import Emstdp, encoder, training
from spikesim.models.emstdp.wiring import build
from spikesim.training.callbacks import EpochCallback
from spikesim.training.progress_bar import Shown
from spikesim.training.run import Run
from spikesim.training.train import train


def fit(
    config: Emstdp,
    dataset: Dataset,
    epochs: int = 1,
    seed: int = 1,
    *,
    out: str | os.PathLike[str] | None = None,
    samples: int | None = None,
    split: SplitName = "train",
    threads: int = 1,
    progress: Shown = None,
    callback: EpochCallback | None = None,
    notes: dict[str, Any] | None = None,
    overwrite: bool = False,
    engine: str | None = None,
) -> Run:
    """Build the network of a configuration and train it on a dataset.

    The same as `spikesim.train(build(config, seed), dataset, encoder(config), training(config, epochs,
    seed))`: batch, schedule, averaging, dropout and encoder are those of the configuration.

    Args:
        config: the configuration; `sizes` must match the dataset.
        dataset: the data to learn.
        epochs: passes over the data.
        seed: of the initial weights, the feedback, the sample order, the spikes and dropout.
        samples: samples per epoch, drawn anew in each epoch; None for the whole split.
        split: "train", or "fit": without the validation samples, on which the accuracy is then measured after
            each epoch.
        out, threads, progress, callback, notes, overwrite, engine: as in `spikesim.train`.

    Returns:
        The run, as from `spikesim.train`.

    Raises:
        DataError: data that does not fit the network.
        DeclarationError: settings out of range, or a folder that holds another run.
        EngineError: as from `spikesim.train`.
    """
    if not isinstance(config, Emstdp):
        raise DeclarationError(
            f"fit: config is of type {type(config).__name__}; an Emstdp is needed, for example "
            f"emstdp.Emstdp(sizes=(784, 500, 10)), or the `model` of a preset"
        )
    length = replace(training(config, epochs, seed), samples=samples, split=split)  # type: ignore[arg-type]
    return train(
        build(config, seed),
        dataset,
        encoder(config),
        length,
        out=out,
        threads=threads,
        progress=progress,
        notes=notes,
        overwrite=overwrite,
        engine=engine,
        callback=callback,
    )
