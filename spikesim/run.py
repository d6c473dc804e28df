"""A training run: the network, what it has learnt, and the folder that holds both."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from spikesim.checkpoint import digest_arrays
from spikesim.datasets.dataset import Dataset
from spikesim.encoders import Encoder, restore_encoder
from spikesim.errors import CheckpointError
from spikesim.evaluation import Evaluation, evaluate
from spikesim.network import Masters, Network
from spikesim.network_file import load_network, save_network
from spikesim.runfolder import RunFolder

if TYPE_CHECKING:
    from spikesim.training import Standing, Training

NETWORK = "network.h5"


@dataclass
class Run:
    """What `train` and `resume` give back, and `Run.open` reads.

    Attributes:
        network: as it was declared, with its initial weights.
        training: the settings.
        encoder: made the spikes.
        masters: the learnt weights, projection -> int32 (n_pre, n_post) on the master grid.
        folder: where the run lies; None for a run in memory.
        finished: all epochs are done.
        metrics: one record an epoch.
        standing: where it stands.
    """

    network: Network
    training: Training
    encoder: Encoder
    masters: Masters
    folder: RunFolder | None
    finished: bool
    metrics: list[dict[str, Any]] = field(default_factory=list)
    standing: Standing | None = None
    digest: str = ""

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Run:
        """Read a run from its folder, with the weights of its newest sound checkpoint.

        Raises:
            CheckpointError: no run is there, or its files are damaged or of another version.
        """
        from spikesim.training import Standing, Training

        folder = RunFolder.open(path)
        try:
            training = Training(**folder.config["training"])
            encoder = restore_encoder(folder.config["encoder"])
        except (KeyError, TypeError) as problem:
            raise CheckpointError(
                f"{path}: its config.json is not that of a training ({problem!r})"
            ) from problem
        network = load_network(folder.path(NETWORK))
        run = cls(network, training, encoder, network.masters(), folder, False, folder.metrics())
        run.digest = digest_arrays(network.masters())
        found = folder.latest()
        if found is None:
            return run
        if found.meta.get("network") != run.digest:
            raise CheckpointError(
                f"{path}: the checkpoint belongs to another network than {NETWORK}; "
                f"restore the folder's own files, or train again"
            )
        run.masters = {n.partition("/")[2]: a for n, a in found.arrays.items() if n.startswith("masters/")}
        run.standing = Standing(**found.meta["standing"])
        run.finished = run.standing.finished
        return run

    @property
    def weights_sha256(self) -> str:
        """The SHA-256 of the learnt weights."""
        return digest_arrays(self.masters)

    def trained(self) -> Network:
        """The network with what it has learnt."""
        return self.network.with_masters(self.masters)

    def evaluate(
        self,
        dataset: Dataset,
        split: str = "test",
        T: int | None = None,
        threads: int = 1,
        progress: Any = None,
    ) -> Evaluation:
        """Classify a split of a dataset with the learnt weights; see `spikesim.evaluation.evaluate`."""
        return evaluate(
            self.network,
            dataset.split(split),
            self.encoder,
            self.training.seed,
            self.masters,
            T,
            threads,
            progress,
        )

    def save_network(self) -> None:
        """Write the declaration beside the run's configuration."""
        assert self.folder is not None
        save_network(self.network, self.folder.path(NETWORK))
        self.digest = digest_arrays(self.network.masters())


def fingerprint(dataset: Dataset) -> dict[str, Any]:
    """What a resumed run compares: name, sizes, and a SHA-256 over the labels and every 97th sample."""
    sha = hashlib.sha256()
    for part in (dataset.train, dataset.test):
        sha.update(np.ascontiguousarray(part.y).tobytes())
        sha.update(np.ascontiguousarray(part.x[::97]).tobytes())
    return {
        "name": dataset.name,
        "train": len(dataset.train),
        "test": len(dataset.test),
        "features": int(dataset.train.x.shape[1]),
        "sha256": sha.hexdigest(),
    }
